"""Hooks around init and around invocations: when they run, in which order, and what one that fails costs."""

import json
import os
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.contract.raw_api import serving
from tests.contract.runtime_process import Run, Runtime
from tests.contract.script import Next, Reply

ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"


def serve(runtime: Runtime, app: str, *events: object, **options: object) -> Run:
    return runtime.serve(files={"app.py": app}, events=events or (1,), **options)  # type: ignore[arg-type]


# --- on_init ---


def test_init_hooks_run_before_the_first_event_in_the_order_of_registration(runtime: Runtime) -> None:
    app = """\
import asyncio, pylambda
seen = []
@pylambda.on_init
def first():
    seen.append("first")
@pylambda.on_init
async def second():
    await asyncio.sleep(0)
    seen.append("second")
class Pool:
    def open(self, size=1):
        seen.append(f"pool of {size}")
pylambda.on_init(Pool().open)
def handler(event, context):
    return seen
"""
    assert serve(runtime, app, 1, 2).responses[1].json == ["first", "second", "pool of 1"]


def test_a_pool_that_an_async_hook_opened_belongs_to_the_handlers_loop(runtime: Runtime) -> None:
    app = """\
import asyncio, pylambda
@pylambda.on_init
async def connect():
    global loop
    loop = asyncio.get_running_loop()
async def handler(event, context):
    return asyncio.get_running_loop() is loop
"""
    assert serve(runtime, app).responses[0].json is True


def test_a_failed_init_hook_is_an_init_error_and_the_next_one_does_not_run(runtime: Runtime) -> None:
    app = """\
import pylambda
@pylambda.on_init
def connect():
    raise ConnectionError("no database")
@pylambda.on_init
def never():
    print("ran")
def handler(event, context):
    return event
"""
    run = serve(runtime, app)
    assert [request.endpoint for request in run.requests] == ["init/error"]
    assert run.init_error.json["errorType"] == run.init_error.header(ERROR_TYPE) == "ConnectionError"
    assert "in connect" in run.init_error.json["stackTrace"][0]
    (line,) = run.log
    assert line.startswith("[ERROR] ConnectionError: no database\r")
    assert run.exit_code == 1


def test_an_init_hook_that_exits_is_reported_and_obeyed(runtime: Runtime) -> None:
    app = """\
import sys, pylambda
pylambda.on_init(lambda: sys.exit(3))
def handler(event, context):
    return event
"""
    run = serve(runtime, app)
    assert run.init_error.json["errorType"] == "Runtime.ExitError"
    assert run.exit_code == 3


# --- middleware ---


def test_middleware_goes_around_the_handler_the_first_one_outermost(runtime: Runtime) -> None:
    app = """\
import pylambda
@pylambda.middleware
def outer(event, context, call_next):
    return ["outer", call_next({**event, "by": ["outer"]}, context)]
@pylambda.middleware
def inner(event, context, call_next):
    return ["inner", call_next({**event, "by": [*event["by"], "inner"]}, context)]
def handler(event, context):
    return event
"""
    answer = serve(runtime, app, {"n": 1}).responses[0].json
    assert answer == ["outer", ["inner", {"n": 1, "by": ["outer", "inner"]}]]


def test_middleware_may_answer_itself_call_twice_and_see_what_the_handler_raises(runtime: Runtime) -> None:
    app = """\
import pylambda
@pylambda.middleware
def retry(event, context, call_next):
    if event == "ping":
        return "pong"
    try:
        return call_next(event, context)
    except ValueError as error:
        return [str(error), call_next("again", context)]
def handler(event, context):
    if event == "fail":
        raise ValueError("once")
    return event
"""
    answers = [response.json for response in serve(runtime, app, "ping", "fail", "fine").responses]
    assert answers == ["pong", ["once", "again"], "fine"]


def test_async_middleware_goes_around_an_async_handler(runtime: Runtime) -> None:
    app = """\
import asyncio, pylambda
@pylambda.middleware
async def outer(event, context, call_next):
    await asyncio.sleep(0)
    return {"outer": await call_next(event, context)}
async def handler(event, context):
    await asyncio.sleep(0)
    return event
"""
    assert serve(runtime, app).responses[0].json == {"outer": 1}


@pytest.mark.parametrize("kind", ["", "async "])
def test_middleware_goes_around_a_handler_that_streams(tmp_path: Path, kind: str) -> None:
    wait = "await " if kind else ""
    app = f"""\
import pylambda
@pylambda.middleware
{kind}def loud(event, context, call_next):
    chunks = {wait}call_next(event, context)
    return (chunk.upper() {kind}for chunk in chunks)
{kind}def handler(event, context):
    yield "a"
    yield "b"
"""
    with serving(tmp_path, app) as running:
        peer = running.accept()
        peer.give_event()
        peer.read_request()
        assert peer.read_chunked().chunks == [b"A", b"B"]


def test_middleware_sees_what_a_raw_handler_sees(runtime: Runtime) -> None:
    app = """\
import pylambda
@pylambda.middleware
def check(event, context, call_next):
    return call_next(event + b"!", context)
@pylambda.raw
def handler(event, context):
    return event, "text/plain"
"""
    answer = serve(runtime, app, Next(b"raw")).responses[0]
    assert (answer.body, answer.header("Content-Type")) == (b"raw!", "text/plain")


def test_a_failure_inside_of_middleware_shows_the_users_frames_alone(runtime: Runtime) -> None:
    app = """\
import pylambda
@pylambda.middleware
def outer(event, context, call_next):
    return call_next(event, context)
def handler(event, context):
    raise ValueError("inside")
"""
    trace = serve(runtime, app).errors[0].json["stackTrace"]
    assert [frame.split(", in ")[1].split("\n")[0] for frame in trace] == ["outer", "handler"]


# --- after_response ---


def test_what_is_deferred_runs_after_the_answer_and_before_the_next_event_is_asked_for(tmp_path: Path) -> None:
    # Given a handler that defers something which waits for this test
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    app = f"""\
import pylambda
def note(name, *, path):
    open(path).read()
def handler(event, context):
    pylambda.after_response(note, "a", path={str(fifo)!r})
    return event
"""
    with serving(tmp_path, app) as running:
        peer = running.accept()
        # When its answer is taken, and what it deferred waits
        assert peer.answer_to(b"1").body == b"1"
        with fifo.open("w"):
            # Then nothing was asked for yet
            assert peer.is_silent()
        # and once it is done, the next event is
        assert peer.answer_to(b"2", request_id="id-2").body == b"2"
        fifo.open("w").close()


DEFERRING = """\
import asyncio, sys, pylambda
from functools import partial
def say(*words):
    print(*words)
def fail():
    raise ValueError("too late to tell")
async def later(word):
    await asyncio.sleep(0)
    print(word)
    pylambda.after_response(say, "last")
"""


def test_what_is_deferred_runs_in_order_and_a_failure_costs_one_log_line(runtime: Runtime) -> None:
    app = (
        DEFERRING
        + """\
def handler(event, context):
    pylambda.after_response(say, 1, event)
    pylambda.after_response(fail)
    pylambda.after_response(later, "async")
    print("handler")
"""
    )
    run = serve(runtime, app, Next("a", request_id="first"))
    assert [line.partition("\r")[0] for line in run.log] == [
        "handler", "1 a", "[ERROR] ValueError: too late to tell", "async", "last",
    ]  # fmt: skip
    assert [post.endpoint for post in run.posts] == ["response"]


ENDINGS = {
    "an error": ('raise ValueError("no")', "error"),
    "a stream": ("return pylambda.StreamingResponse(['a'])", ""),
    "a result that cannot be written": ("return object()", "error"),
}


@pytest.mark.parametrize("name", ["an error", "a result that cannot be written"])
def test_what_is_deferred_runs_after_an_error_too(runtime: Runtime, name: str) -> None:
    ending, endpoint = ENDINGS[name]
    run = serve(
        runtime, f"{DEFERRING}def handler(event, context):\n    pylambda.after_response(say, event)\n    {ending}", 1, 2
    )
    assert [line for line in run.log if not line.startswith("[ERROR]")] == ["1", "2"]
    assert [post.endpoint for post in run.posts] == [endpoint] * 2


def test_what_is_deferred_runs_after_the_last_chunk(tmp_path: Path) -> None:
    app = (
        DEFERRING
        + """\
def handler(event, context):
    pylambda.after_response(say, "deferred")
    yield "a"
    print("chunks are through")
"""
    )
    with serving(tmp_path, app) as running:
        peer = running.accept()
        peer.give_event()
        peer.read_request()
        peer.read_chunked()
        peer.reply()
        running.accept().read_request()
        assert (running.folder / "out").read_text().split("\n") == ["chunks are through", "deferred", ""]


def test_a_child_that_a_handler_forked_does_not_run_what_is_deferred(runtime: Runtime) -> None:
    app = (
        DEFERRING
        + """\
import os
def handler(event, context):
    pylambda.after_response(say, "once")
    pylambda.after_response(fork)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return event
def fork():
    child = os.fork()
    if child:
        print("child ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    )
    run = serve(runtime, app, 1, 2)
    assert run.log == ["once", "child ended with 0"] * 2
    assert [post.endpoint for post in run.posts] == ["response"] * 2
    assert {request.connection for request in run.requests} == {1}


def test_an_exit_in_what_is_deferred_is_obeyed(runtime: Runtime) -> None:
    app = DEFERRING + "def handler(event, context):\n    pylambda.after_response(sys.exit, 7)\n    return event\n"
    run = serve(runtime, app)
    assert run.responses[0].json == 1
    assert run.exit_code == 7


def test_an_answer_that_is_refused_does_not_keep_what_is_deferred(runtime: Runtime) -> None:
    app = DEFERRING + "def handler(event, context):\n    pylambda.after_response(say, event)\n    return event\n"
    run = serve(runtime, app, Next(1, answers=(Reply(status=413),)), 2)
    assert run.log == ["1", "2"]


# --- is_cold_start ---


def test_the_first_invocation_is_the_cold_start(runtime: Runtime) -> None:
    app = """\
kept = []
def handler(event, context):
    kept.append(context)
    return [context.is_cold_start for context in kept]
"""
    assert serve(runtime, app, 1, 2, 3).responses[2].json == [True, False, False]


# --- what is no hook ---


class Bad(NamedTuple):
    """A function that is refused at load.

    Attributes:
        source: its module, without the imports.
        message: part of what is reported.
        hint: part of what the log adds.
    """

    source: str
    message: str
    hint: str = ""


SYNC, ASYNC = "def handler(event, context): ...\n", "async def handler(event, context): ...\n"
BAD = {
    "a hook that takes an argument": Bad(
        "@pylambda.on_init\ndef connect(event): ...\n" + SYNC, "will call connect(), and it takes other arguments"
    ),
    "a method that takes an argument": Bad(
        "class A:\n    def open(self, size): ...\npylambda.on_init(A().open)\n" + SYNC, "A.open()", "defaults"
    ),
    "a hook that needs a name": Bad("@pylambda.on_init\ndef connect(*, host): ...\n" + SYNC, "connect()"),
    "a partial that lacks an argument": Bad(
        "pylambda.on_init(functools.partial(lambda a, b: 0, 1))\n" + SYNC, "takes other arguments"
    ),
    "a hook that is none": Bad("pylambda.on_init(3)\n" + SYNC, "type int, which cannot be called"),
    "a middleware of two arguments": Bad(
        "@pylambda.middleware\ndef timed(event, call_next): ...\n" + SYNC, "timed(event, context, call_next)", "these 3"
    ),
    "sync middleware around an async handler": Bad(
        "@pylambda.middleware\ndef timed(event, context, call_next): ...\n" + ASYNC,
        "the middleware timed is not async, and the handler handler is async",
        "make the middleware `async def`",
    ),
    "async middleware around a sync handler": Bad(
        "@pylambda.middleware\nasync def timed(event, context, call_next): ...\n" + SYNC,
        "the middleware timed is async, and the handler handler is not",
        "make the handler `async def`",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_a_hook_is_refused_at_load_in_one_line(runtime: Runtime, name: str) -> None:
    bad = BAD[name]
    run = serve(runtime, f"import functools, pylambda\n{bad.source}")
    assert run.init_error.json["errorType"] == "Runtime.InvalidHook"
    assert bad.message in run.init_error.json["errorMessage"]
    (line,) = run.log
    assert bad.hint in line
    assert "Hint: " in line
    assert run.exit_code == 1


@pytest.mark.parametrize(
    "hook",
    [
        "lambda: 0",
        "functools.partial(print, 'a')",
        "dict",
        "lambda *values, **more: 0",
        "lambda value=1, *, name=2: 0",
        "type('Hook', (), {'__call__': lambda self: 0})()",
        "gc.collect",
    ],
)
def test_whatever_can_be_called_with_nothing_is_a_hook(runtime: Runtime, hook: str) -> None:
    app = f"import functools, gc, pylambda\npylambda.on_init({hook})\ndef handler(event, context): return event\n"
    assert serve(runtime, app).responses[0].json == 1


def test_after_response_outside_of_an_invocation_says_so(runtime: Runtime) -> None:
    run = serve(runtime, "import pylambda\npylambda.after_response(print)\ndef handler(event, context): ...\n")
    assert run.init_error.json["errorType"] == "Runtime.OutsideInvocation"
    (line,) = run.log
    assert "after_response() was called outside of an invocation" in line
    assert "Hint: call it in the handler" in line


def test_after_response_wants_the_function_and_not_what_it_returned(runtime: Runtime) -> None:
    app = """\
import pylambda
async def send(): ...
def handler(event, context):
    coroutine = send()
    try:
        pylambda.after_response(coroutine)
    finally:
        coroutine.close()
"""
    error = serve(runtime, app).errors[0].json
    assert error["errorType"] == "TypeError"
    assert "takes a function, not coroutine: give the function and its arguments" in error["errorMessage"]


# --- around web apps ---

APPS = {
    "asgi": """\
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": scope["aws.event"]["seen"].encode()})
    print("the app goes on")
""",
    "wsgi": """\
def app(environ, start_response):
    start_response("200 OK", [("content-type", "text/plain")])
    return [environ["aws.event"]["seen"].encode()]
""",
}


@pytest.mark.parametrize("kind", APPS)
def test_middleware_and_what_is_deferred_go_around_a_web_app(runtime: Runtime, kind: str) -> None:
    marks = ("async ", "await ") if kind == "asgi" else ("", "")
    app = f"""\
import pylambda
@pylambda.middleware
{marks[0]}def see(event, context, call_next):
    pylambda.after_response(print, "deferred")
    result = {marks[1]}call_next({{**event, "seen": context.aws_request_id}}, context)
    result["headers"]["x-seen"] = "yes"
    return result
"""
    event = json.loads((Path(__file__).parents[1] / "events" / "function-url.json").read_text())
    files = {"app.py": app + APPS[kind]}
    run = runtime.serve(f"{kind}:app:app", files=files, events=[Next(event, request_id="first")])
    answer = run.responses[0].json
    assert (answer["body"], answer["headers"]["x-seen"]) == ("first", "yes")
    assert run.log == (["the app goes on"] if kind == "asgi" else []) + ["deferred"]
