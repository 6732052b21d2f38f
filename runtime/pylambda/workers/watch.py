"""Says once where the event loop was held, because then nothing else is served, and nothing else shows it.

A thread asks the loop for a sign of life now and then. Where none comes for a second, what the loop's thread does at
that moment is what holds it.
"""

import sys
import threading
import traceback
from asyncio import AbstractEventLoop
from typing import TYPE_CHECKING

from pylambda.function.waiting import PACKAGE, place
from pylambda.log.sinks import warn

if TYPE_CHECKING:
    from pylambda.workers.places import Places

HELD_S = 1.0
ASK_EVERY_S = 0.25


class LoopWatch:
    """Watches a loop from another thread, while entered; to be entered in the loop's thread.

    Args:
        loop: runs.
        places: while none of them serves, nobody is held.
    """

    def __init__(self, loop: AbstractEventLoop, places: "Places") -> None:
        self._loop = loop
        self._places = places
        self._loop_thread = threading.get_ident()
        self._stopped = threading.Event()

    def __enter__(self) -> None:
        threading.Thread(target=self._watch, name="loop-watch", daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(ASK_EVERY_S):
            if self._places.busy and not self._answers():
                return

    def _answers(self) -> bool:
        answered = threading.Event()
        try:
            self._loop.call_soon_threadsafe(answered.set)
        except RuntimeError:  # the loop is closed
            return False
        if answered.wait(HELD_S) or self._stopped.is_set():
            return True
        frame = sys._current_frames().get(self._loop_thread)
        stack = [one for one in traceback.extract_stack(frame) if not one.filename.startswith(PACKAGE)]
        warn(
            f"the event loop was held for more than {HELD_S:g} s, and every invocation with it, {place(stack)}: "
            "await what takes long, or move it into a thread with asyncio.to_thread"
        )
        return False
