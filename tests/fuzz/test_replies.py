"""The runtime and h11 read the same replies; cuts change nothing; junk is known as junk.

`ours` raises whatever is neither a reply, nor junk, nor an end: then the property fails by itself.
"""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.guided import CORPUS, targets
from tests.fuzz.replies import alike, damaged, of_h11, ours, reply

# A bare line feed (RFC 9112 section 2.2), a folded line (section 5.2), another version than 1.x.
LENIENT = re.compile(rb"(?<!\r)\n|\r\n[ \t]|HTTP/[^1]")
CUTS = st.lists(st.integers(0, 300), max_size=6)
SOUND = st.lists(reply(), min_size=1, max_size=3).map(b"".join) | alike()


@given(SOUND, CUTS)
def test_what_h11_takes_is_taken_alike(data: bytes, cuts: list[int]) -> None:
    expected, whole = of_h11(data)
    taken, _ = ours(data, cuts)
    assert taken[: len(expected)] == expected
    assert not whole or len(taken) == len(expected)


@given(damaged(SOUND) | st.binary(max_size=200), CUTS)
def test_cuts_change_nothing(data: bytes, cuts: list[int]) -> None:
    assert ours(data, cuts) == ours(data, [])


@given(damaged(SOUND))
def test_damaged_replies_that_h11_takes_are_taken_alike(data: bytes) -> None:
    alike_where_h11_takes_it(data)


def alike_where_h11_takes_it(data: bytes) -> None:
    """Compare, but for what h11 lets pass and the Runtime API never sends: see `LENIENT`."""
    taken, _ = ours(data, [])
    if not LENIENT.search(data):
        expected, _ = of_h11(data)
        assert taken[: len(expected)] == expected


@pytest.mark.parametrize("file", [file for file in CORPUS.glob("*/*") if file.is_file()], ids=lambda file: file.name)
def test_what_was_found_once_is_no_fault_any_more(file: Path) -> None:
    targets()[file.parent.name](file.read_bytes())
