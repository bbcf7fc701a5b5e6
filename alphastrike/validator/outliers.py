"""Single values too far from where the reference window lies."""

import math
from typing import Final

from alphastrike.model.compiled import step
from alphastrike.validator.bins import BINS, Counts, unsquashed

OUTERMOST: Final = (1.0 - 1.0 / BINS) / math.sqrt(1.0 - (1.0 - 1.0 / BINS) ** 2)
"""Middle of the last bin, in scales from the centre."""


@step
def location(reference: Counts) -> tuple[float, float]:
    """Return mean and standard deviation of a window from the middles of its bins, in scales from the centre.

    The outermost bins count as their middle: a few absurd values do not widen what they are measured by.
    """
    count = 0.0
    mean = 0.0
    for b in range(BINS):
        count += reference[b]
        mean += reference[b] * unsquashed(b)
    mean /= count
    squares = 0.0
    for b in range(BINS):
        away = unsquashed(b) - mean
        squares += reference[b] * away * away
    return mean, math.sqrt(squares / count)


@step
def is_outlier(x: float, mean: float, deviation: float, sigmas: float) -> bool:
    """Return whether a value lies more than ``sigmas`` standard deviations off; never while the deviation is zero.

    Like those of the window, the value counts as no further out than ``OUTERMOST``: otherwise a feature that has
    come to live out there would be one outlier after the other.
    """
    near = -OUTERMOST if x < -OUTERMOST else (OUTERMOST if x > OUTERMOST else x)
    return deviation > 0.0 and abs(near - mean) > sigmas * deviation
