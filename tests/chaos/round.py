"""One round: a runtime in one mode, a Runtime API that follows a plan, and a harness that plays the platform's part.

Where the process ends, as it is entitled to now and then, the platform fails what was in flight and starts another one.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.chaos import oracle
from tests.chaos.modes import MODES, Mode
from tests.chaos.plan import Trial, draw
from tests.chaos.unruly_api import UnrulyApi
from tests.contract.runtime_process import BOOTSTRAP, Runtime, Serving

FUNCTIONS = Path(__file__).parent / "functions"
FILES = {path.name: path.read_text() for path in FUNCTIONS.glob("*.py")}
# Invocations between two looks at the process.
BATCH = 50
# For a batch, on a loaded machine: nothing of it takes long, but what is started anew.
BOUND_S = 60.0
# What allocators keep of large events, and a look between two of them finds. `make soak` looks closer.
GROWTH_KIB = 16_384
SETTLE_S = 2.0
LOOK_EVERY_S = 0.005
# A row of dead workers is waited for longer and longer; so few of them in a round.
MOST_DEATHS = 12
WORKER_ENDED = re.compile(r"^pylambda: worker \d+ ended", re.MULTILINE)
# A folder that is soon full, in a namespace of the runtime's own.
SMALL_TMP = 'mount -t tmpfs -o size=1m none "$TMPDIR" && exec "$0"'


class Size(NamedTuple):
    """What a runtime has, all processes of it together."""

    descriptors: int
    threads: int
    rss_kib: int


@dataclass
class Outcome:
    """What a round came to.

    Attributes:
        faults: how many things went wrong on purpose.
        invocations: among how many.
        starts: of a process.
        took_s: how long it took.
        wrong: what must not be.
    """

    faults: int = 0
    invocations: int = 0
    starts: int = 0
    took_s: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(
            self.faults + other.faults,
            self.invocations + other.invocations,
            self.starts + other.starts,
            self.took_s + other.took_s,
            self.wrong + other.wrong,
        )


def play(name: str, seed: int, faults: int, folder: Path) -> Outcome:
    """Play a round: most of it with what no process may end of, the rest with everything.

    Args:
        name: of the mode.
        seed: of everything in it.
        faults: at least so many.
        folder: for the function and what it prints.
    """
    mode = MODES[name]
    outcome = Outcome()
    began = time.monotonic()
    try:
        for may_end, share in ((False, 0.8), (True, 0.2)):
            random = Random(f"{name} {seed} {may_end}")
            trials = _draw(random, mode, int(faults * share), may_end=may_end)
            _play_part(mode, trials, folder / str(may_end), outcome, may_end=may_end)
    except AssertionError as hung:
        outcome.wrong.append(str(hung))
    outcome.took_s = time.monotonic() - began
    return outcome


def _draw(random: Random, mode: Mode, faults: int, *, may_end: bool) -> Iterator[Trial]:
    """Draw invocations with so many faults, and one without any at the end: what can still be served is well."""
    number = drawn = deaths = 0
    while drawn < faults:
        may_die = may_end and not (mode.at_once > 1 and deaths >= MOST_DEATHS)
        trial = draw(random, mode, number, may_end=may_end, may_die=may_die)
        deaths += trial.is_deadly
        drawn += trial.faults
        number += 1
        yield trial
    while True:
        trial = draw(random, mode, number, may_end=False, may_die=False)
        number += 1
        if not trial.faults:
            yield trial
            return


def _play_part(mode: Mode, trials: Iterator[Trial], folder: Path, outcome: Outcome, *, may_end: bool) -> None:
    folder.mkdir(parents=True)
    with UnrulyApi(mode) as api:
        part = _Part(mode, api, Runtime(folder), outcome)
        while batch := [trial for _, trial in zip(range(BATCH), trials, strict=False)]:
            api.plan_for(batch)
            part.serve()
        part.stop(may_die=may_end)
        outcome.wrong += api.complaints
        for request_id, trial in api.trials.items():
            outcome.faults += trial.faults
            outcome.invocations += 1
            excused = request_id in part.excused
            wrong = oracle.judge(mode, request_id, trial, api.answers[request_id], excused=excused)
            outcome.wrong += [f"{trial.token} ({trial.do or 'echo'}) {what}" for what in wrong]


class _Part:
    """A part of a round: one runtime after the other on one Runtime API."""

    def __init__(self, mode: Mode, api: UnrulyApi, runtime: Runtime, outcome: Outcome) -> None:
        self.excused: set[str] = set()
        self._mode = mode
        self._api = api
        self._runtime = runtime
        self._outcome = outcome
        self._serving: Serving | None = None
        self._sizes: list[Size] = []

    def serve(self) -> None:
        """Serve what was planned, and look at the process behind it."""
        while True:
            if self._serving is None:
                self._start()
            assert self._serving is not None
            serving = self._serving
            self._wait_until_at_rest(serving)
            if not serving.ended:
                self._sizes.append(self._settled_size(serving.pid))
                return
            self._bury(serving)

    def _wait_until_at_rest(self, serving: Serving) -> None:
        """Return when every place of the runtime waits for an event and there is none, or when it has ended.

        Raises:
            AssertionError: it hangs.
        """
        api = self._api
        try:
            api.wait_until(
                lambda: serving.ended or (api.idle and api.waiting >= self._mode.at_once), "", deadline_s=BOUND_S
            )
        except AssertionError:
            trials = [api.trials[request_id] for request_id in api.in_flight]
            held = [f"{it.token} ({it.do or 'echo'}, {it.replies}, {it.answers})" for it in trials]
            raise AssertionError(
                f"it hangs: {api.waiting} of {self._mode.at_once} places wait, and these were not answered: {held}\n"
                f"{serving.output('err')[-6000:]}"
            ) from None

    def stop(self, *, may_die: bool) -> None:
        """End the runtime, and look whether it has grown, or lost a worker that had no reason to end."""
        if self._serving is not None:
            said = self._serving.output("err")
            if not may_die and WORKER_ENDED.search(said):
                self._outcome.wrong.append(f"a worker ended without a reason: {said[-2000:]}")
            self._look_for_growth()
            self._context.__exit__(None, None, None)

    def _start(self) -> None:
        self._outcome.starts += 1
        tmp = self._runtime.folder / f"tmp-{self._outcome.starts}"
        tmp.mkdir()
        command = ["unshare", "--mount", "sh", "-c", SMALL_TMP, str(BOOTSTRAP)] if _may_mount() else None
        env = {"TMPDIR": str(tmp), **self._mode.env}
        self._context = self._runtime.start_on(self._api, self._mode.handler, files=FILES, env=env, command=command)
        self._serving = self._context.__enter__()
        self._sizes = []
        self._api.given.clear()

    def _bury(self, serving: Serving) -> None:
        """Fail what was in flight, as the platform does, and look whether the end had a reason."""
        held = self._api.in_flight
        given = [self._api.trials[request_id] for request_id in self._api.given]
        said = serving.output("err")
        if not any(trial.ends or trial.misdeed.ends for trial in given):
            self._outcome.wrong.append(f"the process ended without a reason: {said[-2000:]}")
        if "Traceback" in said:
            self._outcome.wrong.append(f"the process ended with a traceback: {said[-4000:]}")
        for request_id in held:
            self.excused.add(request_id)
            self._api.expire(request_id)
        self._context.__exit__(None, None, None)
        self._serving = None

    def _settled_size(self, session: int) -> Size:
        """Return what there is once the threads that a function has started have ended, or does not end."""
        deadline = time.monotonic() + SETTLE_S
        while True:
            size = _size_of_session(session)
            before = self._sizes[-1] if self._sizes else size
            if (size.descriptors, size.threads) <= (before.descriptors, before.threads) or time.monotonic() > deadline:
                return size
            time.sleep(LOOK_EVERY_S)

    def _look_for_growth(self) -> None:
        if self._outcome.starts > 1:
            return
        before, after = self._sizes[len(self._sizes) // 4], self._sizes[-1]
        for name, slack in (("descriptors", 0), ("threads", 0), ("rss_kib", GROWTH_KIB)):
            if getattr(after, name) > getattr(before, name) + slack:
                self._outcome.wrong.append(f"{name} grew: {[getattr(size, name) for size in self._sizes]}")


def size_of(pid: int) -> Size:
    """Return what a process has. Raises OSError where it has ended."""
    folder = Path(f"/proc/{pid}")
    rss = re.search(r"^VmRSS:\s*(\d+)", (folder / "status").read_text(), re.MULTILINE)
    return Size(len(os.listdir(folder / "fd")), len(os.listdir(folder / "task")), int(rss[1]) if rss else 0)


def _size_of_session(session: int) -> Size:
    """Return what the processes of a session have; those that end meanwhile have nothing."""
    sizes = [Size(0, 0, 0)]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[3]) == session:
                sizes.append(size_of(int(stat.parent.name)))
    return Size(*map(sum, zip(*sizes, strict=True)))


@cache
def _may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        command = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=1m none "$1"', "sh", folder]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
