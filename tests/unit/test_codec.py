"""Events in, results out: each rule that differs from `json`, and each that a user would trip over."""

import _json
import collections
import dataclasses
import datetime
import enum
import json
import math
import pathlib
import subprocess
import sys
import typing
import uuid
from decimal import Decimal
from types import ModuleType

import pytest

from pylambda.faults import MarshalError, UnmarshalError
from pylambda.payload import codec, public_json


class Point(typing.NamedTuple):
    x: int
    y: object = None


class Colour(enum.Enum):
    RED = "red"


class Size(enum.IntEnum):
    LARGE = 3


@dataclasses.dataclass
class Order:
    id: int
    at: object


class Row:
    def _asdict(self) -> dict[str, object]:
        return {"a": Point(1)}

    def __repr__(self) -> str:
        return "Row()"  # a test's name must not change from one process to the next


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ('{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}),
        (" \r\n\t[1] \n", [1]),
        ('\ufeff{"bom": 1}', {"bom": 1}),
        ('"\\ud83d\\ude00 \\u0041"', "\U0001f600 A"),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ("12345678901234567890123", 12345678901234567890123),
    ],
)
def test_an_event_is_decoded(text: str, event: object) -> None:
    assert codec.decode(text.encode(), "application/json") == event


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "Expecting value: line 1 column 1 (char 0)"),
        (b"nope", "Expecting value: line 1 column 1 (char 0)"),
        (b"[1] x", "Extra data: line 1 column 5 (char 4)"),
        (b'{"a" 1}', "Expecting ':' delimiter: line 1 column 6 (char 5)"),
        (b"\xff", "can't decode byte 0xff"),
        ('{"a": 1}'.encode("utf-16"), "can't decode byte"),
        (b"NaN", "NaN"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_an_event_that_is_not_json_says_where(body: bytes, where: str) -> None:
    with pytest.raises(UnmarshalError) as raised:
        codec.decode(body, "application/json")
    assert raised.value.message.startswith("Unable to unmarshal input: ")
    assert where in raised.value.message


@pytest.mark.parametrize("content_type", [None, "application/json; charset=utf-8", "Application/JSON"])
def test_these_content_types_are_json_too(content_type: str | None) -> None:
    assert codec.decode(b"{}", content_type) == {}


def test_an_event_of_another_content_type_is_handed_over_as_it_came() -> None:
    assert codec.decode(b"\x00\xff", "application/octet-stream") == b"\x00\xff"


@pytest.mark.parametrize(
    ("result", "sent"),
    [
        (None, "null"),
        ({"a": 1, "b": [True, None, 1.5]}, '{"a": 1, "b": [true, null, 1.5]}'),
        ("gr\u00fc\u00df \U0001f600", '"gr\u00fc\u00df \U0001f600"'),
        ("\ud800", '"\\ud800"'),
        ((1, (2,)), "[1, [2]]"),
        ({1: 1, 1.5: 2, False: 3, None: 4}, '{"1": 1, "1.5": 2, "false": 3, "null": 4}'),
        (math.nan, "NaN"),
        ([math.inf, -math.inf], "[Infinity, -Infinity]"),
        (Decimal("1.10"), "1.10"),
        ({"price": [Decimal("1E+3"), Decimal("NaN")]}, '{"price": [1E+3, NaN]}'),
        (Point(1, 2), '{"x": 1, "y": 2}'),
        ({"deep": [Point(1, Point(2))]}, '{"deep": [{"x": 1, "y": {"x": 2, "y": null}}]}'),
        (Row(), '{"a": {"x": 1, "y": null}}'),
        ({"b": b"gr\xc3\xbc\xc3\x9f"}, '{"b": "gr\u00fc\u00df"}'),
        ({b"key": [{b"inner": 1}]}, '{"key": [{"inner": 1}]}'),
        ({b"key": Point(1)}, '{"key": {"x": 1, "y": null}}'),
        (Size.LARGE, "3"),
        (collections.OrderedDict(b=1, a=2), '{"b": 1, "a": 2}'),
        (datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC), '"2026-01-02T03:04:05+00:00"'),
        (datetime.date(2026, 1, 2), '"2026-01-02"'),
        (datetime.time(3, 4), '"03:04:00"'),
        (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        ([Colour.RED], '["red"]'),
        ({"a": {1}}, '{"a": [1]}'),
        (frozenset({"x"}), '["x"]'),
        (Order(1, Order(2, Point(1))), '{"id": 1, "at": {"id": 2, "at": {"x": 1, "y": null}}}'),
        (pathlib.PurePosixPath("/tmp/a"), '"/tmp/a"'),
    ],
    ids=repr,
)
def test_a_result_is_encoded(result: object, sent: str) -> None:
    body, content_type = codec.encode(result)
    assert isinstance(body, bytes)
    assert body.decode() == sent
    assert content_type == "application/json"


def test_bytes_are_sent_as_they_are() -> None:
    assert codec.encode(b"\x00\xff") == (b"\x00\xff", "application/unknown")


def circle() -> list[object]:
    members: list[object] = []
    members.append(members)
    return members


def nested(depth: int) -> list[object]:
    members: list[object] = []
    for _ in range(depth):
        members = [members]
    return members


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (object(), "Object of type object is not JSON serializable"),
        ({"a": iter(())}, "Object of type tuple_iterator is not JSON serializable"),
        ({(1, 2): 3}, "keys must be str, int, float, bool or None, not tuple"),
        (circle(), "Circular reference detected"),
        (nested(100_000), "recursion"),
        ({"b": b"\xff"}, "can't decode byte 0xff"),
    ],
    ids=["object", "generator", "tuple key", "circle", "deep", "bytes that are no text"],
)
def test_a_result_without_a_json_form_says_why(result: object, why: str) -> None:
    with pytest.raises(MarshalError) as raised:
        codec.encode(result)
    assert raised.value.message.startswith("Unable to marshal response: ")
    assert why in raised.value.message


def test_digits_are_not_mistaken_for_a_users_text() -> None:
    result = {"number": Decimal("1.0"), "text": '"1.0" pylambda-digits-'}
    assert json.loads(codec.to_json(result)) == {"number": 1.0, "text": '"1.0" pylambda-digits-'}


def test_ascii_json_has_no_other_byte() -> None:
    assert codec.to_ascii_json("\u00fc\r\n") == '"\\u00fc\\r\\n"'


@pytest.fixture
def fresh_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    """A codec that has not yet seen a result."""
    monkeypatch.setattr(codec, "_write_string", [_json.encode_basestring_ascii])
    monkeypatch.setattr(codec, "_kept", codec._make_encoders())


@pytest.mark.usefixtures("fresh_codec")
@pytest.mark.parametrize(
    "first", ["plain", "gr\u00fc\u00df", "\U0001f600", "\x7f", "\x1b[0m", "C:\\users", "\ud800"], ids=ascii
)
@pytest.mark.parametrize(
    "second", ["plain", "gr\u00fc\u00df", "\U0001f600", "\x7f", "\x1b[0m", 'C:\\users "'], ids=ascii
)
def test_text_is_written_the_same_whatever_was_written_before_it(first: str, second: str) -> None:
    codec.encode({"text": first})
    body, _ = codec.encode({"text": second})
    assert body == json.dumps({"text": second}, ensure_ascii=False).encode()


@pytest.mark.usefixtures("fresh_codec")
def test_a_result_that_failed_leaves_nothing_behind() -> None:
    # Given containers that were in the middle of being encoded when that failed
    inner: list[object] = [object()]
    for _ in range(2):
        with pytest.raises(MarshalError):
            codec.encode({"a": inner})
    # When they can be encoded
    inner[:] = [1]
    # Then they are
    assert codec.encode({"a": inner})[0] == b'{"a": [1]}'


@pytest.mark.usefixtures("fresh_codec")
@pytest.mark.parametrize("with_collections", [True, False])
def test_a_result_that_contains_itself_is_refused_for_what_it_is(
    with_collections: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not with_collections:
        monkeypatch.delitem(sys.modules, "collections")
    result: dict[str, object] = {"text": "x" * 10_000_000}  # that many times over it would be all memory
    result["inner"] = [result]
    with pytest.raises(MarshalError, match="Circular reference detected"):
        codec.encode(result)


def test_a_result_is_written_while_another_thread_imports_what_writes_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylambda.payload.values", ModuleType("pylambda.payload.values"))
    assert codec.to_json({"n": 1.5}) == b'{"n": 1.5}'


# --- The interpreter's private `_json` ---

MEND = """
`_json` of this Python is not what runtime/pylambda/payload/codec.py takes of it ({error}), so the codec is made of
public_json.py: everything works, and JSON takes several times as long. Look at Lib/json/scanner.py and
Lib/json/encoder.py of this Python for how they call the C code now, and let `codec._parts`, `_scanner_options` and
`_make_encoder` do the same, by `sys.version_info` where older Pythons differ.
"""


def test_the_interpreter_has_the_c_code_that_the_codec_is_made_of() -> None:
    try:
        _json.make_scanner(codec._scanner_options)  # type: ignore[arg-type]
        encoder = _json.make_encoder({}, str, _json.encode_basestring, None, ": ", ", ", False, False, True)
        text = "".join(encoder({"a": ["é"]}, 0))
        assert text == '{"a": ["é"]}'
        assert _json.encode_basestring_ascii("é") == '"\\u00e9"'
    except (AttributeError, TypeError, AssertionError) as error:
        pytest.fail(MEND.format(error=error))
    assert codec._json is _json, MEND.format(error="it is another module")


def moved(*names: str, **others: object) -> ModuleType:
    """Return a `_json` that lacks these names, and has others."""
    module = ModuleType("_json")
    module.__dict__.update({name: value for name, value in vars(_json).items() if name not in names} | others)
    return module


@pytest.mark.parametrize(
    "there",
    [
        None,
        moved("make_scanner"),
        moved("encode_basestring"),
        moved(make_encoder=lambda markers, default: None),
    ],
    ids=["no module", "no scanner", "no string", "other arguments"],
)
def test_where_it_has_moved_the_codec_is_made_of_the_public_json(
    there: ModuleType | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "_json", there)
    assert codec._parts()[0] is public_json


def test_the_codec_does_the_same_without_it() -> None:
    # Given all of the tests above in a process in which `_json` has lost its scanner
    plugin = "import json, sys, _json; del _json.make_scanner"
    program = f"{plugin}; import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    deselected = ["test_the_interpreter_has", "test_where_it_has_moved", "test_the_codec_does_the_same"]
    options = ["-q", "-p", "no:cacheprovider", "-k", " and ".join(f"not {name}" for name in deselected)]
    done = subprocess.run(
        [sys.executable, "-c", program, *options, __file__], capture_output=True, text=True, timeout=100, check=False
    )
    # Then they pass
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout
