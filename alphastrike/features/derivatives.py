"""What holding a perpetual costs, and how many hold it."""

from alphastrike.features.bars import Bars, Column
from alphastrike.features.declare import Family, feature
from alphastrike.features.windows import log_change, trailing_sum


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
