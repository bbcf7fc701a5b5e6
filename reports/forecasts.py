"""What perception concluded over a run: regimes, how conviction was spread, and forecasts by direction.

Counts are made by the journal's SQL; here they become rows of tables and places of figures.
"""

from collections import Counter, defaultdict
from itertools import groupby
from typing import Any, Final, NamedTuple

from alphastrike.journal.reader import Run
from alphastrike.model.forecast import Regime

BINS: Final = 20
"""Of the histogram of conviction, five points each."""

REGIMES: Final = tuple(regime.name.lower() for regime in Regime)
EVERY_SYMBOL: Final = "all symbols"


class Segment(NamedTuple):
    """A regime's share of a year, in percent."""

    place: float
    width: float
    regime: str


class RegimeRow(NamedTuple):
    """A symbol's year."""

    symbol: str
    year: str
    decisions: int
    shares: dict[str, float]
    """By regime, fractions of the decisions."""

    @property
    def segments(self) -> list[Segment]:
        """The shares one after the other."""
        made, place = [], 0.0
        for name, share in self.shares.items():
            made.append(Segment(round(100.0 * place, 2), round(100.0 * share, 2), name))
            place += share
        return [segment for segment in made if segment.width > 0.0]


class ConvictionYear(NamedTuple):
    """How conviction was spread over the decisions of a year that were not halted; shares are fractions."""

    year: str
    decisions: int
    at_least_80: float
    at_least_90: float
    below_20: float
    shares: list[float]
    """Of each of ``BINS`` equal bins from 0 to 100."""


class ForecastRow(NamedTuple):
    """A symbol's forecasts by direction, and decisions on which no new risk was allowed, by cause."""

    symbol: str
    long: int
    short: int
    none: int
    halts: dict[str, int]


def counted(run: Run, columns: str) -> list[tuple[Any, ...]]:
    """Count forecasts by columns; the count stands last."""
    return run.sql(f"select {columns}, count(*) from forecasts group by all order by all").rows


def by_year(counts: list[tuple[Any, ...]], run: Run) -> list[RegimeRow]:
    """Return the share of every regime by symbol and year, all symbols together first."""
    totals: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for year, symbol, regime, count in counts:
        for name in (EVERY_SYMBOL, symbol):
            totals[name][year][regime] += count
    several = len(run.symbols) > 1
    return [
        RegimeRow(name, year, found.total(), {regime: found[regime] / found.total() for regime in REGIMES})
        for name in (*((EVERY_SYMBOL,) if several else ()), *run.symbols)
        for year, found in totals[name].items()
    ]


def conviction_by_year(run: Run) -> list[ConvictionYear]:
    """Spread conviction by year over the decisions that were not halted."""
    found = run.sql(
        f"select year(event_time)::varchar, least(floor(conviction / {100 // BINS})::bigint, {BINS - 1}), count(*), "
        "count(*) filter (conviction >= 80), count(*) filter (conviction >= 90), count(*) filter (conviction < 20) "
        "from forecasts where halt = 'none' group by 1, 2 order by 1, 2"
    ).rows
    years = []
    for year, group in groupby(found, lambda row: str(row[0])):
        rows = list(group)
        counts = {bin_: count for _, bin_, count, *_ in rows}
        total = sum(counts.values())
        at_80, at_90, below_20 = (sum(row[place] for row in rows) / total for place in (3, 4, 5))
        shares = [counts.get(place, 0) / total for place in range(BINS)]
        years.append(ConvictionYear(year, total, at_80, at_90, below_20, shares))
    return years


def by_symbol(counts: list[tuple[Any, ...]], run: Run) -> list[ForecastRow]:
    """Return every symbol's forecasts, in the run's order."""
    directions: dict[str, Counter[int]] = defaultdict(Counter)
    halts: dict[str, Counter[str]] = defaultdict(Counter)
    for symbol, direction, halt, count in counts:
        directions[symbol][direction] += count
        halts[symbol][halt] += count
    return [
        ForecastRow(name, directions[name][1], directions[name][-1], directions[name][0], dict(halts[name]))
        for name in run.symbols
    ]
