"""JSON both ways: an event's bytes to Python values, a result to the bytes and content type that are sent.

This is the standard library's own C scanner and encoder without the `json` package around them, whose import costs
more than a whole invocation. The rules are the official client's (simplejson's), where they differ from `json`:
NaN is refused in an event and written in a result, an object with `_asdict` is written as an object, `Decimal`
keeps its digits, `bytes` inside a result are text. Values that no JSON encoder knows are handled by `values.py`,
which is imported when the first one appears.

Real Unicode is written, not escapes. A lone surrogate has no UTF-8, so a result that holds one is written in
escapes instead.
"""

import _json
import marshal
import sys

from pylambda import names
from pylambda.faults import MarshalError, UnmarshalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pylambda.stream import PlainStream

WHITESPACE = " \t\n\r"
UTF8_BOM = b"\xef\xbb\xbf"


def _refuse_constant(name: str) -> None:
    # RFC 8259 has no NaN and no Infinity, and the official client takes none.
    raise ValueError(f"Out of range float values are not JSON compliant: {name}")


class _ScannerOptions:
    """What `_json.make_scanner` reads from its argument; `json.JSONDecoder` has the same attributes."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_refuse_constant)


_scan: "Callable[[str, int], tuple[Any, int]]" = _json.make_scanner(_ScannerOptions())  # type: ignore[arg-type]


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
        return _parse(str(body[len(UTF8_BOM) :] if body.startswith(UTF8_BOM) else body, "utf-8"))
    except Exception as error:
        raise UnmarshalError(f"Unable to unmarshal input: {error}", stack=()) from None


def _parse(text: str) -> "Any":
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
    """A result that is sent piece by piece. The kinds are in `stream`; this is here to know them without it."""

    content_type = names.OCTET_STREAM


def encode(result: "Any", *, strict: bool = False) -> "tuple[bytes | PlainStream, str]":
    """Return what is sent for a handler's result, and its content type.

    Args:
        result: anything; `bytes` are sent as they are, and a stream is what it is.
        strict: refuse what the official client refuses.

    Raises:
        MarshalError: the result has no JSON form.
    """
    if isinstance(result, (bytes, Stream)):
        return result, names.UNKNOWN if isinstance(result, bytes) else result.content_type  # type: ignore[return-value]
    try:
        return to_json(result, strict=strict), names.JSON
    except Exception as error:
        raise MarshalError(f"Unable to marshal response: {error}", hint=_mend(result), stack=()) from None


def _mend(result: "Any") -> str:
    from pylambda.hints import for_unwritable_result

    return for_unwritable_result(result)


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
    text = _dump(value, _json.encode_basestring, strict)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _dump(value, _json.encode_basestring_ascii, strict).encode()


def to_ascii_json(value: "Any") -> str:
    """Return `value` as JSON without any byte above 127, fit for a header. Raises what `to_json` raises."""
    return _dump(value, _json.encode_basestring_ascii)


def _dump(value: "Any", encode_string: "Callable[[str], str]", strict: bool = False) -> str:
    other_values = _OtherValues(strict)
    encode_value = _json.make_encoder({}, other_values, encode_string, None, ": ", ", ", False, False, True)
    try:
        text = "".join(encode_value(value, 0))
        # A named tuple is a plain tuple to the C encoder. Without `collections` there can be none.
        if "collections" not in sys.modules or _is_built_in_throughout(value):
            return other_values.finish(text)
    except TypeError:
        # Perhaps a key that is not a string: `values` knows one more kind of key than the C encoder does.
        simple = _values().with_plain_containers(value)
        if simple is value:
            raise
    else:
        simple = _values().with_plain_containers(value)
        if simple is value:
            return other_values.finish(text)
    return _dump(simple, encode_string, strict)


def _is_built_in_throughout(value: "Any") -> bool:
    """Whether `value` holds no instance of any class but the interpreter's own; False where that cannot be told.

    `marshal` takes exactly those and refuses their subclasses, which makes it the fastest test there is: a third of
    what encoding costs, where a walk in Python costs as much again.
    """
    if not isinstance(value, (dict, list, tuple)):
        return True
    try:
        marshal.dumps(value, 2)
    except ValueError:
        return False
    return True


class _OtherValues:
    """The C encoder calls this for each value that it does not know."""

    __slots__ = ("_seen", "_strict")

    def __init__(self, strict: bool) -> None:
        self._seen = False
        self._strict = strict

    def __call__(self, value: "Any") -> "Any":
        self._seen = True
        return _values().to_plain(value, strict=self._strict)

    def finish(self, text: str) -> str:
        return _values().restore_digits(text) if self._seen else text


def _values() -> "Any":
    from pylambda import values

    return values
