"""Web apps named as handlers, in a runtime that is started as Lambda starts it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.runtime_process import Runtime

EVENTS = Path(__file__).parents[1] / "events"
URL_EVENT = json.loads((EVENTS / "function-url.json").read_text())
GET_EVENT = {**URL_EVENT, "body": None, "isBase64Encoded": False}
ASGI = """
async def app(scope, receive, send):
    assert scope["type"] == "http", "no lifespan"
    request = await receive()
    await send({"type": "http.response.start", "status": 201, "headers": [(b"x-path", scope["raw_path"])]})
    await send({"type": "http.response.body", "body": b"got %d" % len(request["body"])})

def create_app():
    return app

class Holder:
    class Inner:
        app = staticmethod(app)
"""
WSGI = """
def app(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("201 Created", [("x-path", environ["RAW_URI"])])
    return [b"got %d" % len(body)]

def create_app():
    return app

class Holder:
    class Inner:
        app = staticmethod(app)
"""
KINDS = {"asgi": ASGI, "wsgi": WSGI}
each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
@pytest.mark.parametrize(
    "place", ["shop.main:app", "shop/main:app", "shop.main:create_app()", "shop.main:Holder.Inner.app"]
)
def test_an_app_answers_under_its_name(kind: str, place: str, runtime: Runtime) -> None:
    # Given an app in a package
    files = {"shop/main.py": KINDS[kind]}
    # When it is named with its prefix and a function URL sends a request
    run = runtime.serve(f"{kind}:{place}", files=files, events=[URL_EVENT, URL_EVENT])
    # Then it answers as a function URL takes it
    for response in run.responses:
        assert response.json == {
            "statusCode": 201,
            "headers": {"x-path": "/orders"},
            "body": "got 141",
            "isBase64Encoded": False,
        }
    assert len(run.responses) == 2
    assert run.stderr == ""


FAULTS = [
    # name, source, error type, what the message says, what the log names as the mend
    ("asgi:app:app", WSGI, "WrongPrefix", "not async, as WSGI apps are", "write wsgi:app:app"),
    ("wsgi:app:app", ASGI, "WrongPrefix", "async, as ASGI apps are", "write asgi:app:app"),
    (
        "asgi:app:app",
        "def app(scope):\n    async def call(receive, send): ...\n    return call",
        "WrongPrefix",
        "as ASGI 2 apps did",
        "guarantee_single_callable",
    ),
    ("asgi:app:create_app", ASGI, "WrongPrefix", "makes an app", "write asgi:app:create_app()"),
    ("wsgi:app:create_app", WSGI, "WrongPrefix", "makes an app", "write wsgi:app:create_app()"),
    ("asgi:app:Holder", ASGI, "WrongPrefix", "is a class", "write asgi:app:Holder()"),
    ("wsgi:app:Holder", WSGI, "WrongPrefix", "is a class", "write wsgi:app:Holder()"),
    ("asgi:app:app", "app = 1", "WrongPrefix", "type int", "name an ASGI app"),
    ("asgi:app:app()", "app = 1", "WrongPrefix", "type int", "leave out the ()"),
    (
        "asgi:app:handler",
        "async def handler(event, context): ...",
        "WrongPrefix",
        "does not take scope, receive and send",
        "write module.function",
    ),
    ("asgi:app:ap", ASGI, "HandlerNotFound", "'ap' missing on module 'app'", "did you mean 'app'"),
    ("asgi:app", ASGI, "MalformedHandlerName", "not asgi:module:attribute", "write asgi:app:app"),
    ("wsgi::app", WSGI, "MalformedHandlerName", "not wsgi:module:attribute", "write wsgi:app:app"),
    ("asgi:nowhere:app", ASGI, "ImportModuleError", "Unable to import module 'nowhere'", "there is no nowhere.py"),
    ("asgi:app:app", "import nothing_such", "ImportModuleError", "nothing_such", "not installed in the image"),
    ("asgi:app:app", "def app(:", "UserCodeSyntaxError", "Syntax error in module 'app'", "line 1"),
    ("asgi:app:make()", "def make(): raise KeyError('x')", "KeyError", "'x'", "in make"),
]


@pytest.mark.parametrize(("name", "source", "error_type", "message", "mend"), FAULTS, ids=lambda value: str(value)[:30])
def test_a_wrong_name_is_a_load_fault_that_says_what_to_write(
    name: str, source: str, error_type: str, message: str, mend: str, runtime: Runtime
) -> None:
    run = runtime.serve(name, files={"app.py": source})
    error: Any = run.init_error.json
    assert error["errorType"].removeprefix("Runtime.") == error_type
    assert message in error["errorMessage"]
    assert mend in run.stdout
    assert run.exit_code == 1
