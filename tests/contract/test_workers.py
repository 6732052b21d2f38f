"""Workers and their supervisor: what one that dies costs, what is forked, how all of them end."""

import contextlib
import json
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.delivery import wait_until_asleep
from tests.contract.fake_api import DEADLINE_S
from tests.contract.gate import GATE, Gate
from tests.contract.raw_api import serving as raw_serving
from tests.contract.runtime_process import CHECKOUT, Runtime, Serving
from tests.contract.script import Next, Reply
from tests.contract.test_many_at_once import IN_ONE_PROCESS, MODES, answers, every_mode, serving, wait_for_answers
from tests.contract.test_streaming import KINDS, error_of

PROCESS = {"PYLAMBDA_CONCURRENCY": "process"}
ASYNC = {"PYLAMBDA_CONCURRENCY": "async"}
PREFORK = {"PYLAMBDA_PREFORK": "1"}
BOTH_IMPORTS = pytest.mark.parametrize("env", [PROCESS, PREFORK], ids=["each-imports", "one-import"])
# What Lambda says of a runtime that ends so.
ENDS = {
    "os._exit(7)": "RequestId: {} Error: Runtime exited with error: exit status 7",
    "os._exit(0)": "RequestId: {} Error: Runtime exited without providing a reason",
    "os.kill(os.getpid(), 9)": "RequestId: {} Error: Runtime exited with error: signal: killed",
}


def waits(*then: str) -> str:
    """Return a handler that waits at the gate and then does this."""
    lines = "".join(f"    {line}\n" for line in then)
    return f"{GATE}import os, sys\ndef handler(event, context):\n    wait(event)\n{lines}"


ECHO = "def handler(event, context):\n    return event\n"


@contextmanager
def started(runtime: Runtime, app: str, *events: object, env: dict[str, str], at_once: int = 3) -> Iterator[Serving]:
    with runtime.start(files={"app.py": app}, events=events, at_once=at_once, env=env) as one:
        yield one


def processes_of(session: int) -> set[int]:
    """Return the processes of a session that have not ended."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.add(int(stat.parent.name))
    return found


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


# --- A worker that dies ---


@BOTH_IMPORTS
@pytest.mark.parametrize("how", ENDS)
def test_the_invocation_of_a_worker_that_dies_is_answered_and_the_others_go_on(
    runtime: Runtime, env: dict[str, str], how: str
) -> None:
    app = waits(f"if event['name'] == 'b': {how}", "return event['name']")
    with Gate() as gate, started(runtime, app, *map(gate.event, "abc"), env=env) as one:
        gate.wait_for(*"abc")
        gate.open_for("b")
        wait_for_answers(one, 1)
        one.add(Next(gate.event("d")))
        gate.wait_for("d")  # in the worker that was forked in its place: the others are busy
        for name in "adc":
            gate.open_for(name)
        one.wait_until_idle()
        run = one.stop()
    (error,) = run.errors
    assert error.json == {"errorMessage": ENDS[how].format(error.request_id), "errorType": "Runtime.ExitError"}
    assert error.header("Lambda-Runtime-Function-Error-Type") == "Runtime.ExitError"
    assert sorted(response.json for response in run.responses) == ["a", "c", "d"]
    assert re.fullmatch(r"pylambda: worker \d ended: [^;]+; a new one is started at once\n", run.stderr)


def test_the_answer_for_a_dead_worker_names_the_attempt(runtime: Runtime) -> None:
    event = Next({"name": "a"}, headers={"Lambda-Runtime-Invocation-Id": "attempt-1"})
    app = "import os\ndef handler(event, context):\n    os._exit(1)\n"
    with started(runtime, app, event, at_once=2, env=PROCESS) as one:
        one.wait_until_idle()
        run = one.stop()
    assert [error.header("Lambda-Runtime-Invocation-Id") for error in run.errors] == ["attempt-1"]


def test_a_worker_that_keeps_dying_is_replaced_later_each_time(runtime: Runtime) -> None:
    app = "import os\ndef handler(event, context):\n    os._exit(1)\n"
    with runtime.start(
        files={"app.py": app}, events=range(4), env={**PROCESS, "AWS_LAMBDA_MAX_CONCURRENCY": "1"}
    ) as one:
        one.wait_until_idle()
        run = one.stop()
    assert len(run.errors) == 4
    assert re.findall(r"a new one is started (.+)", run.stderr) == ["at once", "in 0.1 s", "in 0.2 s", "in 0.4 s"]


def test_a_dead_worker_that_held_nothing_is_replaced(runtime: Runtime) -> None:
    with started(runtime, ECHO, at_once=2, env=PROCESS) as one:
        one.api.wait_until(lambda: one.api.waiting == 2, "two workers")
        victim = max(processes_of(one.pid) - {one.pid})
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: len(processes_of(one.pid) - {victim}) == 3, "another worker")
        run = one.stop()
    assert run.posts == []
    assert "signal: killed; a new one is started at once" in run.stderr


def test_a_refusal_of_the_answer_for_a_dead_worker_costs_one_line(runtime: Runtime) -> None:
    app = "import os\ndef handler(event, context):\n    if event == 1: os._exit(1)\n    return event\n"
    with started(runtime, app, Next(1, answers=(Reply(status=500),)), at_once=2, env=PROCESS) as one:
        wait_for_answers(one, 1)
        one.add(Next(2))
        one.api.wait_until(lambda: len([r for r in one.api.requests if r.endpoint == "response"]) == 1, "the next one")
        run = one.stop()
    assert [response.json for response in run.responses] == [2]
    assert run.exit_code is None


# --- Init ---


def test_a_function_that_cannot_be_loaded_is_reported_once_and_is_the_end(runtime: Runtime) -> None:
    run = runtime.serve(files={"app.py": "print('importing')\n1 / 0\n"}, at_once=8, env=PROCESS)
    assert run.init_error.json["errorType"] == "ZeroDivisionError"
    assert run.exit_code == 1
    assert run.log.count("importing") == 1


@pytest.mark.parametrize("how", ["os._exit(7)", "os.kill(os.getpid(), 9)"])
def test_workers_that_die_in_init_are_an_init_error_and_the_end(runtime: Runtime, how: str) -> None:
    run = runtime.serve(files={"app.py": f"import os\n{how}\n"}, at_once=8, env=PROCESS)
    assert run.init_error.json["errorType"] == "Runtime.ExitError"
    assert run.exit_code == (7 if "7" in how else 1)


def test_init_hooks_run_in_each_worker_before_its_first_event(runtime: Runtime) -> None:
    app = "import os, pylambda\n@pylambda.on_init\ndef start():\n    print('started in', os.getpid())\n" + ECHO
    with started(runtime, app, at_once=3, env=PREFORK) as one:
        one.api.wait_until(lambda: one.api.waiting == 3, "three workers")
        run = one.stop()
    assert len(set(run.log)) == 3


# --- One import for all ---

SHARED = """\
import gc, os, random
import pylambda
print("imported in", os.getpid())
loaded_in = os.getpid()
@pylambda.before_fork
def first():
    print("hook 1 in", os.getpid())
@pylambda.before_fork
async def second():
    print("hook 2 in", os.getpid())
"""
TELL = """
def handler(event, context):
    wait(event)
    return {
        "name": event["name"], "process": os.getpid(), "loaded_in": loaded_in, "parent": os.getppid(),
        "random": random.random(), "frozen": gc.get_freeze_count() > 0,
    }
"""


def test_the_function_is_imported_once_and_its_hooks_run_before_the_fork(runtime: Runtime) -> None:
    with Gate() as gate, started(runtime, GATE + SHARED + TELL, *map(gate.event, "abc"), env=PREFORK) as one:
        gate.wait_for(*"abc")
        for name in "abc":
            gate.open_for(name)
        one.wait_until_idle()
        run = one.stop()
        parent = one.pid
    assert run.log == [f"imported in {parent}", f"hook 1 in {parent}", f"hook 2 in {parent}"]
    found = answers(run)
    assert {answer["loaded_in"] for answer in found.values()} == {parent}
    assert {answer["parent"] for answer in found.values()} == {parent}
    assert len({answer["process"] for answer in found.values()}) == 3
    assert len({answer["random"] for answer in found.values()}) == 3
    assert all(answer["frozen"] for answer in found.values())


WAITS = """
def handler(event, context):
    wait(event)
    return {"name": event["name"], "process": os.getpid()}
"""
FAILS_ONCE = """
import errno, os
fork, calls = os.fork, []
def fails_once():
    calls.append(1)
    if len(calls) == 2:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
    return fork()
os.fork = fails_once
"""


def test_a_fork_that_fails_for_lack_of_memory_is_tried_again_and_the_others_go_on(runtime: Runtime) -> None:
    with Gate() as gate, started(runtime, GATE + FAILS_ONCE + WAITS, *map(gate.event, "abc"), env=PREFORK) as one:
        gate.wait_for(*"abc")  # three at once: the third process is there in the end
        for name in "abc":
            gate.open_for(name)
        one.wait_until_idle()
        run = one.stop()
    assert len({answer["process"] for answer in answers(run).values()}) == 3
    assert re.findall(r"worker \d+ cannot be started, tried again in [\d.]+ s: (.+)", run.stderr) == [
        "[Errno 12] Cannot allocate memory"
    ]


def test_amazons_name_for_the_hooks_works_too(runtime: Runtime) -> None:
    app = """\
import os
from awslambdaric.lambda_concurrency_hooks import register_pre_fork
@register_pre_fork
def warm_up():
    print("in", os.getpid())
"""
    with started(runtime, app + ECHO, at_once=2, env=PREFORK) as one:
        one.api.wait_until(lambda: one.api.waiting == 2, "two workers")
        run = one.stop()
        assert run.log == [f"in {one.pid}"]


@pytest.mark.parametrize("failure", ["raise ConnectionError('no model')", "raise SystemExit(5)"])
def test_a_hook_that_fails_before_the_fork_is_an_init_error_and_there_is_no_worker(
    runtime: Runtime, failure: str
) -> None:
    app = f"import pylambda\n@pylambda.before_fork\ndef load():\n    {failure}\n"
    run = runtime.serve(files={"app.py": app + ECHO}, at_once=4, env=PREFORK)
    assert run.init_error.header("Lambda-Runtime-Function-Error-Type") == "Runtime.PreForkError"
    assert ("no model" if "no model" in failure else "SystemExit(5)") in run.init_error.json["errorMessage"]
    assert run.exit_code == 1
    assert len(run.requests) == 1


OBSTACLES = {
    "a thread": (
        "import threading\nthreading.Thread(target=threading.Event().wait, name='poller', daemon=True).start()",
        "the thread 'poller'",
    ),
    "a connection": (
        "import os, socket\nhost, _, port = os.environ['AWS_LAMBDA_RUNTIME_API'].partition(':')\n"
        "database = socket.create_connection((host, int(port)))",
        "the socket to 127.0.0.1:",
    ),
    "an event loop": ("import asyncio\nloop = asyncio.new_event_loop()", "the socket of descriptor"),
}


@pytest.mark.parametrize("what", OBSTACLES)
def test_what_cannot_be_forked_is_named_and_each_worker_imports_for_itself(runtime: Runtime, what: str) -> None:
    source, named = OBSTACLES[what]
    app = f"import os\nloaded_in = os.getpid()\n{source}\n"
    app += waits("return {'name': event['name'], 'own': loaded_in == os.getpid()}")
    with Gate() as gate, started(runtime, app, *map(gate.event, "ab"), at_once=2, env=PREFORK) as one:
        gate.wait_for(*"ab")
        gate.open_for("a")
        gate.open_for("b")
        one.wait_until_idle()
        run = one.stop()
    assert [answer["own"] for answer in answers(run).values()] == [True, True]
    (line,) = run.stderr.splitlines()
    assert line.startswith("pylambda: PYLAMBDA_PREFORK has no effect, each worker imports the function: there is ")
    assert named in line


# --- The end ---

LEAVES = """
import os, pylambda
@pylambda.on_shutdown
def leave():
    os.write(1, f"hook in {os.getpid()}\\n".encode())  # in one piece, which a print of several processes is not
"""


@every_mode
def test_sigterm_between_events_runs_the_hooks_of_each_process_once_and_leaves_none(
    runtime: Runtime, mode: str
) -> None:
    source = ("async " if mode == "async handler" else "") + ECHO
    with serving(runtime, mode, at_once=3, app=LEAVES + source) as one:
        one.api.wait_until(lambda: one.api.waiting == 3, "three requests for an event")
        serving_processes = processes_of(one.pid)
        # As the platform's init does it: to all of them; and twice, as impatient people do.
        with contextlib.suppress(ProcessLookupError):
            for _ in range(2):
                os.killpg(one.pid, signal.SIGTERM)
        one.wait_until_ended()
        assert processes_of(one.pid) == set()
        run = one.stop()
    assert run.exit_code == 0
    has_supervisor = len(serving_processes) > 1
    assert len(run.log) == len(set(run.log)) == len(serving_processes) - has_supervisor
    # An extension is registered for the environment, not for each process.
    assert [request.endpoint for request in run.requests].count("extension/register") == 1


@every_mode
def test_an_invocation_in_flight_is_answered_after_sigterm_and_no_other_event_is_asked_for(
    runtime: Runtime, mode: str
) -> None:
    with Gate() as gate, serving(runtime, mode, gate.event("a"), gate.event("b"), at_once=2) as one:
        gate.wait_for(*"ab")
        one.signal(signal.SIGTERM)
        for process in sorted(processes_of(one.pid)):  # each has heard of it when it waits again
            wait_until_asleep(process)
        gate.open_for("a")
        gate.open_for("b")
        one.wait_until_ended()
        assert processes_of(one.pid) == set()
        run = one.stop()
    assert sorted(answers(run)) == ["a", "b"]
    assert run.exit_code == 0
    assert [request.endpoint for request in run.requests].count("next") == 2


@every_mode
def test_an_invocation_that_takes_too_long_after_sigterm_does_not_keep_the_process(runtime: Runtime, mode: str) -> None:
    with Gate() as gate, serving(runtime, mode, gate.event("a"), at_once=2) as one:
        gate.wait_for("a")
        one.signal(signal.SIGTERM)
        one.wait_until_ended()
        assert processes_of(one.pid) == set()
        assert one.stop().exit_code == 0


def test_workers_end_with_their_supervisor(runtime: Runtime) -> None:
    with started(runtime, LEAVES + ECHO, at_once=3, env=PROCESS) as one:
        one.api.wait_until(lambda: one.api.waiting == 3, "three workers")
        one.signal(signal.SIGKILL)
        wait_until(lambda: processes_of(one.pid) == set(), "no process is left")
        assert len(one.stop().log) == 3


# --- Limits ---


@every_mode
def test_a_process_that_has_served_enough_is_replaced_and_nothing_is_lost(runtime: Runtime, mode: str) -> None:
    app = (
        "import os\n"
        + ("async " if mode == "async handler" else "")
        + "def handler(event, context):\n    return [event, os.getpid(), open('/proc/self/stat').read().split()[21]]\n"
    )
    with serving(runtime, mode, *range(40), at_once=2, app=app, PYLAMBDA_MAX_INVOCATIONS="5") as one:
        one.wait_until_idle()
        run = one.stop()
        pid = one.pid
    results = [response.json for response in run.responses]
    assert sorted(number for number, _, _ in results) == list(range(40))
    assert len(run.posts) == 40
    # Two places may have taken the fifth and the sixth when it is looked.
    assert re.search("[56] invocations were served", run.stderr)
    if mode in IN_ONE_PROCESS:
        assert {process for _, process, _ in results} == {pid}  # it starts itself anew in place
    else:
        assert pid not in {process for _, process, _ in results}
        assert len({process for _, process, _ in results}) >= 3


def test_a_process_that_holds_too_much_memory_is_replaced(runtime: Runtime) -> None:
    app = """\
import os
kept = []
def handler(event, context):
    kept.append(bytearray(30 << 20))
    return os.getpid()
"""
    with started(runtime, app, *range(6), at_once=2, env={**PROCESS, "PYLAMBDA_MAX_RSS_MB": "50"}) as one:
        one.wait_until_idle()
        run = one.stop()
    assert len({response.json for response in run.responses}) >= 3
    assert re.search(r"worker \d \(process \d+\) ends: \d+ MB are held, 50 may be", run.stderr)


@pytest.mark.parametrize("mode", ["process", "prefork", "thread", "async, plain handler"])
def test_a_limit_below_what_a_process_begins_with_lets_it_serve_still(runtime: Runtime, mode: str) -> None:
    with serving(runtime, mode, 1, 2, 3, app=ECHO, at_once=2, PYLAMBDA_MAX_RSS_MB="1") as one:
        one.wait_until_idle()
        run = one.stop()
    assert sorted(response.json for response in run.responses) == [1, 2, 3]


# --- What is printed ---


def test_workers_print_to_the_descriptors_that_the_platform_gives(runtime: Runtime, tmp_path: Path) -> None:
    path = tmp_path / "provider"
    received: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as provider:
        provider.bind(str(path))
        provider.listen(16)

        def collect() -> None:
            connections = [provider.accept()[0] for _ in range(4)]
            for connection in connections:
                with connection:
                    received.append(connection.makefile("rb").read())

        collector = threading.Thread(target=collect, daemon=True)
        collector.start()
        app = waits("print('out', event['name'])", "print('err', event['name'], file=sys.stderr)")
        env = {**PROCESS, "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET": str(path)}
        with Gate() as gate, started(runtime, app, *map(gate.event, "ab"), at_once=2, env=env) as one:
            gate.wait_for(*"ab")
            gate.open_for("a")
            gate.open_for("b")
            one.wait_until_idle()
            run = one.stop()
        collector.join(DEADLINE_S)
    assert sorted(received) == [b"err a\n", b"err b\n", b"out a\n", b"out b\n"]
    assert (run.stdout, run.stderr) == ("", "")


def test_a_socket_for_descriptors_that_is_not_there_costs_one_line_a_worker(runtime: Runtime) -> None:
    env = {**PROCESS, "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET": "/nowhere"}
    with started(runtime, ECHO, 1, 2, at_once=2, env=env) as one:
        one.wait_until_idle()
        one.api.wait_until(lambda: one.api.waiting == 2, "two workers")
        run = one.stop()
    assert len(run.responses) == 2
    assert len(run.stderr.splitlines()) == 2


@pytest.mark.parametrize("log_format", ["TEXT", "JSON"])
def test_the_number_of_workers_is_logged_for_whoever_debugs(runtime: Runtime, log_format: str) -> None:
    env = {**PROCESS, "AWS_LAMBDA_LOG_LEVEL": "DEBUG", "AWS_LAMBDA_LOG_FORMAT": log_format}
    with started(runtime, ECHO, at_once=2, env=env) as one:
        one.api.wait_until(lambda: one.api.waiting == 2, "two workers")
        run = one.stop()
    event = {"event": "runtime_worker_pool_initializing", "workerCount": 2, "executionEnvironmentMaxConcurrency": 2}
    (line,) = run.log
    if log_format == "JSON":
        record = json.loads(line)
        assert (record["level"], record["message"]) == ("DEBUG", event)
    else:
        assert line.startswith("[DEBUG]\t")
        assert line.endswith(f"\t\t{event}")


# --- What a function sees ---


OWN_THREAD = """\
    from concurrent.futures import ThreadPoolExecutor
    ThreadPoolExecutor(1).submit(logging.warning, "own %s", event["name"]).result()
    return {"""


@every_mode
def test_a_record_of_the_functions_own_thread_has_the_only_id_or_none(runtime: Runtime, mode: str) -> None:
    app = MODES[mode][0].replace("    return {", OWN_THREAD)
    records: list[list[str]] = []
    for names in "ab", "c":  # two beside each other, then one alone
        with Gate() as gate, serving(runtime, mode, *map(gate.event, names), at_once=2, app=app) as one:
            gate.wait_for(*names)
            gate.open_for(names[0])
            wait_for_answers(one, 1)
            run = one.stop()
        ids = {name: answer["id"] for name, answer in answers(run).items()}
        records += [[*line.split("\t")[2:], ids[names[0]]] for line in run.log if "own" in line]
    (shared, _, own), (alone, _, own_alone) = records
    assert shared == ("" if mode in (*IN_ONE_PROCESS, "async handler") else own)
    assert alone == own_alone


@every_mode
def test_what_is_deferred_runs_for_its_invocation_before_the_next_one(runtime: Runtime, mode: str) -> None:
    app = MODES[mode][0].replace("import logging", "import logging, pylambda").replace(
        "    return {", "    pylambda.after_response(logging.warning, 'deferred %s', event['name'])\n    return {"
    )  # fmt: skip
    with Gate() as gate, serving(runtime, mode, *map(gate.event, "abcd"), at_once=2, app=app) as one:
        for name in "bacd":
            gate.open_for(name)
        one.wait_until_idle()
        one.api.wait_until(lambda: one.api.waiting == 2, "both places wait")
        run = one.stop()
    found = answers(run)
    fields = [line.split("\t") for line in run.log]
    assert {f"deferred {name}": found[name]["id"] for name in "abcd"} == {
        message: request_id for _, _, request_id, message in fields if message.startswith("deferred")
    }


@every_mode
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_leaves_piece_by_piece(mode: str, kind: str, tmp_path: Path) -> None:
    # Given a body that waits for the test between its pieces
    source = KINDS[kind].format(body="yield 'a'; os.read(pipe, 1); yield 'b'")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    env = {**MODES[mode][1], "AWS_LAMBDA_MAX_CONCURRENCY": "1"}
    with raw_serving(
        tmp_path, f"import os\npipe = os.open({str(pipe)!r}, os.O_RDWR)\n{source}", environ=env
    ) as runtime:
        peer = runtime.accept()
        peer.give_event()
        # When the first piece is there
        peer.read_request()
        first = b""
        while not first.endswith(b"a"):
            first += peer.read_chunk()
        # Then the second one comes when the body goes on
        pipe.write_bytes(b".")
        assert peer.read_chunked().chunks == [b"b"]
        peer.reply()
        assert peer.at_end()
        runtime.accept().give_event()
    assert runtime.stdout().split() == ["begin", "finally", "begin"][: len(runtime.stdout().split())]


@every_mode
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_that_fails_says_so_where_it_still_can(mode: str, kind: str, tmp_path: Path) -> None:
    source = KINDS[kind].format(body="yield 'a'; raise ValueError('half')")
    env = {**MODES[mode][1], "AWS_LAMBDA_MAX_CONCURRENCY": "1"}
    with raw_serving(tmp_path, source, environ=env) as runtime:
        peer = runtime.accept()
        peer.give_event()
        peer.read_request()
        streamed = peer.read_chunked()
        peer.reply()
        assert streamed.body.endswith(b"a")
        assert error_of(streamed)["errorMessage"] == "half"
        runtime.accept().give_event()


@every_mode
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_whose_client_is_gone_is_closed(mode: str, kind: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    source = KINDS[kind].format(body="yield 'a'; os.read(pipe, 1); yield 'b'; os.read(pipe, 1); yield 'c'; yield 'd'")
    env = {**MODES[mode][1], "AWS_LAMBDA_MAX_CONCURRENCY": "1"}
    with raw_serving(
        tmp_path, f"import os\npipe = os.open({str(pipe)!r}, os.O_RDWR)\n{source}", environ=env
    ) as runtime:
        peer = runtime.accept()
        peer.give_event()
        peer.read_request()
        peer.read_chunk()
        peer.connection.close()
        pipe.write_bytes(b"....")
        runtime.accept().give_event()
        assert "closed" in runtime.stdout()
        assert "broke off" in runtime.stderr()


def test_a_loop_that_is_held_is_said_once_and_where(runtime: Runtime) -> None:
    app = "import time\nasync def handler(event, context):\n    time.sleep(1.6)\n    return event\n"
    with started(runtime, app, 1, 2, at_once=2, env=ASYNC) as one:
        one.wait_until_idle()
        run = one.stop()
    (line,) = run.stderr.splitlines()
    assert "the event loop was held for more than 1 s" in line
    assert "in handler (app.py, line 3): time.sleep(1.6)" in line


def test_an_async_handler_is_cancelled_before_its_deadline_and_its_neighbour_is_not(runtime: Runtime) -> None:
    app = GATE + "async def handler(event, context):\n    await wait_async(event)\n    return event['name']\n"
    with Gate() as gate:
        events = Next(gate.event("late"), deadline_ms=400), Next(gate.event("other"))
        with started(runtime, app, *events, at_once=2, env=ASYNC) as one:
            gate.wait_for("late", "other")
            wait_for_answers(one, 1)
            gate.open_for("other")
            one.wait_until_idle()
            run = one.stop()
    assert [error.json["errorType"] for error in run.errors] == ["Runtime.DeadlineExceeded"]
    assert [response.json for response in run.responses] == ["other"]


def test_a_program_that_serves_its_own_handler_serves_several_too(runtime: Runtime) -> None:
    gate = Gate()
    program = waits("return event['name']") + "import pylambda\npylambda.run(handler)\n"
    options: dict[str, Any] = {
        "command": (sys.executable, "app.py"),
        "env": {"PYTHONPATH": str(CHECKOUT / "runtime"), "PYLAMBDA_CONCURRENCY": "thread"},
    }
    events = [*map(gate.event, "ab")]
    with gate, runtime.start(files={"app.py": program}, events=events, at_once=2, **options) as one:
        gate.wait_for(*"ab")
        gate.open_for("b")
        gate.open_for("a")
        one.wait_until_idle()
        run = one.stop()
    assert sorted(response.json for response in run.responses) == ["a", "b"]


# --- Bad input ---

BAD = [
    ("PYLAMBDA_CONCURRENCY", "fibre", "it may be 'process', 'thread' or 'async'"),
    ("AWS_LAMBDA_CONCURRENCY_MODE", "async", "it may be 'process', 'thread' or 'hybrid'"),
    ("AWS_LAMBDA_MAX_CONCURRENCY", "many", "it must be a whole number of invocations, at least 1"),
    ("AWS_LAMBDA_MAX_CONCURRENCY", "0", "it must be a whole number of invocations, at least 1"),
    ("PYLAMBDA_MAX_INVOCATIONS", "1e3", "it must be a whole number of invocations"),
    ("PYLAMBDA_MAX_RSS_MB", "1G", "it must be a whole number of megabytes"),
]


@pytest.mark.parametrize(("name", "value", "mend"), BAD)
def test_a_variable_that_holds_what_it_cannot_is_an_init_error_that_names_the_mend(
    runtime: Runtime, name: str, value: str, mend: str
) -> None:
    run = runtime.serve(files={"app.py": ECHO}, at_once=2, env={name: value})
    assert run.init_error.json["errorType"] == "Runtime.InvalidSetting"
    assert run.init_error.json["errorMessage"] == f"{name} is {value!r}"
    assert f"Hint: {mend}" in run.stdout
    assert run.exit_code == 1


@pytest.mark.parametrize("mode", ["thread", "async"])
def test_one_clock_is_not_for_many_invocations(runtime: Runtime, mode: str) -> None:
    env = {"PYLAMBDA_CONCURRENCY": mode, "PYLAMBDA_DEADLINE_DUMP_MS": "100"}
    run = runtime.serve(files={"app.py": ECHO}, at_once=2, env=env)
    assert run.init_error.json["errorMessage"].startswith("PYLAMBDA_DEADLINE_DUMP_MS is one clock")
    assert run.exit_code == 1


# --- Web apps ---

APP = """\
import asyncio
together = asyncio.Barrier(2)
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        for _ in range(2):
            message = await receive()
            print(message["type"])
            await send({"type": message["type"] + ".complete"})
        return
    await together.wait()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})
"""


@pytest.mark.parametrize(
    "env", [{}, ASYNC, {"PYLAMBDA_UVLOOP": "1"}], ids=["by-what-it-is", "by-the-variable", "on-uvloops-loop"]
)
def test_an_asgi_app_serves_requests_beside_each_other_and_has_one_lifespan(
    runtime: Runtime, env: dict[str, str]
) -> None:
    # Given a request for each of two paths, and an app that answers once both are there
    request = json.loads((CHECKOUT / "tests" / "events" / "function-url.json").read_bytes())
    events = [{**request, "rawPath": path} for path in ("/a", "/b")]
    with runtime.start("asgi:app:app", files={"app.py": APP}, events=events, at_once=2, env=env) as one:
        one.wait_until_idle()
        # When the environment ends
        one.signal(signal.SIGTERM)
        one.wait_until_ended()
        run = one.stop()
    # Then both were answered, by one app
    assert sorted(response.json["body"] for response in run.responses) == ["/a", "/b"]
    assert run.log == ["lifespan.startup", "lifespan.shutdown"]
    assert run.exit_code == 0


def test_an_asgi_app_is_not_for_threads(runtime: Runtime) -> None:
    app = "async def app(scope, receive, send):\n    pass\n"
    run = runtime.serve("asgi:app:app", files={"app.py": app}, at_once=2, env={"PYLAMBDA_CONCURRENCY": "thread"})
    assert run.init_error.json["errorType"] == "Runtime.InvalidSetting"
    assert "PYLAMBDA_CONCURRENCY to 'async' or 'process'" in run.stdout


def test_a_worker_that_closes_its_line_leaves_its_supervisor_asleep(runtime: Runtime) -> None:
    source = "import os\ndef handler(event, context):\n    os.closerange(3, 21)\n"
    with runtime.start(files={"app.py": source}, events=[Next()], at_once=2, env=PROCESS) as started:
        started.wait_until_idle()
        started.api.wait_until(lambda: started.api.waiting == 2, "both workers wait")
        stat = Path(f"/proc/{started.pid}/stat")
        states = [stat.read_text().rpartition(")")[2].split()[0] for _ in range(2000)]
    assert states.count("S") > len(states) / 2, "it looks again and again"
