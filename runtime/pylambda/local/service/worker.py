"""One worker: the real runtime in a process of its own, and the Runtime API on a port that only it knows.

It is started as in Lambda, through `bootstrap`. What it may do and what becomes of it is the platform's rule book: too
slow, too large, gone, each ends as the service ends it, and the worker is replaced where the service replaces it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from signal import SIGKILL

from pylambda.local.service import outcomes, reports
from pylambda.local.service.extensions import Extensions
from pylambda.local.service.http1 import Server
from pylambda.local.service.invocation import Invocation
from pylambda.local.service.launch import Launch, Plan
from pylambda.local.service.limits import INIT_LIMIT_S, SHUTDOWN_S, Limits, deadline_ms
from pylambda.local.service.observer import Observer
from pylambda.local.service.outcomes import Outcome
from pylambda.local.service.output import Output
from pylambda.local.service.pool import Deliver, Pool
from pylambda.local.service.process import ProcessGroup
from pylambda.local.service.variables import DEFAULT_MEMORY_MB


class Worker:
    """A worker of a pool.

    Args:
        plan: how it is started.
        pool: whose it is.
        number: what a person calls it.
        observer: is told.
        launch: its beginning, where that lies behind it.

    Attributes:
        polls: its requests for an event that wait.
        running: what it works on, by request id.
        limits: its clocks.
        init_error: why it did not start, where it said so.
        server: its Runtime API; whoever makes the worker gives it one.
    """

    server: Server

    def __init__(self, plan: Plan, pool: Pool, number: int, observer: Observer, launch: Launch | None = None) -> None:
        self.plan = plan
        self.pool = pool
        self.number = number
        self.observer = observer
        self.generation = pool.generation
        self.polls: deque[Deliver] = deque()
        self.running: dict[str, Invocation] = {}
        self.init_error: Outcome | None = None
        self.extensions = Extensions(observer, number, self._rest)
        self._launch = launch
        self._process: ProcessGroup | None = None
        self._output = Output(self._print)
        self.limits = Limits(plan.timeout_s, plan.memory_mb)
        self._born = time.monotonic()
        self._init_ms: float | None = None
        self._polled = False
        self._retired = self._stopping = False
        self._verdict: Callable[[str], Outcome] | None = None

    @property
    def busy(self) -> bool:
        return bool(self.running) or self.limits.runs

    @property
    def starting(self) -> bool:
        return not self._polled

    @property
    def pid(self) -> int:
        """The process's id, 0 before it has one."""
        return self._process.pid if self._process else 0

    def describe(self) -> dict[str, object]:
        """Return what there is to tell of it."""
        return {"number": self.number, "pid": self.pid, "busy": self.busy, "starting": self.starting}

    async def start(self) -> None:
        """Start the process; what it does then comes through its Runtime API."""
        try:
            launch = self._launch or Launch(self.plan)
        except OSError as error:
            self.observer.note(f"cannot start {self.plan.bootstrap}: {error.strerror}")
            self._exited(1)
            return
        self._born = launch.born
        self._process = ProcessGroup(launch.program, output=self._output, on_exit=self._exited)
        self.extensions.start(self.plan.extensions, launch.environ, self.plan.folder)
        self.limits.begin_start(self._warn_of_slow_start, self._end_slow_start)
        self.limits.watch_memory(self.pid, self._end_for_memory)
        await self.server.listen(launch.sockets)

    # What the runtime asks and says.

    def poll(self, deliver: Deliver) -> None:
        """Give the next invocation to `deliver`, once there is one."""
        if not self._polled:
            self._polled = True
            self._init_ms = (time.monotonic() - self._born) * 1000
            self.limits.end_start()
            self.observer.ready(self.number, self._init_ms)
        if self.plan.at_once == 1:
            self.limits.end_all()
        self.polls.append(deliver)
        if self._retired:
            self.retire()
        else:
            self.pool.distribute()
            self._rest()

    def _rest(self) -> None:
        """Freeze everything where that is asked for and nothing is left to do, extensions included."""
        if self.plan.freeze and self.polls and not self.busy and self.extensions.idle and self._process is not None:
            self._process.freeze()
            self.extensions.freeze()

    def unpoll(self, deliver: Deliver) -> None:
        """Forget a request for an event whose sender has gone."""
        if deliver in self.polls:
            self.polls.remove(deliver)

    def is_alive(self) -> bool:
        """Return whether the process runs, as the kernel has it now."""
        return self._process is not None and self._process.is_alive()

    def assign(self, invocation: Invocation) -> None:
        """Give it an invocation; one of its requests waits for it."""
        assert self._process is not None
        self._process.thaw()
        self.extensions.thaw()
        invocation.began = time.monotonic()
        invocation.worker, invocation.pid = self.number, self.pid
        invocation.init_ms, self._init_ms = self._init_ms, None
        self.running[invocation.request_id] = invocation
        self.limits.begin(invocation.request_id, lambda: self._timed_out(invocation))
        if invocation.call.tail:
            invocation.add_log(reports.start_line(invocation))
        self.observer.began(invocation)
        self.extensions.invoke(invocation, self.deadline_ms(invocation))
        self.polls.popleft()(invocation)

    def deadline_ms(self, invocation: Invocation) -> int:
        """Return when an invocation must have ended, in milliseconds since 1970."""
        return deadline_ms(invocation.began, self.plan.timeout_s)

    def undelivered(self, invocation: Invocation) -> None:
        """Put back what the runtime did not receive."""
        self.limits.end(invocation.request_id)
        if self.running.pop(invocation.request_id, None) is not None:
            self.pool.put_back(invocation)

    def answered(self, invocation: Invocation, outcome: Outcome) -> None:
        """Take the outcome of an invocation. Its clock runs on until the runtime asks for the next one."""
        self._output.drain()
        self.running.pop(invocation.request_id, None)
        if self.plan.at_once > 1:
            self.limits.end(invocation.request_id)
        self._finish(invocation, outcome)

    # What becomes of it.

    def retire(self) -> None:
        """End once nothing runs."""
        self._retired = True
        if not self.running:
            self.pool.run(self.stop(SHUTDOWN_S))

    async def stop(self, grace_s: float) -> None:
        """End now: SIGTERM first, while there still is a Runtime API, so that the runtime can end well."""
        self._retired = self._stopping = True
        self.polls.clear()
        self.extensions.thaw()
        if self._process is not None:
            await self._process.stop(grace_s)
        await self._leave(grace_s, "spindown")
        self.pool.forget(self)

    async def _leave(self, grace_s: float, reason: str) -> None:
        """End what outlives the process: extensions first, which need the Runtime API for it."""
        await self.extensions.stop(grace_s, reason)
        self.server.close()

    def kill(self, verdict: Callable[[str], Outcome]) -> None:
        """Kill the group; `verdict` gives the outcome of what it worked on, by request id."""
        self._verdict = verdict
        self.polls.clear()
        if self._process is not None:
            self._process.signal(SIGKILL)

    def _timed_out(self, invocation: Invocation) -> None:
        timeout_s = self.plan.timeout_s or 0.0
        kills = self.plan.at_once == 1
        note = f"timed out: worker {self.number} killed, /tmp kept" if kills else "timed out; its code goes on"
        self._output.drain()
        if self.running.pop(invocation.request_id, None) is not None:
            self._finish(invocation, outcomes.timed_out(invocation.request_id, timeout_s, note))
        elif kills:
            self.observer.note(f"worker {self.number} went on after its answer: killed at {timeout_s:g} s")
        if kills:
            self.kill(lambda request_id: outcomes.timed_out(request_id, timeout_s, note))

    def _warn_of_slow_start(self) -> None:
        self.observer.note(
            f"worker {self.number} has been starting for {INIT_LIMIT_S:g} s; Lambda would kill it and start it again"
        )

    def _end_slow_start(self) -> None:
        timeout_s = self.plan.timeout_s or 0.0
        self.kill(lambda request_id: outcomes.timed_out(request_id, timeout_s, "timed out while it started"))

    def _end_for_memory(self, held_mb: int, limit_mb: int) -> None:
        if not self.running:
            self.observer.note(f"worker {self.number} killed at {held_mb} of {limit_mb} MB")
        self.kill(lambda request_id: outcomes.killed_for_memory(request_id, held_mb, limit_mb))

    def _exited(self, code: int) -> None:
        self._output.drain()
        self._output.close()
        self.limits.close()
        self.polls.clear()
        verdict = self._verdict or (lambda request_id: outcomes.exited(request_id, code))
        running, self.running = list(self.running.values()), {}
        for invocation in running:
            if not invocation.delivered and self._verdict is None:
                self.pool.put_back(invocation)
            elif invocation.streaming is not None:
                self._finish(invocation, outcomes.truncated(invocation.streaming, verdict(invocation.request_id)))
            else:
                self._finish(invocation, verdict(invocation.request_id))
        if not self._polled and not self._retired:
            self._start_failed(verdict)
        if not self._stopping:
            self.pool.run(self._leave(SHUTDOWN_S, "failure" if self._verdict is None else "timeout"))
            self.pool.forget(self)

    def _start_failed(self, verdict: Callable[[str], Outcome]) -> None:
        """Give the fault to whoever has waited longest, as this start was for it."""
        invocation = self.pool.take_oldest()
        why = self.init_error or verdict(invocation.request_id if invocation else "")
        outcome = why._replace(at_start=True)
        self.observer.start_failed(self.number, outcome)
        if invocation is not None:
            invocation.began, invocation.worker, invocation.pid = self._born, self.number, self.pid
            self._finish(invocation, outcome)

    def _finish(self, invocation: Invocation, outcome: Outcome) -> None:
        invocation.duration_ms = (time.monotonic() - invocation.began) * 1000
        if invocation.call.tail:
            memory_mb = self.plan.memory_mb or DEFAULT_MEMORY_MB
            invocation.add_log(reports.end_lines(invocation, outcome, memory_mb))
        invocation.finish(outcome)
        # After whoever waits for the answer has it: a screen takes its time.
        asyncio.get_running_loop().call_soon(self.observer.ended, invocation, outcome)

    def _print(self, text: str) -> None:
        invocation = next(iter(self.running.values())) if len(self.running) == 1 else None
        if invocation is not None:
            invocation.add_log(text + "\n")
        self.observer.line(text, invocation, self.number)
