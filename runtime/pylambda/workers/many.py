"""Many at once: which mode, and its processes.

    process  a supervisor forks as many workers as may serve at once; each imports the function, or the supervisor does
    thread   a loop a thread, in this process
    async    a task a place on one event loop, in this process
    hybrid   workers as many as there are CPUs, with threads in each; only Amazon's variable asks for it
    none     one worker is forked, which looks: an asynchronous handler it serves alone, on one event loop

What a function must not be run in, a parent of workers that has threads and connections, nothing here makes.
"""

import os
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from pylambda.faults import Fault, InvalidSetting, UnexpectedStatus
from pylambda.function.adapt import Adapted
from pylambda.log.sinks import warn
from pylambda.runtime_api.client import RuntimeApi
from pylambda.start.settings import ASYNC, HYBRID, PROCESS, THREAD
from pylambda.workers import output
from pylambda.workers.board import Board
from pylambda.workers.current import CurrentByContext
from pylambda.workers.lives import WorkerLife
from pylambda.workers.place import Left, Place
from pylambda.workers.places import Note, Places
from pylambda.workers.supervisor import FAILED, Line, Supervisor
from pylambda.workers.threads import Threads

if TYPE_CHECKING:
    from pylambda.function.handler import Handler
    from pylambda.loop import Loop
    from pylambda.workers.board import Held
    from pylambda.workers.ends import Crash
    from pylambda.workers.host import Host

EXIT_LOAD_FAULT = 1


def serve(host: "Host", load_handler: "Callable[[], Handler]") -> int:
    """Serve as many invocations at once as the environment says; return the exit code, of a worker too.

    Args:
        host: the parts of this process.
        load_handler: returns the handler.

    Raises:
        Fault: the Runtime API cannot be used any more, or no worker can be started.
    """
    try:
        count, mode, prefork = host.settings.max_concurrency, host.settings.concurrency, host.settings.prefork
    except InvalidSetting as fault:
        return host.fail_init(fault)
    if mode in (THREAD, ASYNC):
        return Process(host, mode, count).run(load_handler)
    if prefork:
        from pylambda.workers.prefork import load_for_all

        loaded = load_for_all(host, load_handler)
        if isinstance(loaded, int):
            return loaded
        mode, load_handler = mode or PROCESS, loaded
    return _supervise(host, mode, count, load_handler)


def _supervise(host: "Host", mode: str, count: int, load_handler: "Callable[[], Handler]") -> int:
    workers = min(count, len(os.sched_getaffinity(0))) if mode == HYBRID else count
    places = [count // workers + (number < count % workers) for number in range(workers)]
    output.announce(host, workers, count)
    board = Board(workers * places[0])

    def work(line: Line) -> int:
        note = partial(Note, line, board, line.number * places[0])
        process = Process(host, THREAD if mode == HYBRID else mode, places[line.number], line, note)
        process.places_alone = count
        return process.run(load_handler)

    supervisor = Supervisor(workers, places[0], board, answer=_answerer(host), fail_init=_reporter(host), warn=warn)
    return supervisor.run(work)


def _answerer(host: "Host") -> "Callable[[Held, Crash], None]":
    """Return what tells the platform of a dead worker's invocation, over a connection that is not kept."""

    def answer(held: "Held", crash: "Crash") -> None:
        try:
            host.api.fail(held, crash.of(held.request_id))
        except Fault as fault:
            warn(fault.message)
        finally:
            host.api.connection.close()

    return answer


def _reporter(host: "Host") -> "Callable[[Crash], None]":
    def report(crash: "Crash") -> None:
        try:
            host.api.fail_init(crash)
        except Fault as fault:
            warn(fault.message)

    return report


class Process:
    """A process that serves: a worker, or the only one.

    Args:
        host: its parts.
        mode: how it serves; empty where that is left to what the handler is.
        places: how many at once.
        line: to the supervisor; None where there is none.
        note: makes what the supervisor reads.

    Attributes:
        places_alone: how many at once, where the handler turns out to need no other worker.
    """

    def __init__(
        self, host: "Host", mode: str, places: int, line: Line | None = None, note: "Callable[..., Note] | None" = None
    ) -> None:
        self._host = host
        self._mode = mode
        self._count = places
        self._line = line
        self._note = note
        self._current = CurrentByContext()
        self.places_alone = places

    def run(self, load_handler: "Callable[[], Handler]") -> int:
        """Load the handler and serve it; return the exit code.

        Raises:
            Fault: the Runtime API cannot be used any more.
        """
        host = self._host
        if self._line is not None:
            output.redirect(host.settings)
            self._line.end_with_supervisor()
        if self._mode != PROCESS:
            host.current = self._current
            self._current.install()
        if self._mode == THREAD:
            host.kept = threading.local()
        try:
            life = WorkerLife(host, self._mode, self._line)
            handler, adapted, _ = host.prepare(load_handler, life)
            serve = {PROCESS: self._serve_alone, THREAD: self._serve_threads, ASYNC: self._serve_tasks}[life.mode]
            places = self._places(life)
        except BaseException as error:
            return self._fail_init(error)

        def serve_to_the_end() -> int:
            code = serve(life, places, handler, adapted)
            if places.end_reason and not life.asked_to_end:
                life.leave(places.end_reason)
            return code

        return life.serve(serve_to_the_end)

    def _places(self, life: WorkerLife) -> Places:
        is_alone = not self._mode and life.mode == ASYNC
        note = self._note(alone=is_alone) if self._note else None
        return Places(self.places_alone if is_alone else self._count, life.limits, note)

    def _serve_alone(self, life: WorkerLife, places: Places, handler: "Handler", adapted: Adapted | None) -> int:
        api = life.gated(Place(self._host.timed(self._host.api), 0, places, self._current.done))
        try:
            return self._host.loop(api, handler, adapted, self._host.settings.environ).run()
        except Left:
            return 0

    def _serve_threads(self, life: WorkerLife, places: Places, handler: "Handler", adapted: Adapted | None) -> int:
        life.on_signal(places.end)

        def make_loop(place: int) -> "Loop":
            api = RuntimeApi(self._host.settings.runtime_api, warn)
            return self._host.loop(Place(api, place, places, self._current.done), handler, adapted, {})

        Threads(places, make_loop).serve()
        return 0

    def _serve_tasks(self, life: WorkerLife, places: Places, handler: "Handler", adapted: Adapted | None) -> int:
        from pylambda.loop import Loop
        from pylambda.workers.tasks import Tasks

        if Loop.stand_in:
            from pylambda.function.client_package import NOT_ASYNC, warn_of_patches

            warn_of_patches(Loop.stand_in, NOT_ASYNC)
        life.on_signal(places.end)
        tasks = Tasks(self._host, self._current, adapted or Adapted(handler), places)
        self._host.runner().loop.run_until_complete(tasks.serve())
        return 0

    def _fail_init(self, error: BaseException) -> int:
        """Tell the platform, unless another worker has, and the supervisor; return the exit code."""
        try:
            code = self._host.fail_init(error)
        except UnexpectedStatus as refused:
            warn(refused.message)
            code = EXIT_LOAD_FAULT
        if self._line is not None:
            self._line.say(FAILED)
        return code
