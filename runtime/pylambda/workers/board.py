"""Which invocation each place of the environment serves, in memory that outlives the worker that wrote it.

A worker's death says nothing of what it was doing, and its caller would wait for the whole time-out. So each worker
notes in pages that it shares with its supervisor what it holds. That takes no system call; a message for each
invocation would cost two in the worker, and wake the supervisor twice.
"""

import mmap
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pylambda.runtime_api.invocation import Addressed

PLACE_BYTES = 512
FREE, TAKEN = 0, 1
SEPARATOR, END = b"\n", b"\0"


class Held(NamedTuple):
    """What has to be known of an invocation to answer it: `runtime_api.invocation.Addressed`."""

    request_id: str
    invocation_id: str | None


class Board:
    """One note for each invocation that can be served at once. To be made before the workers are forked.

    Args:
        places: how many there are.
    """

    def __init__(self, places: int) -> None:
        self._memory = mmap.mmap(-1, places * PLACE_BYTES)

    def take(self, place: int, invocation: "Addressed") -> None:
        """Note that an invocation is served. One whose ids are longer than any of the platform's is not noted."""
        ids = invocation.request_id, invocation.invocation_id or ""
        text = SEPARATOR.join(part.encode("utf-8", "surrogateescape") for part in ids) + END
        if len(text) < PLACE_BYTES:
            begin = place * PLACE_BYTES
            self._memory[begin + 1 : begin + 1 + len(text)] = text
            self._memory[begin] = TAKEN  # last: who dies before it has noted nothing

    def clear(self, place: int) -> None:
        """Note that it was answered."""
        self._memory[place * PLACE_BYTES] = FREE

    def read(self, place: int) -> Held | None:
        """Return what is noted; None where nothing is served."""
        begin = place * PLACE_BYTES
        if self._memory[begin] != TAKEN:
            return None
        text = self._memory[begin + 1 : begin + PLACE_BYTES].partition(END)[0]
        request_id, _, invocation_id = text.decode("utf-8", "surrogateescape").partition("\n")
        return Held(request_id, invocation_id or None)
