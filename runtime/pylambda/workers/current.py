"""The invocation that is being served, where there are several: each task and thread sees its own.

It travels in a context variable, so tasks, `asyncio.to_thread` and `copy_context` take it along. A thread that the
function starts itself gets none from its starter. What it asks is answered where only one invocation is served at that
moment, and otherwise not: a log record without an id misleads nobody, one with a neighbour's does.
"""

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from pylambda.runtime_api import invocation as process_wide
from pylambda.runtime_api.invocation import Current, Invocation

if TYPE_CHECKING:
    from collections.abc import Callable

    Deferred = list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]]


class _Served:
    """One invocation, and what is to run once its answer has left."""

    __slots__ = ("deferred", "invocation")

    def __init__(self, invocation: Invocation | None) -> None:
        self.invocation = invocation
        self.deferred: Deferred = []


_served: ContextVar[_Served] = ContextVar("pylambda_served")


class CurrentByContext(Current):
    """`Current`, with a value for each context. What sets the invocation says `done` once it is over."""

    __slots__ = ("_active",)

    def __init__(self) -> None:
        self._active: dict[_Served, None] = {}

    @property
    def invocation(self) -> Invocation | None:
        """Of this context; where it has none, the only one that is served; else None."""
        return self._here.invocation

    @invocation.setter
    def invocation(self, invocation: Invocation | None) -> None:
        served = _Served(invocation)
        _served.set(served)
        if invocation is not None:
            self._active[served] = None

    @property
    def deferred(self) -> "Deferred":  # type: ignore[override]
        """What was deferred in this invocation."""
        return self._here.deferred

    def install(self) -> None:
        """Put this form in the place of the process's own; to be done before the function is loaded."""
        process_wide.current = self

    def done(self) -> None:
        """Let go of this context's invocation: it was answered, and what was deferred has run."""
        served = _served.get(None)
        if served is not None:
            self._active.pop(served, None)

    @property
    def _here(self) -> _Served:
        served = _served.get(None)
        if served is not None:
            return served
        active = list(self._active)  # in one step: threads come and go
        return active[0] if len(active) == 1 else _Served(None)
