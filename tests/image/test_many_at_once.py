"""Several invocations at once behind the real emulator, which serves so many where the variable says so.

There it starts the runtime at once, as another user, and hands each event to a `/next` that waits.
"""

import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.image.cli import Container, Image, Start, until

pytestmark = [pytest.mark.needs("engine"), pytest.mark.variant("slim"), pytest.mark.timeout(600)]

# Nobody passes before all are here: so all are in flight at the same time.
TOGETHER = """\
import os, threading, time
from pathlib import Path
here = Path("/tmp/here")
here.mkdir(exist_ok=True)
def handler(event, context):
    if event.get("die"):
        os.kill(os.getpid(), 9)
    (here / context.aws_request_id).touch()
    while len(list(here.iterdir())) < event["together"]:
        time.sleep(0.01)
    return [event["n"], os.getpid()]
"""
ASYNC = TOGETHER.replace("import os", "import asyncio, os").replace("def handler", "async def handler").replace(
    "time.sleep", "await asyncio.sleep"
)  # fmt: skip
AT_ONCE = 64
TIMEOUT_S = 60


def function(tmp_path: Path, source: str, at_once: int, mode: str) -> tuple[str, ...]:
    """The options that put a function and a mode into a container."""
    app = tmp_path / "app.py"
    app.write_text(source)
    variables = {
        "AWS_LAMBDA_MAX_CONCURRENCY": at_once, "PYLAMBDA_CONCURRENCY": mode, "AWS_LAMBDA_FUNCTION_TIMEOUT": TIMEOUT_S,
    }  # fmt: skip
    options = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    return (*options, "--volume", f"{app}:/var/task/app.py:ro")


def post(container: Container, event: object) -> tuple[Any, str | None]:
    """Invoke as soon as a place is free; return the answer, and the error's type where it is one."""
    request = urllib.request.Request(
        f"{container.url}/2015-03-31/functions/function/invocations",
        json.dumps(event).encode(),
        {"Content-Type": "application/json"},
    )
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:
                return json.loads(reply.read()), reply.headers["Error-Type"]
        except urllib.error.HTTPError as refused:
            refusal = json.loads(refused.read())
            assert refusal["errorType"] == "Runtime.Unavailable", refusal
            assert time.monotonic() < deadline, container.logs()
            time.sleep(0.05)


def count_waiting(container: Container) -> int:
    """How many invocations have come to the function."""
    return int(container.says("sh", "-c", "ls /tmp/here | wc -l"))


@pytest.mark.parametrize(("mode", "source"), [("process", TOGETHER), ("thread", TOGETHER), ("async", ASYNC)])
def test_sixty_four_are_in_flight_at_once_and_none_is_lost(
    image: Image, start: Start, tmp_path: Path, mode: str, source: str
) -> None:
    # Given a function that answers once sixty-four invocations are there
    container = start(image.tag, "app.handler", options=function(tmp_path, source, AT_ONCE, mode))
    container.wait_until_it_answers()
    # When it is invoked so often
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda n: post(container, {"n": n, "together": AT_ONCE}), range(AT_ONCE)))
    # Then each has its own answer
    assert [answer[0] for answer, _ in found] == list(range(AT_ONCE))
    assert {error for _, error in found} == {None}
    assert len({answer[1] for answer, _ in found}) == (AT_ONCE if mode == "process" else 1)


def test_a_worker_that_is_killed_costs_its_own_invocation_and_the_caller_hears_at_once(
    image: Image, start: Start, tmp_path: Path
) -> None:
    # Given eight workers, seven of which serve
    container = start(image.tag, "app.handler", options=function(tmp_path, TOGETHER, 8, "process"))
    container.wait_until_it_answers()
    with ThreadPoolExecutor(8) as pool:
        others = [pool.submit(post, container, {"n": n, "together": 8}) for n in range(7)]
        until(lambda: count_waiting(container) == 7, "seven invocations")
        # When the eighth kills its process
        before = time.monotonic()
        answer, error = post(container, {"die": True})
        took_s = time.monotonic() - before
        # Then its caller hears long before the time is up
        assert error == "Runtime.ExitError"
        assert answer["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
        assert took_s < TIMEOUT_S / 4
        # And the others answer, beside one that a new worker serves
        last = pool.submit(post, container, {"n": 7, "together": 8})
        assert sorted(future.result()[0][0] for future in [*others, last]) == list(range(8))
    assert "signal: killed; a new one is started at once" in container.logs()
