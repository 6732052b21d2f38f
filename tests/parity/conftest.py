"""Says which Pythons the suite ran under, where that is fewer than one might think."""

import pytest

from tests.parity import pythons


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = pythons.found()
    if len(found) < 2:
        versions = " and ".join(python.full_version for python in found) or "no CPython of the images"
        terminalreporter.write_line(f"parity: only {versions} found; more Pythons on PATH are used as they come")
