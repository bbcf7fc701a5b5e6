"""A rising dollar weighs on everything priced in it."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.MACRO, horizon_bars=168)
def dollar_trend(dollar_change_480: float) -> float:
    """The dollar index's change over twenty days, against it; a rise of 1.5 % scores -0.71.

    Abstains where the index is not among the market's external series. After Dyhrberg (2016), "Hedging Capabilities
    of Bitcoin. Is It the Virtual Gold?", who finds bitcoin a hedge against the dollar; that trends go on is Moskowitz,
    Ooi and Pedersen (2012), "Time Series Momentum".
    """
    return -squash(dollar_change_480 / 0.015)
