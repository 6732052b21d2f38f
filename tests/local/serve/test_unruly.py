"""What nobody should do to `pylambda serve` costs nobody else an answer, and leaves nothing running."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.chaos import serving
from tests.chaos.unruly_clients import INVOKE
from tests.local.serve.conftest import Serve, Service, wait_for

# Stops where the event says, and tells by a file that it is there; it waits for another one that never comes.
STAGES = """
import os, time
from pathlib import Path
from pylambda import StreamingResponse, after_response, on_init

folder = Path(__file__).parent

def stop_at(stage):
    if (folder / "stop-at").read_text() == stage:
        (folder / "stop-at").write_text("")
        (folder / "there").write_text(str(os.getpid()))
        while True:
            time.sleep(1)

stop_at("import")

@on_init
def init():
    stop_at("init")

def deferred():
    stop_at("deferred")

def pieces():
    yield "one"
    stop_at("stream")
    yield "two"

def handler(event, context):
    if event == "stream":
        return StreamingResponse(pieces())
    stop_at("handler")
    after_response(deferred)
    stop_at("end")
    return event
"""


@pytest.fixture
def service(serve: Serve, tmp_path: Path) -> Service:
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "stop-at").write_text("")
    return serve(STAGES, "--concurrency", "1", "--no-reload")


@pytest.mark.parametrize("stage", ["import", "init", "handler", "end", "stream"])
def test_a_runtime_that_is_killed_costs_the_call_that_it_had(service: Service, stage: str) -> None:
    # Given a new worker, so that each stage is ahead of it
    os.kill(service.invoke('"first"').json() and service.workers()[0], signal.SIGKILL)
    (service.folder / "stop-at").write_text(stage)
    with ThreadPoolExecutor(1) as caller:
        call = caller.submit(service.invoke, f'"{stage}"')
        kill(service)
        assert call.result().headers["x-amz-function-error"] == "Unhandled"
        assert "killed" in call.result().json()["errorMessage"]
    assert service.invoke('"next"').json() == "next"


def test_a_runtime_that_is_killed_behind_its_answer_costs_nobody_one(service: Service) -> None:
    (service.folder / "stop-at").write_text("deferred")
    assert service.invoke('"it"').json() == "it"
    kill(service)
    assert service.invoke('"next"').json() == "next"


def kill(service: Service) -> None:
    there = service.folder / "there"
    pid = int(wait_for(lambda: there.exists() and there.read_text(), "worker at its stage"))
    there.unlink()
    os.kill(pid, signal.SIGKILL)


def test_two_hundred_at_once_are_each_given_their_own(serve: Serve) -> None:
    service = serve("def handler(event, context): return event", "--concurrency", "4")
    everybody = httpx.Limits(max_connections=None)
    with ThreadPoolExecutor(200) as callers, httpx.Client(limits=everybody, timeout=60) as client:
        url = f"{service.url}{INVOKE}"
        answers = list(callers.map(lambda number: client.post(url, json=number).json(), range(200)))
    assert answers == list(range(200))


def test_clients_that_misbehave_and_workers_that_are_killed_cost_nobody_else_an_answer(tmp_path: Path) -> None:
    outcome = serving.play(serving.SERVE, 7, 50, tmp_path)
    assert outcome.wrong == []
    assert outcome.faults >= 50
