"""Apps of real frameworks in a runtime of their own interpreter, and clients that reach them through a front door."""

import contextlib
import itertools
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.contract.fake_api import EXTENSION_ID
from tests.contract.http_side import Request
from tests.contract.raw_api import Peer, serving
from tests.contract.raw_api import Serving as Streaming
from tests.contract.runtime_process import CHECKOUT, Runtime, Serving
from tests.contract.script import Next
from tests.web.doors import DOORS, Client

FRAMEWORKS = CHECKOUT / ".cache" / "web-frameworks"
PYTHON = FRAMEWORKS / "bin" / "python"
APPS = Path(__file__).parent / "apps"
DEADLINE_MS = 60_000


class App:
    """A web app that is served.

    Args:
        serving: the runtime.
    """

    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self._numbers = itertools.count(1)

    def invoke(self, event: Any) -> Any:
        """Send an event; return the result.

        Raises:
            AssertionError: the invocation failed.
        """
        answer = self.answer_to(self.give(event))
        assert answer.endpoint == "response", answer.json
        return answer.json

    def give(self, event: Any) -> str:
        """Send an event; return the id of its invocation."""
        request_id = f"web-{next(self._numbers)}"
        self.serving.add(Next(event, request_id=request_id, deadline_ms=DEADLINE_MS))
        return request_id

    def answer_to(self, request_id: str) -> Request:
        """Return what is answered to an invocation, once it is."""
        api = self.serving.api
        api.wait_until(lambda: self.serving.ended or bool(self._answers(request_id)), f"answer to {request_id}")
        (answer,) = self._answers(request_id)
        return answer

    def log(self) -> str:
        """What the app printed so far."""
        return self.serving.output("out")

    def stderr(self) -> str:
        """What the runtime, and servers' logs, printed so far."""
        return self.serving.output("err")

    def _answers(self, request_id: str) -> list[Request]:
        return [request for request in self.serving.api.requests if request.request_id == request_id]


@contextlib.contextmanager
def served(folder: Path, handler: str, env: Mapping[str, str] | None = None) -> Iterator[App]:
    """Serve one of `apps/`, or what its name leads to."""
    variables = {
        "PYLAMBDA_PYTHON": os.fspath(PYTHON),
        "LAMBDA_TASK_ROOT": os.fspath(APPS),
        "PYTHONDONTWRITEBYTECODE": "1",
        **(env or {}),
    }
    with Runtime(folder).start(handler, env=variables) as serving:
        yield App(serving)
        assert not serving.api.complaints


def begin(runtime: Streaming, target: str) -> Peer:
    """Let a client GET something through a function URL; return the connection on which its response streams."""
    event = Client(DOORS["url"], lambda event: event).event("GET", target)
    while True:
        peer = runtime.accept()
        request = peer.read_request()
        if "/runtime/invocation/next " in request.line:
            break
        if "/extension/register " in request.line:  # for SIGTERM, where the app has a lifespan to shut down
            peer.reply(200, b"{}", {"Lambda-Extension-Identifier": EXTENSION_ID})
    peer.reply(200, json.dumps(event).encode(), {"Lambda-Runtime-Aws-Request-Id": "id-1"})
    answer = peer.read_request()
    assert answer.line.endswith("/response HTTP/1.1"), answer.line
    assert answer.headers["lambda-runtime-function-response-mode"] == "streaming"
    return peer


def streaming(folder: Path, handler: str, task_root: Path = APPS) -> "contextlib.AbstractContextManager[Streaming]":
    """Serve an app whose responses to function URLs stream, to a far side that sees each chunk."""
    variables = {
        "PYLAMBDA_PYTHON": os.fspath(PYTHON),
        "LAMBDA_TASK_ROOT": os.fspath(task_root),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYLAMBDA_STREAM": "url",
        "_HANDLER": handler,
    }
    return serving(folder, "", environ=variables)
