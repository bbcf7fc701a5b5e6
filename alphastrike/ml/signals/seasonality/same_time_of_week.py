"""The same day of the week, four weeks running."""

import math

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.SEASONALITY)
def same_time_of_week(week_ago_next_24: float, volatility_720: float) -> float:
    """What the next day brought at this hour of the last four weeks, in units of a day's move, expected again.

    Zero when nothing moved. After Heston, Korajczyk and Sadka (2010), "Intraday Patterns in the Cross-section of
    Stock Returns".
    """
    spread = volatility_720 * math.sqrt(24.0)
    return squash(week_ago_next_24 / spread) if spread > 0.0 else 0.0
