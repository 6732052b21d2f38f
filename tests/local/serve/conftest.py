"""A function behind `pylambda serve`, as a user meets it: the command, on a checkout, and real clients.

`serve` takes the source of the module `app` and gives back a running service. At the end of the test it is told to
stop, and then no process of it may be left.
"""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import boto3  # type: ignore[import-untyped]
import httpx
import pytest
from botocore.config import Config  # type: ignore[import-untyped]

CHECKOUT = Path(__file__).parents[3]
MARK = "PYLAMBDA_TEST_MARK"
DEADLINE_S = 40.0
STOP_S = 10.0
# What would make another start of it, or send a client elsewhere.
FOREIGN = ("AWS_", "PYLAMBDA_", "_HANDLER", "LAMBDA_", "HTTP_PROXY", "http_proxy")


class Service:
    """A running `pylambda serve`."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path, log: Path, mark: str) -> None:
        self.process = process
        self.folder = folder
        self._log = log
        self._mark = mark
        self.url = ""

    def output(self) -> str:
        return self._log.read_text()

    def wait_for_output(self, pattern: str) -> re.Match[str]:
        """Return where the screen shows something, once it does."""
        found: re.Match[str] = wait_for(lambda: re.search(pattern, self.output()), f"{pattern!r} on the screen")
        return found

    def client(self, **config: Any) -> Any:
        """Return boto3's Lambda client on this service."""
        return boto3.client(
            "lambda",
            endpoint_url=self.url,
            region_name="eu-central-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",
            config=Config(**{"read_timeout": 60, **config}),
        )

    def invoke(self, payload: str = "{}", **headers: str) -> httpx.Response:
        """Send an event with another client than Amazon's."""
        return httpx.post(
            f"{self.url}/2015-03-31/functions/f/invocations", content=payload, headers=headers, timeout=60
        )

    def processes(self) -> list[int]:
        """Return the ids of all processes of the service, its own too."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if f"{MARK}={self._mark}".encode() in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
        return found

    def workers(self) -> list[int]:
        """Return the ids of what the service has started."""
        return [pid for pid in self.processes() if pid != self.process.pid]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_S)


class Serve(Protocol):
    """Serve the source of a module `app`."""

    def __call__(
        self, source: str, *flags: str, handler: str = "app.handler", environ: Mapping[str, str] | None = None
    ) -> Service: ...


def wait_for(look: Callable[[], Any], what: str) -> Any:
    """Return the first true answer."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"there was no {what} in {DEADLINE_S:g} s")


@contextmanager
def serving(folder: Path, handler: str, flags: tuple[str, ...], environ: Mapping[str, str]) -> Iterator[Service]:
    """Serve a folder; without a handler, by what its own settings say."""
    mark = uuid.uuid4().hex
    log = folder.parent / f"{folder.name}-{mark}.log"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "pylambda.local", "serve", *filter(None, [handler]), "--port", "0", *flags],
            cwd=folder,
            env={**inherited, MARK: mark, "PYTHONWARNINGS": "error", "PYTHONUTF8": "1", **environ},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    service = Service(process, folder, log, mark)
    try:
        service.url = service.wait_for_output(r"AWS_ENDPOINT_URL_LAMBDA=(http://[^\s\"]+)")[1]
        yield service
        if process.poll() is None:
            assert service.stop() == 0
        assert service.processes() == []
        for complaint in ("a bug of pylambda serve", "Task was destroyed", "was never retrieved", "never awaited"):
            assert complaint not in service.output()
    finally:
        process.kill()
        process.wait()
        for pid in service.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        print(service.output())


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as stack:

        def serve_source(
            source: str, *flags: str, handler: str = "app.handler", environ: Mapping[str, str] | None = None
        ) -> Service:
            folder = tmp_path / "task"
            folder.mkdir(exist_ok=True)
            (folder / "app.py").write_text(textwrap.dedent(source))
            return stack.enter_context(serving(folder, handler, flags, environ or {}))

        yield serve_source
