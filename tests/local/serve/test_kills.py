"""Workers that are killed at any moment of their lives: while they start, wait, work or answer."""

import os
import random
import signal
import threading
from collections import Counter
from contextlib import suppress

from tests.local.serve.conftest import Serve, wait_for

CLIENTS, KILLS = 4, 15
# What a call takes differs, so that a kill meets all that a worker does.
ECHO = """
import time

def handler(event, context):
    time.sleep(event["n"] % 5 / 1000)
    return event
"""
KILLED = "Runtime exited with error: signal: killed"


def test_a_worker_may_be_killed_at_any_moment(serve: Serve) -> None:
    # Given clients that call without a pause
    service = serve(ECHO, "--concurrency", "3", "--no-reload", "--timeout", "60")
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    ends = threading.Event()

    def call_on(client: int) -> None:
        number = client
        while not ends.is_set():
            number += CLIENTS
            answer = service.invoke(f'{{"n": {number}}}')
            if "x-amz-function-error" in answer.headers:
                counts["killed"] += 1
                if KILLED not in answer.text:
                    wrong.append(answer.text)
            else:
                counts["served"] += 1
                if answer.json() != {"n": number}:
                    wrong.append(f"{number}: {answer.text}")

    def wait_for_answers(count: int) -> None:
        wait_for(lambda: counts["served"] >= count, "answers between two kills")

    clients = [threading.Thread(target=call_on, args=(client,)) for client in range(CLIENTS)]
    for thread in clients:
        thread.start()
    try:
        # When one worker after the other is killed, sooner or later after the last one
        chance = random.Random(20261125)
        for _ in range(KILLS):
            wait_for_answers(counts["served"] + chance.randrange(8))
            victims = wait_for(service.workers, "worker")
            with suppress(ProcessLookupError):
                os.kill(chance.choice(victims), signal.SIGKILL)
    finally:
        ends.set()
        for thread in clients:
            thread.join()

    # Then each call had its own answer, or was told of the kill, no kill cost more than one call, and all goes on
    assert wrong == []
    assert counts["killed"] <= KILLS
    assert counts["served"] > 0
    for number in range(10):
        assert service.invoke(f'{{"n": {number}}}').json() == {"n": number}
