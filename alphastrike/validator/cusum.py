"""The two-sided cumulative sum of standardised daily means: small shifts that last."""

import math
from typing import Final

from alphastrike.model.compiled import step
from alphastrike.validator.bins import BINS

ROUNDING: Final = 2.0 / BINS / math.sqrt(12.0)
"""Standard deviation of what rounding to a bin adds to one squashed value."""


@step
def taken_in(upper: float, lower: float, surprise: float, slack: float) -> tuple[float, float]:
    """Return both sums after one more standardised daily mean.

    The upper one gathers what exceeds +``slack`` standard deviations, the lower one what falls short of -``slack``,
    and neither goes below zero. After Page (1954), "Continuous Inspection Schemes".
    """
    upper = upper + surprise - slack
    lower = lower - surprise - slack
    return (upper if upper > 0.0 else 0.0), (lower if lower > 0.0 else 0.0)


@step
def spread_of(total: float, squares: float, days: int, values_a_day: float) -> float:
    """Return the standard deviation of daily means from their sum and sum of squares.

    Not below what rounding to bins gives the mean of a day's values: a feature that hardly moves has no spread to
    compare with.
    """
    excess = squares - total * total / days
    variance = (excess if excess > 0.0 else 0.0) / (days - 1)
    floor = ROUNDING * ROUNDING / values_a_day
    return math.sqrt(variance if variance > floor else floor)
