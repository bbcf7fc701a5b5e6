"""When the forced sellers are done, the price recovers."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.DERIVATIVES, smooth_bars=24)
def liquidation_exhaustion(liquidated_share_24: float, liquidated_share_168: float) -> float:
    """A week's forced orders, faded as far as the last day was free of them: longs liquidated, then quiet, is long.

    Shares are of what was traded; 0.15 % over a week scores 0.67. Abstains where liquidations are not reported.
    After Coval and Stafford (2007), "Asset Fire Sales (and Purchases) in Equity Markets": prices pressed by forced
    trades come back.
    """
    quiet = 1.0 - abs(squash(300.0 * liquidated_share_24))
    return -quiet * squash(600.0 * liquidated_share_168)
