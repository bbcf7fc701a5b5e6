"""A month's trend goes on."""

import math

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.PRICE_ACTION)
def trend_month(momentum_720: float, volatility_720: float) -> float:
    """The past thirty days' return in units of its standard deviation, followed.

    Zero when nothing moved. After Moskowitz, Ooi and Pedersen (2012), "Time Series Momentum"; for coins Liu and
    Tsyvinski (2021), "Risks and Returns of Cryptocurrency".
    """
    spread = volatility_720 * math.sqrt(720.0)
    return squash(momentum_720 / spread) if spread > 0.0 else 0.0
