"""The end in good order: `on_shutdown` hooks, the newest first, then `atexit`, then the process is gone.

    SIGTERM while the next event is waited for    at once
            during an invocation                  when it is answered, or GRACE_S later where it takes longer
            again, or while hooks run             nothing more

What ends the wait, or a handler that takes too long, is an exception: so `finally` blocks run, and hooks find the event
loop free. It is a `SystemExit`, because `asyncio` lets no other exception through its callbacks.

The platform kills what is left 300 ms after the signal beside an extension of the user's, 500 ms after it otherwise.
Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html, "Shutdown phase".
"""

import _signal as signal  # type: ignore[import-not-found]
import _thread
import atexit
import sys
import time
from posix import getpid, register_at_fork

from pylambda.lifecycle import hooks
from pylambda.lifecycle.gate import Gate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    from pylambda.function.aio import Runner
    from pylambda.runtime_api.connection import Connection
    from pylambda.runtime_api.invocation import Current, Invocation, InvocationSource

# What an invocation gets of the platform's 300 ms; the hooks have the rest.
GRACE_S = 0.2


class Terminated(SystemExit):
    """Raised in the main thread on SIGTERM, where the process is to end."""

    def __init__(self) -> None:
        super().__init__(0)

    def __repr__(self) -> str:
        return "Terminated by SIGTERM"


class Shutdown:
    """Ends one process in good order, once.

    Args:
        current: the invocation is taken from it, because hooks belong to none.
        runner: gives the event loop, for hooks that are asynchronous.
        log: is told of what a hook raises.

    Attributes:
        idle: whether nothing is lost if the process ends now.
        asked: whether there was a SIGTERM.
    """

    def __init__(
        self, current: "Current", runner: "Callable[[], Runner]", log: "Callable[[BaseException], object]"
    ) -> None:
        self.idle = False
        self.asked = False
        self._current = current
        self._runner = runner
        self._log = log
        self._pid = getpid()
        self._overdue = False
        self._ending = False

    def listen(self) -> None:
        """Take SIGTERM over, in the main thread. A handler that the function has set is called last of all hooks."""
        previous = signal.signal(signal.SIGTERM, self._on_sigterm)
        if _is_users(previous):
            hooks.SHUTDOWN.insert(0, lambda: _call(previous))
        register_at_fork(after_in_child=lambda: self._leave_to_parent(previous))

    def gate(self, api: "InvocationSource") -> Gate:
        """Return the Runtime API with a gate that closes on SIGTERM."""
        return _Gate(api, self)

    def connection(self, endpoint: str) -> "Connection":
        """Return what a client is to use as its connection, so that SIGTERM always ends the wait for an event."""
        from pylambda.lifecycle.wakeup import WakefulConnection
        from pylambda.runtime_api.client import parse_endpoint

        host, port, _ = parse_endpoint(endpoint)
        return WakefulConnection(host, port, lambda: self.idle)

    def stop_if_asked(self) -> None:
        """Raise `Terminated` where there was a SIGTERM."""
        if self.asked:
            self._ending = True
            raise Terminated

    def run_hooks(self) -> None:
        """Run the hooks that have not run, in this process and not in one that it forked."""
        if getpid() != self._pid:
            return
        self._ending = True
        self._current.invocation = None
        hooks.run_each(hooks.newest_first(hooks.SHUTDOWN), self._runner, self._log)

    def _on_sigterm(self, number: int, frame: "FrameType | None") -> None:
        if self._ending:
            return
        if self.idle or self._overdue:
            self.asked = self._ending = True
            raise Terminated
        if not self.asked:
            self.asked = True
            self._interrupt_later()

    def _interrupt_later(self) -> None:
        def interrupt() -> None:
            time.sleep(GRACE_S)
            self._overdue = True
            signal.pthread_kill(main, signal.SIGTERM)

        main = _thread.get_ident()  # signal handlers run in no other thread
        # Not by `threading`, a lock of which the code that was interrupted may hold.
        _thread.start_new_thread(interrupt, ())

    def _leave_to_parent(self, previous: "Any") -> None:
        """Let SIGTERM do to a child that the function forked what it would do without a runtime."""
        if signal.getsignal(signal.SIGTERM) == self._on_sigterm:
            signal.signal(signal.SIGTERM, previous if _is_users(previous) else signal.SIG_DFL)


class _Gate(Gate):
    """Asks for no event after a SIGTERM, and tells when the process waits for one.

    Args:
        api: what is behind it.
        shutdown: knows of the signal.
    """

    def __init__(self, api: "InvocationSource", shutdown: Shutdown) -> None:
        super().__init__(api)
        self._shutdown = shutdown

    def may_ask(self) -> bool:
        return not self._shutdown.asked

    def next(self) -> "Invocation":
        shutdown = self._shutdown
        shutdown.stop_if_asked()
        shutdown.idle = True
        try:
            return self._api.next()
        finally:
            shutdown.idle = False


def run_atexit() -> None:
    """Run what `atexit` has, and write out what was printed: for an end that the interpreter takes no part in."""
    atexit._run_exitfuncs()
    for stream in sys.stdout, sys.stderr:
        try:
            stream.flush()
        except Exception:  # closed, or of a class of the function's own
            pass


def has_handler() -> bool:
    """Whether the function has set a SIGTERM handler of its own."""
    return _is_users(signal.getsignal(signal.SIGTERM))


def _is_users(handler: "Any") -> bool:
    return callable(handler) and not str(getattr(handler, "__module__", "")).startswith("pylambda.")


def _call(handler: "Any") -> None:
    try:
        handler(signal.SIGTERM, None)
    except SystemExit:  # how such a handler usually ends
        pass
