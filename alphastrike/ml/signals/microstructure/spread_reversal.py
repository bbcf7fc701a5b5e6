"""What moved a thin book moves back."""

import math

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.MICROSTRUCTURE, smooth_bars=24)
def spread_reversal(momentum_24: float, spread_change_168: float, volatility_168: float) -> float:
    """A day's return, faded as far as the spread at the touch has widened against its week; else nothing.

    Zero when nothing moved; abstains where the market tells no book. After Nagel (2012), "Evaporating Liquidity":
    the return to providing liquidity rises when liquidity is short.
    """
    spread = volatility_168 * math.sqrt(24.0)
    if not spread > 0.0 or spread_change_168 <= 0.0:
        return 0.0
    return -squash(momentum_24 / spread) * squash(2.0 * spread_change_168)
