"""Who pressed: takers where the market tells them, an estimate from candles beside it."""

import numpy as np

from alphastrike.features.bars import Bars, Column
from alphastrike.features.declare import Family, feature
from alphastrike.features.windows import deviation, log_change, ratio, trailing_sum


@feature(Family.FLOW, window=24)
def taker_imbalance_24(bars: Bars) -> Column:
    """Takers' buys less their sells over all volume of 24 bars: -1 to 1. NaN when nothing traded."""
    bought_net = trailing_sum(2.0 * bars.taker_buy_volume - bars.volume, 24)
    return ratio(bought_net, trailing_sum(bars.volume, 24))


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
