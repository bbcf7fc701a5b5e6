"""What perception did in a run: signals and their retirements; beside them regimes, conviction, health, forecasts."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np

from alphastrike.config.perception import PerceptionSettings
from alphastrike.journal.reader import Run
from alphastrike.ml.declare import Category
from alphastrike.model.forecast import PerceptionHalt
from alphastrike.runs.recorder import recorded_settings
from alphastrike.runs.signals import Standing, standings
from reports import figures, numerals, strips
from reports.forecasts import (
    BINS,
    REGIMES,
    ConvictionYear,
    ForecastRow,
    RegimeRow,
    by_symbol,
    by_year,
    conviction_by_year,
    counted,
)
from reports.health import INK, TESTS, Halt, HealthRow, daily_verdicts, halts, panels, summed
from reports.palette import Ink

TOLD_MAX: Final = 60
"""Rows of a list of retirements or of halts; the journal holds all."""

SYMBOLS_MAX: Final = 12
"""Symbols that get a figure each; the tables hold all."""

OVER_ALL: Final = "all"
"""The tracker's scope of all regimes together."""


class SignalRow(NamedTuple):
    """A signal, in one regime or in all."""

    name: str
    category: str
    regime: str
    accuracy: str
    """At the end; a dash while too few outcomes are known."""
    outcomes: str
    weight: str
    state: str
    stood: list[str]
    """Accuracy at the axis' ticks."""
    strip: strips.Strip | None
    """None of one that abstained throughout or was not looked at yet, and of single regimes."""
    is_silent: bool
    """It abstained throughout."""


class Told(NamedTuple):
    """A retirement or a return."""

    time: int
    signal: str
    regime: str
    change: str
    accuracy: float
    outcomes: int


@dataclass(frozen=True)
class Perception:
    """All that the page tells of perception."""

    axis: strips.Axis
    ticks: list[strips.Tick]
    settings: PerceptionSettings
    groups: list[tuple[str, list[SignalRow]]]
    """Rows over all regimes by category, in their fixed order."""
    rows: list[SignalRow]
    """Of the table: every regime's too."""
    by_regime: bool
    weight_most: float
    """Highest weight; zero when all votes weigh the same."""
    changes: list[Told]
    """Newest first, at most ``TOLD_MAX``."""
    changes_total: int
    regimes: list[RegimeRow]
    conviction: list[ConvictionYear]
    share_most: float
    """Of the conviction's bins."""
    health_panels: list[figures.Panel]
    health: list[HealthRow]
    halts: list[Halt]
    """Newest first, at most ``TOLD_MAX``."""
    halts_total: int
    forecasts: list[ForecastRow]
    halt_causes: list[str]
    """Those that occurred."""
    voted: tuple[str, ...]
    silent: tuple[str, ...]
    """Categories."""
    abstained: list[SignalRow]

    marks_max: int = strips.MARKS_MAX

    @property
    def has_restless(self) -> bool:
        """Whether a signal was retired and came back too often to be marked."""
        return any(row.strip and row.strip.retired and not row.strip.marks for row in self.rows)

    @property
    def shown_symbols(self) -> list[str]:
        """Symbols whose regimes get a figure: all of few, the pool of many."""
        names = list(dict.fromkeys(row.symbol for row in self.regimes))
        return names if len(names) <= SYMBOLS_MAX + 1 else names[:1]


class Part(NamedTuple):
    """What the template needs beside the numbers: which shades, regimes and tests there are, and the inks."""

    seen: Perception
    shades: list[tuple[str, str]]
    regimes: tuple[str, ...]
    bins: int
    ink: dict[str, Ink]
    tests: tuple[str, ...]


def part(run: Run, begin: int, end: int) -> Part:
    """Return what the page tells of perception between two times in microseconds UTC.

    Raises:
        DataError: a table of the run is damaged.
    """
    return Part(perception(run, begin, end), strips.shades(), REGIMES, BINS, INK, tuple(TESTS))


def perception(run: Run, begin: int, end: int) -> Perception:
    """Collect what perception did in a run between two times in microseconds UTC.

    Raises:
        DataError: a table of the run is damaged.
    """
    axis = strips.Axis(begin, end)
    settings = recorded_settings(run).perception
    ticks = axis.ticks()
    stood = standings(run)
    drawn, weight_most = _strips(run, axis, settings.tracker.outcomes_min)
    past = _accuracies_at(run, ticks, settings.tracker.outcomes_min)
    rows = [_signal_row(one, drawn, past, ticks, settings.tracker.outcomes_min) for one in stood.signals]
    over_all = [row for row in rows if row.regime == OVER_ALL]
    regimes = counted(run, "year(event_time)::varchar, symbol, regime")
    forecasts = counted(run, "symbol, direction, halt")
    conviction = conviction_by_year(run)
    changes, changes_total = _changes(run)
    verdicts = daily_verdicts(run)
    halted = halts(run, verdicts)
    causes = {str(halt) for _, _, halt, _ in forecasts}
    return Perception(
        axis=axis,
        ticks=ticks,
        settings=settings,
        groups=[(name, list(group)) for name, group in groupby(over_all, lambda row: row.category)],
        rows=rows,
        by_regime=len(over_all) < len(rows),
        weight_most=weight_most,
        changes=changes,
        changes_total=changes_total,
        regimes=by_year(regimes, run),
        conviction=conviction,
        share_most=max((share for year in conviction for share in year.shares), default=0.0),
        health_panels=panels(verdicts, halted, axis, settings.health),
        health=summed(run, verdicts),
        halts=sorted(halted, key=lambda halt: halt.begin, reverse=True)[:TOLD_MAX],
        halts_total=len(halted),
        forecasts=by_symbol(forecasts, run),
        halt_causes=[cause for halt in PerceptionHalt if halt and (cause := halt.name.lower()) in causes],
        voted=stood.voted,
        silent=tuple(each.value for each in Category if each.value not in stood.voted),
        abstained=[row for row in over_all if row.is_silent],
    )


def _strips(run: Run, axis: strips.Axis, outcomes_min: int) -> tuple[dict[str, strips.Strip], float]:
    """Return the strip of every signal that had an opinion, and the scale of their weights."""
    spoke = _opinions(run, axis)
    samples: dict[str, list[strips.Sample]] = defaultdict(list)
    for name, column, accuracy, outcomes, weight in run.sql(
        f"select name, {axis.column('event_time')} as place, arg_max(accuracy, event_time), "
        "arg_max(outcomes, event_time), arg_max(weight, event_time) "
        "from accuracies where regime = 'all' group by 1, 2 order by 1, 2"
    ).rows:
        is_known = outcomes >= outcomes_min
        opinion = column in spoke.get(name, ())
        samples[name].append(strips.Sample(column, accuracy, outcomes, weight, is_known, opinion))
    changes: dict[str, list[strips.Change]] = defaultdict(list)
    for name, time, returned, accuracy, outcomes in run.sql(
        "select name, epoch_us(event_time), returned, accuracy, outcomes from retirements where regime = 'all' "
        "order by seq, part"
    ).rows:
        changes[name].append(strips.Change(time, returned, accuracy, outcomes))
    weights = {sample.weight for own in samples.values() for sample in own}
    most = max(weights, default=0.0) if weights - {0.0, 1.0} else 0.0
    drawn = {name: strips.strip(own, changes[name], axis, most) for name, own in samples.items() if spoke.get(name)}
    return drawn, most


def _opinions(run: Run, axis: strips.Axis) -> dict[str, set[int]]:
    """Return by signal the columns in which it scored any symbol."""
    facts = run.manifest.tables.get("signals")
    names = facts.columns if facts else ()
    if not names:
        return {}
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    found = run.sql(
        f"select {axis.column('event_time')}, {', '.join(f'bool_or(not isnan({name}))' for name in quoted)} "
        "from signals group by 1"
    ).rows
    return {name: {row[0] for row in found if row[place]} for place, name in enumerate(names, start=1)}


def _accuracies_at(run: Run, ticks: list[strips.Tick], outcomes_min: int) -> dict[tuple[str, str, int], str]:
    """Return by signal, regime and time how the accuracy is written that stood at each tick."""
    times = ", ".join(str(tick.time) for tick in ticks)
    if not times:
        return {}
    found = run.sql(
        "select name, regime::varchar, epoch_us(event_time), accuracy, outcomes from accuracies "
        f"where epoch_us(event_time) in ({times})"
    ).rows
    return {
        (name, regime, time): numerals.percent(accuracy if outcomes >= outcomes_min else np.nan)
        for name, regime, time, accuracy, outcomes in found
    }


def _signal_row(
    one: Standing,
    drawn: dict[str, strips.Strip],
    past: dict[tuple[str, str, int], str],
    ticks: list[strips.Tick],
    outcomes_min: int,
) -> SignalRow:
    return SignalRow(
        one.name,
        one.category.replace("_", " ") or "of another version",
        one.regime.replace("_", " "),
        numerals.percent(one.accuracy if one.outcomes >= outcomes_min else np.nan),
        numerals.number(one.outcomes, 0),
        numerals.number(one.weight, 3).rstrip("0").rstrip(".") or "0",
        one.state,
        [past.get((one.name, one.regime, tick.time), numerals.ABSENT) for tick in ticks],
        drawn.get(one.name) if one.regime == OVER_ALL else None,
        one.scores == 0,
    )


def _changes(run: Run) -> tuple[list[Told], int]:
    found = run.sql(
        "select epoch_us(event_time), name, regime::varchar, returned, accuracy, outcomes from retirements "
        "order by seq desc, part desc",
        TOLD_MAX,
    )
    return [
        Told(time, name, regime.replace("_", " "), "returned" if returned else "retired", accuracy, outcomes)
        for time, name, regime, returned, accuracy, outcomes in found.rows
    ], found.total
