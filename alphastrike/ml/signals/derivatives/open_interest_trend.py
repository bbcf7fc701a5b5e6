"""A move on which positions are opened is believed."""

import math

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.DERIVATIVES)
def open_interest_trend(momentum_168: float, open_interest_change_168: float, volatility_168: float) -> float:
    """The past week's return, followed as far as open interest rose with it; zero when it fell.

    After Hong and Yogo (2012), "What Does Futures Market Interest Tell Us about the Macroeconomy and Asset
    Prices?".
    """
    spread = volatility_168 * math.sqrt(168.0)
    if not spread > 0.0 or open_interest_change_168 <= 0.0:
        return 0.0
    return squash(momentum_168 / spread) * squash(10.0 * open_interest_change_168)
