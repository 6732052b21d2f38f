"""Events and results beside `json`, and beside simplejson as the official client uses it."""

import json
from collections import namedtuple
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pylambda.faults import MarshalError, UnmarshalError
from pylambda.payload import codec
from tests.fuzz import official
from tests.fuzz.replies import damaged
from tests.parity.pythons import INSTALL_DEADLINE_S

# The first of them may have to fetch the official client's.
pytestmark = pytest.mark.timeout(INSTALL_DEADLINE_S)
TEXT = st.text(max_size=12)
NUMBER = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**30), 10**30)
PLAIN: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
Point = namedtuple("Point", "x y")
KEYS = TEXT | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False)
DECIMALS = st.decimals(allow_infinity=False, allow_nan=False)
# What the official client takes and does not alter from one version of it to the next.
RICH: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | DECIMALS | st.binary(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.builds(Point, inner, inner)
        | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=12,
)
JUNK = st.text('[]{}",:0123456789-+.eEtrufalsn\\u \t\n\ufeffNIy', max_size=30) | TEXT


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal in types, signs and order of keys as well."""
    return repr(one) == repr(other)


@given(PLAIN, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_an_event_is_what_json_makes_of_it(value: Any, ascii_only: bool, indent: Any) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assume(not any("\ud800" <= character <= "\udfff" for character in text))
    assert same(codec.decode(text.encode(), None), json.loads(text))


@given(
    JUNK.map(lambda text: text.encode("utf-8", "surrogatepass")) | damaged(PLAIN.map(lambda v: json.dumps(v).encode()))
)
@example(b"\xef\xbb\xbf1")
@example(b"\xef\xbb\xbf\xef\xbb\xbf1")
@example(b'"\\ud800"')
@example(b"[1,]")
@example(b"NaN")
@example(b"1" * 5000)
@example(b"[" * 100_000)
def test_junk_is_an_event_where_it_is_one_for_the_official_client(data: bytes) -> None:
    try:
        expected = official.loads(data)
    except (ValueError, RecursionError):
        with pytest.raises(UnmarshalError):
            codec.decode(data, None)
    else:
        assert same(codec.decode(data, None), expected)


@given(RICH.filter(lambda value: not isinstance(value, bytes)))
def test_a_result_is_what_the_official_client_makes_of_it(value: Any) -> None:
    try:
        expected = official.dumps(value)
        expected.encode()
    except UnicodeEncodeError:
        assert same(json.loads(codec.to_json(value)), json.loads(expected))  # a lone surrogate goes as an escape
    except (TypeError, ValueError):
        with pytest.raises(MarshalError):
            _refused(value)
    else:
        assert same(json.loads(codec.to_json(value)), json.loads(expected))


def _refused(value: Any) -> None:
    codec.encode(value, strict=True)


@given(PLAIN)
def test_a_result_comes_back_as_it_was(value: Any) -> None:
    assert same(json.loads(codec.to_json(value)), json.loads(json.dumps(value)))


@given(RICH)
def test_a_header_takes_any_value(value: Any) -> None:
    assume(_is_encodable(value))
    text = codec.to_ascii_json(value)
    assert text.isascii()
    assert same(json.loads(text), json.loads(codec.to_json(value)))


def _is_encodable(value: Any) -> bool:
    try:
        codec.to_json(value)
    except (TypeError, ValueError):
        return False
    return True
