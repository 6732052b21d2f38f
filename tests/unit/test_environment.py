"""The environment without `os` is the environment that `os` shows, and the one that a child gets."""

import os
import subprocess
import sys

import pytest

from pylambda.environment import Environment

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
