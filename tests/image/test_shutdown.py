"""How a function in a container ends: `docker stop` with the runtime as process 1, and below the emulator."""

from pathlib import Path

import pytest

from tests.contract.fake_api import FakeRuntimeApi
from tests.contract.script import Next
from tests.image.cli import Container, Image, Start, until

pytestmark = [pytest.mark.needs("engine"), pytest.mark.variant("slim"), pytest.mark.timeout(600)]

APP = """\
import asyncio, atexit, os, pylambda
atexit.register(print, "atexit")
@pylambda.on_shutdown
async def close():
    await asyncio.sleep(0)
    print("closed by", os.getpid())
@pylambda.on_shutdown
def flush():
    print("flushed")
def handler(event, context):
    return os.getpid()
"""
QUICK_S = 3


@pytest.fixture
def function(tmp_path: Path) -> tuple[str, str]:
    """The option that puts the function into a container."""
    app = tmp_path / "app.py"
    app.write_text(APP)
    return "--volume", f"{app}:/var/task/app.py:ro"


def said(container: Container) -> list[str]:
    ours = ("flushed", "closed", "atexit")
    return [line for line in container.logs().splitlines() if line.startswith(ours)]


def test_as_process_1_it_runs_its_hooks_and_exits_with_0(image: Image, start: Start, function: tuple[str, str]) -> None:
    # Given a function that has answered, in a container that has a Runtime API, as in Lambda
    with FakeRuntimeApi(Next(1)) as api:
        options = (*function, "--network", "host", "--env", f"AWS_LAMBDA_RUNTIME_API={api.address}")
        container = start(image.tag, "app.handler", options=options)
        until(lambda: api.idle, "an answer")
        assert [request.json for request in api.requests if request.endpoint == "response"] == [1]
        # When the container is stopped
        took_s = container.stop()
    # Then the hooks ran in good order
    assert said(container) == ["flushed", "closed by 1", "atexit"]
    assert container.inspect("State")["ExitCode"] == 0
    assert took_s < QUICK_S


def test_below_the_emulator_it_runs_its_hooks(image: Image, start: Start, function: tuple[str, str]) -> None:
    # Given a function that has answered behind the emulator, which is process 1
    container = start(image.tag, "app.handler", options=function)
    pid = container.invoke()
    assert pid != 1
    # When the container is stopped, then the emulator hands the signal on, because an extension is registered
    assert container.stop() < QUICK_S
    assert said(container) == ["flushed", f"closed by {pid}", "atexit"]
