"""The clock beside the Runtime API: it runs from an event to its answer, and never while an event is awaited."""

import faulthandler
from collections.abc import Callable, Iterator
from time import time_ns
from typing import TYPE_CHECKING

import pytest

from pylambda.function.deadline_dump import DumpBeforeDeadline
from pylambda.log.reports import Report
from pylambda.runtime_api.invocation import Invocation
from pylambda.runtime_api.wire import read_head

if TYPE_CHECKING:
    from pylambda.log.failures import Failure
    from pylambda.payload.codec import Chunk


class Api:
    """Takes notes in the same list as the clock."""

    def __init__(self, notes: list[str], deadline_ms: int) -> None:
        self.notes = notes
        self.deadline_ms = deadline_ms

    def next(self) -> Invocation:
        self.notes.append("next")
        head = f"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: {self.deadline_ms}"
        return Invocation(read_head(head.encode(), {}))

    def respond(self, invocation: Invocation, body: bytes, content_type: str, *, ask_next: bool) -> None:
        self.notes.append("respond")

    def respond_stream(
        self,
        invocation: Invocation,
        chunks: "Iterator[Chunk]",
        content_type: str,
        *,
        report_on: "Callable[[BaseException], Failure]",
    ) -> None:
        self.notes.append("respond_stream")

    def fail(self, invocation: Invocation, error: "Failure", *, ask_next: bool) -> None:
        self.notes.append("fail")


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    notes: list[str] = []
    monkeypatch.setattr(
        faulthandler, "dump_traceback_later", lambda seconds, file: notes.append(f"start {seconds:.0f}")
    )
    monkeypatch.setattr(faulthandler, "cancel_dump_traceback_later", lambda: notes.append("stop"))
    return notes


def in_seconds(seconds: int) -> int:
    return time_ns() // 1_000_000 + seconds * 1000


@pytest.mark.parametrize(
    ("answer", "order"),
    [
        ("respond", ["next", "start 50", "stop", "respond"]),
        ("fail", ["next", "start 50", "stop", "fail"]),
        ("respond_stream", ["next", "start 50", "respond_stream", "stop"]),
    ],
)
def test_the_clock_runs_while_the_handler_does(answer: str, order: list[str], notes: list[str]) -> None:
    api = DumpBeforeDeadline(Api(notes, in_seconds(60)), 10_000)
    invocation = api.next()
    match answer:
        case "respond":
            api.respond(invocation, b"", "", ask_next=True)
        case "fail":
            api.fail(invocation, Report(ValueError()), ask_next=True)
        case "respond_stream":
            api.respond_stream(invocation, iter(()), "", report_on=Report)
    assert notes == order


def test_a_deadline_that_is_weeks_away_is_cut_to_what_the_clock_can_count(notes: list[str]) -> None:
    DumpBeforeDeadline(Api(notes, in_seconds(46 * 86400)), 1000).next()
    assert notes == ["next", "start 86400"]


@pytest.mark.parametrize("deadline_ms", [0, 1])
def test_without_a_deadline_there_is_no_clock(deadline_ms: int, notes: list[str]) -> None:
    DumpBeforeDeadline(Api(notes, deadline_ms), 1000).next()
    assert notes == ["next"]
