"""An exception as the platform hears of it, in the cases that a whole run shows badly. The rest: tests/contract."""

import json

import pytest

from pylambda.faults import HandlerNotFound
from pylambda.log.reports import Report


class Überfehler(Exception):
    pass


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "platform_type"),
    [
        (ValueError("x"), "Function.ValueError"),
        (HandlerNotFound("x"), "Runtime.HandlerNotFound"),
        (Überfehler(), "Function.Unknown"),
        (type("lower", (Exception,), {})(), "Function.Unknown"),
        (type("With_Underscore", (Exception,), {})(), "Function.Unknown"),
        (type("X", (Exception,), {})(), "Function.Unknown"),
    ],
)
def test_the_platforms_type_fits_the_platforms_pattern(error: BaseException, platform_type: str) -> None:
    assert Report(error).platform_error_type == platform_type


def test_an_exception_that_cannot_say_what_it_is_is_still_reported() -> None:
    assert Report(Unprintable()).message == "<unprintable Unprintable object>"


def test_the_xray_cause_is_ascii_and_names_the_frames() -> None:
    cause = Report(raised(ValueError("\u00fc"))).xray_cause
    assert cause.isascii()
    document = json.loads(cause)
    assert document["exceptions"][0]["message"] == "\u00fc"
    assert document["exceptions"][0]["stack"][0]["label"] == "raised"
    assert document["paths"] == [__file__]


def test_a_cause_that_is_too_large_for_the_platform_is_empty() -> None:
    assert Report(ValueError("x" * (1 << 20))).xray_cause == ""


def test_the_hint_is_for_the_log_alone() -> None:
    report = Report(HandlerNotFound("no such name", hint="try another"))
    assert report.text_lines[-1] == "Hint: try another [docs/errors.md#runtimehandlernotfound]"
    assert "try another" not in json.dumps(report.document)


def test_log_lines_are_indented_with_no_break_spaces() -> None:
    lines = Report(raised(ValueError("boom"))).text_lines
    assert lines[:2] == ["[ERROR] ValueError: boom", "Traceback (most recent call last):"]
    assert lines[2].startswith("\u00a0\u00a0File ")
    assert lines[3].startswith("\u00a0\u00a0\u00a0\u00a0raise error")
