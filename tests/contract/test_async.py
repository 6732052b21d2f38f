"""Async handlers: one loop for the environment, and the deadline."""

import json
import os
import time
from pathlib import Path

import pytest

from tests.contract.raw_api import DEADLINE_S, Peer, serving
from tests.contract.runtime_process import Runtime
from tests.contract.script import Next

# uvloop's own tests are uvloop's; these are for what holds on either loop.
LOOPS = {"asyncio": "", "uvloop": "1"}
each_loop = pytest.mark.parametrize("loop", LOOPS)


def results(peer: Peer, count: int) -> list[object]:
    """Send this many events and return the results."""
    answers = [peer.answer_to(b"%d" % number, request_id=f"id-{number}") for number in range(count)]
    assert [answer.line.endswith("/response HTTP/1.1") for answer in answers] == [True] * count
    return [json.loads(answer.body) for answer in answers]


@each_loop
def test_one_loop_lives_as_long_as_the_environment(loop: str, tmp_path: Path) -> None:
    source = """
        import asyncio
        loops = []
        async def handler(event, context):
            loops.append(asyncio.get_running_loop())
            return [event, len(set(map(id, loops))), type(loops[0]).__module__.partition(".")[0]]
        """
    with serving(tmp_path, source, environ={"PYLAMBDA_UVLOOP": LOOPS[loop]}) as runtime:
        assert results(runtime.accept(), 3) == [[number, 1, loop] for number in range(3)]


@each_loop
def test_a_task_that_is_left_behind_goes_on_with_the_next_invocation(loop: str, tmp_path: Path) -> None:
    source = """
        import asyncio
        steps, tasks = [], []
        async def behind():
            for step in range(3):
                steps.append(step)
                await asyncio.sleep(0)
        async def handler(event, context):
            if not tasks:
                tasks.append(asyncio.create_task(behind()))
            else:
                await tasks[0]
            return steps
        """
    with serving(tmp_path, source, environ={"PYLAMBDA_UVLOOP": LOOPS[loop]}) as runtime:
        first, second = results(runtime.accept(), 2)
    assert isinstance(first, list)
    assert len(first) < 3
    assert second == [0, 1, 2]


def test_a_client_that_was_made_at_import_is_on_the_same_loop(tmp_path: Path) -> None:
    source = """
        import asyncio
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        async def handler(event, context):
            return asyncio.get_running_loop() is loop
        """
    with serving(tmp_path, source) as runtime:
        assert results(runtime.accept(), 2) == [True, True]


def test_code_that_is_not_asynchronous_finds_the_loop_without_a_warning(tmp_path: Path) -> None:
    source = """
        import asyncio, warnings
        warnings.simplefilter("error")
        seen = []
        class Later:
            def __del__(self):  # runs where no loop runs: after the task
                seen.append(asyncio.get_event_loop())
        async def handler(event, context):
            later = Later()
            asyncio.current_task().add_done_callback(lambda task, later=later: None)
            return [loop is asyncio.get_running_loop() for loop in seen]
        """
    with serving(tmp_path, source) as runtime:
        assert results(runtime.accept(), 2)[1] == [True]


def test_an_error_shows_the_users_frames_only(tmp_path: Path) -> None:
    source = """
        async def inner(): raise KeyError("x")
        async def handler(event, context): await inner()
        """
    with serving(tmp_path, source) as runtime:
        document = json.loads(runtime.accept().answer_to().body)
    assert document["errorType"] == "KeyError"
    assert [frame.split(", ")[2].split("\n")[0] for frame in document["stackTrace"]] == ["in handler", "in inner"]


def test_a_system_exit_in_a_coroutine_is_reported_and_obeyed(tmp_path: Path) -> None:
    with serving(tmp_path, "async def handler(event, context): raise SystemExit(5)") as runtime:
        request = runtime.accept().answer_to()
        assert json.loads(request.body)["errorType"] == "Runtime.ExitError"
        assert runtime.wait() == 5


def test_a_loop_that_lost_its_descriptors_ends_the_process_with_its_invocation(runtime: Runtime) -> None:
    source = """
import asyncio, os
async def handler(event, context):
    os.closerange(3, 21)
    await asyncio.sleep(0)
"""
    run = runtime.serve(files={"app.py": source}, events=[Next(request_id="it"), Next()])
    assert run.exit_code == 1
    assert run.answer_to("it").json["errorType"] == "Runtime.ExitError"
    assert "the event loop" in run.answer_to("it").json["errorMessage"]


def test_a_handler_that_cancels_itself_fails_and_the_next_one_is_served(tmp_path: Path) -> None:
    source = """
        import asyncio
        async def handler(event, context):
            if event == 0:
                asyncio.current_task().cancel()
            await asyncio.sleep(0)
            return event
        """
    with serving(tmp_path, source) as runtime:
        peer = runtime.accept()
        assert json.loads(peer.answer_to(b"0").body)["errorType"] == "Runtime.HandlerCancelled"
        assert peer.answer_to(b"1").body == b"1"


WAITS = """
import asyncio
async def fetch():
    try:
        await asyncio.sleep(60)  # the answer that never comes
    finally:
        print("finally")
"""
WAITING = {
    "coroutine": WAITS + "async def handler(event, context): await fetch()",
    "generator": WAITS + "async def handler(event, context):\n    await fetch()\n    yield 1",
}


@each_loop
@pytest.mark.parametrize("kind", WAITING)
def test_the_deadline_cancels_and_says_where_the_handler_waited(kind: str, loop: str, tmp_path: Path) -> None:
    environ = {"PYLAMBDA_UVLOOP": LOOPS[loop], "PYLAMBDA_DEADLINE_MARGIN_MS": "59900"}
    with serving(tmp_path, WAITING[kind], environ=environ) as runtime:
        peer = runtime.accept()
        request = peer.answer_to(timeout_s=60)
        document = json.loads(request.body)
        assert request.headers["lambda-runtime-function-error-type"] == "Runtime.DeadlineExceeded"
        assert document["errorType"] == "Runtime.DeadlineExceeded"
        place = "while it was waiting in fetch (app.py, line 5): await asyncio.sleep(60)"
        assert place in document["errorMessage"]
        assert "in handler" in document["stackTrace"][0]
        assert any("in fetch" in frame for frame in document["stackTrace"])
        assert runtime.stdout().startswith("finally\n")
        assert peer.answer_to(request_id="id-2", timeout_s=60).line.endswith("/id-2/error HTTP/1.1")


def test_the_deadline_in_the_middle_of_a_stream_goes_into_the_trailers(tmp_path: Path) -> None:
    source = WAITS + "async def handler(event, context):\n    yield 'some'\n    await fetch()"
    with serving(tmp_path, source, environ={"PYLAMBDA_DEADLINE_MARGIN_MS": "59900"}) as runtime:
        peer = runtime.accept()
        peer.give_event(timeout_s=60)
        peer.read_request()
        streamed = peer.read_chunked()
        assert streamed.chunks == [b"some"]
        assert streamed.trailers["lambda-runtime-function-error-type"] == "Runtime.DeadlineExceeded"


def test_a_handler_that_is_done_in_time_never_hears_of_the_deadline(tmp_path: Path) -> None:
    source = """
        import asyncio
        async def handler(event, context):
            await asyncio.sleep(0)
            return len(asyncio.all_tasks())
        """
    with serving(tmp_path, source) as runtime:
        peer = runtime.accept()
        assert peer.answer_to(timeout_s=60).body == b"1"
        assert peer.answer_to(timeout_s=-60).body == b"1"  # a clock that is wrong cancels nothing


def test_a_sync_handler_never_loads_asyncio(tmp_path: Path) -> None:
    source = """
import sys
def handler(event, context):
    return sorted({'asyncio', 'pylambda.function.aio'} & set(sys.modules))
"""
    with serving(tmp_path, source, environ={"PYLAMBDA_UVLOOP": "1"}) as runtime:
        assert results(runtime.accept(), 2) == [[], []]


def test_uvloop_that_is_asked_for_and_missing_is_a_load_fault(tmp_path: Path) -> None:
    (tmp_path / "uvloop.py").write_text("raise ImportError('no uvloop here', name='uvloop')")
    with serving(tmp_path, "async def handler(e, c): pass", environ={"PYLAMBDA_UVLOOP": "1"}) as runtime:
        request = runtime.accept().read_request()
        assert request.line == "POST /2018-06-01/runtime/init/error HTTP/1.1"
        assert request.headers["lambda-runtime-function-error-type"] == "Runtime.MissingDependency"
        assert "PYLAMBDA_UVLOOP is set, and uvloop cannot be imported" in json.loads(request.body)["errorMessage"]


def test_a_setting_that_is_no_number_is_a_load_fault(tmp_path: Path) -> None:
    environ = {"PYLAMBDA_DEADLINE_MARGIN_MS": "soon"}
    with serving(tmp_path, "async def handler(e, c): pass", environ=environ) as runtime:
        document = json.loads(runtime.accept().read_request().body)
        assert document["errorType"] == "Runtime.InvalidSetting"
        assert document["errorMessage"] == "PYLAMBDA_DEADLINE_MARGIN_MS is 'soon'"


def test_where_sync_code_stands_is_printed_before_the_deadline(tmp_path: Path) -> None:
    source = """
        import os
        gate, _ = os.pipe()
        def handler(event, context):
            return os.read(gate, 1) if event else event
        """
    with serving(tmp_path, source, environ={"PYLAMBDA_DEADLINE_DUMP_MS": "59900"}) as runtime:
        peer = runtime.accept()
        assert peer.answer_to(b"0", timeout_s=60).body == b"0"
        peer.give_event(b"1", timeout_s=60)
        end = time.monotonic() + DEADLINE_S
        while "in handler" not in runtime.stderr() and time.monotonic() < end:
            os.sched_yield()
        assert 'app.py", line 5 in handler' in runtime.stderr()
        assert runtime.stderr().count("Timeout") == 1
