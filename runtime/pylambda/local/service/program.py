"""A program in a process group of its own, and the pipe that it prints to. It needs no event loop to be started."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

# Those whose end somebody waits for.
watched: set[int] = set()


class Program:
    """A program that was started.

    Args:
        command: the program and its arguments.
        environ: its environment.
        folder: its working directory.

    Attributes:
        name: the program's file.
        pid: the id of the process, and of its group.
        popen: what waits for it.
        reader: the pipe that both of its outputs go into, so that the order is what happened; reading does not wait.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, command: Sequence[str], *, environ: Mapping[str, str], folder: Path) -> None:
        self.name = Path(command[0]).name
        self.reader, writer = os.pipe()
        os.set_blocking(self.reader, False)
        try:
            self.popen = subprocess.Popen(
                command,
                env=dict(environ),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                start_new_session=True,  # Ctrl-C reaches this process alone, which then ends the group in order
            )
        except BaseException:
            os.close(self.reader)
            raise
        finally:
            os.close(writer)
        self.pid = self.popen.pid
        watched.add(self.pid)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
