"""A round against `pylambda serve`: clients that misbehave and workers that are killed, beside clients that do not.

Every well-behaved call must be answered with its own result, or with the end of the worker that had it where one was
killed meanwhile. Once the others have left, the service has what it had before, and at its end nothing is left running.
"""

import os
import signal
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, redirect_stdout, suppress
from pathlib import Path
from random import Random

import httpx

from tests.chaos.round import FUNCTIONS, GROWTH_KIB, LOOK_EVERY_S, Outcome, Size, size_of
from tests.chaos.unruly_clients import CLIENTS, INVOKE, connect
from tests.local.serve.conftest import Service, serving, wait_for

SERVE = "serve"
WORKERS = 4
CALLERS = 6
# Faults between two looks at the service.
BATCH = 50
KILLS = 3
# What the service holds for each worker comes and goes with it; a client that is not let go of is one of many.
SLACK = 3 * WORKERS
BOUND_S = 60.0


def play(name: str, seed: int, faults: int, folder: Path) -> Outcome:
    """Play a round.

    Args:
        name: of this one, for the seed.
        seed: of everything in it.
        faults: at least so many.
        folder: for the function and what is printed.
    """
    outcome = Outcome(starts=1)
    began = time.monotonic()
    task = folder / "task"
    task.mkdir(parents=True)
    (task / "app.py").write_text((FUNCTIONS / "served.py").read_text())
    random = Random(f"{name} {seed}")
    try:
        with (folder / "said").open("w") as said, redirect_stdout(said), _served(task) as service:
            _Round(service, outcome).play(random, faults)
    except AssertionError:
        outcome.wrong.append(traceback.format_exc())
    outcome.took_s = time.monotonic() - began
    return outcome


def _served(task: Path) -> AbstractContextManager[Service]:
    return serving(task, "app.handler", ("--concurrency", str(WORKERS), "--no-reload", "--no-ui"), {})


class _Round:
    """One service, and what is done to it."""

    def __init__(self, service: Service, outcome: Outcome) -> None:
        self._service = service
        self._outcome = outcome
        self._kills_begun = self._kills_done = 0
        self._sizes: list[Size] = []

    def play(self, random: Random, faults: int) -> None:
        """Do so many things to it, and look at it in between."""
        self._call_many(0, lambda: True)
        while self._outcome.faults < faults:
            stopped = threading.Event()
            with ThreadPoolExecutor(1) as background:
                calls = background.submit(self._call_many, self._outcome.faults, stopped.is_set)
                try:
                    self._outcome.faults += self._misbehave(random)
                finally:
                    stopped.set()
                calls.result()
            self._sizes.append(self._size_at_rest())
        self._look_for_growth()

    def _misbehave(self, random: Random) -> int:
        """Be a batch of clients, and kill some workers; return how many faults that is."""
        kills = set(random.sample(range(BATCH), KILLS))
        open_ones: list[socket.socket] = []
        for number in range(BATCH):
            client = CLIENTS[random.choice(list(CLIENTS))]
            one = connect(self._service.url)
            open_ones.append(one)
            with suppress(OSError):  # the service has closed it already
                client(random, one)
            if number in kills:
                self._kill(random)
        for one in open_ones:
            one.close()
        return BATCH + KILLS

    def _kill(self, random: Random) -> None:
        workers = self._service.workers()
        if workers:
            victim = random.choice(workers)
            self._kills_begun += 1
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
            # Until it is gone it may be given one more call, which ends with it.
            wait_for(lambda: not Path(f"/proc/{victim}").exists(), "end of a worker that was killed")
            self._kills_done += 1

    def _call_many(self, first: int, is_over: object) -> None:
        assert callable(is_over)

        def call(caller: int) -> Iterator[str]:
            number = 0
            with httpx.Client(timeout=BOUND_S) as client:
                while number < 3 or not is_over():
                    number += 1
                    yield from self._call(client, f"t{first}-{caller}-{number}t")

        with ThreadPoolExecutor(CALLERS) as callers:
            for wrong in callers.map(lambda caller: list(call(caller)), range(CALLERS)):
                self._outcome.wrong += wrong

    def _call(self, client: httpx.Client, token: str) -> Iterator[str]:
        self._outcome.invocations += 1
        kills_before = self._kills_done
        try:
            answer = client.post(f"{self._service.url}{INVOKE}", json={"token": token, "takes_s": 0.002})
        except httpx.HTTPError as error:
            yield f"{token} was not answered: {error!r}"
            return
        died = answer.headers.get("x-amz-function-error") and answer.json().get("errorType") == "Runtime.ExitError"
        if died and self._kills_begun > kills_before:
            return
        if answer.status_code != 200 or answer.json() != {"token": token}:
            yield f"{token} was answered with {answer.status_code} {answer.text[:300]}"

    def _size_at_rest(self) -> Size:
        """Return what the service has once it has noticed who has left, or does not."""
        deadline = time.monotonic() + BOUND_S
        while True:
            size = size_of(self._service.process.pid)
            before = self._sizes[0] if self._sizes else size
            is_back = size.descriptors <= before.descriptors + SLACK and size.threads <= before.threads
            if is_back or time.monotonic() > deadline:
                return size
            time.sleep(LOOK_EVERY_S)

    def _look_for_growth(self) -> None:
        before, after = self._sizes[len(self._sizes) // 4], self._sizes[-1]
        for name, slack in (("descriptors", SLACK), ("threads", 0), ("rss_kib", GROWTH_KIB)):
            if getattr(after, name) > getattr(before, name) + slack:
                self._outcome.wrong.append(f"{name} grew: {[getattr(size, name) for size in self._sizes]}")
