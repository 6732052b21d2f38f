"""Handlers that end the process: the platform is told first, then the process ends as the handler asked."""

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
