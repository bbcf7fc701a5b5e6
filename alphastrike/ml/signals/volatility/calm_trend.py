"""A trend counts more while the market is calm."""

import math

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.VOLATILITY)
def calm_trend(momentum_240: float, volatility_24: float, volatility_720: float) -> float:
    """The past ten days' return over what volatility explains, less the more today moves above its month.

    Zero when nothing moved. After Moreira and Muir (2017), "Volatility-Managed Portfolios".
    """
    spread = volatility_720 * math.sqrt(240.0)
    if not spread > 0.0:
        return 0.0
    calm = volatility_720 / (volatility_720 + volatility_24)
    return calm * squash(momentum_240 / spread)
