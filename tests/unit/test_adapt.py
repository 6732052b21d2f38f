"""What a handler is, by the flags of its code, and what its marks make of events and results."""

import functools
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any, NoReturn

import pytest

from pylambda.faults import InvalidResponse, MarshalError
from pylambda.function.adapt import (
    ASYNC_GENERATOR,
    COROUTINE,
    GENERATOR,
    OLD_COROUTINE,
    Adapted,
    adapt,
    code_flags,
    raw,
)
from pylambda.function.aio import Runner
from pylambda.function.handler import is_plain
from pylambda.payload import codec
from pylambda.payload.streams import PlainStream
from pylambda.runtime_api.invocation import Current
from pylambda.start.settings import Settings


def plain(event: Any, context: Any) -> Any:
    return event


async def coroutine(event: Any, context: Any) -> Any:
    return event


def generator(event: Any, context: Any) -> Iterator[str]:
    yield event


async def async_generator(event: Any, context: Any) -> AsyncIterator[str]:
    yield event


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any) -> Any:
        return function(*args)

    return call


def awaited(function: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    """A decorator that runs the coroutine itself."""

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        with pytest.raises(StopIteration) as stop:
            function(*args).send(None)
        return stop.value.value

    return call


class Methods:
    def plain(self, event: Any, context: Any) -> Any:
        return event

    async def coroutine(self, event: Any, context: Any) -> Any:
        return event

    @staticmethod
    def generator(event: Any, context: Any) -> Iterator[str]:
        yield event

    @classmethod
    async def async_generator(cls, event: Any, context: Any) -> AsyncIterator[str]:
        yield event


class AsyncCallable:
    async def __call__(self, event: Any, context: Any) -> Any:
        return event


class Marked:
    """Returns a coroutine without being one, and says so as `inspect.markcoroutinefunction` does."""

    _is_coroutine_mark = object()

    def __call__(self, event: Any, context: Any) -> Awaitable[Any]:
        return coroutine(event, context)


@types.coroutine
def old_coroutine(event: Any, context: Any) -> Any:
    yield from ()
    return event


HANDLERS: list[tuple[Callable[..., Any], int]] = [
    (plain, 0),
    (coroutine, COROUTINE),
    (generator, GENERATOR),
    (async_generator, ASYNC_GENERATOR),
    (Methods().plain, 0),
    (Methods().coroutine, COROUTINE),
    (Methods().generator, GENERATOR),
    (Methods().async_generator, ASYNC_GENERATOR),
    (AsyncCallable(), COROUTINE),
    (Marked(), COROUTINE),
    (old_coroutine, GENERATOR | OLD_COROUTINE),
    (AsyncCallable, 0),
    (dict, 0),
    (functools.partial(plain), 0),
    (functools.partial(functools.partial(coroutine)), COROUTINE),
    (functools.partial(AsyncCallable()), COROUTINE),
    (decorated(plain), 0),
    (decorated(coroutine), COROUTINE),
    (decorated(functools.partial(generator)), GENERATOR),
    (functools.lru_cache(coroutine), COROUTINE),
]


def settings(**environ: str) -> Settings:
    return Settings(environ, ["pylambda"])


def no_loop() -> NoReturn:
    raise AssertionError("nothing here is asynchronous")


@pytest.fixture
def runner() -> Iterator[Callable[[], Runner]]:
    made: list[Runner] = []

    def once() -> Runner:
        if not made:
            made.append(Runner(Current(), use_uvloop=False, margin_ms=100))
        return made[0]

    yield once
    for one in made:
        one._loop.close()


@pytest.mark.parametrize(("handler", "flags"), HANDLERS)
def test_what_a_handler_is(handler: Callable[..., Any], flags: int) -> None:
    assert code_flags(handler) == flags


def test_a_plain_function_is_known_without_this_module() -> None:
    assert [is_plain(handler) for handler, _ in HANDLERS[:4]] == [True, False, False, False]
    assert not is_plain(raw(lambda event, context: event))
    assert not is_plain(decorated(coroutine))
    assert not is_plain(functools.partial(plain))


def test_a_plain_handler_is_called_as_it_is() -> None:
    adapted = adapt(plain, settings(), no_loop)
    assert (adapted.call, adapted.decode, adapted.encode) == (plain, codec.decode, codec.encode)


@pytest.mark.parametrize("handler", [coroutine, AsyncCallable(), Marked(), awaited(coroutine), decorated(coroutine)])
def test_a_result_is_awaited_where_nobody_has(handler: Callable[..., Any], runner: Callable[[], Runner]) -> None:
    assert adapt(handler, settings(), runner).call({"a": 1}, None) == {"a": 1}


@pytest.mark.parametrize("handler", [generator, async_generator, decorated(generator)])
def test_a_generator_becomes_a_stream(handler: Callable[..., Any], runner: Callable[[], Runner]) -> None:
    stream = adapt(handler, settings(), runner).call("chunk", None)
    assert isinstance(stream, PlainStream)
    assert list(stream.chunks(runner)) == ["chunk"]


def test_a_local_run_collects_a_stream(runner: Callable[[], Runner]) -> None:
    adapted = adapt(async_generator, settings(PYLAMBDA_LOCAL="1"), runner)
    assert adapted.encode(adapted.call("chunk", None)) == (b"chunk", "application/octet-stream")


@pytest.fixture
def raw_handler() -> Adapted:
    return adapt(raw(lambda event, context: event), settings(), no_loop)


def test_a_raw_handler_gets_the_bytes(raw_handler: Adapted) -> None:
    assert raw_handler.decode(b'{"not": "decoded"}', "application/json") == b'{"not": "decoded"}'


@pytest.mark.parametrize(
    ("result", "sent"),
    [
        (b"\xff", (b"\xff", "application/octet-stream")),
        (bytearray(b"a"), (b"a", "application/octet-stream")),
        ((b"<p>", "text/html; charset=utf-8"), (b"<p>", "text/html; charset=utf-8")),
    ],
)
def test_what_a_raw_handler_returns_is_sent(result: object, sent: tuple[bytes, str], raw_handler: Adapted) -> None:
    assert raw_handler.encode(result) == sent


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"a": 1}, "not dict"),
        ("text", "not str"),
        (None, "not NoneType"),
        ((b"a", 1), "not tuple"),
        ((b"a", "text/html\r\nX: 1"), "cannot be a content type"),
    ],
)
def test_what_a_raw_handler_may_not_return(result: object, message: str, raw_handler: Adapted) -> None:
    with pytest.raises(InvalidResponse, match=message):
        raw_handler.encode(result)


def test_a_raw_handler_may_stream(raw_handler: Adapted) -> None:
    stream = PlainStream("a")
    assert raw_handler.encode(stream) == (stream, "application/octet-stream")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("make", "hint"),
    [(coroutine, "coroutine"), (generator, "StreamingResponse"), (async_generator, "StreamingResponse")],
)
def test_a_plain_handler_that_returns_one_of_these_is_told_what_to_do(make: Callable[..., Any], hint: str) -> None:
    with pytest.raises(MarshalError) as raised:
        codec.encode(make(None, None))
    assert hint in raised.value.hint
