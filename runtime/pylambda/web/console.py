"""A command as a handler: the event names its arguments, a child process does the work, its end is the result.

What the child writes goes to the function's log line by line as it comes, and the end of it into the result. A
command that fails is a function error that carries its exit code and its output. The platform would end a command
that runs into the deadline, and everything with it: shortly before that the child's process group gets SIGTERM, so
that it can come to an end of its own, and then SIGKILL, and the error says so.
"""

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from typing import IO, Any

from pylambda.faults import ConsoleError, InvalidEvent

KEPT_OUTPUT_BYTES = 100_000
# A line that is longer goes to the log in pieces.
LONGEST_LINE_BYTES = 1 << 16
# How long before the deadline the child is gone, for the report to reach the platform; how long it has before that to
# end by itself. Of a short time each takes a part.
MARGIN_S, GRACE_S = 0.5, 2.0
MARGIN_PART, GRACE_PART = 0.25, 0.5
# A process that left the child's group can hold its output open for ever.
LAST_OUTPUT_S = 1.0
STDOUT = 1


class Command:
    """Runs one command, with the arguments of each event.

    Args:
        arguments: what starts it, without the event's arguments.
        title: what it is called in messages.
        folder: where it runs.
    """

    def __init__(self, arguments: list[str], title: str, folder: str) -> None:
        self._arguments = arguments
        self._title = title
        self._folder = folder

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Run the command; return its exit code and the end of its output.

        Raises:
            InvalidEvent: the event names no arguments.
            ConsoleError: the command could not be started, failed, or had no time left.
        """
        arguments = arguments_of(event)
        remaining_ms = context.get_remaining_time_in_millis()
        try:
            child = _Child([*self._arguments, *arguments], self._folder)
        except (OSError, ValueError) as error:  # too long, or with a NUL in it
            raise ConsoleError(f"{self._title} could not be started: {error}") from None
        stopped = child.wait(remaining_ms / 1000 if remaining_ms else None)
        code, output = child.exit_code, child.output()
        if stopped or code:
            raise ConsoleError(
                f"{self._title} {stopped or _end_of(child)}", details={"exit_code": code, "output": output}
            )
        return {"exit_code": code, "output": output}


def arguments_of(event: Any) -> list[str]:
    """Return the arguments that an event names: a list of texts as it is, a text split as a shell splits it.

    Args:
        event: `{"args": [...]}`, `{"command": "..."}`, or the text alone.

    Raises:
        InvalidEvent: it is none of these.
    """
    members = event if isinstance(event, dict) else {"command": event}
    args, command = members.get("args"), members.get("command")
    if command is None and isinstance(args, list) and all(isinstance(argument, str) for argument in args):
        return args
    if args is None and isinstance(command, str):
        try:
            return shlex.split(command)
        except ValueError as error:
            raise _no_command(f"the command cannot be split: {error}") from None
    if isinstance(event, dict) and (args is None) != (command is None):
        name = "args" if command is None else "command"
        raise _no_command(f"its '{name}' is no {'list of texts' if command is None else 'text'}")
    raise _no_command("it must have one of 'args' and 'command', or be a text")


def _no_command(why: str) -> InvalidEvent:
    return InvalidEvent(
        f"the event is no command: {why}",
        hint='send {"args": ["migrate", "--noinput"]}, {"command": "migrate --noinput"}, or "migrate --noinput"',
        stack=(),
    )


class _Child:
    """One run of a command, in a process group of its own.

    Args:
        arguments: all of them.
        folder: where it runs.

    Raises:
        OSError, ValueError: it cannot be started.
    """

    def __init__(self, arguments: list[str], folder: str) -> None:
        self._process = subprocess.Popen(
            arguments,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        self._kept = bytearray()
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    @property
    def status(self) -> int:
        """What the process ended with; negative for the signal that ended it."""
        return self._process.returncode

    @property
    def exit_code(self) -> int:
        """The status as a shell has it."""
        return self.status if self.status >= 0 else 128 - self.status

    def wait(self, remaining_s: float | None) -> str:
        """Wait for the end of the command; return why it was stopped, empty where it came to its end by itself.

        What it left running in its group ends with it.

        Args:
            remaining_s: how long the invocation may take; None for ever.
        """
        started = time.monotonic()
        try:
            return self._wait(remaining_s, started)
        finally:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._reader.join(LAST_OUTPUT_S)

    def output(self) -> str:
        """Return the end of what it wrote."""
        kept = bytes(self._kept)
        if len(kept) > KEPT_OUTPUT_BYTES:
            kept = kept[-KEPT_OUTPUT_BYTES:]
            while kept and kept[0] & 0xC0 == 0x80:  # not in the middle of a character
                kept = kept[1:]
        return kept.decode(errors="replace")

    def _wait(self, remaining_s: float | None, started: float) -> str:
        kill_after_s = term_after_s = None
        if remaining_s is not None:
            kill_after_s = remaining_s - min(MARGIN_S, remaining_s * MARGIN_PART)
            term_after_s = kill_after_s - min(GRACE_S, kill_after_s * GRACE_PART)
        if self._ends_within(term_after_s):
            return ""
        assert kill_after_s is not None
        self._signal(signal.SIGTERM)
        stopped = f"was stopped after {time.monotonic() - started:.1f} s, shortly before the function's deadline"
        if self._ends_within(kill_after_s - (time.monotonic() - started)):
            return f"{stopped}, with SIGTERM"
        return f"{stopped}: it did not end on SIGTERM, so it got SIGKILL"

    def _ends_within(self, seconds: float | None) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            pass

    def _read(self, pipe: IO[bytes]) -> None:
        while line := pipe.readline(LONGEST_LINE_BYTES):
            _write(line)
            self._kept += line
            if len(self._kept) > 2 * KEPT_OUTPUT_BYTES:
                del self._kept[:-KEPT_OUTPUT_BYTES]
        if self._kept and not self._kept.endswith(b"\n"):
            _write(b"\n")  # what the log says next begins a line


def _write(line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(STDOUT, rest) :]


def _end_of(child: _Child) -> str:
    if child.status < 0:
        return f"was ended by signal {signal.Signals(-child.status).name}"
    return f"exited with code {child.status}"


def python(*arguments: str) -> list[str]:
    """Return what starts this interpreter for a command: no output is held back, nothing is written beside the code.

    Args:
        arguments: a file, or `-m` and a module.
    """
    return [sys.executable, "-u", "-B", *arguments]


def search_path_for_children(path: list[str]) -> str:
    """Return a `PYTHONPATH` with which a child imports what this process would, in the same order.

    The standard library is left out, as the child's own is found anyway.

    Args:
        path: `sys.path`.
    """
    standard = os.path.dirname(os.__file__)
    archive = os.path.join(os.path.dirname(standard), f"python{sys.version_info[0]}{sys.version_info[1]}.zip")
    own = {standard, os.path.join(standard, "lib-dynload"), archive}
    return os.pathsep.join(folder for folder in path if folder not in own)
