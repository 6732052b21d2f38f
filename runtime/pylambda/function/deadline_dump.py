"""Where every thread stands, printed shortly before the deadline: for sync code, which cannot be cancelled.

`faulthandler` does it from a thread of its own that needs no lock of the interpreter's, so it works while a C
function does not return. It costs a thread for each invocation, so it is imported and used only where asked for.
"""

import faulthandler
from collections.abc import Callable, Iterator
from time import time
from typing import TYPE_CHECKING

from pylambda.runtime_api.invocation import Invocation

if TYPE_CHECKING:
    from pylambda.log.failures import Failure
    from pylambda.payload.codec import Chunk
    from pylambda.runtime_api.invocation import InvocationSource

STDERR = 2


class DumpBeforeDeadline:
    """The Runtime API with a clock beside it: it starts with an invocation and stops with the answer to it.

    Args:
        api: the real one.
        before_ms: how long before the deadline to print.
    """

    def __init__(self, api: "InvocationSource", before_ms: int) -> None:
        self._api = api
        self._before_ms = before_ms

    def next(self) -> Invocation:
        """Wait for the next invocation and start its clock, unless it has no deadline or too near a one."""
        invocation = self._api.next()
        left_s = (invocation.deadline_ms - self._before_ms) / 1000 - time()
        if left_s > 0:
            # A deadline that is weeks away, as one emulator sends, is longer than the clock can count.
            faulthandler.dump_traceback_later(min(left_s, 86400), file=STDERR)
        return invocation

    def respond(self, invocation: Invocation, body: bytes, content_type: str, *, ask_next: bool) -> None:
        """Stop the clock and answer."""
        faulthandler.cancel_dump_traceback_later()
        self._api.respond(invocation, body, content_type, ask_next=ask_next)

    def respond_stream(
        self,
        invocation: Invocation,
        chunks: "Iterator[Chunk]",
        content_type: str,
        *,
        report_on: "Callable[[BaseException], Failure]",
    ) -> None:
        """Answer piece by piece, and stop the clock: the handler runs until the last one."""
        try:
            self._api.respond_stream(invocation, chunks, content_type, report_on=report_on)
        finally:
            faulthandler.cancel_dump_traceback_later()

    def fail(self, invocation: Invocation, error: "Failure", *, ask_next: bool) -> None:
        """Stop the clock and answer with an error."""
        faulthandler.cancel_dump_traceback_later()
        self._api.fail(invocation, error, ask_next=ask_next)
