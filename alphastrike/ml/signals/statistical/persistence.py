"""Follow short moves where moves persist, fade them where they revert."""

from alphastrike.ml.declare import Category, signal
from alphastrike.ml.squash import squash


@signal(Category.STATISTICAL, smooth_bars=24)
def persistence(distance_48: float, variance_ratio_24: float) -> float:
    """Distance from the two-day mean, taken with the sign that the past month's variance ratio suggests.

    A ratio above 1 says that moves went on, below 1 that they reverted. After Lo and MacKinlay (1988), "Stock
    Market Prices Do Not Follow Random Walks".
    """
    return squash(distance_48) * squash(4.0 * (variance_ratio_24 - 1.0))
