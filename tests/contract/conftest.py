"""The runtime under test: one for a test, and one for a module whose tests look at a single run from many sides."""

import pytest

from tests.contract.runtime_process import Runtime


@pytest.fixture
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return Runtime(tmp_path_factory.mktemp("runtime"))


@pytest.fixture(scope="module")
def module_runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return Runtime(tmp_path_factory.mktemp("runtime"))
