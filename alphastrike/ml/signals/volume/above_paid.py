"""Holders in profit hold on."""

import math

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.VOLUME)
def above_paid(paid_gap_168: float, volatility_168: float) -> float:
    """Distance of the price from what was paid on average over a week, in units of a week's move, followed.

    Zero when nothing moved. After Grinblatt and Han (2005), "Prospect Theory, Mental Accounting, and Momentum":
    those who can sell at a profit sell too early, so the price lags behind the news.
    """
    spread = volatility_168 * math.sqrt(84.0)
    return squash(paid_gap_168 / spread) if spread > 0.0 else 0.0
