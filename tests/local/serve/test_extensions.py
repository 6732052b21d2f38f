"""Extensions beside a worker: what they are told, that they freeze with it, and that they end after it."""

import json
from functools import partial
from pathlib import Path

import pytest

from tests.local.serve.conftest import Serve, Service, wait_for

FUNCTION = """
import os, time

def handler(event, context):
    if event.get("exit"):
        os._exit(3)
    time.sleep(event.get("s", 0))
    return os.getpid()
"""
# Notes what it is told beside itself, the last word it can say included.
EXTENSION = """#!/usr/bin/env python3
import http.client, json, os, pathlib

here = pathlib.Path(__file__)
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

def ask(method, path, body=None, **headers):
    api.request(method, "/2020-01-01/extension/" + path, body, headers)
    answer = api.getresponse()
    return answer.headers, answer.read()

def note(text):
    with here.with_name("told").open("a") as told:
        told.write(text + "\\n")

print("an extension speaks", flush=True)
names = {"Lambda-Extension-Name": here.name}
headers, _ = ask("POST", "register", json.dumps({"events": ["INVOKE", "SHUTDOWN"]}), **names)
note(f"registered {os.getpid()}")
mine = {"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}
while True:
    event = json.loads(ask("GET", "event/next", **mine)[1])
    note(json.dumps(event))
    if event["eventType"] == "SHUTDOWN":
        break
"""


class Watcher:
    """What an extension was told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._told = folder / "told"

    def told(self) -> list[str]:
        return self._told.read_text().splitlines() if self._told.exists() else []

    def events(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.told() if line.startswith("{")]

    def pid(self) -> int:
        wait_for(self.told, "registration")
        return int(self.told()[0].split()[1])


@pytest.fixture
def watcher(tmp_path: Path) -> Watcher:
    folder = tmp_path / "extensions"
    folder.mkdir()
    (folder / "watcher").write_text(EXTENSION)
    (folder / "watcher").chmod(0o755)
    (folder / "notes.txt").write_text("no program")
    return Watcher(folder)


def served(serve: Serve, watcher: Watcher, *flags: str) -> Service:
    return serve(FUNCTION, "--extensions-dir", str(watcher.folder), "--concurrency", "1", *flags)


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_an_extension_is_told_of_invocations_and_of_the_end(serve: Serve, watcher: Watcher) -> None:
    service = served(serve, watcher)
    service.wait_for_output(r"worker 1 \| an extension speaks")
    watcher.pid()
    request_id = service.invoke().headers["x-amzn-requestid"]
    wait_for(watcher.events, "event")
    assert service.stop() == 0
    first, last = watcher.events()
    assert (first["eventType"], first["requestId"]) == ("INVOKE", request_id)
    assert first["tracing"]["type"] == "X-Amzn-Trace-Id"  # type: ignore[index]
    assert (last["eventType"], last["shutdownReason"]) == ("SHUTDOWN", "spindown")


@pytest.mark.parametrize(
    ("event", "reason"), [('{"exit": 1}', "failure"), ('{"s": 30}', "timeout")], ids=["exit", "timeout"]
)
def test_an_extension_is_told_why_its_worker_ended(serve: Serve, watcher: Watcher, event: str, reason: str) -> None:
    service = served(serve, watcher, "--timeout", "1")
    watcher.pid()
    assert "x-amz-function-error" in service.invoke(event).headers
    wait_for(lambda: [each for each in watcher.events() if each.get("shutdownReason") == reason], "shutdown")
    # And the next worker has an extension of its own
    assert service.invoke().json() > 0
    wait_for(lambda: sum(line.startswith("registered") for line in watcher.told()) >= 2, "another extension")


def test_an_extension_freezes_with_its_worker_and_not_before_it_is_done(serve: Serve, watcher: Watcher) -> None:
    service = served(serve, watcher, "--freeze")
    pid = watcher.pid()
    for number in range(1, 4):
        worker = service.invoke().json()
        wait_for(partial(is_stopped, worker), "frozen worker")
        wait_for(partial(is_stopped, pid), "frozen extension")
        assert len(watcher.events()) == number
    # And it hears of the end all the same
    assert service.stop() == 0
    assert watcher.events()[-1]["eventType"] == "SHUTDOWN"


def test_an_extension_that_does_not_start_is_named(serve: Serve, watcher: Watcher) -> None:
    broken = watcher.folder / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    service = served(serve, watcher)
    service.wait_for_output("extension broken cannot be started: No such file or directory")
    watcher.pid()
    assert service.invoke().json() > 0


def test_extensions_are_left_out_where_that_is_asked_for(serve: Serve, watcher: Watcher) -> None:
    service = served(serve, watcher, "--no-extensions")
    service.invoke()
    assert len(service.workers()) == 1
    assert watcher.told() == []


def test_a_reload_ends_the_extension_of_the_old_worker(serve: Serve, watcher: Watcher) -> None:
    service = served(serve, watcher)
    old = watcher.pid()
    service.invoke()
    (service.folder / "app.py").write_text(FUNCTION + "\n# changed\n")
    wait_for(lambda: not Path(f"/proc/{old}").exists(), "end of the old extension")
    assert watcher.events()[-1]["eventType"] == "SHUTDOWN"
