"""How a function's process ends, behind the real emulator: SIGTERM for who is registered, and limits of a long life."""

import time
from typing import TYPE_CHECKING

import pytest

from pylambda.local.function import Function

if TYPE_CHECKING:
    from tests.local.conftest import Start

HOOKS = """
import asyncio, atexit, os, pylambda, signal, sys, threading

atexit.register(print, "atexit")

@pylambda.on_shutdown
async def close():
    await asyncio.sleep(0)
    print("closed")

@pylambda.on_shutdown
def flush():
    print("flushed")
"""
HANDLER = """
def handler(event, context):
    return os.getpid()
"""
END = ["flushed", "closed", "atexit"]
# What the emulator gives is 600 ms to the runtime, in 2 s; a loaded machine that tests gets more.
PROMPT_S = 3.0


def end(function: Function) -> list[str]:
    """Stop the emulator as Docker stops a container, and return what the function printed in all."""
    begin = time.monotonic()
    function.process.terminate()
    assert function.process.wait(timeout=10) == 0
    assert time.monotonic() - begin < PROMPT_S
    assert function.members() == []
    return function.log()


def test_hooks_run_when_the_emulator_is_stopped(start: "Start") -> None:
    # Given a function with hooks, which has answered
    function = start(HOOKS + HANDLER)
    assert function.invoke(b"{}").failure is None
    assert function.invoke(b"{}").failure is None
    # When the emulator is told to stop, then they run, and nothing else is said
    assert end(function) == END


def test_hooks_run_for_an_async_handler_too(start: "Start") -> None:
    function = start(HOOKS + HANDLER.replace("def", "async def"))
    assert function.invoke(b"{}").failure is None
    assert end(function) == END


def test_a_timed_out_environment_is_shut_down_in_good_order(start: "Start") -> None:
    source = HOOKS + "def handler(event, context):\n    print('waits')\n    threading.Event().wait()\n"
    function = start(source, environ={"AWS_LAMBDA_FUNCTION_TIMEOUT": "1"})
    assert function.invoke(b"{}").failure == "Task timed out after 1.00 seconds"
    log = function.log()
    assert log[0] == "waits"
    assert [line for line in log if line in END] == END


def test_without_a_hook_the_emulator_kills_and_nothing_is_said(start: "Start") -> None:
    function = start("import atexit, os\natexit.register(print, 'atexit')\n" + HANDLER)
    assert function.invoke(b"{}").failure is None
    assert end(function) == []


@pytest.mark.parametrize(("variable", "said"), [("1", ["got SIGTERM", "atexit"]), ("", [])])
def test_a_handler_of_the_functions_own_gets_the_signal_where_it_asks(
    start: "Start", variable: str, said: list[str]
) -> None:
    source = """
import atexit, os, signal, sys

atexit.register(print, "atexit")

def stop(number, frame):
    print("got", signal.Signals(number).name)
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
"""
    function = start(source + HANDLER, environ={"PYLAMBDA_SHUTDOWN": variable})
    assert function.invoke(b"{}").failure is None
    assert end(function) == said


def test_every_event_is_answered_while_the_process_starts_itself_anew(start: "Start") -> None:
    # Given a function that starts anew after each invocation
    function = start("import os\nprint('import')\n" + HANDLER, environ={"PYLAMBDA_MAX_INVOCATIONS": "1"})
    # When it is invoked
    answers = [function.invoke(b"{}") for _ in range(5)]
    # Then all is well, in one process as the emulator sees it
    assert [answer.status for answer in answers] == [200] * 5
    assert len({answer.json() for answer in answers}) == 1
    assert function.log().count("import") >= 5
    assert function.output().count("exec '") == 1


def test_a_function_that_started_anew_is_still_registered(start: "Start") -> None:
    function = start(HOOKS + HANDLER, environ={"PYLAMBDA_MAX_INVOCATIONS": "1"})
    assert function.invoke(b"{}").failure is None
    assert function.invoke(b"{}").failure is None
    before = function.log()
    assert [line for line in end(function)[len(before) :] if line in END][-3:] == END
    assert not any("will send no SIGTERM" in line for line in function.log())
