"""Limits for long lives: the process starts itself anew in place, between an answer and the next event."""

import os
import sys
from pathlib import Path

import pytest

from tests.contract.runtime_process import Run, Runtime
from tests.contract.script import Next

# Tells two programs in one process apart: each imports the module once.
APP = """\
import atexit, os, sys, pylambda
STARTED = os.times().elapsed
count = 0
def handler(event, context):
    global count
    count += 1
    return {"pid": os.getpid(), "started": STARTED, "count": count, "cold": context.is_cold_start}
"""


def serve(runtime: Runtime, app: str, *events: object, **env: str) -> Run:
    return runtime.serve(files={"app.py": app}, events=events, env=env)


def answers(run: Run) -> list[dict[str, object]]:
    return [response.json for response in run.responses]


def test_after_so_many_invocations_the_same_process_starts_anew(runtime: Runtime) -> None:
    run = serve(runtime, APP, *range(5), PYLAMBDA_MAX_INVOCATIONS="2")
    served = answers(run)
    assert [answer["count"] for answer in served] == [1, 2, 1, 2, 1]
    assert [answer["cold"] for answer in served] == [True, False, True, False, True]
    assert len({answer["pid"] for answer in served}) == 1
    assert len({answer["started"] for answer in served}) == 3
    assert run.stderr == "pylambda: starting anew: 2 invocations were served\n" * 2
    assert run.exit_code is None


def test_the_event_is_asked_for_by_the_program_that_serves_it(runtime: Runtime) -> None:
    """One that was asked for along with the last answer would be lost with the connection."""
    run = serve(runtime, APP, 1, 2, 3, PYLAMBDA_MAX_INVOCATIONS="1")
    assert [(request.endpoint, request.connection) for request in run.requests] == [
        ("next", 1), ("response", 1), ("next", 2), ("response", 2), ("next", 3), ("response", 3), ("next", 4),
    ]  # fmt: skip


def test_what_is_deferred_runs_before(runtime: Runtime) -> None:
    app = (
        APP
        + """\
def handler(event, context):
    pylambda.after_response(print, "deferred", event)
"""
    )
    run = serve(runtime, app, 1, 2, PYLAMBDA_MAX_INVOCATIONS="1")
    assert run.log == ["deferred 1", "deferred 2"]


@pytest.mark.parametrize("kind", ["raise ValueError", "return pylambda.StreamingResponse([str(count)])"])
def test_errors_and_streams_count_too(runtime: Runtime, kind: str) -> None:
    app = f"{APP}    \ndef handler(event, context):\n    print(STARTED)\n    {kind}\n"
    run = runtime.serve(
        files={"app.py": app}, events=[1, 2], env={"PYLAMBDA_MAX_INVOCATIONS": "1", "PYLAMBDA_LOCAL": "1"}
    )
    started = [line for line in run.log if line.replace(".", "").isdigit()]
    assert len(set(started)) == 2


HELD = (
    APP
    + """\
held = []
def handler(event, context):
    held.append(bytearray(os.urandom(1)) * (event << 20))
    return {"started": STARTED}
"""
)


def test_a_process_that_holds_too_much_memory_starts_anew(runtime: Runtime) -> None:
    run = serve(runtime, HELD, 1, 80, 1, 80, 1, PYLAMBDA_MAX_RSS_MB="64")
    first, second, third, fourth, fifth = [answer["started"] for answer in answers(run)]
    assert first == second != third == fourth != fifth
    lines = run.stderr.splitlines()
    assert len(lines) == 2
    assert all(
        line.startswith("pylambda: starting anew: ") and line.endswith("MB are held, 64 may be") for line in lines
    )


def test_memory_that_is_given_back_does_not_count(runtime: Runtime) -> None:
    app = (
        APP
        + """\
def handler(event, context):
    bytearray(b"x") * (80 << 20)
    return {"started": STARTED}
"""
    )
    started = [answer["started"] for answer in answers(serve(runtime, app, 1, 2, 3, PYLAMBDA_MAX_RSS_MB="64"))]
    assert len(set(started)) == 1


def test_everything_is_as_it_was_at_the_start(runtime: Runtime, tmp_path: Path) -> None:
    """The environment, with the telemetry descriptor and with what the runtime has mended; folder and command too."""
    app = """\
import os, sys
def handler(event, context):
    seen = {"environ": dict(os.environ), "argv": sys.argv, "path": sys.path, "folder": os.getcwd()}
    seen["flags"] = [sys.flags.no_site, sys.flags.safe_path, sys.flags.isolated]
    context.log(f"frame {event}")
    os.chdir("/")
    os.environ["LEFT_OVER"] = "yes"
    os.environ.pop("GIVEN")
    return seen
"""
    frames = tmp_path / "frames"
    descriptor = os.open(frames, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        run = runtime.serve(
            files={"app.py": app},
            events=[1, 2, 3],
            env={
                "PYLAMBDA_MAX_INVOCATIONS": "1",
                "_LAMBDA_TELEMETRY_LOG_FD": str(descriptor),
                "GIVEN": "a=b\u00e9",
                "HOME": "/nowhere",
            },
            pass_fds=[descriptor],
        )
    finally:
        os.close(descriptor)
    first, second, third = answers(run)
    assert first == second == third
    assert first["environ"]["GIVEN"] == "a=b\u00e9"  # type: ignore[index]
    assert [frames.read_bytes().count(b"frame %d" % number) for number in (1, 2, 3)] == [1, 1, 1]


LIVES = (
    APP
    + """\
print("import")
pylambda.on_init(lambda: print("init"))
pylambda.before_snapshot(lambda: print("before snapshot"))
pylambda.after_restore(lambda: print("after restore"))
pylambda.on_shutdown(lambda: print("shutdown"))
atexit.register(print, "atexit")
"""
)


def test_what_an_environment_does_once_is_not_done_again(runtime: Runtime) -> None:
    run = serve(runtime, LIVES, 1, 2, PYLAMBDA_MAX_INVOCATIONS="1", AWS_LAMBDA_INITIALIZATION_TYPE="snap-start")
    end, start = ["shutdown", "atexit"], ["import", "init"]
    assert run.log == [*start, "before snapshot", "after restore", *end, *start, *end, *start]
    paths = [request.endpoint for request in run.requests]
    assert (paths.count("extension/register"), paths.count("restore/next")) == (1, 1)
    assert paths.count("extension/event/next") == 1


def test_the_extensions_request_stays_open(runtime: Runtime) -> None:
    app = (
        LIVES
        + """\
def handler(event, context):
    return sum(link.startswith("socket:") for link in links())
def links():
    for name in os.listdir("/proc/self/fd"):
        try:
            yield os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            pass
"""
    )
    served = [response.json for response in serve(runtime, app, 1, 2, 3, PYLAMBDA_MAX_INVOCATIONS="1").responses]
    # The Runtime API's own, and the one that waits.
    assert served == [2, 2, 2]


def test_a_program_of_ones_own_starts_anew_too(tmp_path: Path, runtime: Runtime) -> None:
    files = {"main.py": APP + "\npylambda.run(handler)\n"}
    run = runtime.serve(
        None,
        files=files,
        events=[1, 2, 3],
        env={"PYLAMBDA_MAX_INVOCATIONS": "2", "PYTHONPATH": str(Path(__file__).parents[2] / "runtime")},
        command=[sys.executable, "main.py"],
    )
    assert [answer["count"] for answer in answers(run)] == [1, 2, 1]


@pytest.mark.parametrize("name", ["PYLAMBDA_MAX_INVOCATIONS", "PYLAMBDA_MAX_RSS_MB"])
@pytest.mark.parametrize("value", ["many", "-1", "1.5", "\u0663"])
def test_a_limit_that_is_no_number_is_a_load_fault_in_one_line(runtime: Runtime, name: str, value: str) -> None:
    run = serve(runtime, APP, 1, **{name: value})
    assert run.init_error.json["errorType"] == "Runtime.InvalidSetting"
    (line,) = run.log
    assert f"{name} is {value!r}" in line
    assert "Hint: it must be a whole number of" in line
    assert run.exit_code == 1


@pytest.mark.parametrize("name", ["PYLAMBDA_MAX_INVOCATIONS", "PYLAMBDA_MAX_RSS_MB"])
@pytest.mark.parametrize("value", ["0", ""])
def test_no_limit(runtime: Runtime, name: str, value: str) -> None:
    assert [answer["count"] for answer in answers(serve(runtime, APP, 1, 2, **{name: value}))] == [1, 2]


def test_an_event_that_comes_while_the_process_starts_anew_is_served(runtime: Runtime) -> None:
    with runtime.start(files={"app.py": APP}, events=[1], env={"PYLAMBDA_MAX_INVOCATIONS": "1"}) as serving:
        serving.add(*(Next(number) for number in range(3)))
        serving.wait_until_idle()
        run = serving.stop()
    assert len(run.responses) == 4
