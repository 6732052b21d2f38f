"""Several invocations at once in threads, each with a loop and a connection; signals find the main thread free."""

import os
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from pylambda.workers.place import Left

if TYPE_CHECKING:
    from pylambda.loop import Loop
    from pylambda.workers.places import Places

# What a thread says that has ended of itself, and what anybody says when there is something to look at.
ENDED, LOOK = "ended", "look"


class Threads:
    """Runs a loop a place.

    Args:
        places: of this process.
        make_loop: returns the loop of a place.
    """

    def __init__(self, places: "Places", make_loop: "Callable[[int], Loop]") -> None:
        self._places = places
        self._make_loop = make_loop
        # A signal handler may put into this one while the same thread takes out of it, unlike into others.
        self._news: SimpleQueue[Exception | str] = SimpleQueue()
        self._pid = os.getpid()

    def serve(self) -> None:
        """Serve until no more events may be asked for and all are answered.

        Raises:
            Fault: the Runtime API cannot be used any more.
        """
        self._places.on_end(lambda: self._news.put(LOOK))
        for place in range(self._places.count):
            threading.Thread(target=self._run, args=(place,), name=f"place-{place + 1}", daemon=True).start()
        running = self._places.count
        fault: Exception | None = None
        while running and fault is None and not self._places.ending:
            news = self._news.get()
            running -= news is not LOOK
            fault = news if isinstance(news, Exception) else None
        self._places.end()
        while self._places.busy and (left_s := self._places.time_left_s()):
            try:
                self._news.get(timeout=left_s)
            except Empty:
                pass
        if fault is not None:
            raise fault

    def _run(self, place: int) -> None:
        news: Exception | str = ENDED
        try:
            loop = self._make_loop(place)
            while os.getpid() == self._pid:
                loop.run()  # what it returns is where a handler has exited: that ends its invocation, and no other
        except Left:
            pass
        except Exception as error:
            news = error
        finally:
            self._news.put(news)
