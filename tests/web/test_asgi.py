"""ASGI as the specification has it: the scope, what may be received and sent when, the lifespan."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pylambda.faults import StartupFailed
from pylambda.function.aio import Runner
from pylambda.runtime_api.invocation import Current
from pylambda.web.lifespan import Lifespan
from tests.web.fronts import ADDRESS, FRONTS, HOSTS, event
from tests.web.serving import CONTEXT, Served, asgi

START = {"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"1")]}
OK = {**START, "status": 201}


def body(text: bytes = b"", *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": text, "more_body": more}


def http_only(call: Any) -> Any:
    """Make an app of a function that serves requests; it has no lifespan."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise ValueError(scope["type"])
        await call(scope, receive, send)

    return app


@contextmanager
def serving(call: Any, *, stream: bool = False) -> Iterator[Served]:
    with asgi(http_only(call), stream=frozenset(("url",)) if stream else frozenset()) as app:
        yield app


both_ways = pytest.mark.parametrize("stream", [False, True], ids=["buffered", "streamed"])


def answer_of(app: Served, *, stream: bool, method: str = "GET") -> tuple[int, bytes]:
    """Return status and body, whichever way they came."""
    made = event("url", method)
    if not stream:
        result = app.result(made)
        return result["statusCode"], result["body"].encode()
    head, _, text = b"".join(app.chunks(made)).partition(bytes(8))
    return int(head.partition(b'"statusCode": ')[2][:3]), text


# The scope (WEB 3.1)


@pytest.mark.parametrize("front", FRONTS)
def test_a_scope_is_complete(front: str) -> None:
    scopes: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            scope["state"]["pool"] = [1]
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        scopes.append(scope)
        scope["state"]["own"] = True
        await send(OK)
        await send(body())

    made = event(front, "POST", "/a%20b", "q=1", [("x-n", "1")], b"text")
    with asgi(app) as served:
        served.result(made)
        served.result(made)
    scope = scopes[0]
    root = "/prod" if front == "rest" else ""
    pool = scope["state"]["pool"]
    assert scope["headers"]
    assert all(isinstance(name, bytes) and isinstance(value, bytes) for name, value in scope.pop("headers"))
    assert scope.pop("state") == {"pool": [1], "own": True}
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": f"{root}/a b",
        "raw_path": f"{root}/a%20b".encode(),
        "query_string": b"q=1",
        "root_path": root,
        "client": (ADDRESS, 0),
        "server": (HOSTS[front], 443),
        "extensions": {"http.response.pathsend": {}},
        "aws.event": made,
        "aws.context": CONTEXT,
    }
    assert scope["aws.event"] is made
    # A shallow copy: what a request adds is its own, what the lifespan made is shared.
    assert scopes[1]["state"]["pool"] is pool


# receive (WEB 3.2)


@both_ways
def test_the_request_comes_whole_and_then_nothing_until_the_response_is_complete(stream: bool) -> None:
    received: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        received.append(await receive())
        early = asyncio.ensure_future(receive())
        for _ in range(20):
            await asyncio.sleep(0)
        received.append(early.done())
        await send(OK)
        await send(body(b"x", more=True))
        received.append(early.done())
        await send(body(b"y"))
        received.append(await early)
        received.append(await receive())

    with serving(app, stream=stream) as served:
        assert answer_of(served, stream=stream) == (201, b"xy")
        if stream:
            drain(served)
    gone = {"type": "http.disconnect"}
    assert received == [{"type": "http.request", "body": b"", "more_body": False}, False, False, gone, gone]


def drain(app: Served) -> None:
    """Do what waits for the response to leave."""
    from pylambda.lifecycle.after import run_deferred
    from pylambda.runtime_api import invocation

    run_deferred(invocation.current, lambda: app.runner, app.errors.append)


# send (WEB 3.3)

MISUSES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "body before start": ([body(b"x")], "before 'http.response.start'"),
    "second start": ([OK, START], "second 'http.response.start'"),
    "unknown type": ([OK, {"type": "http.response.nonsense"}], "no message of a response"),
    "unknown type first": ([{"type": "websocket.accept"}], "before 'http.response.start'"),
    "text for a body": ([OK, {"type": "http.response.body", "body": "x"}], "must be bytes, not str"),
    "text for a header": ([{**OK, "headers": [("a", "b")]}], "must be bytes"),
    "text for a status": ([{**OK, "status": "200"}], "must be an int, not str"),
}


@both_ways
@pytest.mark.parametrize("case", MISUSES)
def test_a_misuse_of_send_is_raised_in_the_app(case: str, stream: bool) -> None:
    messages, text = MISUSES[case]
    caught: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages[:-1]:
            await send(message)
        try:
            await send(messages[-1])
        except (RuntimeError, TypeError) as error:
            caught.append(str(error))
        if len(messages) == 1:
            await send(OK)
        await send(body(b"mended"))

    with serving(app, stream=stream) as served:
        assert answer_of(served, stream=stream) == (201, b"mended")
    assert len(caught) == 1
    assert text in caught[0]


@both_ways
def test_what_is_sent_after_the_end_is_nothing(stream: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in (OK, body(b"x"), body(b"y"), START, {"type": "http.response.trailers"}):
            await send(message)

    with serving(app, stream=stream) as served:
        assert answer_of(served, stream=stream) == (201, b"x")
        assert served.errors == []


@both_ways
def test_messages_of_extensions_that_are_not_there_are_nothing(stream: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["extensions"].keys() == {"http.response.pathsend"}
        await send({"type": "http.response.early_hint", "links": []})
        await send({**OK, "trailers": True})
        await send({"type": "http.response.push", "path": "/", "headers": []})
        await send({"type": "http.response.debug", "info": {}})
        await send(body(b"x"))
        await send({"type": "http.response.trailers", "headers": [(b"a", b"b")], "more_trailers": False})

    with serving(app, stream=stream) as served:
        assert answer_of(served, stream=stream) == (201, b"x")


@both_ways
def test_an_app_that_sends_nothing_is_a_500_and_a_log_line(stream: bool, capsys: pytest.CaptureFixture[str]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    with serving(app, stream=stream) as served:
        assert answer_of(served, stream=stream) == (500, b"Internal Server Error")
    assert capsys.readouterr().err.count("without sending a response") == 1


@both_ways
@pytest.mark.parametrize("begun", [False, True], ids=["start alone", "start and a part"])
def test_an_app_that_sends_no_end_is_answered_with_what_there_is(
    stream: bool, begun: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        if begun:
            await send(body(b"part", more=True))

    with serving(app, stream=stream) as served:
        assert answer_of(served, stream=stream) == (201, b"part" if begun else b"")
    assert capsys.readouterr().err.count("without sending the end") == 1


@both_ways
@pytest.mark.parametrize("started", [False, True])
def test_an_app_that_raises_before_a_byte_has_left_is_a_500_and_is_logged_once(stream: bool, started: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if started:
            await send(OK)
        raise KeyError("boom")

    with serving(app, stream=stream) as served:
        assert answer_of(served, stream=stream) == (500, b"Internal Server Error")
        assert [repr(error) for error in served.errors] == ["KeyError('boom')"]


def test_an_app_that_raises_in_the_middle_is_a_500_where_nothing_has_left() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        await send(body(b"part", more=True))
        raise KeyError("boom")

    with serving(app) as served:
        assert answer_of(served, stream=False) == (500, b"Internal Server Error")
        assert [repr(error) for error in served.errors] == ["KeyError('boom')"]


def test_an_app_that_raises_in_the_middle_of_a_stream_breaks_it_off() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        await send(body(b"part", more=True))
        raise KeyError("boom")

    with serving(app, stream=True) as served:
        chunks = served.chunks(event("url"))
        assert next(chunks).endswith(bytes(8) + b"part")
        with pytest.raises(KeyError):
            next(chunks)
        assert served.errors == []  # the loop logs it, with the trailers


@both_ways
def test_an_app_that_raises_after_the_end_keeps_its_response_and_is_logged_once(stream: bool) -> None:
    # As Starlette's own 500 does: it is sent, and the error raised again.
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "status": 500})
        await send(body(b"own page"))
        raise KeyError("boom")

    with serving(app, stream=stream) as served:
        assert answer_of(served, stream=stream) == (500, b"own page")
        assert [repr(error) for error in served.errors] == ["KeyError('boom')"]


@both_ways
def test_an_app_that_exits_ends_the_process_as_a_handler_does(stream: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise SystemExit(3)

    with serving(app, stream=stream) as served, pytest.raises(SystemExit) as raised:
        answer_of(served, stream=stream)
    assert raised.value.code == 3


@both_ways
def test_a_head_request_gets_the_headers_and_no_body(stream: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        await send(body(b"x", more=True))
        await send(body(b"y"))

    with serving(app, stream=stream) as served:
        assert answer_of(served, stream=stream, method="HEAD") == (201, b"")


@both_ways
@pytest.mark.parametrize("size", [0, 10, 200_000])
def test_a_file_is_sent_by_its_path(stream: bool, size: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * size)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        await send({"type": "http.response.pathsend", "path": str(tmp_path / "file")})

    with serving(app, stream=stream) as served:
        assert answer_of(served, stream=stream) == (201, b"x" * size)


# What goes on after the response (WEB 3.5)


@both_ways
def test_work_behind_the_response_waits_for_it_to_leave(stream: bool) -> None:
    order: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        await send(body(b"x"))
        await asyncio.sleep(0.001)
        order.append("background")

    with serving(app, stream=stream) as served:
        if stream:
            list(served.chunks(event("url")))
        else:
            served.handler(event("url"), CONTEXT)
        order.append("response")
        drain(served)
    assert order == ["response", "background"]


def test_a_middleware_in_a_task_group_needs_no_second_trip() -> None:
    # A few turns of the loop after the last message, as a task group takes them to close, are no background work.
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        await send(body(b"x"))
        for _ in range(4):
            await asyncio.sleep(0)

    from pylambda.runtime_api import invocation

    with serving(app) as served:
        served.handler(event("url"), CONTEXT)
        assert invocation.current.deferred == []


def test_many_requests_at_once_on_one_loop() -> None:
    inside: list[str] = []
    gate = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        inside.append(scope["path"])
        if len(inside) == 5:
            gate.set()
        await gate.wait()
        await send(OK)
        await send(body(scope["path"].encode()))

    with serving(app) as served:
        handler: Any = served.handler

        async def all_at_once() -> list[Any]:
            made = [event("url", path=f"/{number}") for number in range(5)]
            return await asyncio.gather(*(handler.respond(each, CONTEXT) for each in made))

        results = served.runner.run(all_at_once())
    assert [result["body"] for result in results] == [f"/{number}" for number in range(5)]


def streaming_beside_others(served: Served, take: int | None) -> list[bytes]:
    """Ask for a stream on a loop that runs already; take so many pieces of it, then go away."""

    async def ask() -> list[bytes]:
        handler: Any = served.handler
        stream = await handler.respond(event("url"), CONTEXT)
        pieces = stream.pieces(None)
        taken = []
        async for piece in pieces:
            taken.append(piece)
            if len(taken) == take:
                break
        await pieces.aclose()
        return taken

    taken: list[bytes] = served.runner.run(ask())
    return taken


def test_a_stream_beside_others_leaves_piece_by_piece() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        for part in (b"a", b"b"):
            await send(body(part, more=True))
            await asyncio.sleep(0)
        await send(body(b"c"))

    with serving(app, stream=True) as served:
        first, *others = streaming_beside_others(served, None)
    assert first.endswith(bytes(8) + b"a")
    assert others == [b"b", b"c"]


def test_a_stream_beside_others_breaks_off_where_its_app_fails() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        await send(body(b"a", more=True))
        raise KeyError("boom")

    with serving(app, stream=True) as served, pytest.raises(KeyError):
        streaming_beside_others(served, None)


def test_a_client_of_a_stream_beside_others_may_go() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        try:
            while True:
                await send(body(b"a", more=True))
        except OSError as error:
            seen.append(type(error).__name__)
            raise

    with serving(app, stream=True) as served:
        assert len(streaming_beside_others(served, 2)) == 2
        assert served.errors == []
    assert seen == ["ClientDisconnected"]


@both_ways
def test_an_app_that_exits_beside_others_ends_its_own_invocation(stream: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise SystemExit(3)

    async def ask(served: Served) -> Any:
        handler: Any = served.handler
        try:
            stream = await handler.respond(event("url"), CONTEXT)
            async for _ in stream.pieces(None):
                pass
        except SystemExit as error:
            return error.code

    with serving(app, stream=stream) as served:
        assert served.runner.run(ask(served)) == 3


@both_ways
def test_an_app_that_exits_behind_its_response_ends_the_process_when_that_has_left(stream: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        await send(body(b"x"))
        await asyncio.sleep(0.001)
        raise SystemExit(3)

    with serving(app, stream=stream) as served:
        if stream:
            assert b"".join(served.chunks(event("url"))).endswith(b"x")
        else:
            assert served.handler(event("url"), CONTEXT)["body"] == "x"
        with pytest.raises(SystemExit):
            drain(served)


# A client that is gone (WEB 3.2, 6)


def test_a_client_that_is_gone_is_an_oserror_from_send_and_then_a_disconnect() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        listener = asyncio.ensure_future(receive())
        await send(OK)
        await send(body(b"first", more=True))
        for _ in range(2):
            try:
                await send(body(b"second", more=True))
            except OSError as error:
                seen.append(type(error).__name__)
        seen.append(await listener)
        seen.append(await receive())

    with serving(app, stream=True) as served:
        chunks: Any = served.chunks(event("url"))
        next(chunks)
        next(chunks)
        chunks.close()
        assert served.errors == []
    assert seen == ["ClientDisconnected"] * 2 + [{"type": "http.disconnect"}] * 2


@pytest.mark.parametrize("how", ["itself", "from", "context", "group"])
def test_an_app_that_ends_because_its_client_is_gone_is_no_error(how: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        try:
            while True:
                await send(body(b"x", more=True))
        except OSError as error:
            if how == "itself":
                raise
            if how == "from":
                raise RuntimeError("gone") from error
            if how == "group":
                raise ExceptionGroup("tasks", [error]) from None
            raise RuntimeError("gone")  # noqa: B904 - as Starlette does

    with serving(app, stream=True) as served:
        chunks: Any = served.chunks(event("url"))
        next(chunks)
        chunks.close()
        assert served.errors == []


def test_an_app_that_fails_otherwise_after_its_client_is_gone_is_logged() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(OK)
        try:
            await send(body(b"x", more=True))
            await send(body(b"y", more=True))
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)
            raise KeyError("in the cleaning up") from None

    cleaned: list[bool] = []
    with serving(app, stream=True) as served:
        chunks: Any = served.chunks(event("url"))
        next(chunks)
        next(chunks)
        chunks.close()
        assert cleaned == [True]


# The lifespan (WEB 3.4)


@pytest.fixture
def runner() -> Iterator[Runner]:
    made = Runner(Current(), use_uvloop=False, margin_ms=100)
    yield made
    made.loop.close()


def test_a_lifespan_runs_once_on_the_loop_of_the_requests(runner: Runner) -> None:
    said: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope.keys() == {"type", "asgi", "state"}
        assert asyncio.get_running_loop() is runner.loop
        said.append((await receive())["type"])
        scope["state"]["pool"] = "pool"
        await send({"type": "lifespan.startup.complete"})
        said.append((await receive())["type"])
        await send({"type": "lifespan.shutdown.complete"})

    lifespan = Lifespan(app, runner)
    lifespan.start()
    assert lifespan.state == {"pool": "pool"}
    assert said == ["lifespan.startup"]
    lifespan.stop()
    lifespan.stop()
    assert said == ["lifespan.startup", "lifespan.shutdown"]


@pytest.mark.parametrize("how", ["raises", "returns", "raises behind receive"])
def test_an_app_without_a_lifespan_is_no_error(how: str, runner: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if how == "raises behind receive":
            await receive()
        if how != "returns":
            raise ValueError("Django can only handle ASGI/HTTP connections, not lifespan.")

    lifespan = Lifespan(app, runner)
    lifespan.start()
    lifespan.stop()
    assert capsys.readouterr().err == ""


def failing(scope_message: str, *, raises: bool) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": scope_message})
        if raises:
            raise RuntimeError("no database")

    return app


FAILURES = [
    (failing("no database", raises=False), "no database"),
    (failing("", raises=False), "it does not say why"),
    (
        failing("Traceback (most recent call last):\n  File ...\nRuntimeError: no database\n", raises=True),
        "no database",
    ),
]


@pytest.mark.parametrize(("app", "message"), FAILURES)
def test_a_failed_startup_is_a_load_fault_with_its_message(app: Any, message: str, runner: Runner) -> None:
    with pytest.raises(StartupFailed) as raised:
        Lifespan(app, runner).start()
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_app_that_neither_completes_nor_fails_is_told_of_and_given_up(
    runner: Runner, capsys: pytest.CaptureFixture[str]
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await asyncio.Event().wait()

    lifespan = Lifespan(app, runner, say_after_s=0.01, give_up_after_s=0.05)
    with pytest.raises(StartupFailed, match=r"neither completed nor failed within 0\.05 s"):
        lifespan.start()
    assert "has not ended after 0.01 s" in capsys.readouterr().err


def test_an_app_that_goes_on_without_completing_is_given_up_at_once(runner: Runner) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await receive()

    with pytest.raises(StartupFailed, match=r"without saying 'lifespan\.startup\.complete'"):
        Lifespan(app, runner).start()


def test_a_failed_shutdown_is_one_line(runner: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "the pool would not close"})

    lifespan = Lifespan(app, runner)
    lifespan.start()
    lifespan.stop()
    assert capsys.readouterr().err == "pylambda: the app's shutdown failed: the pool would not close\n"
