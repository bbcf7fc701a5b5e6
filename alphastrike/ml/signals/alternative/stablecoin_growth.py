"""Money that waits to be spent."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.ALTERNATIVE, horizon_bars=168)
def stablecoin_growth(stablecoin_change_168: float) -> float:
    """A week's growth of the stablecoins in circulation, followed; 1 % scores 0.71.

    Abstains where their supply is not among the market's external series. After Griffin and Shams (2020), "Is
    Bitcoin Really Untethered?": bitcoin rose after stablecoins were issued.
    """
    return squash(100.0 * stablecoin_change_168)
