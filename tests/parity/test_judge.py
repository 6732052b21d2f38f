"""The judge itself: nothing is explained away, and nothing that is listed may be missing."""

from dataclasses import replace

from tests.parity.cases import Case
from tests.parity.differences import judge
from tests.parity.observation import Observation, Post, canonical, masked
from tests.parity.pair import Both

ANSWER = Post("invocation/1/response", "application/json", None, None, escaped=False, body=b'{"a": 1}', cause="")
STAMP = "0000-00-00T00:00:00.000Z"
QUIET = Observation((ANSWER,), "", "", (), None)


def case(*differs: str, official: str = "", ours: str = "") -> Case:
    return Case("a case", (), differs, official, ours)


def printed(text: str) -> Observation:
    return replace(QUIET, out=text)


def test_two_runs_that_are_alike_are_right() -> None:
    assert judge(case(), Both(QUIET, QUIET), "3.12") == []


def test_a_difference_that_no_row_explains_is_wrong() -> None:
    (wrong,) = judge(case(), Both(QUIET, replace(QUIET, exit_code=1)), "3.12")
    assert wrong.startswith("exit code")


def test_a_row_that_is_not_seen_is_wrong() -> None:
    assert judge(case("a"), Both(QUIET, QUIET), "3.12") == ["difference a is listed and not seen"]


def test_a_row_explains_what_it_speaks_of_and_no_more() -> None:
    official = f"[INFO]\t{STAMP}\tid\tfirst\nsecond\n"
    assert judge(case("a"), Both(printed(official), printed(f"[INFO]\t{STAMP}\tid\tfirst\rsecond\n")), "3.12") == []
    assert judge(case("a"), Both(printed(official), printed(f"[INFO]\t{STAMP}\tid\tfirst\rother\n")), "3.12")


def test_a_row_that_the_page_lacks_is_wrong() -> None:
    assert judge(case("zz"), Both(QUIET, QUIET), "3.12")[0] == "docs/compatibility.md has no row zz"


def test_a_row_may_hold_from_a_version_on() -> None:
    named = case("a>=3.12")
    assert [named.differs_on(version) for version in ("3.11", "3.12", "3.13")] == [(), ("a",), ("a",)]


def test_a_case_that_words_a_difference_must_find_its_words() -> None:
    worded = case("j", official="one", ours="two")
    assert judge(worded, Both(printed("one\n"), printed("two\n")), "3.12") == []
    assert judge(worded, Both(printed("three\n"), printed("two\n")), "3.12")


def test_json_is_compared_by_what_it_says() -> None:
    assert canonical(b'{"a":1,"b":"\\u00fc"}') == canonical('{"a": 1, "b": "ü"}'.encode())
    for one, other in ((b"1.0", b"1"), (b"1.10", b"1.1"), (b'{"a":1,"b":2}', b'{"b":2,"a":1}'), (b"NaN", b"null")):
        assert canonical(one) != canonical(other)
    assert canonical(b"NaN") == canonical(b" NaN")


def test_time_stamps_are_masked_and_their_form_is_not() -> None:
    assert masked(b"2026-01-02T03:04:05.678Z") == masked(b"1999-12-31T23:59:59.000Z")
    assert masked(b"2026-01-02T03:04:05.678Z") != masked(b"2026-01-02T03:04:05Z")
