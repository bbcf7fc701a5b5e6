"""Where the price has gone."""

import numpy as np

from alphastrike.features.bars import Bars, Column
from alphastrike.features.declare import Family, feature
from alphastrike.features.windows import (
    decaying_mean,
    deviation,
    log_change,
    log_ratio,
    ratio,
    trailing_max,
    trailing_mean,
    trailing_min,
)


@feature(Family.TREND, window=25)
def momentum_24(bars: Bars) -> Column:
    """Log return over 24 bars, a day of hours."""
    return log_change(bars.close, 24)


@feature(Family.TREND, window=73)
def momentum_72(bars: Bars) -> Column:
    """Log return over 72 bars, three days of hours."""
    return log_change(bars.close, 72)


@feature(Family.TREND, window=169)
def momentum_168(bars: Bars) -> Column:
    """Log return over 168 bars, a week of hours."""
    return log_change(bars.close, 168)


@feature(Family.TREND, window=241)
def momentum_240(bars: Bars) -> Column:
    """Log return over 240 bars, ten days of hours."""
    return log_change(bars.close, 240)


@feature(Family.TREND, window=721)
def momentum_720(bars: Bars) -> Column:
    """Log return over 720 bars, thirty days of hours."""
    return log_change(bars.close, 720)


@feature(Family.TREND, window=720)
def average_gap_24_168(bars: Bars) -> Column:
    """Log of the fast over the slow exponential mean of closes (spans 24 and 168 bars, cut at 120 and 720)."""
    return log_ratio(decaying_mean(bars.close, 24.0, 120), decaying_mean(bars.close, 168.0, 720))


@feature(Family.TREND, window=240)
def channel_240(bars: Bars) -> Column:
    """Place of the close in the channel of the last 240 bars: -1 at its low, +1 at its high.

    Zero in a channel without width. After Donchian's channel rule.
    """
    top = trailing_max(bars.high, 240)
    bottom = trailing_min(bars.low, 240)
    place = 2.0 * ratio(bars.close - bottom, top - bottom) - 1.0
    return np.where(top == bottom, 0.0, place)


@feature(Family.TREND, window=48)
def distance_48(bars: Bars) -> Column:
    """Distance of the close from its mean over 48 bars, in standard deviations of those closes."""
    return ratio(bars.close - trailing_mean(bars.close, 48), deviation(bars.close, 48))
