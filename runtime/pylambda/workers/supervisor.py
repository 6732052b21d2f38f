"""Forks workers, answers for those that die, forks new ones. It serves nothing itself and so does not die with them.

    the first worker -> it is ready -> the others        what fails in init fails once, and is reported once
    a worker dies    -> what it held is answered -> a new one, after 0, 0.1, 0.2, ... 5 s
    SIGTERM          -> to the workers; when they have ended, the end

A worker that waits for an event is never ended from here: the platform would hand it one more. It has one line to its
supervisor, on which it says in a byte that it is ready, or why it will end. The line's other end closes when the
supervisor dies, and the kernel makes of that a SIGTERM for the worker.
"""

import fcntl
import os
import select
import signal
import socket
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from pylambda.faults import WorkersFailed
from pylambda.workers.ends import Crash, describe_end

if TYPE_CHECKING:
    from pylambda.workers.board import Board, Held

READY, READY_ALONE, FAILED, LEAVING = b"ready", b"alone", b"failed", b"leaving"
MAX_WORD_BYTES = 16
# How long a worker must have lived for its death not to count as one of a row.
HEALTHY_S = 30.0
FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 5.0
# What is left of the workers so long after a SIGTERM is killed: no less than a loaded machine takes. The platform does
# it sooner.
PATIENCE_S = 5.0


class Line:
    """A worker's line to its supervisor.

    Args:
        end: the worker's end of a socket pair.
        number: the worker's, from 0.
        is_first: whether there was none before it.
    """

    def __init__(self, end: socket.socket, number: int, *, is_first: bool) -> None:
        self.number = number
        self.is_first = is_first
        self._end = end

    def say(self, word: bytes) -> None:
        """Say READY or READY_ALONE, FAILED (init did, and the platform knows), LEAVING (a limit is reached)."""
        try:
            self._end.send(word)
        except OSError:  # the supervisor is gone, and a SIGTERM on its way
            pass

    def end_with_supervisor(self) -> None:
        """Have the kernel send this process SIGTERM when the supervisor dies."""
        descriptor = self._end.fileno()
        fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(descriptor, F_SETSIG, signal.SIGTERM)
        fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_ASYNC)


F_SETSIG = 10  # of Linux; `fcntl` has no name for it


class _Worker:
    """What the supervisor knows of one that lives."""

    def __init__(self, number: int, pid: int, line: socket.socket) -> None:
        self.number = number
        self.pid = pid
        self.line = line
        self.began = monotonic()
        self.is_ready = False
        self.said: set[bytes] = set()


class Supervisor:
    """Keeps a number of workers.

    Args:
        count: how many workers.
        places: how many invocations each serves at once.
        board: says what they hold.
        answer: tells the platform that an invocation failed with its worker.
        fail_init: tells it that there is no worker to begin with.
        warn: takes one line.
    """

    def __init__(
        self,
        count: int,
        places: int,
        board: "Board",
        *,
        answer: "Callable[[Held, Crash], None]",
        fail_init: Callable[[Crash], None],
        warn: Callable[[str], None],
    ) -> None:
        self._count = count
        self._places = places
        self._board = board
        self._answer = answer
        self._fail_init = fail_init
        self._warn = warn
        self._workers: dict[int, _Worker] = {}
        self._due: dict[int, float] = {0: 0.0}  # number of a worker to be forked: when
        self._deaths: dict[int, int] = {}  # how many in a row
        self._has_forked = False
        self._asked = False  # whether there was a SIGTERM
        self._told_at: float | None = None  # when the workers were sent it

    def run(self, work: Callable[[Line], int]) -> int:
        """Keep the workers until the end; return the exit code. In a worker, return what `work` returns.

        Args:
            work: is a worker's life.

        Raises:
            WorkersFailed: no worker can be forked, and there is none.
        """
        self._listen()
        while True:
            if self._asked and self._told_at is None:
                self._tell()
            for number in [number for number, due in self._due.items() if due <= monotonic()]:
                line = self._fork(number)
                if line is not None:
                    return work(line)
            self._wait()
            for worker in list(self._workers.values()):
                status = self._status_of(worker)
                self._hear(worker)
                if status is not None:
                    code = self._bury(worker, status)
                    if code is not None:
                        return code
            if self._told_at is not None and not self._workers:
                # While the interpreter ends it has no handler of its own, and one more would make the end another one.
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                return 0

    def _listen(self) -> None:
        """Have SIGCHLD and SIGTERM end a wait."""
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGTERM, self._on_sigterm)

    def _on_sigterm(self, number: int, frame: object) -> None:
        self._asked = True

    def _tell(self) -> None:
        self._told_at = monotonic()
        self._due.clear()
        self._send(signal.SIGTERM)

    def _send(self, number: int) -> None:
        for worker in self._workers.values():
            os.kill(worker.pid, number)  # it may be dead, but is not forgotten: its number is nobody else's

    def _wait(self) -> None:
        """Return when something has happened, or is due."""
        poll = select.poll()
        poll.register(self._wake_read, select.POLLIN)
        for worker in self._workers.values():
            if worker.line.fileno() >= 0:
                poll.register(worker.line, select.POLLIN)
        ends = list(self._due.values())
        if self._told_at is not None:
            ends.append(self._told_at + PATIENCE_S)
        timeout_ms = max(0.0, min(ends) - monotonic()) * 1000 + 1 if ends else None
        poll.poll(timeout_ms)
        try:
            os.read(self._wake_read, 512)
        except BlockingIOError:
            pass
        if self._told_at is not None and monotonic() > self._told_at + PATIENCE_S:
            self._send(signal.SIGKILL)

    def _fork(self, number: int) -> Line | None:
        """Fork a worker; return its line in the worker, and None in the supervisor."""
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        # A signal for the supervisor must not be taken for one to the worker, nor the other way round.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})
        try:
            pid = os.fork()
        except OSError as error:
            ours.close()
            its.close()
            self._cannot_fork(number, error)
            return None
        else:
            if pid:
                its.close()
                self._due.pop(number, None)
                self._workers[number] = _Worker(number, pid, ours)
                self._has_forked = True
                return None
            ours.close()
            self._leave()
            return Line(its, number, is_first=not self._has_forked)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def _leave(self) -> None:
        """In a worker: drop what is the supervisor's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.close(self._wake_read)
        os.close(self._wake_write)
        for worker in self._workers.values():
            worker.line.close()

    def _cannot_fork(self, number: int, error: OSError) -> None:
        if not self._workers:
            raise WorkersFailed(f"no worker can be started: {error}", hint="the function needs more memory") from error
        delay_s = self._delay(number, lived_s=0.0)
        self._warn(f"worker {number + 1} cannot be started, tried again in {delay_s:g} s: {error}")
        self._due[number] = monotonic() + delay_s

    def _hear(self, worker: _Worker) -> None:
        while worker.line.fileno() >= 0:
            try:
                word = worker.line.recv(MAX_WORD_BYTES)
            except (BlockingIOError, ConnectionResetError):
                return
            if not word:
                worker.line.close()  # the function has closed the other end: each wait would find this one at its end
                return
            worker.said.add(word)
            if word in (READY, READY_ALONE) and not worker.is_ready:
                worker.is_ready = True
                self._grow(alone=word == READY_ALONE)

    def _grow(self, *, alone: bool) -> None:
        """Have the others forked, once the first one is ready; one that serves all that there is to serve is alone."""
        if alone:
            self._count, self._places = 1, self._count * self._places
        if not self._asked:
            missing = set(range(self._count)) - self._workers.keys() - self._due.keys()
            self._due.update(dict.fromkeys(sorted(missing), 0.0))

    def _status_of(self, worker: _Worker) -> int | None:
        pid, status = os.waitpid(worker.pid, os.WNOHANG)
        return status if pid else None

    def _bury(self, worker: _Worker, status: int) -> int | None:
        """Answer what a dead worker held and see to the next one; return the exit code where there can be none."""
        del self._workers[worker.number]
        worker.line.close()
        crash = Crash(describe_end(status))
        for place in range(worker.number * self._places, (worker.number + 1) * self._places):
            held = self._board.read(place)
            if held is not None:
                self._board.clear(place)
                self._answer(held, crash)
        if self._asked:
            return None
        if LEAVING in worker.said:
            self._deaths.pop(worker.number, None)
            self._due[worker.number] = 0.0
            return None
        if not worker.is_ready and not any(other.is_ready for other in self._workers.values()):
            if FAILED not in worker.said:
                self._fail_init(crash)
            self._send(signal.SIGKILL)  # to those that are still in init
            return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) and status else 1
        delay_s = self._delay(worker.number, lived_s=monotonic() - worker.began)
        when = f"in {delay_s:g} s" if delay_s else "at once"
        self._warn(f"worker {worker.number + 1} ended: {crash.reason}; a new one is started {when}")
        self._due[worker.number] = monotonic() + delay_s
        return None

    def _delay(self, number: int, *, lived_s: float) -> float:
        """How long to wait before the next worker of a number: a row of deaths makes it longer."""
        deaths = 1 if lived_s >= HEALTHY_S else self._deaths.get(number, 0) + 1
        self._deaths[number] = deaths
        return 0.0 if deaths == 1 else min(LONGEST_DELAY_S, FIRST_DELAY_S * float(2 ** min(deaths - 2, 10)))
