"""`breakpoint()` in a function, met on the terminal on which `pylambda serve` was typed."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.local.serve.conftest import DEADLINE_S, FOREIGN

SOURCE = """
def handler(event, context):
    doubled = event["n"] * 2
    breakpoint()
    return doubled
"""

PLAIN = {"NO_COLOR": "1"}


class Terminal:
    """A terminal, as the person before it sees it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode() + b"\n")

    def wait_for(self, pattern: str) -> re.Match[str]:
        deadline = time.monotonic() + DEADLINE_S
        while not (found := re.search(pattern, self.seen)):
            left = deadline - time.monotonic()
            assert left > 0, f"no {pattern!r} on the terminal: {self.seen}"
            if select.select([self._descriptor], [], [], left)[0]:
                self.seen += os.read(self._descriptor, 65536).decode()
        self.seen = self.seen[found.end() :]
        return found


@contextmanager
def served(
    folder: Path, *flags: str, source: str = SOURCE, environ: Mapping[str, str] = PLAIN
) -> Iterator[tuple[Terminal, str]]:
    """Type `pylambda serve` on a terminal; give it and the URL."""
    (folder / "app.py").write_text(source)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pylambda.local", "serve", "app.handler", "--port", "0", *flags],
        cwd=folder,
        env={**{name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}, **environ},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    terminal = Terminal(ours)
    try:
        yield terminal, terminal.wait_for(r"AWS_ENDPOINT_URL_LAMBDA=(http://\S+)")[1]
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def invoke(url: str) -> httpx.Response:
    return httpx.post(f"{url}/2015-03-31/functions/f/invocations", content='{"n": 21}', timeout=60)


def test_a_person_looks_and_goes_on_without_a_time_limit(tmp_path: Path) -> None:
    with served(tmp_path, "--concurrency", "1", "--timeout", "1") as (terminal, url), ThreadPoolExecutor(1) as threads:
        terminal.wait_for(r"breakpoint\(\) stops here")
        # When the function stops
        call = threads.submit(invoke, url)
        terminal.wait_for(r"app\.py\(\d\)handler\(\)\s+-> .+\s[\s\S]*\(Pdb\) ")
        # Then its variables can be seen, and the limit of one second is no more
        until = time.monotonic() + 1.2
        while time.monotonic() < until:
            terminal.type("p doubled")
            terminal.wait_for(r"42\s[\s\S]*\(Pdb\) ")  # the line of a call that takes its time may come between
        terminal.type("doubled = 7")
        terminal.wait_for(r"\(Pdb\) ")
        terminal.type("continue")
        assert call.result().json() == 7
        # And stops again the next time
        call = threads.submit(invoke, url)
        terminal.wait_for(r"\(Pdb\) ")
        terminal.type("continue")
        assert call.result().json() == 42


def test_a_debugger_of_the_functions_own_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "function.env").write_text("PYTHONBREAKPOINT=0\n")
    with served(tmp_path, "--concurrency", "1", "--env-file", "function.env") as (_, url):
        assert invoke(url).json() == 42


def test_several_workers_do_not_share_a_terminal(tmp_path: Path) -> None:
    with served(tmp_path, "--concurrency", "2") as (terminal, url):
        assert invoke(url).json()["errorType"] == "BdbQuit"
        assert "breakpoint() stops here" not in terminal.seen
