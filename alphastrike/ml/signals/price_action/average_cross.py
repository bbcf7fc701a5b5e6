"""The fast average above the slow one."""

import math

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.PRICE_ACTION)
def average_cross(average_gap_24_168: float, volatility_168: float) -> float:
    """Gap between a day's and a week's exponential mean, in units of a typical move over half a week.

    Zero when nothing moved. After Brock, Lakonishok and LeBaron (1992), "Simple Technical Trading Rules and the
    Stochastic Properties of Stock Returns".
    """
    spread = volatility_168 * math.sqrt(84.0)
    return squash(average_gap_24_168 / spread) if spread > 0.0 else 0.0
