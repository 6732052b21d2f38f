"""The runtime, as in the contract tests."""

from tests.contract.conftest import module_runtime, runtime

__all__ = ["module_runtime", "runtime"]
