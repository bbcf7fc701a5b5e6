"""Near the top of its channel a price breaks out."""

from alphastrike.ml.declare import Category, signal


@signal(Category.PRICE_ACTION)
def channel_breakout(channel_240: float) -> float:
    """Place in the ten-day channel: long near its high, short near its low.

    After Donchian's channel rule as told by Faith (2007), "Way of the Turtle".
    """
    return channel_240
