"""Bars that close at their highs."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.MICROSTRUCTURE, smooth_bars=24)
def closing_pressure(closing_place_24: float) -> float:
    """Where bars closed within their range over a day, followed; a mean place of 0.1 scores 0.71.

    A close away from the middle is what is left of the pressure when the bar ended: the idea behind Chaikin's
    accumulation line, as told by Achelis (2000), "Technical Analysis from A to Z".
    """
    return squash(10.0 * closing_place_24)
