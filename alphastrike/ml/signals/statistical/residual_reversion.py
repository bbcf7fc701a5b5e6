"""What moved alone comes back."""

import math

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.STATISTICAL, smooth_bars=24)
def residual_reversion(momentum_72: float, others_momentum_72: float, volatility_168: float) -> float:
    """Three days' return less that of the other symbols, in units of its standard deviation, faded.

    Zero when nothing moved. After Avellaneda and Lee (2010), "Statistical Arbitrage in the US Equities Market": the
    part of a return that the market does not explain reverts.
    """
    spread = volatility_168 * math.sqrt(72.0)
    return -squash((momentum_72 - others_momentum_72) / spread) if spread > 0.0 else 0.0
