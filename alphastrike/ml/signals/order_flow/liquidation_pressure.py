"""Forced orders call forth more of them."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.ORDER_FLOW, smooth_bars=24)
def liquidation_pressure(liquidated_share_24: float) -> float:
    """A day's forced buying less forced selling as a share of what was traded, followed; 0.3 % scores 0.67.

    Abstains where liquidations are not reported. After Brunnermeier and Pedersen (2009), "Market Liquidity and
    Funding Liquidity": a loss forces sales, and the sales make the next loss.
    """
    return squash(300.0 * liquidated_share_24)
