"""Signals while the runtime waits for an event: it ends at once, or does what the function asked for."""

import signal
import time
from pathlib import Path

import pytest

from tests.contract.runtime_process import Run, Runtime
from tests.contract.script import Next

PLAIN = "def handler(event, context):\n    return event\n"
GRACEFUL = """\
import atexit, signal, sys
def end(number, frame):
    print("got", signal.Signals(number).name)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
atexit.register(print, "cleaned up")
def handler(event, context):
    return event
"""
# Lambda gives a runtime 300 ms between SIGTERM and SIGKILL; a loaded machine that tests gets more.
PROMPT_S = 2.0


def signalled(runtime: Runtime, app: str, number: signal.Signals, *events: object) -> tuple[Run, float]:
    """Return the run of a function that was signalled while it waited, and how long it took to end."""
    with runtime.start(files={"app.py": app}, events=events) as serving:
        serving.wait_until_idle()
        sent = time.monotonic()
        serving.signal(number)
        serving.wait_until_ended()
        return serving.stop(), time.monotonic() - sent


@pytest.mark.parametrize("events", [(), (1, 2)], ids=["before-the-first-event", "between-events"])
def test_sigterm_ends_a_waiting_runtime_at_once(runtime: Runtime, events: tuple[object, ...]) -> None:
    run, took_s = signalled(runtime, PLAIN, signal.SIGTERM, *events)
    assert run.exit_code == -signal.SIGTERM
    assert took_s < PROMPT_S
    assert (run.stdout, run.stderr) == ("", "")
    assert len(run.posts) == len(events)


@pytest.mark.parametrize("events", [(), (1, 2)], ids=["before-the-first-event", "between-events"])
def test_a_functions_own_signal_handler_runs_at_once(runtime: Runtime, events: tuple[object, ...]) -> None:
    run, took_s = signalled(runtime, GRACEFUL, signal.SIGTERM, *events)
    assert run.log == ["got SIGTERM", "cleaned up"]
    assert run.exit_code == 0
    assert took_s < PROMPT_S
    assert run.stderr == ""
    assert len(run.posts) == len(events)


def test_a_signal_handler_set_by_the_handler_works_too(runtime: Runtime) -> None:
    app = """\
import os, signal
def handler(event, context):
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(9))
"""
    run, _ = signalled(runtime, app, signal.SIGTERM, 1)
    assert run.exit_code == 9


def test_a_signal_handler_that_returns_costs_nothing(runtime: Runtime) -> None:
    app = """\
import signal
seen = []
signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
def handler(event, context):
    return len(seen)
"""
    with runtime.start(files={"app.py": app}, events=[1]) as serving:
        for expected in range(1, 4):
            serving.wait_until_idle()
            serving.signal(signal.SIGUSR1)
            serving.add(Next(expected))
        serving.wait_until_idle()
        run = serving.stop()
    assert [response.json for response in run.responses] == [0, 1, 2, 3]
    assert {request.connection for request in run.requests} == {1}


def test_a_signal_handler_that_raises_ends_the_process_with_its_traceback(runtime: Runtime) -> None:
    app = """\
import signal
def end(number, frame):
    raise RuntimeError("from the signal handler")
signal.signal(signal.SIGTERM, end)
def handler(event, context):
    return event
"""
    run, took_s = signalled(runtime, app, signal.SIGTERM, 1)
    assert "from the signal handler" in run.stdout + run.stderr
    assert run.exit_code not in (0, None)
    assert took_s < PROMPT_S


def test_an_interrupt_from_the_keyboard_ends_without_a_traceback(runtime: Runtime) -> None:
    run, took_s = signalled(runtime, PLAIN, signal.SIGINT, 1)
    assert run.exit_code in (130, -signal.SIGINT)
    assert took_s < PROMPT_S
    assert run.stderr == ""


def test_sigterm_while_a_handler_runs_ends_it(runtime: Runtime) -> None:
    app = """\
import os, signal
def handler(event, context):
    os.kill(os.getpid(), signal.SIGTERM)
    while True:
        signal.pause()
"""
    run = runtime.serve(files={"app.py": app}, events=[1])
    assert run.exit_code == -signal.SIGTERM
    assert run.posts == []


def test_a_child_process_gets_the_usual_signals(runtime: Runtime) -> None:
    """A runtime that ignored or blocked a signal would pass that on to what the function starts."""
    app = """\
import signal, subprocess
def handler(event, context):
    lines = open("/proc/self/status").read().splitlines()
    child = subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True).stdout.splitlines()
    names = ("SigBlk", "SigIgn")
    return [[line.split()[1] for line in status if line.startswith(names)] for status in (lines, child)]
"""
    (blocked, ignored), (child_blocked, child_ignored) = (
        runtime.serve(files={"app.py": app}, events=[1]).responses[0].json
    )
    # What this very process was started with, by a shell that ran the tests in the background say, comes through.
    inherited = dict(line.split(":\t") for line in Path("/proc/self/status").read_text().splitlines() if "Sig" in line)
    ours = signal.SIGPIPE, signal.SIGXFSZ  # Python itself ignores these two
    of_python = sum(1 << (number - 1) for number in ours)
    assert int(blocked, 16) == int(child_blocked, 16) == 0
    assert int(ignored, 16) & ~of_python == int(child_ignored, 16) == int(inherited["SigIgn"], 16) & ~of_python
