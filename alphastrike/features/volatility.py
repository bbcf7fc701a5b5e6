"""How far the price moves, whichever way."""

import numpy as np

from alphastrike.features.bars import Bars, Column
from alphastrike.features.declare import Family, feature
from alphastrike.features.windows import deviation, log_change, ratio, trailing_mean, trailing_sum, true_range


@feature(Family.VOLATILITY, window=25)
def volatility_24(bars: Bars) -> Column:
    """Standard deviation of one-bar log returns over 24 bars, a fraction a bar."""
    return deviation(log_change(bars.close, 1), 24)


@feature(Family.VOLATILITY, window=169)
def volatility_168(bars: Bars) -> Column:
    """Standard deviation of one-bar log returns over 168 bars, a fraction a bar."""
    return deviation(log_change(bars.close, 1), 168)


@feature(Family.VOLATILITY, window=721)
def volatility_720(bars: Bars) -> Column:
    """Standard deviation of one-bar log returns over 720 bars, a fraction a bar."""
    return deviation(log_change(bars.close, 1), 720)


@feature(Family.VOLATILITY, window=169)
def atr_168(bars: Bars) -> Column:
    """Mean true range over 168 bars, in quote per base. After Wilder (1978)."""
    return trailing_mean(true_range(bars.high, bars.low, bars.close), 168)


@feature(Family.VOLATILITY, window=744)
def variance_ratio_24(bars: Bars) -> Column:
    """Variance of 24-bar returns over 24 times that of one-bar returns, over 720 bars: above 1, moves persist.

    1 while nothing moved. After Lo and MacKinlay (1988), "Stock Market Prices Do Not Follow Random Walks".
    """
    slow = log_change(bars.close, 24)
    fast = log_change(bars.close, 1)
    one_bar = 24.0 * trailing_sum(fast * fast, 720)
    return np.where(one_bar == 0.0, 1.0, ratio(trailing_sum(slow * slow, 720), one_bar))


@feature(Family.VOLATILITY, window=169)
def semivariance_balance_168(bars: Bars) -> Column:
    """Squares of rising one-bar log returns less those of falling ones, over all, in 168 bars: -1 to 1.

    Zero while nothing moved. After the signed jump variation of Patton and Sheppard (2015), made relative.
    """
    change = log_change(bars.close, 1)
    whole = trailing_sum(change * change, 168)
    return np.where(whole == 0.0, 0.0, ratio(trailing_sum(change * np.abs(change), 168), whole))
