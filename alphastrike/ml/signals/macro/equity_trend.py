"""Appetite for risk comes to coins from stocks."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.MACRO, horizon_bars=168)
def equity_trend(equity_change_480: float) -> float:
    """The equity index's change over twenty days, followed; a rise of 4 % scores 0.71.

    Abstains where the index is not among the market's external series. After Rapach, Strauss and Zhou (2013),
    "International Stock Return Predictability: What Is the Role of the United States?": what stocks did there
    arrives elsewhere later; that coins came to move with them is Iyer (2022), "Cryptic Connections".
    """
    return squash(equity_change_480 / 0.04)
