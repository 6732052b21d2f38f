"""The moments of an environment's life, put together for a process that serves one invocation at a time.

    load -> on_init -> [registered for SIGTERM] -> [snapshot] -> invocations -> on_shutdown -> gone, or anew in place

Made only where there is something to do: the function named a hook, or a variable asks for more.
"""

from pylambda.faults import ExitError
from pylambda.function.handler import exit_code
from pylambda.lifecycle import hooks, middleware
from pylambda.log.sinks import warn
from pylambda.start.settings import OTEL_BEFORE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from pylambda.function.adapt import Adapted
    from pylambda.function.aio import Runner
    from pylambda.function.handler import Handler
    from pylambda.lifecycle.limits import Anew
    from pylambda.lifecycle.shutdown import Shutdown
    from pylambda.log.failures import Failure
    from pylambda.runtime_api.client import RuntimeApi
    from pylambda.runtime_api.connection import Connection
    from pylambda.runtime_api.invocation import Current, InvocationSource
    from pylambda.start.settings import Settings


class Life:
    """What happens besides invocations.

    Args:
        settings: what the environment asks for.
        api: the client; what is asked of it here is about no invocation.
        current: the invocation that is being served.
        runner: gives the event loop, for hooks that are asynchronous.
        log: logs a failure that belongs to no invocation and makes the report on it.
        exit: ends the process at once.

    Raises:
        InvalidSetting: a limit is no number, or a variable says a word that it cannot.
    """

    def __init__(
        self,
        settings: "Settings",
        api: "RuntimeApi",
        current: "Current",
        *,
        runner: "Callable[[], Runner]",
        log: "Callable[[BaseException], Failure]",
        exit: "Callable[[int], NoReturn]",
    ) -> None:
        self._settings = settings
        self._api = api
        self._current = current
        self._runner = runner
        self._log = log
        self._exit = exit
        self._shutdown: Shutdown | None = None
        self._registered: list[Connection] = []
        self._max_invocations = settings.max_invocations
        self._max_rss_mb = settings.max_rss_mb
        self._spans_leave = settings.otel
        self._anew = _anew() if self._max_invocations or self._max_rss_mb else None

    @property
    def around(self) -> "Callable[[Handler, bool], Handler] | None":
        """What puts the handler inside of its middleware and its span; None where there is neither.

        Raises:
            MissingDependency: spans are asked for, and cannot be had.
        """
        if self._spans_leave:
            from pylambda.lifecycle.tracing import Tracing

            return Tracing(self._settings.environ, before=self._spans_leave == OTEL_BEFORE).around
        return middleware.around if middleware.MIDDLEWARE else None

    def begin(self, adapted: "Adapted | None") -> None:
        """Run what is to be done in init: the function's hooks, then the handler's own. Get ready for the end.

        Args:
            adapted: the handler, where it is not a plain one.

        Raises:
            BaseException: what the first hook raises that fails.
            ExitError: it exits.
        """
        try:
            hooks.run(hooks.INIT, self._runner)
            if adapted is not None and adapted.on_init is not None:
                hooks.run((adapted.on_init,), self._runner)
        except (SystemExit, KeyboardInterrupt) as error:
            code = exit_code(error)
            message = f"an on_init hook raised {error!r}: the process exits with code {code}"
            raise ExitError(message, exit_code=code) from error
        if adapted is not None and adapted.on_shutdown is not None:
            hooks.SHUTDOWN.append(adapted.on_shutdown)
        self._prepare_the_end()

    def gated(self, api: "InvocationSource") -> "InvocationSource":
        """Return what a loop is to ask for invocations in the place of `api`."""
        if self._anew is not None:
            from pylambda.lifecycle.limits import Limited, Limits

            api = Limited(api, Limits(self._max_invocations, self._max_rss_mb), self._start_anew)
        return self._shutdown.gate(api) if self._shutdown else api

    def serve(self, run: "Callable[[], int]") -> int:
        """Go through the snapshot where one is taken, serve, and end in good order; return the exit code.

        Args:
            run: serves until the process is to end, and returns the exit code.

        Raises:
            ApiFault: the Runtime API cannot be used any more.
        """
        try:
            if self._shutdown:
                self._shutdown.idle = True
            code = self._pass_through_snapshot()
            return run() if code is None else code
        finally:
            if self._shutdown:
                self._shutdown.run_hooks()
                if self._shutdown.asked:
                    from pylambda.lifecycle.shutdown import run_atexit

                    run_atexit()
                    self._exit(0)

    def _prepare_the_end(self) -> None:
        """Where something is to be done on SIGTERM, see to it that the platform sends one."""
        wants_sigterm = self._settings.wants_sigterm
        if not hooks.SHUTDOWN and not wants_sigterm:
            return
        from pylambda.lifecycle.extension import register
        from pylambda.lifecycle.shutdown import Shutdown, has_handler

        if hooks.SHUTDOWN:
            self._shutdown = Shutdown(self._current, self._runner, self._log)
            self._shutdown.listen()
            self._api.connection = self._shutdown.connection(self._settings.runtime_api)
        elif not has_handler():
            return
        if not self._is_second:
            connection = register(self._settings.runtime_api, warn)
            self._registered += [connection] if connection else []

    def _pass_through_snapshot(self) -> int | None:
        if not self._settings.snap_start or self._is_second:
            return None
        from pylambda.lifecycle.snapshot import pass_through

        return pass_through(self._api, self._settings.environ, self._runner, self._log)

    @property
    def _is_second(self) -> bool:
        return self._anew is not None and self._anew.is_second

    def _start_anew(self, reason: str) -> "NoReturn":
        from pylambda.lifecycle.shutdown import run_atexit

        assert self._anew is not None
        warn(f"starting anew: {reason}")
        if self._shutdown:
            self._shutdown.run_hooks()
        run_atexit()
        self._anew.start(self._registered)


def _anew() -> "Anew":
    from pylambda.lifecycle.limits import Anew

    return Anew()
