"""Numbers about numbers: medians, quartiles, and ratios paired run by run.

A ratio is taken within one round, where both runtimes met the same neighbours on the machine; the median of those
ratios says more than the ratio of two medians.
"""

import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """A median between its quartiles."""

    low: float
    median: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """The quartiles of `values`; of a single value, that value thrice."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    return Spread(*statistics.quantiles(values, n=4, method="inclusive"))


def paired_ratios(ours: Sequence[float], others: Sequence[float]) -> list[float]:
    """Each of ours divided by the other of the same round; rounds where the other is nothing are left out."""
    return [mine / other for mine, other in zip(ours, others, strict=True) if other]
