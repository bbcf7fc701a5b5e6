"""What the validator watches and no signal needs: fast numbers without a unit, in which a broken input shows soon.

Between them and the features of other families every column of candles is looked at. What moves with the
weather of the market is also taken against the other symbols: weather is shared, a fault is not.
"""

import math

import numpy as np

from alphastrike.features.bars import Bars, Column
from alphastrike.features.declare import Family, across, feature
from alphastrike.features.windows import (
    before,
    deviation,
    log_change,
    log_ratio,
    ratio,
    trailing_mean,
    true_range,
)
from alphastrike.model.compiled import entry


@feature(Family.TREND, window=170)
def surprise_168(bars: Bars) -> Column:
    """One-bar log return over the standard deviation of the 168 before it. NaN while nothing moved."""
    change = log_change(bars.close, 1)
    return ratio(change, before(deviation(change, 168), 1))


@feature(Family.TREND, window=1)
def closing_place_1(bars: Bars) -> Column:
    """Place of the close within its bar: -1 at the low, +1 at the high, 0 in a bar without range."""
    width = bars.high - bars.low
    return np.where(width == 0.0, 0.0, ratio(2.0 * bars.close - bars.high - bars.low, width))


@feature(Family.VOLATILITY, window=1)
def body_share_1(bars: Bars) -> Column:
    """Distance between open and close as a share of the bar's range, 0 to 1; 0 in a bar without range."""
    width = bars.high - bars.low
    return np.where(width == 0.0, 0.0, ratio(np.abs(bars.close - bars.open), width))


@feature(Family.VOLATILITY, window=3)
def range_change_1(bars: Bars) -> Column:
    """Log change of the true range over one bar; NaN in bars without range."""
    return log_change(true_range(bars.high, bars.low, bars.close), 1)


@feature(Family.VOLATILITY, window=170)
def range_surprise_168(bars: Bars) -> Column:
    """Log of the true range over its mean of the 168 bars before."""
    width = true_range(bars.high, bars.low, bars.close)
    return log_ratio(width, before(trailing_mean(width, 168), 1))


@feature(Family.VOLATILITY, window=170)
def range_for_volume_168(bars: Bars) -> Column:
    """Log of the true range over its mean of 168 bars, less 0.65 times the same of the volume.

    Range and volume rise together, whatever the weather; a series whose prices or volumes are wrong leaves the other
    behind. The exponent is the one at which the rest varies least over the days of five symbols, 2022 and 2023.
    """
    width = true_range(bars.high, bars.low, bars.close)
    moved = log_ratio(width, before(trailing_mean(width, 168), 1))
    return moved - 0.65 * log_ratio(bars.volume, before(trailing_mean(bars.volume, 168), 1))


@feature(Family.VOLATILITY, window=2)
def range_for_volume_1(bars: Bars) -> Column:
    """Log of the true range, as a fraction of the close, over the square root of the turnover in quote units."""
    width = ratio(true_range(bars.high, bars.low, bars.close), bars.close)
    return log_ratio(width, np.sqrt(bars.volume * bars.close))


@feature(Family.VOLUME, window=2)
def volume_change_1(bars: Bars) -> Column:
    """Log change of the volume over one bar; NaN where nothing traded."""
    return log_change(bars.volume, 1)


@feature(Family.VOLUME, window=169)
def volume_surprise_168(bars: Bars) -> Column:
    """Log of the volume over its mean of the 168 bars before; NaN where nothing traded."""
    return log_ratio(bars.volume, before(trailing_mean(bars.volume, 168), 1))


@feature(Family.FLOW, window=2)
def taker_change_1(bars: Bars) -> Column:
    """Change over a bar of takers' buys less their sells as a share of volume: -2 to 2. NaN where nothing traded."""
    imbalance = ratio(2.0 * bars.taker_buy_volume - bars.volume, bars.volume)
    return imbalance - before(imbalance, 1)


@across
def co_movement_168(surprise_168: Column) -> Column:
    """The symbol's surprise times the median of the others': its mean is their correlation, about.

    A feed that runs an hour late, or of another instrument, shows here first. NaN while there is no other.
    """
    return surprise_168 * _median_of_others(surprise_168)


@across
def range_against_others_168(range_surprise_168: Column) -> Column:
    """The symbol's range surprise less the median of the others'; NaN while there is no other."""
    return range_surprise_168 - _median_of_others(range_surprise_168)


@across
def volume_against_others_168(volume_surprise_168: Column) -> Column:
    """The symbol's volume surprise less the median of the others'; NaN while there is no other."""
    return volume_surprise_168 - _median_of_others(volume_surprise_168)


@across
def range_for_volume_against_others_1(range_for_volume_1: Column) -> Column:
    """The symbol's range for its turnover less the median of the others'; NaN while there is no other."""
    return range_for_volume_1 - _median_of_others(range_for_volume_1)


def _median_of_others(panel: Column) -> Column:
    """Return, for each symbol of (rows, symbols), the median of the others at the same row.

    Not the mean: one symbol out of its mind would move it for everybody. Over those that have a value; NaN where
    nobody else has one.
    """
    return _medians(np.ascontiguousarray(panel))


@entry
def _medians(panel: Column) -> Column:
    medians = np.full(panel.shape, np.nan)
    others = np.empty(panel.shape[1])
    for i in range(panel.shape[0]):
        for s in range(panel.shape[1]):
            count = 0
            for other in range(panel.shape[1]):
                value = panel[i, other]
                if other == s or math.isnan(value):
                    continue
                at = count
                while at > 0 and others[at - 1] > value:
                    others[at] = others[at - 1]
                    at -= 1
                others[at] = value
                count += 1
            if count > 0:
                medians[i, s] = 0.5 * (others[(count - 1) // 2] + others[count // 2])
    return medians
