"""A function as a process of this machine, behind the emulator: start it, invoke it, read what it printed, stop it.

It is started the way a container starts it, through `entry_script.sh`, on two free ports of the loopback. Three
habits of the emulator shape what is here:

- It starts the function at the first event, in a process group of its own; killing the emulator's group would leave
  the function behind. Both stay in the session that is made for them, so the session is what gets emptied.
- It dies when two events overlap, so `invoke` holds a lock.
- The function writes straight to the emulator's standard output: what it printed before it answered is in the
  file by then. Both streams go into one file, so that the order is what happened.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pylambda.local import emulator
from pylambda.local.answers import DEFAULT_TIMEOUT_S, Answer
from pylambda.local.invoke import send

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
POLL_S = 0.02

# What would turn the start into another one: a Runtime API to use instead, the emulator of managed instances, ...
FOREIGN = ("AWS_LAMBDA_", "PYLAMBDA_", "PYTHON", "LOG_LEVEL", "_HANDLER", "_X_AMZN_")

# The emulator's own lines: its log, and the three that Lambda prints around an invocation.
EMULATOR_LINE = re.compile(r"\d\d \w{3} \d{4} \d\d:\d\d:\d\d,\d{3} \[\w+\] \(rapid\) |(?:START|END|REPORT) RequestId: ")


class FunctionError(Exception):
    """Raised when a function's process does not start; carries what it printed."""

    def __init__(self, why: str, log: str) -> None:
        super().__init__(f"{why}\n{log}".rstrip())
        self.log = log


@dataclass(frozen=True)
class Kit:
    """The parts that a start needs, all as absolute paths."""

    entry_script: Path
    runtime_dir: Path
    emulator: Path
    python: Path = field(default=Path(sys.executable))


class Function:
    """A running function."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log_file: Path) -> None:
        self.process = process
        self.url = url
        self._log_file = log_file
        self._one_at_a_time = threading.Lock()

    def invoke(
        self, event: bytes, *, headers: Mapping[str, str] | None = None, timeout: float = DEFAULT_TIMEOUT_S
    ) -> Answer:
        """Send one event and return the answer.

        Raises:
            InvokeError: the emulator did not answer.
        """
        with self._one_at_a_time:
            return send(self.url, event, headers=headers, timeout=timeout)

    def output(self) -> str:
        """Return all that the emulator and the function have printed so far."""
        return self._log_file.read_text(errors="replace")

    def log(self) -> list[str]:
        """Return the function's own lines, without the emulator's."""
        return own_lines(self.output())

    def members(self) -> list[int]:
        """Return the ids of the processes that belong to this function and are not yet reaped."""
        return processes_of_session(self.process.pid)

    def stop(self) -> int:
        """Ask the emulator to end, make sure that nothing is left, and return its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_TIMEOUT_S)
        for pid in self.members():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return self.process.wait()


def own_lines(output: str) -> list[str]:
    """Return the lines of an output that the emulator did not write."""
    return [line for line in output.split("\n") if line and not EMULATOR_LINE.match(line)]


@contextmanager
def running(kit: Kit, handler: str, folder: Path, *, environ: Mapping[str, str] | None = None) -> Iterator[Function]:
    """Start a function and stop it at the end, whatever happens in between.

    Args:
        kit: where the parts are.
        handler: such as `app.handler`.
        folder: the function's folder, its LAMBDA_TASK_ROOT and working directory.
        environ: variables to set over those of this process.

    Raises:
        FunctionError: it ended, or did not listen in time.
    """
    with tempfile.TemporaryDirectory(prefix="pylambda-") as scratch:
        log_file = Path(scratch) / "output.log"
        function = start(kit, handler, folder, environ=environ or {}, log_file=log_file)
        try:
            yield function
        finally:
            function.stop()


def start(kit: Kit, handler: str, folder: Path, *, environ: Mapping[str, str], log_file: Path) -> Function:
    """Start a function and return once it listens; once more if somebody took a port meanwhile."""
    try:
        return start_once(kit, handler, folder, environ=environ, log_file=log_file)
    except FunctionError as error:
        if "Address already in use" not in error.log:
            raise
        return start_once(kit, handler, folder, environ=environ, log_file=log_file)


def start_once(kit: Kit, handler: str, folder: Path, *, environ: Mapping[str, str], log_file: Path) -> Function:
    port, api_port = free_ports(2)
    ports = {
        emulator.HOST: emulator.LOOPBACK,
        emulator.PORT: str(port),
        emulator.RUNTIME_API_PORT: str(api_port),
    }
    function = None
    try:
        with log_file.open("wb") as log, signals_held():
            process = subprocess.Popen(
                [kit.entry_script, handler],
                cwd=folder,
                env={**environment(kit, folder), **ports, **environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            function = Function(process, f"http://{emulator.LOOPBACK}:{port}", log_file)
        wait_until_listening(function, port)
    except BaseException:
        if function is not None:
            function.stop()
        raise
    return function


@contextmanager
def signals_held() -> Iterator[None]:
    """Let no signal interrupt the block: one inside `Popen` would leave a process that nobody knows of."""
    held: list[int] = []
    before = {}
    if threading.current_thread() is threading.main_thread():
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, lambda number, _frame: held.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for received in held:
            signal.raise_signal(received)


def environment(kit: Kit, folder: Path) -> dict[str, str]:
    """Return the variables of a start: this process's, less what would turn it into another one, and the kit's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {
        **inherited,
        "PATH": f"{kit.emulator.parent}{os.pathsep}{inherited.get('PATH', os.defpath)}",
        "PYLAMBDA_PYTHON": os.fspath(kit.python),
        "LAMBDA_RUNTIME_DIR": os.fspath(kit.runtime_dir),
        "LAMBDA_TASK_ROOT": os.fspath(folder),
    }


def wait_until_listening(function: Function, port: int) -> None:
    """Return when the emulator accepts connections.

    Raises:
        FunctionError: it ended before, or the time is over.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while not is_listening(port):
        try:
            code = function.process.wait(POLL_S)
        except subprocess.TimeoutExpired:
            if time.monotonic() < deadline:
                continue
            raise FunctionError(f"nothing listened after {START_TIMEOUT_S:g} seconds", function.output()) from None
        raise FunctionError(f"the function's process ended with exit code {code}", function.output())


def is_listening(port: int) -> bool:
    with suppress(OSError), socket.create_connection((emulator.LOOPBACK, port), timeout=1):
        return True
    return False


def free_ports(count: int) -> list[int]:
    """Return ports that nobody uses now; all are held until the last is known, so that they differ."""
    sockets = [socket.create_server((emulator.LOOPBACK, 0)) for _ in range(count)]
    ports: list[int] = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports


def processes_of_session(leader: int) -> list[int]:
    """Return the living processes of a session, by its leader's id."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        # The command, the second field, may hold spaces and brackets; the fields after its last bracket do not.
        with suppress(OSError):
            state, _parent, _group, session = stat.read_text(errors="replace").rpartition(")")[2].split()[:4]
            if int(session) == leader and state not in "ZX":
                found.append(int(stat.parent.name))
    return found
