"""Web apps named as handlers, in a runtime that is started as Lambda starts it."""

import json
import signal
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


LIFESPAN = """
import asyncio
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        print("startup")
        scope["state"]["lock"] = asyncio.Lock()
        scope["state"]["requests"] = []
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("shutdown")
        await send({"type": "lifespan.shutdown.complete"})
        return
    async with scope["state"]["lock"]:
        await asyncio.sleep(0)
        scope["state"]["requests"].append(scope["path"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % len(scope["state"]["requests"])})
"""


def test_a_lifespan_starts_once_and_its_pool_serves_every_request(runtime: Runtime) -> None:
    run = runtime.serve("asgi:app:app", files={"app.py": LIFESPAN}, events=[GET_EVENT] * 3)
    assert [response.json["body"] for response in run.responses] == ["1", "2", "3"]
    assert run.stdout == "startup\n"
    assert run.stderr == ""


def test_a_startup_that_fails_is_an_init_error_with_its_message(runtime: Runtime) -> None:
    source = """
async def app(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
    raise RuntimeError("no database")
"""
    run = runtime.serve("asgi:app:app", files={"app.py": source}, events=[GET_EVENT])
    assert run.init_error.json["errorType"] == "Runtime.StartupFailed"
    assert "no database" in run.init_error.json["errorMessage"]
    assert [("app.py" in frame) for frame in run.init_error.json["stackTrace"]] == [True]
    assert run.exit_code == 1
    assert "never retrieved" not in run.stdout + run.stderr


EXITS = {
    "asgi": "async def app(scope, receive, send):\n    if scope['type'] == 'http': raise SystemExit(3)",
    "wsgi": "def app(environ, start_response):\n    raise SystemExit(3)",
}


@each_kind
def test_an_app_that_exits_is_reported_and_obeyed(kind: str, runtime: Runtime) -> None:
    run = runtime.serve(f"{kind}:app:app", files={"app.py": EXITS[kind]}, events=[GET_EVENT])
    assert run.errors[0].json["errorType"] == "Runtime.ExitError"
    assert run.exit_code == 3
    assert "never retrieved" not in run.stdout + run.stderr


@each_kind
def test_an_app_that_raises_answers_500_and_its_traceback_is_in_the_log_once(kind: str, runtime: Runtime) -> None:
    prefix = {"asgi": "async def app(scope, receive, send):", "wsgi": "def app(environ, start_response):"}[kind]
    source = f"{prefix}\n    raise KeyError('boom')"
    run = runtime.serve(f"{kind}:app:app", files={"app.py": source}, events=[GET_EVENT])
    assert run.responses[0].json["statusCode"] == 500
    assert run.stdout.count("[ERROR] KeyError: 'boom'") == 1
    assert "app.py" in run.stdout
    assert "pylambda/web" not in run.stdout


MIDDLEWARE = """
import pylambda

@pylambda.middleware
{kind}def timed(event, context, call_next):
    result = {wait}call_next(event, context)
    result["headers"]["x-middleware"] = event["rawPath"]
    return result
"""


@each_kind
def test_middleware_goes_around_an_app(kind: str, runtime: Runtime) -> None:
    words = {"asgi": {"kind": "async ", "wait": "await "}, "wsgi": {"kind": "", "wait": ""}}[kind]
    source = KINDS[kind] + MIDDLEWARE.format(**words)
    run = runtime.serve(f"{kind}:app:app", files={"app.py": source}, events=[GET_EVENT])
    assert run.responses[0].json["headers"] == {"x-path": "/orders", "x-middleware": "/orders"}


SETTINGS = [
    ("PYLAMBDA_STREAM", "alb", "it may be 'url', 'rest' or 'url,rest'"),
    ("PYLAMBDA_NON_HTTP", "ignore", "it must be 'error', '404', or a path that begins with a slash"),
    ("PYLAMBDA_HEALTH_PATH", "ping", "it must be a path that begins with a slash"),
    ("PYLAMBDA_ROOT_PATH", "shop", "it must be a path that begins with a slash"),
]


@pytest.mark.parametrize(("name", "value", "mend"), SETTINGS)
def test_a_setting_that_cannot_be_is_a_load_fault_that_says_what_may_be(
    name: str, value: str, mend: str, runtime: Runtime
) -> None:
    run = runtime.serve("asgi:app:app", files={"app.py": ASGI}, env={name: value})
    assert run.init_error.json["errorType"] == "Runtime.InvalidSetting"
    assert f"{name} is '{value}'" in run.init_error.json["errorMessage"]
    assert mend in run.stdout


@each_kind
def test_the_settings_reach_the_app(kind: str, runtime: Runtime) -> None:
    env = {
        "PYLAMBDA_ROOT_PATH": "/shop/",
        "PYLAMBDA_NON_HTTP": "/events",
        "PYLAMBDA_HEALTH_PATH": "/ping",
        "PYLAMBDA_STREAM": "rest, url",
        "PYLAMBDA_LOCAL": "1",
    }
    events = [GET_EVENT, {"source": "aws.events"}, {**GET_EVENT, "rawPath": "/ping"}]
    run = runtime.serve(f"{kind}:app:app", files={"app.py": KINDS[kind]}, events=events, env=env)
    mounted, posted, health = run.responses
    assert mounted.json["headers"] == {"x-path": "/shop/orders"}
    assert posted.json == f"got {len(json.dumps(events[1]))}"
    assert (health.json["statusCode"], health.json["body"]) == (200, "OK")


TOGETHER = """
import asyncio
inside, gate = [], asyncio.Event()
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        scope["state"]["pool"] = []
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("shutdown")
        await send({"type": "lifespan.shutdown.complete"})
        return
    inside.append(scope["path"])
    scope["state"]["pool"].append(scope["path"])
    if len(inside) == 3:
        gate.set()
    await gate.wait()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})
    await asyncio.sleep(0.01)
    print("behind", scope["path"])
"""


def test_requests_are_served_at_once_on_one_loop_where_concurrency_is_asynchronous(runtime: Runtime) -> None:
    # Given an app that answers none of three requests before all of them are there
    events = [{**GET_EVENT, "rawPath": f"/{number}"} for number in range(3)]
    env = {"PYLAMBDA_CONCURRENCY": "async"}
    with runtime.start("asgi:app:app", files={"app.py": TOGETHER}, events=events, at_once=3, env=env) as started:
        # When they come at once
        started.wait_until_idle()
        started.signal(signal.SIGTERM)
        started.wait_until_ended()
        run = started.stop()
    # Then all are answered, what is behind a response is done, and the lifespan ends once
    assert sorted(response.json["body"] for response in run.responses) == ["/0", "/1", "/2"]
    assert sorted(run.log[:-1]) == ["behind /0", "behind /1", "behind /2"]
    assert run.log[-1] == "shutdown"
    assert run.stderr == ""


def test_the_shutdown_of_a_lifespan_runs_when_the_environment_ends(runtime: Runtime) -> None:
    with runtime.start("asgi:app:app", files={"app.py": LIFESPAN}, events=[GET_EVENT]) as started:
        started.wait_until_idle()
        started.signal(signal.SIGTERM)
        started.wait_until_ended()
        run = started.stop()
    assert run.stdout == "startup\nshutdown\n"
