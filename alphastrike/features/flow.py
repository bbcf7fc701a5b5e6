"""Who pressed: takers where the market tells them, an estimate from candles beside it."""

import numpy as np

from alphastrike.features.bars import Bars, Column
from alphastrike.features.declare import Family, feature
from alphastrike.features.windows import before, deviation, log_change, log_ratio, ratio, trailing_sum


@feature(Family.FLOW, window=24)
def taker_imbalance_24(bars: Bars) -> Column:
    """Takers' buys less their sells over all volume of 24 bars: -1 to 1. NaN when nothing traded."""
    bought_net = trailing_sum(2.0 * bars.taker_buy_volume - bars.volume, 24)
    return ratio(bought_net, trailing_sum(bars.volume, 24))


@feature(Family.FLOW, window=169)
def trade_size_lean_168(bars: Bars) -> Column:
    """Log of the mean size of a trade on rising bars over that on falling ones, over 168 bars.

    NaN where the market does not tell the number of trades, and when none fell on one of the two sides.
    """
    side = np.sign(bars.close - before(bars.close, 1))
    # By maximum, not by comparison: a missing bar stays missing.
    rising = np.maximum(side, 0.0)
    falling = np.maximum(-side, 0.0)
    up = trailing_sum(rising * bars.volume, 168) * trailing_sum(falling * bars.trades, 168)
    down = trailing_sum(falling * bars.volume, 168) * trailing_sum(rising * bars.trades, 168)
    return log_ratio(up, down)


@feature(Family.FLOW, window=192)
def bulk_imbalance_24(bars: Bars) -> Column:
    """Estimated net buying over 24 bars as a share of their volume: -1 to 1. NaN when nothing traded.

    Each bar's volume is split by its return against the standard deviation of 168 bars, with x / sqrt(1 + x^2)
    for the distribution function. After the bulk volume classification of Easley, Lopez de Prado and O'Hara
    (2012), "Flow Toxicity and Liquidity in a High-frequency World".
    """
    change = log_change(bars.close, 1)
    surprise = ratio(change, deviation(change, 168))
    bought_net = bars.volume * surprise / np.sqrt(1.0 + surprise * surprise)
    return ratio(trailing_sum(bought_net, 24), trailing_sum(bars.volume, 24))


@feature(Family.FLOW, window=24)
def closing_place_24(bars: Bars) -> Column:
    """Mean place of the close within its bar over 24 bars: -1 at the lows, +1 at the highs.

    A bar without range counts as its middle.
    """
    width = bars.high - bars.low
    place = np.where(width == 0.0, 0.0, ratio(2.0 * bars.close - bars.high - bars.low, width))
    return trailing_sum(place, 24) / 24.0
