"""A connection on which a signal is seen at once, whenever it comes while the next event is waited for.

The interpreter looks for signals between instructions, and a system call that one interrupts begins anew behind it. One
that comes after the last look and before the call is seen by neither: the call goes on, for hours if nobody invokes
the function. So the wait is for two things, the reply and a pipe that the interpreter's own handler writes to
(`signal.set_wakeup_fd`).

The pipe is in its place only for that time, because event loops have theirs; what it was given meanwhile is handed on.
"""

import _signal as signal  # type: ignore[import-not-found]
from posix import O_CLOEXEC, O_NONBLOCK, pipe2, read, write
from select import POLLIN, poll

from pylambda.runtime_api.connection import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable

    from pylambda.runtime_api.wire import Reply

PIPE_BYTES = 1 << 12


class WakefulConnection(Connection):
    """A connection of a process whose main thread serves.

    Args:
        host: name or address of the far side.
        port: its port.
        is_idle: whether what is waited for is an event.
    """

    def __init__(self, host: str, port: int, is_idle: "Callable[[], bool]") -> None:
        super().__init__(host, port)
        self._is_idle = is_idle
        self._signalled, self._signal = pipe2(O_CLOEXEC | O_NONBLOCK)

    def _read_reply(self, connection: "socket") -> "Reply":
        if not self._unread and self._is_idle():
            self._wait(connection.fileno())
        return super()._read_reply(connection)

    def _wait(self, descriptor: int) -> None:
        both = poll()
        both.register(descriptor, POLLIN)
        both.register(self._signalled, POLLIN)
        others = signal.set_wakeup_fd(self._signal, warn_on_full_buffer=False)
        try:
            ready: list[int] = []
            while descriptor not in ready:
                ready = [each for each, _ in both.poll()]
                if self._signalled in ready:
                    self._hand_on(others)
        finally:
            signal.set_wakeup_fd(others, warn_on_full_buffer=False)
            self._hand_on(others)  # what came since, which a poll would find the next time only

    def _hand_on(self, others: int) -> None:
        """Take the signals' numbers out of the pipe, and give them to whose pipe, or socket, it stands for."""
        try:
            numbers = read(self._signalled, PIPE_BYTES)
            if others >= 0:
                write(others, numbers)
        except OSError:  # there are none; or so many that they know already
            pass
