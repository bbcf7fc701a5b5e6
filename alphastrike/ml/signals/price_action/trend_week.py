"""A week's trend goes on."""

import math

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.PRICE_ACTION)
def trend_week(momentum_168: float, volatility_168: float) -> float:
    """The past week's return in units of its standard deviation, followed.

    Zero when nothing moved. After Moskowitz, Ooi and Pedersen (2012), "Time Series Momentum".
    """
    spread = volatility_168 * math.sqrt(168.0)
    return squash(momentum_168 / spread) if spread > 0.0 else 0.0
