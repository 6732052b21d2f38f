"""What ends a function's process, and what comes after."""

import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pylambda.local.function import Function

if TYPE_CHECKING:
    from tests.local.conftest import Start

MISBEHAVING = """
import os, sys, threading

def handler(event, context):
    if event == "hang":
        threading.Event().wait()
    if event == "exit":
        sys.exit(3)
    if event == "die":
        os._exit(4)
    return os.getpid()
"""


@pytest.fixture
def misbehaving(start: "Start") -> Function:
    return start(MISBEHAVING, environ={"AWS_LAMBDA_FUNCTION_TIMEOUT": "1"})


def test_a_timeout_ends_the_process_and_the_next_event_gets_another(misbehaving: Function) -> None:
    before = misbehaving.invoke(b"1").json()
    answer = misbehaving.invoke(b'"hang"')
    assert (answer.status, answer.body) == (200, b"Task timed out after 1.00 seconds")
    assert answer.failure == "Task timed out after 1.00 seconds"
    assert misbehaving.invoke(b"1").json() != before
    assert before not in misbehaving.members()


def test_sys_exit_is_reported_with_its_code(misbehaving: Function) -> None:
    before = misbehaving.invoke(b"1").json()
    answer = misbehaving.invoke(b'"exit"')
    assert answer.failure is not None
    assert answer.json()["errorType"] == "Runtime.ExitError"
    assert "3" in answer.json()["errorMessage"]
    assert misbehaving.invoke(b"1").json() != before


def test_a_process_that_dies_is_reported_by_the_emulator(misbehaving: Function) -> None:
    answer = misbehaving.invoke(b'"die"')
    assert answer.status == 502
    assert answer.json()["errorType"] == "Runtime.ExitError"
    assert answer.json()["errorMessage"].endswith("exit status 4")
    assert isinstance(misbehaving.invoke(b"1").json(), int)


@pytest.mark.parametrize("event", [None, b"{}"], ids=["before the first event", "after it"])
def test_sigterm_stops_everything_at_once(start: "Start", event: bytes | None) -> None:
    function = start(MISBEHAVING)
    if event:
        function.invoke(event)
    begin = time.monotonic()
    function.process.terminate()
    assert function.process.wait(timeout=10) == 0
    assert function.members() == []
    assert time.monotonic() - begin < 3


def test_a_wrapper_runs_first_and_may_name_the_handler(start: "Start", tmp_path: Path) -> None:
    wrapper = write_wrapper(tmp_path, 'export _HANDLER=app.handler WRAPPED=yes\nexec "$@"\n')
    source = "import os\ndef handler(event, context):\n    return os.environ['WRAPPED']\n"
    function = start(source, handler="app.other", environ={"AWS_LAMBDA_EXEC_WRAPPER": str(wrapper)})
    assert function.invoke(b"{}").json() == "yes"


@pytest.mark.parametrize(
    ("mode", "code", "line"), [(None, 127, "does not exist"), (0o644, 126, "is not an executable")]
)
def test_a_wrapper_that_cannot_run(start: "Start", tmp_path: Path, mode: int | None, code: int, line: str) -> None:
    wrapper = tmp_path / "wrapper"
    if mode:
        write_wrapper(tmp_path, 'exec "$@"\n').chmod(mode)
    function = start(MISBEHAVING, environ={"AWS_LAMBDA_EXEC_WRAPPER": str(wrapper)})
    assert function.invoke(b"{}").failure == "HTTP status 502"
    assert f"Process runtime-1 exited: exit status {code}" in function.output()
    assert f"{wrapper}: {line}" in function.log()


def write_wrapper(folder: Path, body: str) -> Path:
    wrapper = folder / "wrapper"
    wrapper.write_text(f"#!/bin/sh\n{body}")
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    return wrapper


@pytest.mark.parametrize("level", ["CRITICAL", "", "debug", "NOTSET", "ERROR", "10"])
def test_log_level_is_the_functions_and_does_not_kill_the_emulator(start: "Start", level: str) -> None:
    source = "import os\ndef handler(event, context):\n    return os.environ['LOG_LEVEL']\n"
    function = start(source, environ={"LOG_LEVEL": level})
    assert function.invoke(b"{}").json() == level
    assert "[DEBUG] (rapid)" not in function.output()


def test_the_function_can_tell_that_the_run_is_local(start: "Start") -> None:
    source = "import os\ndef handler(event, context):\n    return os.environ.get('PYLAMBDA_LOCAL')\n"
    assert start(source).invoke(b"{}").json() == "1"
