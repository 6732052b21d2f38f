"""The environment as a record."""

import pytest

from pylambda.faults import MalformedHandlerName
from pylambda.settings import Settings, describe_function


def test_the_handler_of_the_environment_wins_over_the_argument() -> None:
    assert Settings({"_HANDLER": "a.b"}, ["main", "c.d"]).handler == "a.b"
    assert Settings({}, ["main", "c.d"]).handler == "c.d"


def test_no_handler_is_a_fault_that_says_where_to_name_it() -> None:
    with pytest.raises(MalformedHandlerName) as raised:
        _ = Settings({}, ["main"]).handler
    assert "CMD" in raised.value.hint


@pytest.mark.parametrize(
    ("level", "root_level"), [("", ""), ("debug", "DEBUG"), ("TRACE", "DEBUG"), ("trace", "TRACE"), ("WARN", "WARN")]
)
def test_the_log_level_is_in_capitals_and_trace_is_debug(level: str, root_level: str) -> None:
    assert Settings({"AWS_LAMBDA_LOG_LEVEL": level}, []).log_level == root_level


@pytest.mark.parametrize(("log_format", "log_json"), [("", False), ("JSON", True), ("json", True), ("Text", False)])
def test_the_log_format(log_format: str, log_json: bool) -> None:
    assert Settings({"AWS_LAMBDA_LOG_FORMAT": log_format}, []).log_json is log_json


@pytest.mark.parametrize(("value", "descriptor"), [("7", 7), ("", None), ("x", None), ("-1", None)])
def test_the_telemetry_descriptor_is_taken_from_the_environment(value: str, descriptor: int | None) -> None:
    environ = {"_LAMBDA_TELEMETRY_LOG_FD": value}
    assert Settings(environ, []).telemetry_fd == descriptor
    assert environ == {}


def test_a_log_level_that_was_kept_from_the_emulator_reaches_the_function() -> None:
    environ = {"PYLAMBDA_FUNCTION_LOG_LEVEL": "CRITICAL"}
    Settings(environ, [])
    assert environ == {"LOG_LEVEL": "CRITICAL"}


def test_what_the_platform_does_not_say_of_the_function_is_none() -> None:
    function = describe_function({"AWS_LAMBDA_FUNCTION_NAME": "orders"})
    assert function["function_name"] == "orders"
    assert function["memory_limit_in_mb"] is None
