"""Whatever the user wrote, as one callable shape: `call(event, context)`, with what decodes its event and encodes
its result. Imported for every handler that is not a plain function.

What a function or a method is is decided once, when it is loaded: by the flags of its code and by the marks of `raw`
and `typed`. Nothing is guessed from a signature. What a proxy, a partial, a callable object or a decorated function
comes to is decided by what calling it gives: it may show the code of a generator and have collected it, or that of a
plain function and give a coroutine. The flags of all the code in it say only whether an event loop is needed.
"""

from collections.abc import Callable
from functools import partial
from types import AsyncGeneratorType, FunctionType, GeneratorType, MethodType
from typing import TYPE_CHECKING, Any, TypeVar

from pylambda import names
from pylambda.faults import InvalidResponse
from pylambda.function.handler import SPECIAL_CODE
from pylambda.payload import codec
from pylambda.start.settings import JSON_LIBRARIES

if TYPE_CHECKING:
    from pylambda.function.aio import Runner
    from pylambda.function.handler import Handler
    from pylambda.start.settings import Settings

    Decode = Callable[[bytes | bytearray, str | None], Any]
    Encode = Callable[[Any], tuple[bytes | codec.Stream, str]]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

MARK = "__pylambda_events__"
RAW, TYPED = "raw", "typed"
GENERATOR, COROUTINE, OLD_COROUTINE, ASYNC_GENERATOR = 0x20, 0x80, 0x100, 0x200
ASYNC_CODE = COROUTINE | OLD_COROUTINE | ASYNC_GENERATOR
# What `asyncio` and `inspect.markcoroutinefunction` put on a callable that returns a coroutine without being one.
COROUTINE_MARKS = ("_is_coroutine", "_is_coroutine_mark")


def raw(handler: Decorated) -> Decorated:
    """Let a handler take its event as `bytes` and answer with `bytes` or `(bytes, content_type)`, as they are."""
    setattr(handler, MARK, RAW)
    return handler


def typed(handler: Decorated) -> Decorated:
    """Let a handler's first parameter say by its annotation what the event is.

    `msgspec` or `pydantic` decodes, whichever is installed; an event that does not fit never reaches the handler
    and is reported as `Runtime.InvalidEvent`. The result is encoded by its type.
    """
    setattr(handler, MARK, TYPED)
    return handler


class Adapted:
    """A handler in the shape that the loop calls.

    Args:
        call: takes event and context.
        decode: makes the event of a body and its content type.
        encode: makes a body and its content type of a result.

    Attributes:
        respond: its asynchronous form: called with event and context on an event loop that runs, several at once; what
            it returns is awaited where it can be, and then encoded. None for a handler that may block.
        on_init: what the handler itself has to do in init, such as an app's start; called behind the function's hooks
            of that name, with nothing, and may be asynchronous.
        on_shutdown: what it has to do before the process ends; called before the function's hooks.
    """

    __slots__ = ("call", "decode", "encode", "on_init", "on_shutdown", "respond")

    def __init__(self, call: "Handler", decode: "Decode" = codec.decode, encode: "Encode" = codec.encode) -> None:
        self.call = call
        self.decode = decode
        self.encode = encode
        self.respond: Handler | None = None
        self.on_init: Callable[[], Any] | None = None
        self.on_shutdown: Callable[[], Any] | None = None


def adapt(
    handler: "Handler",
    settings: "Settings",
    runner: "Callable[[], Runner]",
    around: "Callable[[Handler, bool], Handler] | None" = None,
) -> Adapted:
    """Return a handler in its one shape.

    Args:
        handler: what the name led to.
        settings: how JSON is written, and whether the run is local.
        runner: gives the event loop.
        around: makes of a handler, and whether it is asynchronous, what is called in its place: its middleware.

    Raises:
        LoadFault: an annotation or a package is missing.
    """
    adapted = _by_mark(handler, settings)
    flags = code_flags(handler)
    if flags & ASYNC_CODE:
        runner()  # now: a loop that cannot be had is a load fault
    own_flags = _own_flags(handler)
    may_be_any = flags or own_flags is None or hasattr(handler, "__wrapped__")
    inside = around(handler, bool(flags & ASYNC_CODE)) if around is not None else handler
    if flags & ASYNC_CODE:
        adapted.respond = inside
    if around is not None:
        adapted.call = partial(settle, inside, runner) if may_be_any else inside
    elif own_flags in (GENERATOR, ASYNC_GENERATOR):
        adapted.call = _streaming(handler)
    elif may_be_any:
        adapted.call = partial(settle, handler, runner)
    if settings.collects_streams:
        adapted.encode = partial(collect, adapted.encode, runner)
    return adapted


def _own_flags(handler: "Handler") -> int | None:
    """Return the flags of the code that a call runs; None of an object that may show another's."""
    if type(handler) is MethodType:
        handler = handler.__func__
    return handler.__code__.co_flags & SPECIAL_CODE if type(handler) is FunctionType else None


def code_flags(handler: Any) -> int:
    """Return the flags of all the code that a call of `handler` comes to, as far as that can be seen."""
    flags, seen = 0, set()
    while handler is not None and id(handler) not in seen:
        seen.add(id(handler))
        if any(hasattr(handler, mark) for mark in COROUTINE_MARKS):
            flags |= COROUTINE
        if isinstance(handler, partial):
            handler = handler.func
        elif hasattr(handler, "__code__"):  # a function, or a method, which shows its function's
            flags |= handler.__code__.co_flags
            handler = getattr(handler, "__wrapped__", None)
        elif isinstance(handler, type):
            break  # calling it makes an instance, whatever its `__call__` is
        else:
            handler = getattr(handler, "__wrapped__", None) or getattr(type(handler), "__call__", None)  # noqa: B004
    return flags & SPECIAL_CODE


def _by_mark(handler: "Handler", settings: "Settings") -> Adapted:
    mark = getattr(handler, MARK, None)
    if mark == RAW:
        return Adapted(handler, _decode_raw, _encode_raw)
    if mark == TYPED:
        from pylambda.payload.schema import schema_of

        schema = schema_of(handler)
        return Adapted(handler, schema.decode, schema.encode)
    mode = settings.json_mode
    if mode in JSON_LIBRARIES:
        from pylambda.payload.json_library import ways_of

        return Adapted(handler, *ways_of(mode))
    return Adapted(handler, codec.decode, partial(codec.encode, strict=True) if mode else codec.encode)


def _streaming(handler: "Handler") -> "Handler":
    """Return what calls a generator function, of which nothing but a generator can come."""
    from pylambda.payload.streams import PlainStream

    return lambda event, context: PlainStream(handler(event, context))


def settle(handler: "Handler", runner: "Callable[[], Runner]", event: Any, context: Any) -> Any:
    """Call a handler and see its result through: await what is awaitable, stream what is a generator."""
    result = handler(event, context)
    if hasattr(result, "__await__"):
        result = runner().run(result)
    if isinstance(result, (GeneratorType, AsyncGeneratorType)):
        from pylambda.payload.streams import PlainStream

        return PlainStream(result)
    return result


def collect(encode: "Encode", runner: "Callable[[], Runner]", result: Any) -> "tuple[bytes | codec.Stream, str]":
    """Encode for the emulator, which gives a stream back in one piece, prelude and zeros included."""
    body, content_type = encode(result)
    return (body, content_type) if isinstance(body, bytes) else body.collect(runner)


def _decode_raw(body: bytes | bytearray, content_type: str | None) -> bytes:
    return bytes(body)


def _encode_raw(result: Any) -> "tuple[bytes | codec.Stream, str]":
    if isinstance(result, codec.Stream):
        return codec.encode(result)
    body, content_type = result if isinstance(result, tuple) and len(result) == 2 else (result, names.OCTET_STREAM)
    if not isinstance(body, (bytes, bytearray, memoryview)) or not isinstance(content_type, str):
        raise InvalidResponse(
            f"a raw handler returns bytes or (bytes, content type), not {type(result).__name__}",
            hint="drop @pylambda.raw to have results written as JSON",
        )
    if not (content_type.isascii() and content_type.isprintable()):
        raise InvalidResponse(f"{content_type!r} cannot be a content type")
    return bytes(body), content_type
