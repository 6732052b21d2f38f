"""The moments of a process's life where several invocations are served at once: what differs from one that serves one.

SIGTERM ends every one in good order, hooks or none, because it may be serving. Where a supervisor forks the next
worker, a limit is an exit. The extension is registered by the first worker alone.
"""

import os
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from pylambda.faults import InvalidSetting
from pylambda.lifecycle import hooks
from pylambda.lifecycle.extension import register
from pylambda.lifecycle.life import Life
from pylambda.lifecycle.limits import Limits
from pylambda.lifecycle.shutdown import Shutdown, has_handler, run_atexit
from pylambda.log.sinks import warn
from pylambda.start.settings import ASYNC, PROCESS, THREAD
from pylambda.workers.supervisor import LEAVING

if TYPE_CHECKING:
    from pylambda.function.adapt import Adapted
    from pylambda.workers.host import Host
    from pylambda.workers.supervisor import Line


class SharedShutdown(Shutdown):
    """That of a process whose main thread serves nothing itself: a signal has no wait to end, it says so elsewhere.

    Attributes:
        on_signal: called once; set by whoever serves.
    """

    on_signal: "Callable[[], object]" = staticmethod(lambda: None)

    def _on_sigterm(self, number: int, frame: FrameType | None) -> None:
        if not self.asked:
            self.asked = True
            self.on_signal()


class WorkerLife(Life):
    """A process's life.

    Args:
        host: the parts of the process.
        mode: how it serves; empty where that is left to what the handler is.
        line: to the supervisor; None where there is none.

    Attributes:
        mode: how it serves, once `begin` has seen the handler.
    """

    def __init__(self, host: "Host", mode: str, line: "Line | None") -> None:
        super().__init__(host.settings, host.api, host.current, runner=host.runner, log=host.log, exit=host.exit)
        self.mode = mode
        self._line = line
        if line is not None:
            self._anew = None

    @property
    def limits(self) -> Limits | None:
        """Of the process; None where there are none."""
        if not (self._max_invocations or self._max_rss_mb):
            return None
        return Limits(self._max_invocations, self._max_rss_mb)

    def begin(self, adapted: "Adapted | None") -> None:
        """Run what is to be done in init.

        Raises:
            InvalidSetting: the mode is not for this handler.
            BaseException: what the first hook raises that fails.
        """
        is_async = adapted is not None and adapted.respond is not None
        self.mode = self.mode or (ASYNC if is_async else PROCESS)
        if self.mode == THREAD and adapted is not None and adapted.on_init is not None:
            raise InvalidSetting(
                "an ASGI app runs on one event loop, and threads would each have one",
                hint="set PYLAMBDA_CONCURRENCY to 'async' or 'process'",
                stack=(),
            )
        if self.mode != PROCESS and self._settings.deadline_dump_ms:
            raise InvalidSetting(
                f"PYLAMBDA_DEADLINE_DUMP_MS is one clock, and '{self.mode}' serves several invocations in one process",
                hint="set PYLAMBDA_CONCURRENCY to 'process', or unset it",
                stack=(),
            )
        super().begin(adapted)

    @property
    def asked_to_end(self) -> bool:
        """Whether there was a SIGTERM."""
        return self._shutdown is not None and self._shutdown.asked

    def on_signal(self, call: Callable[[], object]) -> None:
        """Have a function called on SIGTERM, once, instead of what `Shutdown` does."""
        assert isinstance(self._shutdown, SharedShutdown)
        self._shutdown.on_signal = call
        if self._shutdown.asked:
            call()

    def leave(self, reason: str) -> NoReturn:
        """End between two invocations, for a new process to take the place of this one."""
        self._start_anew(reason)

    def _prepare_the_end(self) -> None:
        wants_sigterm = bool(hooks.SHUTDOWN) or (self._settings.wants_sigterm and has_handler())
        kind = Shutdown if self.mode == PROCESS else SharedShutdown
        self._shutdown = kind(self._current, self._runner, self._log)
        self._shutdown.listen()
        is_first = self._line.is_first if self._line else not self._is_second
        if wants_sigterm and is_first:
            connection = register(self._settings.runtime_api, warn)
            self._registered += [connection] if connection else []

    def _start_anew(self, reason: str) -> NoReturn:
        if self._line is None:
            super()._start_anew(reason)
        warn(f"worker {self._line.number + 1} (process {os.getpid()}) ends: {reason}")
        self._line.say(LEAVING)
        assert self._shutdown is not None  # a limit is looked at once there is one
        self._shutdown.run_hooks()
        run_atexit()
        self._exit(0)
