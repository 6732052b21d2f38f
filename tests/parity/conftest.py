"""Says which Pythons the suite ran under, where that is fewer than one might think."""

import pytest

from images import facts
from tests.parity import pythons


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = {python.version for python in pythons.found()}
    missing = [python.version for python in facts.load().pythons if python.version not in found]
    if missing:
        terminalreporter.write_line(f"parity: no Python {' nor '.join(missing)} here: make pythons")
