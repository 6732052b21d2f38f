"""The lifespan of an ASGI app: its startup once, when the function is loaded, its shutdown with the environment.

The app's lifespan is one task for the environment's life, on the loop that its requests run on. An app that raises or
returns before it said `startup.complete` has no lifespan, and that is no error: so the specification has it.

Source: ASGI, "Lifespan Protocol", 2.0.
"""

import asyncio
from typing import Any

from pylambda.faults import StartupFailed
from pylambda.log.sinks import warn
from pylambda.web.exchange import App, Message, Runner, Supervised

STARTUP, SHUTDOWN = "lifespan.startup", "lifespan.shutdown"
# Lambda ends an initialization after 10 s, gives it more time, and says nothing of where it stood.
SAY_AFTER_S = 9.0
GIVE_UP_AFTER_S = 120.0
# How many turns of the loop the app gets to raise, once it said that its startup failed.
TURNS_TO_RAISE = 8
TRACEBACK = "Traceback (most recent call last):"


class Lifespan:
    """One app's, from its startup to its shutdown.

    Args:
        app: the ASGI 3 callable.
        runner: has the loop.
        say_after_s: how long a startup may take before the log says that it has not ended.
        give_up_after_s: how long before it has failed.

    Attributes:
        state: what the app left for its requests; each gets a copy.
    """

    def __init__(
        self,
        app: App,
        runner: Runner,
        *,
        say_after_s: float = SAY_AFTER_S,
        give_up_after_s: float = GIVE_UP_AFTER_S,
    ) -> None:
        self.state: dict[str, Any] = {}
        self._app = app
        self._runner = runner
        self._say_after_s = say_after_s
        self._give_up_after_s = give_up_after_s
        self._receives = 0
        self._error: Exception | None = None
        self._supervised: Supervised | None = None
        # Each comes to what the app said: nothing, or why it failed.
        self._started: asyncio.Future[str | None] = runner.loop.create_future()
        self._stopped: asyncio.Future[str | None] = runner.loop.create_future()
        self._shutdown = asyncio.Event()

    def start(self) -> None:
        """Run the app's startup.

        Raises:
            StartupFailed: the app said so, or said nothing and asks for what comes after it.
        """
        loop = self._runner.loop
        timers = [
            loop.call_later(self._say_after_s, self._say),
            loop.call_later(self._give_up_after_s, self._give_up),
        ]
        self._supervised = self._runner.supervise(self._run())
        try:
            failure = self._supervised.until(self._started)
            if failure is not None:
                raise self._failed(failure)
        finally:
            for timer in timers:
                timer.cancel()

    @property
    def is_running(self) -> bool:
        """Whether the app waits for its shutdown."""
        return self._supervised is not None and not self._supervised.task.done()

    def stop(self) -> None:
        """Run the app's shutdown, where its startup was completed; what goes wrong is said in one line."""
        if self._supervised is None or not self.is_running:
            return
        self._shutdown.set()
        failure = self._supervised.until(self._stopped)
        if failure is not None:
            warn(f"the app's shutdown failed: {failure}")

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._app(scope, self._receive, self._send)
        except Exception as error:
            self._error = error
        finally:
            if not self._started.done():
                self._started.set_result(None)
            if not self._stopped.done():
                self._stopped.set_result(repr(self._error) if self._error else None)

    async def _receive(self) -> Message:
        self._receives += 1
        if self._receives == 1:
            return {"type": STARTUP}
        if not self._started.done():
            self._started.set_result("it asked for the next message without saying 'lifespan.startup.complete'")
        await self._shutdown.wait()
        return {"type": SHUTDOWN}

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        phase, _, outcome = kind.rpartition(".")
        said = {STARTUP: self._started, SHUTDOWN: self._stopped}.get(phase)
        if said is None or outcome not in ("complete", "failed"):
            raise RuntimeError(f"the app sent {kind!r}, which is no message of a lifespan")
        if not said.done():
            said.set_result(None if outcome == "complete" else str(message.get("message") or "it does not say why"))

    def _failed(self, message: str) -> StartupFailed:
        """Return the fault; what the app raises beside it has the traceback."""
        assert self._supervised is not None
        task = self._supervised.task
        for _ in range(TURNS_TO_RAISE):
            if not task.done():
                self._supervised.until(asyncio.ensure_future(asyncio.sleep(0), loop=self._runner.loop))
        task.cancel()
        if message.startswith(TRACEBACK):  # Starlette's message is the whole of it
            message = message.strip().splitlines()[-1]
        fault = StartupFailed(f"the app's startup failed: {message}", stack=None if self._error else ())
        return fault.with_traceback(self._error.__traceback__ if self._error else None)

    def _say(self) -> None:
        warn(f"the app's startup has not ended after {self._say_after_s:g} s; Lambda gives an initialization 10 s")

    def _give_up(self) -> None:
        if not self._started.done():
            self._started.set_result(f"it neither completed nor failed within {self._give_up_after_s:g} s")
