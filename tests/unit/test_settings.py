"""The environment as a record."""

import sys
from pathlib import Path

import pytest

from pylambda.start import settings
from pylambda.start.settings import Settings, describe_function, mend

EXECUTION_ENV = f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}"


def test_the_handler_of_the_environment_wins_over_the_argument() -> None:
    assert Settings({"_HANDLER": "a.b"}, ["main", "c.d"]).handler == "a.b"
    assert Settings({}, ["main", "c.d"]).handler == "c.d"


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


def mended(environ: dict[str, str]) -> dict[str, str]:
    """What becomes of an environment, but for the one variable that is always set."""
    environ = {**environ}
    mend(environ)
    assert environ.pop("AWS_EXECUTION_ENV") == EXECUTION_ENV
    return environ


@pytest.mark.parametrize("home", [None, "", "/nonexistent/home"])
def test_a_home_that_cannot_be_written_is_moved_to_tmp(home: str | None) -> None:
    assert mended({} if home is None else {"HOME": home}) == {"HOME": "/tmp"}


def test_a_home_that_can_be_written_stays(tmp_path: Path) -> None:
    assert mended({"HOME": str(tmp_path)}) == {"HOME": str(tmp_path)}


def test_packages_below_a_home_that_is_moved_are_found_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a home that cannot be written, as all is in Lambda, and a package that was installed below it
    monkeypatch.setattr(settings, "access", lambda path, mode: False)
    packages = tmp_path / ".local/lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "package.py").touch()
    # When the environment is mended, then this runtime and its children look for it there
    environ = mended({"HOME": str(tmp_path)})
    assert environ == {"HOME": "/tmp", "PYTHONUSERBASE": str(tmp_path / ".local")}
    assert Settings(environ, []).user_base == str(tmp_path / ".local")


@pytest.mark.parametrize(
    ("environ", "base"),
    [
        ({"HOME": "/tmp"}, ""),
        ({}, ""),
        ({"HOME": "/home/me"}, "/home/me/.local"),
        ({"HOME": "/home/me", "PYTHONUSERBASE": "/opt/mine"}, "/opt/mine"),
    ],
)
def test_where_packages_of_the_users_own_may_be(environ: dict[str, str], base: str) -> None:
    assert Settings(environ, []).user_base == base


def test_empty_credentials_are_taken_away_and_others_are_not() -> None:
    environ = {"HOME": "/tmp", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": ""}
    assert mended(environ) == {"HOME": "/tmp", "AWS_SECRET_ACCESS_KEY": "x"}


@pytest.mark.parametrize("before", ["", "AWS_Lambda_Image", "AWS_Lambda_python3.9"])
def test_the_execution_environment_is_this_python_whatever_was_there(before: str) -> None:
    assert mended({"HOME": "/tmp", "AWS_EXECUTION_ENV": before}) == {"HOME": "/tmp"}


def test_what_the_platform_does_not_say_of_the_function_is_none() -> None:
    function = describe_function({"AWS_LAMBDA_FUNCTION_NAME": "orders"})
    assert function["function_name"] == "orders"
    assert function["memory_limit_in_mb"] is None
