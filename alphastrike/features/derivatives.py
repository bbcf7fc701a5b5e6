"""What holding a perpetual costs, and how many hold it."""

from alphastrike.features.bars import Bars, Column
from alphastrike.features.declare import Family, feature
from alphastrike.features.windows import log_change, log_ratio, ratio, trailing_mean, trailing_sum


@feature(Family.DERIVATIVES, window=168)
def funding_168(bars: Bars) -> Column:
    """Sum of the funding rates settled in 168 bars, a fraction of notional; positive when longs paid.

    NaN when one of them is unknown or assumed.
    """
    return trailing_sum(bars.funding, 168)


@feature(Family.DERIVATIVES, window=169)
def open_interest_change_168(bars: Bars) -> Column:
    """Log change of open interest over 168 bars; NaN where the market does not report it."""
    return log_change(bars.open_interest, 168)


@feature(Family.DERIVATIVES, window=24)
def premium_24(bars: Bars) -> Column:
    """Mean log premium of the close over the mark in 24 bars; NaN when a bar has no mark."""
    return trailing_mean(log_ratio(bars.close, bars.mark), 24)


@feature(Family.DERIVATIVES, window=24)
def liquidated_share_24(bars: Bars) -> Column:
    """Forced buying less forced selling over all notional traded in 24 bars: positive when shorts were liquidated."""
    return _liquidated_share(bars, 24)


@feature(Family.DERIVATIVES, window=168)
def liquidated_share_168(bars: Bars) -> Column:
    """Forced buying less forced selling over all notional traded in 168 bars: positive when shorts were liquidated."""
    return _liquidated_share(bars, 168)


def _liquidated_share(bars: Bars, window: int) -> Column:
    forced = trailing_sum(bars.short_liquidated - bars.long_liquidated, window)
    return ratio(forced, trailing_sum(bars.volume * bars.close, window))
