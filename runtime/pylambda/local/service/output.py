"""What a process prints, as lines, read as it comes.

It is read without waiting whenever something is there, and once more when an answer arrives: what a function printed
before it answered is in the pipe by then.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

READ_BYTES = 1 << 16
# A line without an end is passed on at this length: a process that prints no line end must not fill the memory.
LONGEST_LINE = 1 << 20


class Output:
    """The lines that come out of a child's pipe.

    Args:
        on_line: told each line, without its end.
    """

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = b""
        self._reader = -1

    def begin(self, reader: int) -> None:
        """Read from this descriptor from now on; it does not block."""
        self._reader = reader
        asyncio.get_running_loop().add_reader(reader, self.drain)

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
        with suppress(RuntimeError):
            asyncio.get_running_loop().remove_reader(self._reader)
        os.close(self._reader)
        self._reader = -1
        if self._rest:
            rest, self._rest = self._rest, b""
            self._on_line(rest.decode("utf-8", "replace"))
