"""What was traded, and on which moves."""

import numpy as np

from alphastrike.features.bars import Bars, Column
from alphastrike.features.declare import Family, feature
from alphastrike.features.windows import before, log_ratio, ratio, trailing_mean, trailing_sum


@feature(Family.VOLUME, window=168)
def volume_mean_168(bars: Bars) -> Column:
    """Mean volume a bar over 168 bars, in base units."""
    return trailing_mean(bars.volume, 168)


@feature(Family.VOLUME, window=168)
def volume_change_168(bars: Bars) -> Column:
    """Log of the mean volume of 24 bars over that of 168; NaN when nothing traded in either."""
    return log_ratio(trailing_mean(bars.volume, 24), trailing_mean(bars.volume, 168))


@feature(Family.VOLUME, window=169)
def signed_volume_168(bars: Bars) -> Column:
    """Volume of rising bars less that of falling ones, over all volume of 168 bars: -1 to 1.

    Zero when nothing traded. After Granville's on-balance volume (1963), made relative.
    """
    side = np.sign(bars.close - before(bars.close, 1))
    return _share(trailing_sum(side * bars.volume, 168), trailing_sum(bars.volume, 168))


@feature(Family.VOLUME, window=168)
def paid_gap_168(bars: Bars) -> Column:
    """Log of the close over the volume-weighted mean price of 168 bars.

    A bar's price is the mean of its high, low and close. NaN when nothing traded.
    """
    typical = (bars.high + bars.low + bars.close) / 3.0
    paid = trailing_sum(typical * bars.volume, 168)
    traded = trailing_sum(bars.volume, 168)
    return log_ratio(bars.close * traded, paid)


def _share(part: Column, whole: Column) -> Column:
    return np.where(whole == 0.0, 0.0, ratio(part, whole))
