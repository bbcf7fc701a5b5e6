"""The stronger of the symbols stays the stronger."""

import math

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.CORRELATION)
def relative_strength(momentum_168: float, others_momentum_168: float, volatility_168: float) -> float:
    """The past week's return less that of the other symbols, in units of its standard deviation.

    Zero when nothing moved. After Jegadeesh and Titman (1993), "Returns to Buying Winners and Selling Losers";
    for coins Liu, Tsyvinski and Wu (2022), "Common Risk Factors in Cryptocurrency".
    """
    spread = volatility_168 * math.sqrt(168.0)
    return squash((momentum_168 - others_momentum_168) / spread) if spread > 0.0 else 0.0
