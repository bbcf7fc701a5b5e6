"""Holders are paid for what is hard to sell."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.MICROSTRUCTURE, horizon_bars=168)
def illiquidity(illiquidity_change_720: float) -> float:
    """A week's illiquidity against its month's: long when the price moved further for the money, short when less.

    After Amihud (2002), "Illiquidity and Stock Returns: Cross-section and Time-series Effects": expected illiquidity
    raises expected returns.
    """
    return squash(2.0 * illiquidity_change_720)
