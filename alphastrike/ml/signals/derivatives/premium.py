"""A perpetual dearer than its mark comes back to it."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.DERIVATIVES, smooth_bars=24)
def premium(premium_24: float) -> float:
    """A day's mean premium of the last price over the mark, faded; 0.03 % scores -0.71.

    Abstains where the market tells no marks. After He, Manela, Ross and von Wachter (2022), "Fundamentals of
    Perpetual Futures": the gap to the spot price closes.
    """
    return -squash(premium_24 / 0.0003)
