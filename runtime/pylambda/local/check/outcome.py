"""What came of starting a function once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        ready: it asked for its first event.
        error: the error document that it reported.
        why: why it could not be tried, or what happened in place of a report.
        tried: whether it was started at all.
        output: what it printed.
    """

    ready: bool = False
    error: Mapping[str, Any] | None = None
    why: str = ""
    tried: bool = True
    output: str = ""
