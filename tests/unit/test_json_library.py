"""JSON by orjson and msgspec beside our own codec: whatever comes in or goes out, the two mean the same.

What `hypothesis` makes up is the same in every run (`derandomize`), so that a run that passes passes again.
"""

import dataclasses
import datetime
import enum
import gc
import json
import math
import sys
import typing
import uuid
from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from pylambda.faults import MarshalError, MissingDependency, UnmarshalError
from pylambda.payload import codec, values
from pylambda.payload.json_library import LARGE_EVENT_BYTES, Decode, Encode, ways_of
from pylambda.payload.streams import PlainStream
from pylambda.start.settings import JSON_LIBRARIES
from tests.unit.test_codec import circle, nested

JSON = "application/json"
WAYS = {library: ways_of(library) for library in JSON_LIBRARIES}
each_library = pytest.mark.parametrize("library", JSON_LIBRARIES)


class Point(typing.NamedTuple):
    x: int


class Text(str):
    pass


class Row(dict[str, int]):
    def _asdict(self) -> dict[str, int]:
        return {"a": 1}


class Size(enum.IntEnum):
    """Whose value is not the number that it is."""

    LARGE = 3

    def __new__(cls, number: int) -> "Size":
        member = int.__new__(cls, number)
        member._value_ = number + 1
        return member


class Colour(enum.StrEnum):
    RED = "red"


@dataclasses.dataclass
class Order:
    id: int


def outcome(way: Callable[..., Any], *arguments: object) -> object:
    """What comes of it, such that 1, 1.0 and True differ, and NaN does not from itself."""
    try:
        return repr(way(*arguments))
    except (UnmarshalError, MarshalError) as fault:
        return type(fault), fault.message


def read(body: bytes) -> object:
    """What a body of JSON says; the official client writes NaN, so it is read."""
    return json.loads(body.decode())


def meaning(encode: Encode, result: object) -> object:
    try:
        body, content_type = encode(result)
    except MarshalError as fault:
        return fault.message
    assert isinstance(body, bytes)
    return repr(read(body)), content_type


# --- Events ---

EVENTS = [
    "-0", "[-0.0, 0e5, 1E5, 1e-400, 5e-324]", "1e400", "-1e400", "[1e99999999999999999999]",
    "9223372036854775807", "-9223372036854775808", "-9223372036854775809", "-9999999999999999999",
    "18446744073709551615", "18446744073709551616", "99999999999999999999",
    '{"id":12345678901234567890123}', '{"id": 12345678901234567890123 }', "[1,\n12345678901234567890123\n]",
    "[-12345678901234567890123]", "[[12345678901234567890123]]", '["12345678901234567890123"]',
    '"\\",12345678901234567890123,"', "123456789012345678901234567890.5", "1" * 5000, "0.1234567890123456789012345",
    '{"a": 1, "b": 2, "a": 3}', '{"a": {"a": 1, "a": [2]}, "a": {}}', '{"": 1}',
    '"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"\\u0000\\u001f\\/"', '"\x7f"', '"\x01"', '"\t"',
    "\ufeff{}", "\ufeff", " \r\n\t[1] \n", "\x0c1", "\u00a01", "",
    "NaN", "[Infinity]", "-Infinity", "nul", "[1,]", '{"a":1,}', "{'a': 1}", "01", "1.", ".5", "+1", "1e", "0x1",
    "1 2", "1\x00", "// no\n1", '{"a" 1}', "{1: 2}",
    "[" * 900 + "]" * 900, "[" * 100_000, '{"a":' * 900 + "1" + "}" * 900,
]  # fmt: skip
NO_UTF8 = [b"\xff", b'"\xed\xa0\x80"', b'"\xc0\xaf"', '{"a": 1}'.encode("utf-16")]


@each_library
@pytest.mark.parametrize("body", [*(event.encode() for event in EVENTS), *NO_UTF8], ids=lambda body: repr(body[:40]))
def test_an_event_is_what_our_own_codec_makes_of_it(library: str, body: bytes) -> None:
    decode, _ = WAYS[library]
    for event in (body, bytearray(body)):
        assert outcome(decode, event, JSON) == outcome(codec.decode, event, JSON)


numbers = some.integers() | some.integers(-(2**70), 2**70) | some.floats(allow_nan=False)
leaves = some.none() | some.booleans() | numbers | some.text()
documents = some.recursive(leaves, lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner))


@each_library
@settings(derandomize=True, max_examples=100, deadline=None, database=None)
@given(document=documents, is_ascii=some.booleans(), indent=some.sampled_from([None, 1]))
def test_any_document_is_what_our_own_codec_makes_of_it(
    library: str, document: object, is_ascii: bool, indent: int | None
) -> None:
    body = json.dumps(document, ensure_ascii=is_ascii, indent=indent).encode()
    decode, _ = WAYS[library]
    assert outcome(decode, body, JSON) == outcome(codec.decode, body, JSON)


@each_library
@settings(derandomize=True, max_examples=150, deadline=None, database=None)
@given(text=some.text('0123456789-+.eE[]{},:" \n\\untrfalsd\ufeff\x01', max_size=40))
def test_any_text_is_what_our_own_codec_makes_of_it(library: str, text: str) -> None:
    decode, _ = WAYS[library]
    assert outcome(decode, text.encode(), JSON) == outcome(codec.decode, text.encode(), JSON)


@each_library
def test_an_event_of_another_content_type_is_handed_over_as_it_came(library: str) -> None:
    decode, _ = WAYS[library]
    assert decode(bytearray(b"1"), "text/plain") == b"1"
    assert decode(b"1", "Application/JSON; charset=utf-8") == 1


@each_library
@pytest.mark.parametrize("is_enabled", [True, False])
def test_a_large_event_leaves_the_collector_as_it_was(library: str, is_enabled: bool) -> None:
    decode: Decode = WAYS[library][0]
    body = b"[" + b"1," * LARGE_EVENT_BYTES + b"1]"
    was_enabled = gc.isenabled()
    try:
        (gc.enable if is_enabled else gc.disable)()
        assert len(decode(body, JSON)) == LARGE_EVENT_BYTES + 1
        with pytest.raises(UnmarshalError):
            decode(body + b"]", JSON)
        assert gc.isenabled() == is_enabled
    finally:
        (gc.enable if was_enabled else gc.disable)()


# --- Results ---


NEGATIVE_NAN = -math.nan
RESULTS: list[Any] = [
    None, {"a": [1, 2.5, True, None], "b": "gr\u00fc\u00df \U0001f600"}, (1, (2,), [(), {}]),
    "a\x00\x1f\"\\\x7f\u2028</a>",
    math.nan, NEGATIVE_NAN, [None, math.nan], {"a": math.inf, "b": None}, [-math.inf],
    (math.nan,), [[], [1.5, math.nan]],
    [None, "null", 2.5], ["null", math.nan], [None, -1, -2**31, 2**62, 1.7976931348623157e308, -5e-324],
    {"x": math.nan, "y": "g\x00\x00\x00\x00\x00\x00"},
    2**63, 2**64 - 1, -(2**63), 2**64, -(2**63) - 1, 10**400, [10**20, None],
    1e16, 1e-7, 1e22, -0.0, 0.1, 1 / 3, 5e-324,
    "\ud800", {"\ud800": 1}, ["a", "\udfff"],
    {1: 1}, {1.5: 1}, {1e16: 1}, {True: 1}, {None: 1}, {b"k": 1}, {(1,): 1},
    {"a": {1: 2}}, {1: 1, "1": 2}, [{"a": 1}, {2: 1}],
    {Text("k"): 1}, {Colour.RED: 1}, {Size.LARGE: 1}, {uuid.UUID(int=1): 1}, {math.nan: 1},
    b"", {"a": b"text"}, [b"\xff"], bytearray(b"a"), memoryview(b"a"), [bytearray(b"a")],
    Decimal("1.10"), {"a": [Decimal("NaN"), Decimal("1E+3")]}, 1j, ..., range(3), [object],
    {1}, frozenset(), [{"x"}], {"a": {math.nan}},
    datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), [datetime.date(2026, 1, 2)], datetime.time(1),
    datetime.timedelta(1),
    uuid.UUID(int=1), Size.LARGE, [Size.LARGE], {"a": Colour.RED}, Text("a"), [Text("null")],
    OrderedDict(b=1, a=2),
    Point(1), [Point(1)], {"a": (Point(1),)}, Row(b=2), [Row()], Order(1), {"a": [Order(2)]},
    numpy.float64(1.5), [numpy.float64("nan")], [numpy.int64(1)], numpy.array([1.5]),
    [numpy.str_("a")], {numpy.str_("k"): 1},
    circle(), {"a": circle()}, nested(200), nested(300), nested(100_000),
]  # fmt: skip


@each_library
@pytest.mark.parametrize("result", RESULTS)
def test_a_result_means_what_our_own_codec_writes(library: str, result: object) -> None:
    _, encode = WAYS[library]
    if isinstance(result, bytes):
        assert encode(result) == codec.encode(result)
    else:
        assert meaning(encode, result) == meaning(codec.encode, result)


results = some.recursive(
    some.none() | some.booleans() | numbers | some.floats() | some.text() | some.binary(max_size=4) | some.decimals()
    | some.dates() | some.uuids() | some.sampled_from([Size.LARGE, Colour.RED, Point(1), Text("t"), Order(1), Row()]),
    lambda inner: some.lists(inner)
    | some.tuples(inner, inner)
    | some.dictionaries(some.text() | some.integers() | some.floats() | some.booleans(), inner),
)  # fmt: skip


@each_library
@settings(derandomize=True, max_examples=150, deadline=None, database=None)
@given(result=results)
def test_any_result_means_what_our_own_codec_writes(library: str, result: object) -> None:
    _, encode = WAYS[library]
    if not isinstance(result, bytes):
        assert meaning(encode, result) == meaning(codec.encode, result)


@each_library
@pytest.mark.parametrize(
    ("result", "sent"),
    [
        ({"a": [1, None, -5], "b": [2.5, {"c": ()}]}, b'{"a":[1,null,-5],"b":[2.5,{"c":[]}]}'),
        ({"a": Decimal("1.10")}, b'{"a": 1.10}'),
        ({"a": [None, math.nan]}, b'{"a": [null, NaN]}'),
    ],
)
def test_what_the_library_writes_has_no_spaces(library: str, result: object, sent: bytes) -> None:
    _, encode = WAYS[library]
    assert encode(result)[0] == sent


@each_library
def test_a_form_of_the_functions_own_is_asked_for(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "_ADDED", {uuid.UUID: lambda value: value.int, Size: lambda value: "large"})
    _, encode = WAYS[library]
    for result in (uuid.UUID(int=1), [uuid.UUID(int=1)], {"a": uuid.UUID(int=1)}):
        assert meaning(encode, result) == meaning(codec.encode, result)
    assert encode([uuid.UUID(int=1)])[0] == b"[1]"


@each_library
def test_bytes_and_streams_go_as_they_are(library: str) -> None:
    _, encode = WAYS[library]
    stream = PlainStream("a")
    assert encode(stream) == (stream, stream.content_type)
    assert encode(b"\xff") == (b"\xff", "application/unknown")


@each_library
def test_a_library_that_is_not_installed_is_a_load_fault(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingDependency, match=f"PYLAMBDA_JSON is '{library}', which cannot be imported") as raised:
        ways_of(library)
    assert f"pip install {library}" in raised.value.hint
