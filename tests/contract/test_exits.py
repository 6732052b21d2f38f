"""Handlers that end the process: the platform is told first, then the process ends as the handler asked."""

from pathlib import Path

import pytest

from tests.contract.runtime_process import Run, Runtime
from tests.contract.script import Next

# By case of `tests/handlers/exits.py`: the exit code.
CODES = {
    "code": 3,
    "zero": 0,
    "none": 0,
    "text": 1,
    "builtin": 4,
    "interrupt": 130,
    "stop": 1,
    "generator_exit": 1,
    "cancelled": 1,
    "group": 1,
}


def end(runtime: Runtime, case: str) -> Run:
    return runtime.serve("exits.handler", events=[Next({"case": case}, request_id="last"), Next({"case": "code"})])


@pytest.mark.parametrize("case", CODES)
def test_an_exit_is_reported_and_then_obeyed(runtime: Runtime, case: str) -> None:
    run = end(runtime, case)
    answer = run.answer_to("last")
    assert answer.endpoint == "error"
    assert answer.json["errorType"] == answer.header("Lambda-Runtime-Function-Error-Type") == "Runtime.ExitError"
    assert str(CODES[case]) in answer.json["errorMessage"]
    assert answer.json["requestId"] == "last"
    assert run.exit_code == CODES[case]


@pytest.mark.parametrize("case", ["code", "interrupt", "stop"])
def test_after_an_exit_no_event_is_asked_for(runtime: Runtime, case: str) -> None:
    assert [request.endpoint for request in end(runtime, case).requests] == ["next", "error"]


def test_an_exit_is_logged_in_one_line_behind_what_was_printed(runtime: Runtime) -> None:
    run = end(runtime, "code")
    assert run.stdout.startswith("about to end code")
    assert run.log[-1].count("[ERROR] Runtime.ExitError: ") == 1
    assert run.stderr == ""


def test_a_trace_shows_where_the_exit_was_asked_for(runtime: Runtime) -> None:
    trace = end(runtime, "stop").answer_to("last").json["stackTrace"]
    assert "in handler" in trace[0]
    assert "in end_by_stop" in trace[-1]


def test_what_was_printed_before_a_hard_exit_is_not_lost(runtime: Runtime) -> None:
    run = end(runtime, "hard")
    assert run.posts == []
    assert run.stdout == "about to end hard"
    assert run.exit_code == 5


def test_atexit_functions_run_when_a_handler_exits(runtime: Runtime) -> None:
    app = """\
import atexit, sys
atexit.register(print, "cleaned up")
def handler(event, context):
    sys.exit(3)
"""
    run = runtime.serve(files={"app.py": app}, events=[{}])
    assert run.log[-1] == "cleaned up"
    assert run.exit_code == 3


def test_a_forked_child_that_exits_does_not_speak_for_its_parent(runtime: Runtime) -> None:
    app = """\
import os, sys
def handler(event, context):
    child = os.fork()
    if child == 0:
        sys.exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""
    run = runtime.serve(files={"app.py": app}, events=[1, 2])
    assert [post.endpoint for post in run.posts] == ["response", "response"]
    assert [response.json for response in run.responses] == [7, 7]
    assert run.exit_code is None


@pytest.mark.parametrize("opened", ["", "again = [open(__file__) for _ in range(9)]"], ids=["closed", "taken again"])
def test_a_handler_that_closes_every_descriptor_is_answered_on_a_new_connection(runtime: Runtime, opened: str) -> None:
    # Given a handler that closes what it finds open, as daemons do
    app = f"""\
import os
def handler(event, context):
    if event:
        os.closerange(3, 64)
    {opened or "pass"}
    print("printed")
    return event
"""
    # When it is asked once before, once to close and once after
    run = runtime.serve(files={"app.py": app}, events=[0, 1, 0])
    # Then each is answered, and nothing else is said
    assert [response.json for response in run.responses] == [0, 1, 0]
    assert run.log == ["printed"] * 3
    assert run.stderr == ""


def test_a_log_whose_descriptor_a_handler_closed_goes_on_on_stdout(runtime: Runtime, tmp_path: Path) -> None:
    app = """\
import logging, os
def handler(event, context):
    logging.warning("before")
    os.closerange(3, 64)
    logging.warning("after")
    raise ValueError(event)
"""
    with tmp_path.joinpath("frames").open("wb") as frames:
        env = {"_LAMBDA_TELEMETRY_LOG_FD": str(frames.fileno())}
        run = runtime.serve(files={"app.py": app}, events=[1, 2], env=env, pass_fds=[frames.fileno()])
    assert b"before" in tmp_path.joinpath("frames").read_bytes()
    assert [line.split("\t")[-1] for line in run.log if "WARNING" in line] == ["after", "before", "after"]
    assert [error.json["errorMessage"] for error in run.errors] == ["1", "2"]
    assert run.stderr == ""
