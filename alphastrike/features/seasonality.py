"""What happened at this time before."""

from alphastrike.features.bars import Bars, Column
from alphastrike.features.declare import Family, feature
from alphastrike.features.windows import before, log_change


@feature(Family.SEASONALITY, window=673)
def week_ago_next_24(bars: Bars) -> Column:
    """Mean log return of the 24 bars that followed this hour of the week in each of the last four weeks.

    With hourly bars; all of them lie in the past: the latest ended six days ago.
    """
    day = log_change(bars.close, 24)
    return (before(day, 144) + before(day, 312) + before(day, 480) + before(day, 648)) / 4.0
