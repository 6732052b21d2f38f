"""What a person sees of a service: a line for each request with its log indented under it, and what happened besides.

A request's log is held until its line can be printed. A request that takes longer than a moment gets a line of its own
first, and its log then comes as it is written, each line tagged with the request's short id.
"""

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from pylambda.local.color import painter
from pylambda.local.service.invocation import Invocation
from pylambda.local.service.outcomes import Outcome
from pylambda.local.tracebacks import Tracebacks

HOLD_S = 0.5
PLATFORM_PREFIX = re.compile(r"^RequestId: \S+ Error: ")
RED, YELLOW, DIM, BOLD, GREEN = "31", "33", "2", "1", "32"


class Screen:
    """Lines for a person.

    Args:
        out: where they go.
        environ: `NO_COLOR` is honoured.
        root: the function's folder: other code's frames of tracebacks are folded; None for all frames.
    """

    def __init__(
        self, out: TextIO = sys.stdout, environ: Mapping[str, str] = os.environ, root: Path | None = None
    ) -> None:
        self._out = out
        self._root = root
        self._tracebacks: dict[str, Tracebacks] = {}
        self._paint = painter(out, environ)
        self._held: dict[str, list[str]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._live: set[str] = set()

    def began(self, invocation: Invocation) -> None:
        """Hold its log for a moment."""
        key = invocation.request_id
        self._held[key] = []
        self._timers[key] = asyncio.get_running_loop().call_later(HOLD_S, self._runs_long, invocation)

    def ended(self, invocation: Invocation, outcome: Outcome) -> None:
        """Print its line, unless a front does when it has made its response."""
        if not invocation.call.rendered:
            word = "ok" if not outcome.failed else "timeout" if outcome.status == "timeout" else "error"
            self._finish(invocation, outcome, word, len(outcome.body), outcome.failed)

    def rendered(self, invocation: Invocation, outcome: Outcome, status: int, size: int, cause: str) -> None:
        """Print the line of a request that came through a front."""
        self._finish(invocation, outcome, str(status), size, status >= 500)
        if cause:
            self._write("            " + self._paint(cause, YELLOW))

    def line(self, text: str, invocation: Invocation | None, worker: int) -> None:
        """Print, or hold, what a function printed."""
        if invocation is None:
            for shown in self._folded(of_worker(worker), text):
                self._write(f"  {of_worker(worker)} | {shown}")
            return
        key = invocation.request_id
        for shown in self._folded(key, text):
            self._show(key, shown)

    def ready(self, worker: int, init_ms: float) -> None:
        """A worker has started: its first request says how long that took."""

    def start_failed(self, worker: int, outcome: Outcome) -> None:
        """Say that a worker did not start; its output is on the screen already, but for the end of a traceback."""
        for text in self._unfolded(of_worker(worker)):
            self._write(f"  {of_worker(worker)} | {text}")
        self.note(f"worker {worker} did not start: {summary(outcome)}", RED)

    def note(self, text: str, color: str = YELLOW) -> None:
        """Print what else happened."""
        self._write(f"{clock()}  {self._paint(text, color)}")

    def head(self, lines: list[str]) -> None:
        """Print what a start is told with."""
        self._write(self._paint(lines[0], BOLD))
        for line in lines[1:]:
            self._write(line)

    def _folded(self, key: str, text: str) -> list[str]:
        if self._root is None:
            return [text]
        return self._tracebacks.setdefault(key, Tracebacks(self._root)).shown(text)

    def _unfolded(self, key: str) -> list[str]:
        tracebacks = self._tracebacks.pop(key, None)
        return tracebacks.rest() if tracebacks else []

    def _show(self, key: str, text: str) -> None:
        if key in self._live:
            self._write(f"  {short(key)} | {text}")
        else:
            self._held.setdefault(key, []).append(text)

    def _runs_long(self, invocation: Invocation) -> None:
        key = invocation.request_id
        self._live.add(key)
        self._write(f"{clock()}  {invocation.call.kind:<20} {'runs':<7} {'':>19}  {short(key)}")
        for text in self._held.pop(key, []):
            self._write(f"  {short(key)} | {text}")

    def _finish(self, invocation: Invocation, outcome: Outcome, word: str, size: int, bad: bool) -> None:
        key = invocation.request_id
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        for text in self._unfolded(key):
            self._show(key, text)
        color = RED if bad else GREEN
        line = (
            f"{clock()}  {invocation.call.kind:<20} {self._paint(f'{word:<7}', color)}"
            f" {duration(invocation.duration_ms):>9} {amount(size):>9}  {short(key)}"
        )
        extras = [] if invocation.init_ms is None else [f"cold {duration(invocation.init_ms)}"]
        extras += [outcome.note] if outcome.note else [summary(outcome)] if outcome.failed else []
        self._write("  ".join([line, *extras]))
        for text in self._held.pop(key, []):
            self._write(f"            {text}")
        self._live.discard(key)

    def _write(self, text: str) -> None:
        try:
            print(text, file=self._out, flush=True)
        except UnicodeEncodeError:
            print(text.encode("ascii", "backslashreplace").decode(), file=self._out, flush=True)


def clock() -> str:
    return time.strftime("%H:%M:%S")


def of_worker(number: int) -> str:
    """Return what a person calls a worker."""
    return f"worker {number}"


def short(request_id: str) -> str:
    """Return what is enough of an id to tell neighbours apart."""
    return request_id[:4]


def duration(ms: float) -> str:
    """Return a duration as people read it."""
    return f"{ms / 1000:.2f} s" if ms >= 1000 else f"{ms:.0f} ms" if ms >= 10 else f"{ms:.1f} ms"


def amount(count: int) -> str:
    """Return a number of bytes as people read it."""
    return (
        f"{count} B" if count < 10_000 else f"{count / 1000:.0f} kB" if count < 10_000_000 else f"{count / 1e6:.0f} MB"
    )


def summary(outcome: Outcome) -> str:
    """Return a failure in one line."""
    try:
        document = json.loads(outcome.body)
        text = f"{document['errorType']}: {PLATFORM_PREFIX.sub('', document['errorMessage'])}"
    except (ValueError, KeyError, TypeError):
        text = outcome.error_type
    return text.splitlines()[0][:300] if text else outcome.error_type
