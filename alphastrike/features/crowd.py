"""How many stand on which side."""

from alphastrike.features.bars import Bars, Column
from alphastrike.features.declare import Family, feature
from alphastrike.features.windows import log_ratio, trailing_mean


@feature(Family.CROWD, window=168)
def crowd_lean_168(bars: Bars) -> Column:
    """Log of the long/short account ratio's mean over 24 bars over its mean of 168: positive as more turn long.

    Against its own week, because what is usual differs by symbol. NaN where the market does not report it.
    """
    return log_ratio(trailing_mean(bars.long_short_ratio, 24), trailing_mean(bars.long_short_ratio, 168))
