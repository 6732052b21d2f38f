"""Both runtimes on every Python, once; and which Pythons those are, where that is fewer than one might think."""

import os
from functools import cache

import pytest

from images import facts
from tests.parity import image_form, pythons
from tests.parity.pair import ImageOf


@pytest.fixture(scope="session")
def image_of(tmp_path_factory: pytest.TempPathFactory) -> ImageOf:
    """Puts both runtimes beside a Python when it is first asked for."""

    @cache
    def make(python: pythons.Python) -> image_form.Image:
        return image_form.make(*pythons.prefix_of(python), tmp_path_factory.mktemp(python.version))

    return make


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = {python.version for python in pythons.found()}
    missing = [python.version for python in facts.load().pythons if python.version not in found]
    if missing and pythons.EARLY not in os.environ:
        terminalreporter.write_line(f"parity: no Python {' nor '.join(missing)} here: make pythons")
