"""`PYLAMBDA_JSON=orjson` or `msgspec`: JSON by a library that the function brought. Imported where one was chosen.

Both are several times as fast as the standard library, and both do some things in another way without a word: they
write NaN as null, orjson reads an integer of more than 64 bits as a float, msgspec writes bytes as Base64. So a library
has its way only where it is certain that `codec` would have come to the same. Everything else goes to `codec`, and so
does what the library refuses: `codec` takes it, or says what is wrong with it. What is left of the differences is how
the text looks: no spaces, and `1e-7` for `1e-07`.

How it is made certain is measured in what it costs beside writing 2.9 MB of records, which takes orjson 2.2 ms, msgspec
3.6 ms and `codec` 28 ms.
"""

import gc
import marshal
import re
from collections.abc import Callable
from typing import Any

from pylambda import names
from pylambda.faults import MissingDependency
from pylambda.payload import codec

Load = Callable[[bytes | bytearray], Any]
Dump = Callable[[Any], bytes]
Decode = Callable[[bytes | bytearray, str | None], Any]
Encode = Callable[[Any], tuple[bytes | codec.Stream, str]]

# An event with a digit in each of the places where it has one, and nothing else in it.
DIGITS_ALONE = bytes(ord("0") if chr(byte).isdigit() and byte < 128 else ord(" ") for byte in range(256))
# Below that many digits an integer has 64 bits at most.
LONG = b"0" * 19
# What may be an integer of more: -9223372036854775808 is the least of 64 bits, and 18446744073709551615 the greatest,
# which no number of 19 digits exceeds. It may stand in a text, too; that is not looked at.
LONG_INTEGER = re.compile(rb"(?:^|[\[,:\s])(?:-[0-9]{19}|[0-9]{20})[0-9]*(?=[\],}\s]|$)")
# Where `marshal` has a float, its type and eight bytes, the lowest first. NaN and the infinities have an exponent of
# ones: the last byte is one of these two, and the one before it at least F0.
LAST_BYTES_OF_NAN = b"\x7f", b"\xff"
FLOAT_TYPE, REFERENCED = ord("g"), 0x80
# From here on garbage is looked for once, and not while the event is made, which leaves none.
LARGE_EVENT_BYTES = 100_000


def ways_of(library: str) -> tuple[Decode, Encode]:
    """Return what decodes events and encodes results by a library, as `codec.decode` and `codec.encode` do.

    Args:
        library: `orjson` or `msgspec`.

    Raises:
        MissingDependency: it cannot be imported.
    """
    try:
        load, dump = {"orjson": _orjson, "msgspec": _msgspec}[library]()
    except ImportError as error:
        raise MissingDependency(
            f"{names.JSON_MODE} is {library!r}, which cannot be imported: {error}",
            hint=f"install it in the image: pip install {library}",
            stack=(),
        ) from None

    def decode(body: bytes | bytearray, content_type: str | None) -> Any:
        if content_type == names.JSON or codec.is_json(content_type):
            try:
                return load(body)
            except Exception:
                pass
        return codec.decode(body, content_type)

    def encode(result: Any) -> tuple[bytes | codec.Stream, str]:
        try:
            return dump(result), names.JSON
        except Exception:
            return codec.encode(result)

    return decode, encode


class _NotCertain(Exception):
    """Raised where `codec` might come to something else."""


def _orjson() -> tuple[Load, Dump]:
    import orjson

    dumps = orjson.dumps
    # What it would write by itself and can be kept from; the rest of that kind is refused by `marshal`.
    options = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
    loads = _without_collections(orjson.loads)

    def load(body: bytes | bytearray) -> Any:
        if LONG in body.translate(DIGITS_ALONE) and LONG_INTEGER.search(body):
            raise _NotCertain
        return loads(body)

    def dump(value: Any) -> bytes:
        text = dumps(value, None, options)
        # `marshal` takes the interpreter's own kinds only: no UUID, no Enum. 3.3 ms.
        marshalled = marshal.dumps(value, codec.MARSHAL_VERSION)
        if b"null" in text and _may_hold_nan(marshalled):
            raise _NotCertain
        return text

    return load, dump


def _msgspec() -> tuple[Load, Dump]:
    import msgspec

    encode = msgspec.json.Encoder().encode

    def dump(value: Any) -> bytes:
        text = encode(value)
        if not _is_json_throughout(value):
            raise _NotCertain
        if b"null" in text and _may_hold_nan(marshal.dumps(value, codec.MARSHAL_VERSION)):
            raise _NotCertain
        return text

    return _without_collections(msgspec.json.Decoder().decode), dump


def _without_collections(load: Load) -> Load:
    """Return what loads a large event a fifth faster: what is made is all kept, so to look for garbage is in vain."""

    def load_at_once(body: bytes | bytearray) -> Any:
        if len(body) < LARGE_EVENT_BYTES or not gc.isenabled():
            return load(body)
        gc.disable()
        try:
            return load(body)
        finally:
            gc.enable()

    return load_at_once


def _may_hold_nan(marshalled: bytes) -> bool:
    """Whether there is a NaN or an infinity in it, or something that looks like one. 0.1 ms."""
    for last in LAST_BYTES_OF_NAN:
        place = marshalled.find(last, 8)
        while place >= 0:
            if marshalled[place - 1] >= 0xF0 and marshalled[place - 8] & ~REFERENCED == FLOAT_TYPE:
                return True
            place = marshalled.find(last, place + 1)
    return False


# The kinds that have one form in JSON, and no class derived from one.
_JSON_KINDS = frozenset((str, int, float, bool, type(None), list, tuple, dict))


def _is_json_throughout(value: Any) -> bool:
    """Whether a value without circles is made of JSON's own kinds, and each of its keys is a text. 7 ms.

    It goes down level by level, and on each the collector gathers what the containers refer to, which takes a fifth of
    what a walk in Python does.
    """
    level = [value]
    while level:
        kinds = set(map(type, level))
        if not kinds <= _JSON_KINDS:
            return False
        if dict in kinds:
            dictionaries = level if len(kinds) == 1 else [part for part in level if type(part) is dict]
            if not all(isinstance(key, str) for key in set().union(*dictionaries)):
                return False
        level = gc.get_referents(*level)
    return True
