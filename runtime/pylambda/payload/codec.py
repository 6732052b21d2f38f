"""JSON both ways: an event's bytes to Python values, a result to the bytes and content type that are sent.

This is the standard library's own C scanner and encoder without the `json` package around them, whose import costs
more than a whole invocation. The rules are the official client's (simplejson's), where they differ from `json`:
NaN is refused in an event and written in a result, an object with `_asdict` is written as an object, `Decimal`
keeps its digits, `bytes` inside a result are text. Values that no JSON encoder knows are handled by `values.py`,
which is imported when the first one appears.

`_json` is nobody's promise. On a Python that has moved it `public_json` is there in its place: several times slower,
and the same. tests/unit/test_codec.py says what is to be done then.

Real Unicode is written, not escapes. A lone surrogate has no UTF-8, so a result that holds one is written in
escapes instead.
"""

import marshal
import sys

from pylambda import names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterator
    from typing import Any, Protocol

    Chunk = bytes | bytearray | memoryview | str

    class Runner(Protocol):
        """What gives the event loop to an asynchronous body; `function.aio.Runner` does."""

        def iterate(self, body: AsyncIterable[Any]) -> Iterator[Any]:
            """Yield what `body` yields."""


WHITESPACE = " \t\n\r"
BOM = "\ufeff"
# In ASCII JSON this stands before each character that is none, and before some that are.
ESCAPE = "\\u"
# From version 3 on `marshal` writes a text that is shared once only, and most keys are: a third of the time.
MARSHAL_VERSION = 4


def _refuse_constant(name: str) -> None:
    # RFC 8259 has no NaN and no Infinity, and the official client takes none.
    raise ValueError(f"Out of range float values are not JSON compliant: {name}")


# What `_json.make_scanner` reads from its argument; `json.JSONDecoder` has the same attributes. No class: to make one
# takes as long as to decode ten small events.
_scanner_options = type(sys.implementation)(  # type: ignore[call-arg]
    strict=True,
    object_hook=None,
    object_pairs_hook=None,
    array_hook=None,  # from 3.15 on
    parse_float=float,
    parse_int=int,
    parse_constant=_refuse_constant,
)


def _parts() -> "tuple[Any, Callable[[str, int], tuple[Any, int]]]":
    """Return what has the encoder, and a scanner: the interpreter's own, where they are made as ever."""
    try:
        import _json

        _json.make_encoder({}, None, _json.encode_basestring, None, ": ", ", ", False, False, True)  # type: ignore[arg-type]
        return _json, _json.make_scanner(_scanner_options)  # type: ignore[arg-type]
    except (ImportError, AttributeError, TypeError):
        from pylambda.payload import public_json

        return public_json, public_json.make_scanner(_scanner_options)


_json, _scan = _parts()
# Writes a text as JSON, in real Unicode.
quoted: "Callable[[str], str]" = _json.encode_basestring


def is_json(content_type: str | None) -> bool:
    """Whether a body of this content type is JSON: a missing type is, and parameters do not matter."""
    return content_type is None or content_type.partition(";")[0].strip().lower() == names.JSON


def decode(body: bytes | bytearray, content_type: str | None) -> "Any":
    """Return the event: Python values when it is JSON, else the bytes as they came.

    Args:
        body: the bytes of the event.
        content_type: the header's value, or None.

    Raises:
        UnmarshalError: the type says JSON and the body is not.
    """
    if content_type != names.JSON and not is_json(content_type):
        return bytes(body)
    try:
        text = body.decode()
        try:
            value, end = _scan(text, 0)
        except StopIteration:
            return _parse(text)
        return value if end == len(text) else _parse(text)
    except Exception as error:
        if isinstance(error, SystemError) and "json" not in sys.modules:
            import json  # noqa: F401 - where Python 3.11's scanner looks for what it would raise

            return decode(body, content_type)
        from pylambda.faults import UnmarshalError

        raise UnmarshalError(f"Unable to unmarshal input: {error}", stack=()) from None


def _parse(text: str) -> "Any":
    """Parse what has more than a value: white space around it, a byte order mark, or a mistake."""
    text = text.removeprefix(BOM)
    start = len(text) - len(text.lstrip(WHITESPACE)) if text[:1] in WHITESPACE else 0
    try:
        value, end = _scan(text, start)
    except StopIteration as stop:
        raise _syntax_error("Expecting value", text, stop.value) from None
    if end != len(text):
        end = len(text) - len(text[end:].lstrip(WHITESPACE))
        if end != len(text):
            raise _syntax_error("Extra data", text, end)
    return value


def _syntax_error(message: str, text: str, position: int) -> Exception:
    import json

    return json.JSONDecodeError(message, text, position)


class Stream:
    """A result that is sent piece by piece. The kinds are in `streams`; this is here to know them without it."""

    content_type = names.OCTET_STREAM

    if TYPE_CHECKING:

        def chunks(self, runner: Callable[[], Runner]) -> Iterator[Chunk]:
            """Return the chunks as they come."""

        def pieces(self, in_thread: Callable[..., Awaitable[Any]]) -> AsyncGenerator[Chunk, None]:
            """Yield the chunks on an event loop that runs already."""

        def collect(self, runner: Callable[[], Runner]) -> tuple[bytes, str]:
            """Return all of it at once with its content type."""


def encode(result: "Any", *, strict: bool = False) -> "tuple[bytes | Stream, str]":
    """Return what is sent for a handler's result, and its content type.

    Args:
        result: anything; `bytes` are sent as they are, and a stream is what it is.
        strict: refuse what the official client refuses.

    Raises:
        MarshalError: the result has no JSON form.
    """
    if type(result) is not dict and isinstance(result, (bytes, Stream)):
        return result, names.UNKNOWN if isinstance(result, bytes) else result.content_type
    try:
        return to_json(result, strict=strict), names.JSON
    except Exception as error:
        from pylambda.faults import MarshalError

        raise MarshalError(f"Unable to marshal response: {error}", hint=_mend(result), stack=()) from None


def _mend(result: "Any") -> str:
    mend: str = _values().mend_of_unwritable(result)
    return mend


def to_json(value: "Any", *, strict: bool = False) -> bytes:
    """Return `value` as UTF-8 JSON.

    Args:
        value: anything.
        strict: refuse what the official client refuses.

    Raises:
        TypeError: a value or a key in it has no JSON form.
        ValueError: it contains itself.
        RecursionError: it is nested too deep.
    """
    text = _dump(value, strict)
    # To look for one character first takes a tenth of the time where there is none, as in most large results.
    if _write_string[0] is _json.encode_basestring_ascii and "\\" in text and ESCAPE in text:
        _write_string[0] = _json.encode_basestring
        _kept[:] = _make_encoders()
        text = _dump(value, strict)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _dump_with_care(value, strict, _json.encode_basestring_ascii).encode()


def to_ascii_json(value: "Any") -> str:
    """Return `value` as JSON without any byte above 127, fit for a header. Raises what `to_json` raises."""
    return _dump_with_care(value, False, _json.encode_basestring_ascii)


def _dump(value: "Any", strict: bool) -> str:
    try:
        text = "".join(_kept[strict](value, 0))
    except Exception:
        # What it was in the middle of stays marked in it; and threads that share it may get in each other's way.
        _kept[:] = _make_encoders()
        return _dump_with_care(value, strict, _write_string[0])
    # Without `collections` there can be no named tuple, and no `values`, which imports it.
    if "collections" not in sys.modules:
        return text
    simple = _with_plain_containers(value)
    return _finish(text) if simple is value else _dump_with_care(simple, strict, _write_string[0])


def _dump_with_care(value: "Any", strict: bool, write_string: "Callable[[str], str]") -> str:
    """Dump a value that the C encoder may not take as it is, with an encoder that nothing else uses."""
    try:
        text = _finish("".join(_make_encoder(strict, write_string)(value, 0)))
    except TypeError:
        # Perhaps a key that is not a string: `values` knows one more kind of key than the C encoder does.
        simple = _values().with_plain_containers(value)
        if simple is value:
            raise
    else:
        simple = _with_plain_containers(value)
        if simple is value:
            return text
    return _dump_with_care(simple, strict, write_string)


def _make_encoder(strict: bool, write_string: "Callable[[str], str]") -> "Callable[[Any, int], tuple[str, ...]]":
    def to_plain(value: "Any") -> "Any":
        return _values().to_plain(value, strict=strict)

    encoder: Callable[[Any, int], tuple[str, ...]] = _json.make_encoder(
        {}, to_plain, write_string, None, ": ", ", ", False, False, True
    )
    return encoder


def _make_encoders() -> "list[Callable[[Any, int], tuple[str, ...]]]":
    return [_make_encoder(strict, _write_string[0]) for strict in (False, True)]


# On Python 3.11 the function that writes ASCII strings takes down to a quarter of the other's time. There it is used
# until a result has more in it than that: then the other one, because there will be more of them.
_write_string = [_json.encode_basestring_ascii if sys.version_info < (3, 12) else _json.encode_basestring]
# Kept from one result to the next, because making one takes as long as encoding a small result; the second is strict.
_kept = _make_encoders()


def _finish(text: str) -> str:
    # It may be there without the function: another thread is importing it, and nothing in this text is of it.
    restore_digits = getattr(sys.modules.get("pylambda.payload.values"), "restore_digits", None)
    return text if restore_digits is None else str(restore_digits(text))


def _with_plain_containers(value: "Any") -> "Any":
    # A named tuple is a plain tuple to the C encoder.
    return value if _is_built_in_throughout(value) else _values().with_plain_containers(value)


def _is_built_in_throughout(value: "Any") -> bool:
    """Whether `value` holds no instance of any class but the interpreter's own; False where that cannot be told.

    `marshal` takes exactly those and refuses their subclasses, which makes it the fastest test there is: an eighth of
    what encoding costs, where a walk in Python costs as much again.
    """
    if not isinstance(value, (dict, list, tuple)):
        return True
    try:
        marshal.dumps(value, MARSHAL_VERSION)
    except ValueError:
        return False
    return True


def _values() -> "Any":
    from pylambda.payload import values

    return values
