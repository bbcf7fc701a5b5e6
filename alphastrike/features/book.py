"""What it costs to trade: from the best bid and ask where the market tells them, an estimate from candles beside it."""

import math
from typing import Final

import numpy as np

from alphastrike.features.bars import Bars, Column
from alphastrike.features.declare import Family, feature
from alphastrike.features.windows import before, log_ratio, ratio, trailing_mean, trailing_sum

PAIR: Final = 3.0 - 2.0 * math.sqrt(2.0)
"""Of the Corwin-Schultz formula. It tells a spread, once in every range, from a move, which grows with time."""


@feature(Family.BOOK, window=24)
def book_imbalance_24(bars: Bars) -> Column:
    """Size at the best bid less that at the best ask, over both, mean of 24 bars: -1 to 1.

    NaN where the market tells no book.
    """
    return trailing_mean(ratio(bars.bid_size - bars.ask_size, bars.bid_size + bars.ask_size), 24)


@feature(Family.BOOK, window=168)
def spread_change_168(bars: Bars) -> Column:
    """Log of the mean spread of 24 bars over that of 168, each spread relative to its middle.

    NaN where the market tells no book, and while bid and ask are the same.
    """
    spread = ratio(bars.ask - bars.bid, bars.ask + bars.bid)
    return log_ratio(trailing_mean(spread, 24), trailing_mean(spread, 168))


@feature(Family.BOOK, window=169)
def high_low_spread_change_168(bars: Bars) -> Column:
    """Log of a day's mean bid-ask spread over that of 168 bars, both estimated from highs and lows.

    A bar's spread is estimated from its range, the last bar's and that of both together; a negative estimate counts
    as none. NaN while no spread shows. After Corwin and Schultz (2012), "A Simple Way to Estimate Bid-Ask Spreads
    from Daily High and Low Prices", with alpha for 2 (e^alpha - 1) / (1 + e^alpha): they differ by alpha^3 / 12.
    """
    own = log_ratio(bars.high, bars.low)
    last = before(own, 1)
    both = log_ratio(np.maximum(bars.high, before(bars.high, 1)), np.minimum(bars.low, before(bars.low, 1)))
    beta = own * own + last * last
    alpha = (np.sqrt(2.0 * beta) - np.sqrt(beta)) / PAIR - both / math.sqrt(PAIR)
    spread = np.maximum(alpha, 0.0)
    return log_ratio(trailing_mean(spread, 24), trailing_mean(spread, 168))


@feature(Family.BOOK, window=721)
def illiquidity_change_720(bars: Bars) -> Column:
    """Log of a week's illiquidity over that of 720 bars: how far the price moves for the money traded.

    Illiquidity is the sum of absolute one-bar returns over the sum of quote notional traded; a ratio of sums,
    so that a bar without volume leaves it defined. NaN when nothing traded or moved. After Amihud (2002),
    "Illiquidity and Stock Returns: Cross-section and Time-series Effects".
    """
    moved = np.abs(bars.close / before(bars.close, 1) - 1.0)
    traded = bars.volume * bars.close
    week = trailing_sum(moved, 168) * trailing_sum(traded, 720)
    month = trailing_sum(moved, 720) * trailing_sum(traded, 168)
    return log_ratio(week, month)
