"""The queue, and the workers that are given what waits in it: one at a time each, first come, first served.

Workers start as they are needed, like environments in Lambda. One that ends is forgotten, and another takes its place
when something waits. A new generation, after a change of the code, starts beside the old one, which ends when it is
idle.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from pylambda.local.service.invocation import Call, Invocation
from pylambda.local.service.outcomes import Outcome

# Takes what a worker has asked for.
Deliver = Callable[[Invocation], None]


class QueueFull(Exception):
    """Raised when as many wait as may."""


class Worker(Protocol):
    """What the pool asks of a worker."""

    generation: int
    polls: deque[Deliver]

    @property
    def busy(self) -> bool: ...
    @property
    def starting(self) -> bool: ...
    def is_alive(self) -> bool: ...
    def describe(self) -> dict[str, object]: ...
    def assign(self, invocation: Invocation) -> None: ...
    def retire(self) -> None: ...
    async def start(self) -> None: ...
    async def stop(self, grace_s: float) -> None: ...


class Pool:
    """Who runs what.

    Args:
        make: makes a worker of the current generation; it is not started yet.
        limit: the most workers at once.
        longest_queue: the most that may wait.
    """

    def __init__(self, make: Callable[["Pool"], Worker], *, limit: int, longest_queue: int) -> None:
        self._make = make
        self._limit = limit
        self._longest_queue = longest_queue
        self._queue: deque[Invocation] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.workers: list[Worker] = []
        self._news = asyncio.Event()
        self.generation = 0

    @property
    def waiting(self) -> int:
        """How many invocations have no worker yet."""
        return len(self._queue)

    @property
    def serving(self) -> int:
        """How many workers of this generation there are."""
        return sum(worker.generation == self.generation for worker in self.workers)

    async def has_started(self) -> bool:
        """Wait until a worker of this generation asks for work, and return True; False once there is none left."""
        while True:
            current = [worker for worker in self.workers if worker.generation == self.generation]
            if not current or any(not worker.starting for worker in current):
                return bool(current)
            self._news.clear()
            await self._news.wait()

    def submit(self, call: Call) -> Invocation:
        """Accept a call.

        Raises:
            QueueFull: too many wait, or none may run.
        """
        if len(self._queue) >= self._longest_queue or self._limit == 0:
            raise QueueFull
        invocation = Invocation(call)
        self._queue.append(invocation)
        self.distribute()
        return invocation

    def withdraw(self, invocation: Invocation) -> bool:
        """Take back what no worker has yet, for a caller that left; return whether it was still there."""
        try:
            self._queue.remove(invocation)
        except ValueError:
            return False
        invocation.finish(Outcome(b""))  # for whoever waits to answer, and finds then that nobody is there
        return True

    def put_back(self, invocation: Invocation) -> None:
        """Take back what a worker was given and never received."""
        self._queue.appendleft(invocation)
        self.distribute()

    def distribute(self) -> None:
        """Give what waits to who is idle, and start workers for the rest."""
        self._news.set()
        if self._stopping or not self._queue:
            return
        for worker in self.workers:
            while self._queue and worker.generation == self.generation and worker.polls and worker.is_alive():
                worker.assign(self._queue.popleft())
        current = [worker for worker in self.workers if worker.generation == self.generation]
        starting = sum(worker.starting for worker in current)
        for _ in range(min(len(self._queue) - starting, self._limit - len(current))):
            self.grow()

    def grow(self) -> None:
        """Start one more worker."""
        worker = self._make(self)
        self.workers.append(worker)
        self.run(worker.start())

    def take_oldest(self) -> Invocation | None:
        """Take what has waited longest out of the queue; None where nothing waits."""
        return self._queue.popleft() if self._queue else None

    def forget(self, worker: Worker) -> None:
        """Count a worker no more, which has ended."""
        if worker in self.workers:
            self.workers.remove(worker)
        self.distribute()

    def renew(self, count: int) -> None:
        """Begin a new generation with so many workers; the old ones end when they are idle."""
        self.generation += 1
        for _ in range(min(count, self._limit)):
            self.grow()

    def retire_old(self) -> None:
        """Let the workers of older generations end as soon as they are idle."""
        for worker in list(self.workers):
            if worker.generation != self.generation:
                worker.retire()

    async def end_old(self) -> None:
        """End the workers of older generations, once they are idle, and wait for that."""
        self.retire_old()
        while any(worker.generation != self.generation for worker in self.workers):
            self._news.clear()
            await self._news.wait()

    async def stop(self, grace_s: float) -> None:
        """End all workers; each has so many seconds to do it by itself."""
        self._stopping = True
        await asyncio.gather(*[worker.stop(grace_s) for worker in list(self.workers)])
        for task in list(self._tasks):
            task.cancel()

    def run(self, work: Awaitable[None]) -> None:
        """Let something go on beside all, and hold it until it is done."""

        async def hold() -> None:
            await work

        task = asyncio.get_running_loop().create_task(hold())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
