"""What moved a thin market moves back: thinness told by candles alone."""

import math

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.MICROSTRUCTURE, smooth_bars=24)
def high_low_spread_reversal(momentum_24: float, high_low_spread_change_168: float, volatility_168: float) -> float:
    """A day's return, faded as far as the spread estimated from highs and lows is wider than its week's.

    Zero when nothing moved. The estimate is that of Corwin and Schultz (2012), "A Simple Way to Estimate Bid-Ask
    Spreads from Daily High and Low Prices"; the idea is that of Nagel (2012), "Evaporating Liquidity".
    """
    spread = volatility_168 * math.sqrt(24.0)
    if not spread > 0.0 or high_low_spread_change_168 <= 0.0:
        return 0.0
    return -squash(momentum_24 / spread) * squash(2.0 * high_low_spread_change_168)
