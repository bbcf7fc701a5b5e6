"""What the world outside the venue says of a simulated market, each value at the moment it became known."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.market.chance import Reals, stream, wandering
from alphastrike.market.columns import Columns
from alphastrike.market.paths import trend_of
from alphastrike.market.prints import TREND_DAYS
from alphastrike.market.weather import Weather
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE

DRIFTING_DAYS: Final = 60.0
"""Time after which half of a change is left that has nothing to do with the hint."""


class Outside(NamedTuple):
    """How one external series looks."""

    usual: float
    hint: float
    """Added per unit of the hint."""
    drifting: float
    """Standard deviation of slow changes that tell nothing."""
    noise: float
    """Standard deviation of what is wrong in one value."""
    decimals: int
    every: int
    """Microseconds between stamps."""
    lag: int
    """From what a value is about to its publication, microseconds."""
    proportional: bool = False
    """Whether ``hint``, ``drifting`` and ``noise`` are of the logarithm rather than in the series' unit."""
    per_trend: float = 0.0
    """Added per standard deviation of the factor's trend."""
    growth: float = 0.0
    """Of the logarithm a day."""
    bounds: tuple[float, float] = (0.0, np.inf)
    weekdays: bool = False
    """Nothing is reported for Saturdays and Sundays."""


OUTSIDES: Final[Mapping[str, Outside]] = {
    "fear_greed": Outside(
        50.0, 15.0, 5.0, 4.0, 0, MICROS_PER_DAY, 10 * MICROS_PER_MINUTE, per_trend=2.0, bounds=(0.0, 100.0)
    ),
    "btc_dominance": Outside(52.0, 1.2, 1.5, 0.10, 2, MICROS_PER_HOUR, 5 * MICROS_PER_MINUTE, bounds=(30.0, 75.0)),
    "dxy": Outside(103.0, 0.9, 1.2, 0.05, 3, MICROS_PER_HOUR, MICROS_PER_MINUTE, weekdays=True),
    "spx": Outside(
        5_000.0, 0.018, 0.02, 0.001, 2, MICROS_PER_HOUR, 15 * MICROS_PER_MINUTE, True, growth=0.0003, weekdays=True
    ),
    "search_interest": Outside(
        35.0, 0.35, 0.15, 0.08, 0, MICROS_PER_DAY, 36 * MICROS_PER_HOUR, True, bounds=(0.0, 100.0)
    ),
    "stablecoin_supply": Outside(
        130e9, 0.008, 0.01, 0.001, -6, MICROS_PER_DAY, 6 * MICROS_PER_HOUR, True, growth=0.0004
    ),
}


def externals(seed: int, sky: Weather, interval: int, begin: int) -> Columns:
    """Return the table ``externals`` of a market.

    Args:
        seed: of the market.
        sky: the common factor that the hints are about.
        interval: of the bars, microseconds.
        begin: opening of the first bar, microseconds UTC.
    """
    trend = trend_of(sky.returns, sky.usual, TREND_DAYS, interval)
    columns: dict[str, list[npt.NDArray[np.int64] | Reals]] = {"event_time": [], "stamp": [], "value": []}
    counts = []
    for name, outside in OUTSIDES.items():
        stamps = _stamps(outside, begin, interval, len(sky.returns))
        # The last bar that had closed at the stamp.
        known = (stamps - begin) // interval - 1
        columns["event_time"].append(stamps + outside.lag)
        columns["stamp"].append(stamps)
        columns["value"].append(_values(seed, name, outside, sky.hints[name][known], trend[known], stamps - begin))
        counts.append(len(stamps))
    stacked = {column: np.concatenate(parts) for column, parts in columns.items()}
    return stacked | {"name": np.repeat(np.array(list(OUTSIDES), dtype=object), counts)}


def _stamps(outside: Outside, begin: int, interval: int, ticks: int) -> npt.NDArray[np.int64]:
    """Return the moments reported on: from the first bar's close, and published before the market ends."""
    first = -(-(begin + interval) // outside.every) * outside.every
    stamps = np.arange(first, begin + ticks * interval - outside.lag + 1, outside.every, dtype=np.int64)
    if not outside.weekdays:
        return stamps
    # 1970-01-01 was a Thursday; Saturday and Sunday are 2 and 3 days later.
    return stamps[~np.isin(stamps // MICROS_PER_DAY % 7, (2, 3))]


def _values(seed: int, name: str, outside: Outside, hint: Reals, trend: Reals, age: npt.NDArray[np.int64]) -> Reals:
    steps = DRIFTING_DAYS * MICROS_PER_DAY / outside.every
    away = outside.hint * hint + wandering(stream(seed, f"drifting {name}"), len(hint), steps, outside.drifting)
    away += outside.noise * stream(seed, f"noise {name}").standard_normal(len(hint))
    away += outside.per_trend * trend + outside.growth * (age / MICROS_PER_DAY)
    value = outside.usual * np.exp(away) if outside.proportional else outside.usual + away
    # Counted in the last decimal, or in millions, so that the written number is the decimal one.
    scale = 10.0 ** abs(outside.decimals)
    bounded = np.clip(value, *outside.bounds)
    return np.asarray(np.rint(bounded / scale) * scale if outside.decimals < 0 else np.rint(bounded * scale) / scale)
