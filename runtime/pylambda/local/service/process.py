"""A process group that was started: watched, frozen, killed."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress

from pylambda.local.service.output import Output
from pylambda.local.service.program import Program, watched

# In the first one a connection is read that had become readable together with the end; in the next one whoever waits
# for what it said is woken.
TURNS = 3
FIRST_PROCESS = 1


class ProcessGroup:
    """A program and whatever it starts.

    Args:
        program: it runs.
        output: takes what it prints.
        on_exit: called once it has ended, with the code as in `Popen.returncode`.
    """

    def __init__(self, program: Program, *, output: Output, on_exit: Callable[[int], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_exit = on_exit
        self._popen = program.popen
        self.name = program.name
        self.pid = program.pid
        self.signal = program.signal
        self.frozen = False
        self.ended = asyncio.Event()
        output.begin(program.reader)
        self._watch()

    def _watch(self) -> None:
        try:
            descriptor = os.pidfd_open(self.pid)
        except (AttributeError, OSError):  # not Linux, or no descriptor left
            threading.Thread(target=self._wait, daemon=True).start()
            return

        def reap() -> None:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
            self._end()

        self._loop.add_reader(descriptor, reap)

    def _wait(self) -> None:
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with suppress(RuntimeError):  # the loop is closed: nobody asks any more
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        code = self._popen.wait()
        watched.discard(self.pid)
        # Children that outlived their parent have nobody to work for.
        self.signal(signal.SIGKILL)
        self._tell(code, TURNS)
        if os.getpid() == FIRST_PROCESS:
            reap_orphans()

    def _tell(self, code: int, turns: int) -> None:
        """Tell of the end, a few turns of the loop later: what it had sent before is read first."""
        if turns:
            self._loop.call_soon(self._tell, code, turns - 1)
            return
        self.ended.set()
        self._on_exit(code)

    def is_alive(self) -> bool:
        """Return whether the program runs; it may have ended a moment ago and not have been noticed yet."""
        return self._popen.poll() is None

    def freeze(self) -> None:
        """Stop everything in the group, as Lambda stops an environment between invocations."""
        self.signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        """Let it go on."""
        if self.frozen:
            self.frozen = False
            self.signal(signal.SIGCONT)

    async def stop(self, grace_s: float) -> None:
        """End it: SIGTERM, and after so many seconds SIGKILL."""
        if not self.ended.is_set():
            self.signal(signal.SIGTERM)
            self.thaw()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), grace_s)
        self.signal(signal.SIGKILL)
        await self.ended.wait()


def reap_orphans() -> None:
    """Let go of children of workers that outlived their parents, as the first process of a container has to.

    It stops at a process group's own program, whose end is noticed by itself and asks again.
    """
    with suppress(ChildProcessError):
        while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if found.si_pid in watched:
                return
            os.waitpid(found.si_pid, os.WNOHANG)
