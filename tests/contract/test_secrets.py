"""Nothing that the runtime says holds a secret of the environment, whatever fails: neither log nor error document.

Each case plants secrets in every variable, makes one thing fail, sees that it did, and looks through every byte that
left: stdout, stderr, what the Runtime API received. What a function prints or puts into its own exceptions is its own.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pylambda import faults
from tests.canaries import CANARIES, found_in
from tests.contract.raw_api import serving
from tests.contract.runtime_process import CHECKOUT, Run, Runtime
from tests.contract.script import Next, Reply
from tests.contract.test_init_errors import FAULTS as LOAD_FAULTS
from tests.contract.test_leaks import NAMES

ECHO = "def handler(event, context):\n    return event\n"
URL_EVENT = json.loads((CHECKOUT / "tests/events/function-url.json").read_text())
SNAP_START = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
HOOK = "import pylambda\n@pylambda.{}\ndef hook():\n    1 / 0\n" + ECHO
HANDLES_SIGTERM = HOOK.format("on_shutdown").replace(
    "return event", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
)
WSGI = "def app(environ, start_response):\n    1 / 0\n"
LOST = Reply(cut_at=0)
ALWAYS = 20


@dataclass(frozen=True)
class Case:
    """One thing that fails.

    Attributes:
        shows: what is said of it, in a log or in a document: else nothing has failed.
        app: the module `app`.
        events: what it is to serve.
        env: more variables.
        handler: its name.
        at_once: how many invocations at the same time.
        more: how the fake is to behave.
    """

    shows: str
    app: str = ECHO
    events: tuple[object, ...] = (1,)
    env: dict[str, str] = field(default_factory=dict)
    handler: str = "app.handler"
    at_once: int = 1
    more: dict[str, Any] = field(default_factory=dict)


def body(line: str) -> str:
    """A handler of one line."""
    return f"import os, sys, pylambda\ndef handler(event, context):\n    {line}\n"


def of_async(line: str) -> str:
    return f"import asyncio\nasync def handler(event, context):\n    {line}\n"


def asgi(line: str) -> str:
    return f"async def app(scope, receive, send):\n    {line}\n"


CASES = {
    # Init
    "load, an exit": Case("Runtime.ExitError", "raise SystemExit(3)\n"),
    "load, no such app": Case("Runtime.WrongPrefix", ECHO, handler="asgi:app:handler", events=(URL_EVENT,)),
    "on_init": Case("ZeroDivisionError", HOOK.format("on_init")),
    "before the snapshot": Case("ZeroDivisionError", HOOK.format("before_snapshot"), env=SNAP_START),
    "after the restore": Case("ZeroDivisionError", HOOK.format("after_restore"), env=SNAP_START),
    "on shutdown": Case("ZeroDivisionError", HANDLES_SIGTERM, env={"PYLAMBDA_SHUTDOWN": "1"}),
    "lifespan": Case("Runtime.StartupFailed", asgi(
        "await send({'type': 'lifespan.startup.failed', 'message': 'no database'})"), handler="asgi:app:app"),
    "a hook that is none": Case("which cannot be called", "import os, pylambda\npylambda.on_init(os.environ)\n"),
    "a hook that takes more": Case("it takes other arguments", "import functools, os, pylambda\n"
                                   "pylambda.on_init(functools.partial(lambda a, b: 0, os.environ))\n"),
    "outside": Case("Runtime.OutsideInvocation", "import pylambda\npylambda.after_response(print)\n"),
    "a library that is missing": Case("Runtime.MissingDependency", "import sys\nsys.modules['orjson'] = None\n" + ECHO,
                                      env={"PYLAMBDA_JSON": "orjson"}),
    # Invocations
    "an exception": Case("ZeroDivisionError", body("1 / 0")),
    "an exception as JSON": Case("ZeroDivisionError", body("1 / 0"), env={"AWS_LAMBDA_LOG_FORMAT": "JSON"}),
    "a chain": Case("ValueError", body("\n    try: 1 / 0\n    except Exception: raise ValueError('x')")),
    "a missing variable": Case("'MISSING'", body("return os.environ['MISSING']")),
    "an exit from a handler": Case("Runtime.ExitError", body("sys.exit(3)")),
    "a recursion": Case("RecursionError", body("return handler(event, context)")),
    "no JSON": Case("Runtime.MarshalError", body("return {object()}")),
    "the environment itself": Case("Runtime.MarshalError", body("return os.environ")),
    "a raw one": Case("Runtime.InvalidResponse", "import pylambda\n@pylambda.raw\ndef handler(event, context):\n"
                      "    return 1\n"),
    "a typed one": Case("Runtime.UntypedHandler", "import pylambda\n@pylambda.typed\n" + ECHO),
    "another type": Case("Runtime.InvalidEvent", "import msgspec, pylambda\nclass E(msgspec.Struct):\n    a: int\n"
                         "@pylambda.typed\ndef handler(event: E, context): ...\n", ({"a": "x"},)),
    "no event": Case("Runtime.UnmarshalError", ECHO, (Next(b"not json"),)),
    "no context": Case("LambdaContextUnmarshalError", ECHO, (Next(1, {"Lambda-Runtime-Client-Context": "{"}),)),
    "past the deadline": Case("Runtime.DeadlineExceeded", of_async("await asyncio.sleep(60)"),
                              (Next(1, deadline_ms=300),)),
    "cancelled": Case("Runtime.HandlerCancelled", of_async("asyncio.current_task().cancel(); await asyncio.sleep(1)")),
    "stacks before the deadline": Case("in handler", body("import time; time.sleep(0.3)"), (Next(1, deadline_ms=400),),
                                       {"PYLAMBDA_DEADLINE_DUMP_MS": "200"}),
    "a large response": Case("413", body("return 'x' * (7 << 20 if event else 0)"), (1, 0)),
    # Web apps and commands
    "asgi": Case("ZeroDivisionError", asgi("1 / 0"), (URL_EVENT,), handler="asgi:app:app"),
    "asgi, no response": Case('"statusCode":', asgi("return"), (URL_EVENT,), handler="asgi:app:app"),
    "asgi, a header that is text": Case("headers must be bytes", "import os\n" + asgi(
        "await send({'type': 'http.response.start', 'status': 200, 'headers': [('x', os.environ['SECRET_KEY'])]})"),
        (URL_EVENT,), handler="asgi:app:app"),
    "wsgi": Case("ZeroDivisionError", WSGI, (URL_EVENT,), handler="wsgi:app:app"),
    "no HTTP event": Case("Runtime.InvalidEvent", asgi("return"), ({"Records": []},), handler="asgi:app:app"),
    "a refused event": Case("Runtime.EventRefused", WSGI, ({},), {"PYLAMBDA_NON_HTTP": "/events"}, "wsgi:app:app"),
    "a command": Case("Runtime.ConsoleError", "raise SystemExit(7)\n", ({"args": []},), handler="console:app.py"),
    "no command": Case("it must have one of", "", ({},), handler="console:app.py"),
    "no such command": Case("Runtime.HandlerNotFound", "", handler="console:none.py"),
    # Several at once
    **{
        f"{what}, {mode}": Case(shows, app, env={"PYLAMBDA_CONCURRENCY": mode}, at_once=2)
        for mode in ("process", "thread", "async")
        for what, shows, app in (
            ("an exception", "ZeroDivisionError", body("1 / 0")),
            ("a load fault", "ZeroDivisionError", "1 / 0\n"),
            ("an exit", "Runtime.ExitError", body("sys.exit(3)")),
        )
    },
    "a worker that dies": Case("Runtime.ExitError", body("os._exit(3)"), env={"PYLAMBDA_PREFORK": "1"}, at_once=2),
    "no worker at all": Case("Runtime.WorkersFailed", "import os\ndef no():\n    raise OSError(12, 'x')\nos.fork = no\n"
                             + ECHO, env={"PYLAMBDA_PREFORK": "1"}, at_once=2),
    "what must not be forked": Case("the socket", "import socket\ns = socket.create_server(('127.0.0.1', 0))\n" + ECHO,
                                    env={"PYLAMBDA_PREFORK": "1"}, at_once=2),
    # The Runtime API
    "hung up on": Case("Runtime.TransportError", ECHO, (Next(replies=(LOST,) * ALWAYS),)),
    "no HTTP": Case("Runtime.TransportError", ECHO, (Next(replies=(Reply(raw=b"SSH-2.0-x\r\n\r\n"),) * ALWAYS),)),
    "no request id": Case("Runtime.MissingRequestId", ECHO, (Next(headers={"Lambda-Runtime-Aws-Request-Id": None}),)),
    "an error of the API": Case("Runtime.UnexpectedStatus", ECHO, (Next(replies=(Reply(status=500),) * ALWAYS),)),
    "a refused response": Case("403", ECHO, (Next(answers=(Reply(status=403),) * ALWAYS), 2)),
    "a refused init error": Case("403", "1 / 0\n", more={"init_error": Reply(status=403)}),
    "a refused extension": Case("SIGTERM", HOOK.format("on_shutdown"), more={"register": Reply(status=500)}),
    "no address": Case("Runtime.NotInLambda", env={"AWS_LAMBDA_RUNTIME_API": ""}),
    "a wrong address": Case("Runtime.BadEndpoint", env={"AWS_LAMBDA_RUNTIME_API": "nowhere"}),
    "no descriptor left": Case("Runtime.NoDescriptors", body(
        "os.closerange(3, 64)\n    while True:\n        try: os.dup(0)\n        except OSError: return 1")),
    "nobody there": Case("Runtime.TransportError", env={"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}),
    # The start script
    "no wrapper": Case("does not exist", env={"AWS_LAMBDA_EXEC_WRAPPER": "/none"}),
    "no interpreter": Case("not found", env={"PYLAMBDA_PYTHON": "/none"}),
}  # fmt: skip


def everything(run: Run) -> bytes:
    return b"\n".join([run.out, run.err, *(part for request in run.requests for part in (request.head, request.body))])


@pytest.mark.parametrize("name", CASES)
def test_no_secret_comes_out(runtime: Runtime, name: str) -> None:
    case = CASES[name]
    env = {**CANARIES, **case.env}
    files = {"app.py": case.app}
    run = runtime.serve(case.handler, files=files, events=case.events, env=env, at_once=case.at_once, **case.more)
    said = everything(run)
    assert case.shows in said.decode(errors="replace")
    assert found_in(said) == []


def test_every_fault_is_among_the_cases() -> None:
    # Given the names under which the platform and the log know our faults; those that others derive from have none
    names = {kind.__name__ for kind in vars(faults).values() if isinstance(kind, type) and not kind.__subclasses__()}
    shown = {case.shows for case in CASES.values()} | {fault.error_type for fault in LOAD_FAULTS.values()}
    shown |= {"Runtime.InvalidSetting", "Runtime.InvalidHook", "Runtime.Ended"}  # by their messages; it has none
    assert {name for name in names if not any(name in said for said in shown)} == set()


@pytest.mark.parametrize("name", LOAD_FAULTS)
def test_nor_out_of_a_function_that_cannot_be_loaded(runtime: Runtime, name: str) -> None:
    fault = LOAD_FAULTS[name]
    said = everything(runtime.serve(fault.handler, files=fault.files, events=[1], env=CANARIES))
    assert fault.error_type in said.decode()
    assert found_in(said) == []


SETTINGS = [(name, 1) for name in NAMES if name != "PYLAMBDA_PYTHON"] + [("PYLAMBDA_CONCURRENCY", 2)]


@pytest.mark.parametrize(("name", "at_once"), SETTINGS)
def test_nor_out_of_a_setting_that_cannot_be(runtime: Runtime, name: str, at_once: int) -> None:
    env = {**CANARIES, name: "-nonsense"}
    run = runtime.serve("asgi:app:app", files={"app.py": asgi("1 / 0")}, events=[URL_EVENT], env=env, at_once=at_once)
    said = everything(run)
    assert b"Runtime.InvalidSetting" in said or b"ZeroDivisionError" in said
    assert found_in(said) == []


STREAMS = {
    "a generator": (body("yield 'a'; 1 / 0"), "app.handler", b"1"),
    "an app": (
        asgi("await send({'type': 'http.response.start', 'status': 200}); await send({'type': 'http.response.body', "
             "'body': b'a', 'more_body': True}); 1 / 0"),
        "asgi:app:app",
        json.dumps(URL_EVENT).encode(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMS)
def test_nor_out_of_a_stream_that_breaks(tmp_path: Path, name: str) -> None:
    source, handler, event = STREAMS[name]
    with serving(tmp_path, source, environ={**CANARIES, "_HANDLER": handler, "PYLAMBDA_STREAM": "url"}) as running:
        peer = running.accept()
        peer.give_event(event)
        request, streamed = peer.read_request(), peer.read_chunked()
        peer.reply()
        assert streamed.trailers["lambda-runtime-function-error-type"] == "Function.ZeroDivisionError"
        said = repr((request, streamed)) + running.stdout() + running.stderr()
    assert found_in(said.encode()) == []


def test_a_secret_that_does_come_out_is_found(runtime: Runtime) -> None:
    # Given a function that tells what it must not, in four ways, which is its own affair
    ways = "value, repr(value), base64.b64encode(b'.' + value.encode()).decode(), urllib.parse.quote(value)"
    for way in ways.split(", "):
        app = f"import base64, os, urllib.parse\nvalue = os.environ['AWS_SESSION_TOKEN']\nraise ValueError({way})\n"
        # Then the tests above would have seen it
        assert found_in(everything(runtime.serve(files={"app.py": app}, env=CANARIES))) == ["AWS_SESSION_TOKEN"]
