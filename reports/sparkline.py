"""A path in one line of text."""

import itertools
import math
from collections.abc import Sequence
from typing import Final

BARS: Final = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int = 60) -> str:
    """Return values as bars of eight heights from the lowest to the highest, each the mean of its stretch.

    NaN leaves a gap. Values that are all alike lie on the ground.
    """
    if not values:
        return ""
    columns = min(width, len(values))
    edges = [place * len(values) // columns for place in range(columns + 1)]
    means = [_mean(values[begin:end]) for begin, end in itertools.pairwise(edges)]
    known = [value for value in means if not math.isnan(value)]
    if not known:
        return " " * columns
    low, span = min(known), max(known) - min(known)
    return "".join(" " if math.isnan(value) else _bar((value - low) / span if span else 0.0) for value in means)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _bar(height: float) -> str:
    return BARS[min(int(height * len(BARS)), len(BARS) - 1)]
