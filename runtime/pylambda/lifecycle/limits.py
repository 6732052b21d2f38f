"""Limits of a long life: after so many invocations, or with so much memory held, a process ends between two of them.

The memory is looked at after each invocation, as the kernel counts it. Where one process serves the environment, its
exit would be a failure to the platform, which waits for it to ask for the next event: so the process starts itself
anew in place, `Anew`. The platform sees the same process, and the next event waits for the start.
"""

import posix
import sys

from pylambda.lifecycle.gate import Gate
from pylambda.start import environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from pylambda.runtime_api.connection import Connection
    from pylambda.runtime_api.invocation import Invocation, InvocationSource

PAGE_BYTES = posix.sysconf("SC_PAGE_SIZE")
MB = 1 << 20
# Tells the interpreter that starts in the place of this one. An option and no variable: the function sees neither.
MARK = "pylambda-anew"


class Limits:
    """What a process may serve and hold.

    Args:
        max_invocations: how many to serve; 0 for any number.
        max_rss_mb: how much memory to hold; 0 for any.
    """

    def __init__(self, max_invocations: int, max_rss_mb: int) -> None:
        self._max_invocations = max_invocations
        self._max_rss_mb = max_rss_mb
        self._statm = posix.open("/proc/self/statm", posix.O_RDONLY | posix.O_CLOEXEC) if max_rss_mb else -1

    def reached(self, served: int) -> str:
        """Return which limit is reached, in words; nothing where none is.

        Args:
            served: how many invocations were.
        """
        if self._max_invocations and served >= self._max_invocations:
            return f"{served} invocations were served"
        if self._max_rss_mb:
            rss_mb = int(posix.pread(self._statm, 256, 0).split()[1]) * PAGE_BYTES / MB
            if rss_mb > self._max_rss_mb:
                return f"{rss_mb:.0f} MB are held, {self._max_rss_mb} may be"
        return ""


class Limited(Gate):
    """Asks for no event once a limit is reached.

    Args:
        api: what is behind it.
        limits: of this process.
        end: called with the reason when a limit is reached, before the event would be asked for; does not return.
    """

    def __init__(self, api: "InvocationSource", limits: Limits, end: "Callable[[str], NoReturn]") -> None:
        super().__init__(api)
        self._limits = limits
        self._end = end
        self._served = 0
        self._has_asked = False  # for an event along with an answer: the platform counts on it

    def may_ask(self) -> bool:
        """Whether no limit is reached."""
        self._has_asked = not self._limits.reached(self._served)
        return self._has_asked

    def next(self) -> "Invocation":
        """Wait for the next invocation, or end."""
        if self._served and not self._has_asked and (reason := self._limits.reached(self._served)):
            self._end(reason)
        self._served += 1
        self._has_asked = False
        return self._api.next()


class Anew:
    """Starts this process anew in place: the same id, command, environment and working directory as at its start.

    What is open for children stays open, such as the platform's descriptor for logs. What the environment did once,
    the snapshot and the registration of the extension, is not done again: `is_second` says so there.
    """

    is_second = MARK in sys._xoptions

    def __init__(self) -> None:
        # Kept from the start: the function may write over what the kernel shows.
        self._environ = environment.original()
        self._folder = posix.getcwd()

    def start(self, keep: "Sequence[Connection]" = (), mark: str = MARK) -> "NoReturn":
        """Start anew.

        Args:
            keep: connections that stay open, though nobody will know of them.
            mark: tells the one that starts why it does.

        Raises:
            OSError: that is not possible.
        """
        for connection in keep:
            connection.outlive_this_program()
        posix.chdir(self._folder)
        marks = [] if mark in sys._xoptions else ["-X", mark]
        posix.execve(sys.executable, [sys.orig_argv[0], *marks, *sys.orig_argv[1:]], self._environ)
