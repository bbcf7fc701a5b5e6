"""A market taken apart into the instants that live is fed with."""

import math

from alphastrike.engine.perception import series_of
from alphastrike.engine.stepping import Instant
from alphastrike.market.market import Market


def instant_at(market: Market, tick: int) -> Instant:
    """Return one instant of a market."""
    here = slice(tick, tick + 1)
    return Instant(
        int(market.tick_times[tick]),
        market.bars[here],
        series_of(market, here),
        {name: float(values[tick]) for name, values in market.externals.items() if not math.isnan(values[tick])},
        int(market.other_events[tick]),
    )
