"""What a process prints, as lines, read as it comes.

One pipe takes both streams, so that the order is what happened. It is read without waiting whenever something is
there, and once more when an answer arrives: what a function printed before it answered is in the pipe by then.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

READ_BYTES = 1 << 16
# A line without an end is passed on at this length: a process that prints no line end must not fill the memory.
LONGEST_LINE = 1 << 20


class Output:
    """A pipe for a child, and the lines that come out of it.

    Args:
        on_line: told each line, without its end.
    """

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = b""
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)

    def begin(self) -> None:
        """Read from now on. The child has its end, ours is closed."""
        self._close_writer()
        asyncio.get_running_loop().add_reader(self._reader, self.drain)

    def _close_writer(self) -> None:
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def drain(self) -> None:
        """Pass on what is there now."""
        while self._reader >= 0:
            try:
                data = os.read(self._reader, READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                self.close()
                return
            *lines, self._rest = (self._rest + data).split(b"\n")
            if len(self._rest) > LONGEST_LINE:
                lines, self._rest = [*lines, self._rest], b""
            for line in lines:
                self._on_line(line.decode("utf-8", "replace"))
            if len(data) < READ_BYTES:
                return

    def close(self) -> None:
        """Read no more; a last line without an end is passed on."""
        if self._reader < 0:
            return
        self._close_writer()
        with suppress(RuntimeError):
            asyncio.get_running_loop().remove_reader(self._reader)
        os.close(self._reader)
        self._reader = -1
        if self._rest:
            rest, self._rest = self._rest, b""
            self._on_line(rest.decode("utf-8", "replace"))
