"""Those who are afraid flee into bitcoin first, then out of it."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.MACRO, horizon_bars=168)
def bitcoin_dominance(dominance_change_168: float) -> float:
    """A week's change of bitcoin's share of all coins' value: a rising share is flight, and bad for all of them.

    A share 3 % larger than a week ago scores -0.71. Abstains where it is not among the market's external series.
    After Vayanos (2004), "Flight to Quality, Flight to Liquidity, and the Pricing of Risk".
    """
    return -squash(dominance_change_168 / 0.03)
