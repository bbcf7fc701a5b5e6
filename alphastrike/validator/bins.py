"""Counting a feature's values in fixed bins, so that a day, a fortnight or a quarter is sixteen numbers.

A value is first made a number without a unit, x = (value - centre) / scale, with centre and scale stated beforehand
(``stated.py``), then squashed to x / sqrt(1 + x^2) and put into one of sixteen equal bins between -1 and 1. Bins
that do not depend on the data let counts of any days be added and taken away.
"""

import math
from typing import Any, Final

import numpy.typing as npt

from alphastrike.model.compiled import step

BINS: Final = 16

Counts = npt.NDArray[Any]
"""(BINS,) integers: values of a feature by bin."""


@step
def bin_of(value: float, centre: float, scale: float) -> int:
    """Return the bin (0 to ``BINS`` - 1) of a value that is not NaN."""
    x = (value - centre) / scale
    # Beyond this the square could overflow, and the bin is the last one long before.
    x = -1e6 if x < -1e6 else (1e6 if x > 1e6 else x)
    place = int((x / math.sqrt(1.0 + x * x) + 1.0) * (0.5 * BINS))
    return BINS - 1 if place >= BINS else place


@step
def middle(place: int) -> float:
    """Return the middle of a bin on the squashed scale, between -1 and 1."""
    return (2.0 * place + 1.0) / BINS - 1.0


@step
def unsquashed(place: int) -> float:
    """Return the middle of a bin in scales from the centre."""
    u = (2.0 * place + 1.0) / BINS - 1.0
    return u / math.sqrt(1.0 - u * u)


@step
def total(counts: Counts) -> int:
    """Return how many values were counted."""
    count = 0
    for b in range(BINS):
        count += counts[b]
    return count
