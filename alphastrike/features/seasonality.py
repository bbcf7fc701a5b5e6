"""What time it is, and what happened at this time before."""

import numpy as np

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


@feature(Family.SEASONALITY, window=1)
def monday_share_next_day(bars: Bars) -> Column:
    """Share of the coming 24 hours that lies in a Monday (UTC): 0 to 1, rising on Sunday, falling on Monday."""
    since_monday = bars.closed + 72.0  # 1970 began on a Thursday
    since_monday = since_monday - 168.0 * np.floor(since_monday / 168.0)
    away = np.minimum(since_monday, 168.0 - since_monday)
    return np.maximum(0.0, 1.0 - away / 24.0)
