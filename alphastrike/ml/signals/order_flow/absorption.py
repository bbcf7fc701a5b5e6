"""Takers press and the price does not follow: somebody absorbs them."""

import math

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.ORDER_FLOW, smooth_bars=24)
def absorption(momentum_24: float, taker_imbalance_24: float, volatility_168: float) -> float:
    """A day's return less what its taker flow calls for: the side of the resting orders that absorbed it, followed.

    Each is taken as a score, the return in units of its standard deviation, a net taker share of 0.05 as 0.71. Zero
    when nothing moved. After Bloomfield, O'Hara and Saar (2005), "The 'Make or Take' Decision in an Electronic
    Market": those who know more come to trade by resting orders.
    """
    spread = volatility_168 * math.sqrt(24.0)
    if not spread > 0.0:
        return 0.0
    return 0.5 * (squash(momentum_24 / spread) - squash(20.0 * taker_imbalance_24))
