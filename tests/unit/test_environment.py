"""The environment without `os` is the environment that `os` shows, and the one that a child gets."""

import os
import subprocess
import sys

import pytest

from pylambda.start import environment, putenv
from pylambda.start.environment import MANY_WRITES, Environment

NAME = "PYLAMBDA_TEST_VARIABLE"


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "to be restored")
    monkeypatch.delenv(NAME)


def seen_by_a_child() -> str:
    program = f"import os; print(ascii(os.environ.get({NAME!r})))"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_what_is_set_is_seen_by_os_and_by_a_child() -> None:
    Environment()[NAME] = "gr\u00fc\u00df"
    assert os.environ[NAME] == "gr\u00fc\u00df"
    assert seen_by_a_child() == ascii("gr\u00fc\u00df")


def test_what_is_removed_is_gone_for_os_and_for_a_child() -> None:
    os.environ[NAME] = "x"
    assert NAME in Environment()
    assert Environment().pop(NAME, "") == "x"
    assert NAME not in os.environ
    assert seen_by_a_child() == "None"


def test_what_os_sets_is_seen() -> None:
    assert Environment().get(NAME) is None
    assert Environment().pop(NAME, "absent") == "absent"
    os.environ[NAME] = "by os"
    assert Environment().get(NAME) == "by os"


@pytest.fixture
def well_used() -> Environment:
    """An environment after as many writes as there are before it takes care."""
    environ = Environment()
    for number in range(MANY_WRITES):
        environ[NAME] = str(number)
    return environ


def test_many_writes_are_seen_by_os_and_by_a_child(well_used: Environment) -> None:
    for value in ("1", "shorter", "gr\u00fc\u00df and longer", "", "x" * 10_000, "short again"):
        well_used[NAME] = value
        assert os.environ[NAME] == well_used.get(NAME) == value
        assert seen_by_a_child() == ascii(value)


def test_a_variable_comes_back_after_many_writes(well_used: Environment) -> None:
    well_used[NAME] = "1"
    assert well_used.pop(NAME, "") == "1"
    assert seen_by_a_child() == "None"
    well_used[NAME] = "2"
    assert seen_by_a_child() == "'2'"


def test_a_function_may_write_the_variable_in_between(well_used: Environment) -> None:
    well_used[NAME] = "1"
    os.environ[NAME] = "the function's"
    assert seen_by_a_child() == '"the function\'s"'
    well_used[NAME] = "2"
    assert seen_by_a_child() == "'2'"


def test_many_writes_do_not_use_setenv_which_keeps_each_value(
    well_used: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[bytes] = []
    for module in (environment, putenv):
        monkeypatch.setattr(module, "putenv", lambda name, value: kept.append(value))
    for number in range(100):
        well_used[NAME] = f"{number}"
    assert kept == []
    assert seen_by_a_child() == "'99'"


def test_many_writes_go_on_without_ctypes(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a Python that has none
    monkeypatch.delitem(sys.modules, "pylambda.start.putenv", raising=False)
    monkeypatch.setitem(sys.modules, "ctypes", None)
    environ = Environment()
    # When a variable is written very often
    for number in range(MANY_WRITES + 10):
        environ[NAME] = str(number)
    # Then
    assert seen_by_a_child() == f"'{MANY_WRITES + 9}'"
