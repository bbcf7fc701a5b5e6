"""What carries the others carries this one."""

import math

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.CORRELATION)
def market_trend(others_momentum_720: float, volatility_720: float) -> float:
    """The other symbols' mean return over thirty days in units of this one's standard deviation, followed.

    Zero when nothing moved. After Lo and MacKinlay (1990), "When Are Contrarian Profits Due to Stock Market
    Overreaction?": part of what looks like momentum is one asset leading another.
    """
    spread = volatility_720 * math.sqrt(720.0)
    return squash(others_momentum_720 / spread) if spread > 0.0 else 0.0
