"""A breakout out of a calm goes far."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.VOLATILITY)
def squeeze_breakout(channel_240: float, volatility_24: float, volatility_720: float) -> float:
    """Place in the ten-day channel, followed as far as the day's volatility lies below the month's; else nothing.

    Half the usual volatility counts 0.83. After "the Squeeze" in Bollinger (2001), "Bollinger on Bollinger Bands".
    """
    if not volatility_720 > volatility_24:
        return 0.0
    return channel_240 * squash(3.0 * (1.0 - volatility_24 / volatility_720))
