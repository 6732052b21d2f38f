"""`make demo`: both responses are shown, and nothing is left, however it ends."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pylambda.local.function import Kit

CHECKOUT = Path(__file__).parents[2]
DEMO = (sys.executable, str(CHECKOUT / "examples" / "demo.py"), "--cache", str(CHECKOUT / ".cache"))


class Demo:
    """The demo as a process, and a mark by which to find what it started."""

    def __init__(self, kit: Kit, environ: Mapping[str, str]) -> None:
        self._mark = f"DEMO_MARK={uuid.uuid4()}"
        name, _, value = self._mark.partition("=")
        path = f"{kit.emulator.parent}{os.pathsep}{os.environ['PATH']}"
        self.process = subprocess.Popen(
            DEMO,
            env={**os.environ, "PATH": path, **environ, name: value},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err

    def left_over(self) -> list[str]:
        return [path.parent.name for path in Path("/proc").glob("[0-9]*/environ") if self._mark in read(path)]


def read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # another user's process, or one that has just ended
        return ""


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """A shell that starts the tests in the background makes them ignore SIGINT, and they would hand that on."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_both_events_are_answered(kit: Kit) -> None:
    demo = Demo(kit, {})
    code, out, err = demo.finish()
    assert (code, err) == (0, "")
    assert '"statusCode": 201' in out
    assert "Took order A-1001: 2100 cents" in out
    assert '"itemIdentifier": "2e1424d4-f796-459a-8184-9c92662be6da"' in out
    assert "Shipping A-1003, worth 0 cents" in out
    assert "(rapid)" not in out
    assert "\033" not in out
    assert demo.left_over() == []


def test_a_failure_shows_everything(kit: Kit, tmp_path: Path) -> None:
    fake = tmp_path / "aws-lambda-rie"
    fake.write_text("#!/bin/sh\necho the emulator says why\nexit 3\n")
    fake.chmod(0o755)
    demo = Demo(kit, {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"})
    code, _, err = demo.finish()
    assert code == 1
    assert err == "The demo failed: the function's process ended with exit code 3\nthe emulator says why\n"
    assert demo.left_over() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything(kit: Kit, number: signal.Signals) -> None:
    demo = Demo(kit, {})
    assert demo.process.stdout is not None
    assert demo.process.stdout.readline().startswith("Starting examples/orders")
    demo.process.send_signal(number)
    code, _, err = demo.finish()
    assert (code, err) == (128 + number, "")
    assert demo.left_over() == []
