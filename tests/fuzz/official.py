"""The official client's JSON: its own simplejson, loaded from a folder of its own.

It is not installed beside the tests: a function that imports it where nothing brought it along is one of them.
"""

import functools
import importlib
import math
import sys
from decimal import Decimal
from typing import Any

from tests.parity import pythons


@functools.cache
def simplejson() -> Any:
    """Return the package, which is fetched where it is missing. Raises pythons.PythonError."""
    folder = str(pythons.client_of_this_python())
    sys.path.insert(0, folder)
    try:
        return importlib.import_module("simplejson")
    finally:
        sys.path.remove(folder)


@functools.cache
def _encoder() -> Any:
    class Encoder(simplejson().JSONEncoder):  # type: ignore[misc]  # which has no types
        """As in awslambdaric's `lambda_runtime_marshaller`, told again: the module reads this process's environment."""

        def __init__(self) -> None:
            super().__init__(use_decimal=False, ensure_ascii=False, allow_nan=True)

        def default(self, value: Any) -> Any:
            if isinstance(value, Decimal):
                return math.nan if value.is_nan() else simplejson().raw_json.RawJSON(str(value))
            return super().default(value)

    return Encoder


def loads(data: bytes) -> Any:
    """Return what the client makes of an event. Raises ValueError, RecursionError."""
    return simplejson().loads(data)


def dumps(value: Any) -> str:
    """Return what the client makes of a result. Raises TypeError, ValueError."""
    text: str = _encoder()().encode(value)
    return text
