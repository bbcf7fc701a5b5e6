"""How far features could be believed over a run: every symbol's daily health, its halts, and what the tests found."""

from collections import Counter
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np

from alphastrike.journal.reader import Run
from alphastrike.validator.health import HealthParams
from reports import figures, numerals
from reports.palette import SOLID, Ink
from reports.strips import Axis

SYMBOLS_MAX: Final = 12
"""Symbols that get a figure each, those of the lowest health; the table holds all."""

INK: Final = {"health": Ink("var(--accent)", SOLID)}

# To DuckDB NaN is greater than any number, and NaN is a test that abstained.
TESTS: Final = {
    "PSI": "psi > psi_limit and not isnan(psi)",
    "KS": "ks > ks_limit and not isnan(ks)",
    "CUSUM": "abs(cusum) > cusum_limit and not isnan(cusum)",
    "outliers": "outliers > outliers_limit and not isnan(outliers)",
    "missing or stuck": "lost > 0 and not drifts",
}
"""What a feature can be lost by, as a condition on a row of ``verdicts``."""

_TESTED: Final = "select symbol, event_time, {} from verdicts".format(
    ", ".join(f"{condition} as test_{place}" for place, condition in enumerate(TESTS.values()))
)


class DailyVerdict(NamedTuple):
    """A row of ``health``."""

    symbol: str
    time: int
    health: float
    halted: bool
    watched: int
    worst: str


class HealthRow(NamedTuple):
    """A symbol's health over the run."""

    symbol: str
    days: int
    lowest: float
    mean: float
    halted: int
    """Days."""
    found: dict[str, tuple[int, int]]
    """By test, days on which it lost one feature or more, and how many of them the symbol was halted."""


class Halt(NamedTuple):
    """Verdicts in a row that kept a symbol halted."""

    symbol: str
    begin: int
    end: int | None
    """Time of the verdict that lifted it; ``None`` when it outlived the run."""
    days: int
    lowest: float
    found: str
    """Features lost on its first day, by test."""


def daily_verdicts(run: Run) -> dict[str, list[DailyVerdict]]:
    """Return the verdicts by symbol, in the run's order of symbols and in order of time."""
    found = run.sql(
        "select symbol, epoch_us(event_time), health, halted, watched, worst from health order by seq, part"
    ).rows
    made: dict[str, list[DailyVerdict]] = {name: [] for name in run.symbols}
    for row in found:
        made[row[0]].append(DailyVerdict(*row))
    return {name: own for name, own in made.items() if own}


def halts(run: Run, verdicts: dict[str, list[DailyVerdict]]) -> list[Halt]:
    """Return every halt for health, by symbol."""
    first = _found_on_first_days(run)
    return [
        Halt(
            name,
            spell[0].time,
            after.time if after else None,
            len(spell),
            min(day.health for day in spell),
            _said(spell[0], first.get((name, spell[0].time), Counter())),
        )
        for name, days in verdicts.items()
        for spell, after in _spells(days)
    ]


def _spells(days: list[DailyVerdict]) -> list[tuple[list[DailyVerdict], DailyVerdict | None]]:
    """Return runs of halted verdicts, each with the one that lifted it."""
    made, place = [], 0
    for halted, group in groupby(days, lambda day: day.halted):
        spell = list(group)
        place += len(spell)
        if halted:
            made.append((spell, days[place] if place < len(days) else None))
    return made


def _found_on_first_days(run: Run) -> dict[tuple[str, int], Counter[str]]:
    counted = ", ".join(f"count(*) filter (test_{place})" for place in range(len(TESTS)))
    found = run.sql(
        f"with tested as ({_TESTED}), days as (select symbol, event_time, halted, coalesce(lag(halted) over "
        "(partition by symbol order by event_time), false) as was from health) "
        f"select symbol, epoch_us(event_time), {counted} from tested join days using (symbol, event_time) "
        "where halted and not was group by 1, 2"
    ).rows
    return {(symbol, time): Counter(dict(zip(TESTS, counts, strict=True))) for symbol, time, *counts in found}


def _said(day: DailyVerdict, found: Counter[str]) -> str:
    if not day.watched:
        return "no watched feature had a value yet"
    tests = ", ".join(f"{test} {found[test]}" for test in TESTS if found[test])
    return f"{tests or 'nothing'} of {day.watched} features" + (f"; lost most: {day.worst}" if day.worst else "")


def summed(run: Run, verdicts: dict[str, list[DailyVerdict]]) -> list[HealthRow]:
    """Return a row a symbol."""
    counted = ", ".join(
        f"count(distinct event_time) filter (test_{place}), count(distinct event_time) filter (test_{place} and halted)"
        for place in range(len(TESTS))
    )
    found = {
        symbol: dict(zip(TESTS, zip(counts[::2], counts[1::2], strict=True), strict=True))
        for symbol, *counts in run.sql(
            f"with tested as ({_TESTED}), days as (select symbol, event_time, halted from health) "
            f"select symbol, {counted} from tested join days using (symbol, event_time) group by 1"
        ).rows
    }
    nothing = dict.fromkeys(TESTS, (0, 0))
    return [
        HealthRow(
            name,
            len(days),
            min(day.health for day in days),
            float(np.mean([day.health for day in days])),
            sum(day.halted for day in days),
            found.get(name, nothing),
        )
        for name, days in verdicts.items()
    ]


def panels(
    verdicts: dict[str, list[DailyVerdict]], halted: list[Halt], axis: Axis, params: HealthParams
) -> list[figures.Panel]:
    """Draw the health of every symbol over time, or of the ``SYMBOLS_MAX`` that fell lowest, with its halts."""
    lowest = sorted(verdicts, key=lambda name: min(day.health for day in verdicts[name]))[:SYMBOLS_MAX]
    return [
        _panel(name, days, [halt for halt in halted if halt.symbol == name], axis, params)
        for name, days in verdicts.items()
        if name in lowest
    ]


def _panel(name: str, days: list[DailyVerdict], halted: list[Halt], axis: Axis, params: HealthParams) -> figures.Panel:
    count = sum(halt.days for halt in halted)
    told = f"{count:,} day{'' if count == 1 else 's'} halted" if count else "never halted"
    times, values = figures.stepped(
        np.array([day.time for day in days], dtype=np.int64),
        np.array([day.health for day in days]),
        axis.end,
    )
    return figures.panel(
        f"{name}: {told}",
        {"health": (times, values)},
        lambda value: numerals.number(value, 0),
        floor=0.0,
        ceiling=100.0,
        levels=(params.floor,),
        bands=[(halt.begin, halt.end or axis.end) for halt in halted],
    )
