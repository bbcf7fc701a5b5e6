"""Volume on rising bars against volume on falling ones."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.VOLUME)
def volume_trend(signed_volume_168: float) -> float:
    """A week's signed share of volume, followed; a share of 0.1 scores 0.71.

    After Granville (1963), "New Key to Stock Market Profits", and Blume, Easley and O'Hara (1994), "Market
    Statistics and Technical Analysis: The Role of Volume".
    """
    return squash(10.0 * signed_volume_168)
