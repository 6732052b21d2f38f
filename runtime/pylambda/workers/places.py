"""The places of one process, each of which serves one invocation at a time, and what they have in common.

They share one decision: whether another event may be asked for. It may not once a limit is reached or the end was
asked for. A place that waits for an event then still gets one, and serves it: the platform counts on whoever has asked.
"""

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from pylambda.lifecycle.shutdown import GRACE_S
from pylambda.workers.supervisor import READY, READY_ALONE

if TYPE_CHECKING:
    from pylambda.lifecycle.limits import Limits
    from pylambda.runtime_api.invocation import Addressed
    from pylambda.workers.board import Board
    from pylambda.workers.supervisor import Line


class Note:
    """What a worker lets its supervisor know.

    Args:
        line: to the supervisor.
        board: where it looks when the worker has died.
        first: the worker's first place on it.
        alone: whether this worker serves all that is to be served.
    """

    def __init__(self, line: "Line", board: "Board", first: int, *, alone: bool) -> None:
        self._line = line
        self._board = board
        self._first = first
        self._word = READY_ALONE if alone else READY

    def ready(self) -> None:
        """The first event is asked for."""
        self._line.say(self._word)

    def took(self, place: int, invocation: "Addressed") -> None:
        """An invocation is served."""
        self._board.take(self._first + place, invocation)

    def answered(self, place: int) -> None:
        """It was answered."""
        self._board.clear(self._first + place)


class Places:
    """All places of a process.

    Args:
        count: how many there are.
        limits: of the process; None for none.
        note: for the supervisor; None where there is none.
    """

    def __init__(self, count: int, limits: "Limits | None" = None, note: Note | None = None) -> None:
        self.count = count
        self.end_reason = ""  # which limit is reached
        self._limits = limits
        self._note = note
        self._is_ready = False
        self._served = [0] * count  # by place, so that no two threads write to one number
        self._busy: set[int] = set()
        self._ends_at: float | None = None
        self._on_end: Callable[[], object] = lambda: None

    @property
    def busy(self) -> bool:
        """Whether an invocation is served."""
        return bool(self._busy)

    @property
    def ending(self) -> bool:
        """Whether the end was asked for."""
        return self._ends_at is not None

    def may_ask(self) -> bool:
        """Whether another event may be asked for."""
        served = sum(self._served)
        if self._limits and served and not self.end_reason:  # one that serves nothing would end again and again
            self.end_reason = self._limits.reached(served)
        return self._ends_at is None and not self.end_reason

    def on_end(self, call: Callable[[], object]) -> None:
        """Have a function called when the end is asked for; any thread may, and a signal handler."""
        self._on_end = call
        if self._ends_at is not None:
            call()

    def end(self) -> None:
        """Have no more events asked for; what is served may go on for as long as the platform gives."""
        if self._ends_at is None:
            self._ends_at = monotonic() + GRACE_S
            self._on_end()

    def time_left_s(self) -> float:
        """How long it still may, once the end was asked for."""
        return 0.0 if self._ends_at is None else max(0.0, self._ends_at - monotonic())

    def asking(self) -> None:
        """Note that an event is asked for."""
        if not self._is_ready:
            self._is_ready = True
            if self._note:
                self._note.ready()

    def took(self, place: int, invocation: "Addressed") -> None:
        """Note that a place serves an invocation."""
        self._served[place] += 1
        self._busy.add(place)
        if self._note:
            self._note.took(place, invocation)

    def answered(self, place: int) -> None:
        """Note that it was answered; what was deferred may still run."""
        if self._note:
            self._note.answered(place)

    def done(self, place: int) -> None:
        """Note that the place serves nothing any more."""
        self._busy.discard(place)
        if self._ends_at is not None:
            self._on_end()
