"""The table of interventions with its forest plot, and their effects over the horizons."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from alphastrike.journal.codes import Tool
from replay.decisions import Decision
from replay.horizons import HORIZONS, PRIMARY, SUITE_HORIZONS
from replay.worth import Worth
from reports import numerals, words
from reports.effects import interval_told, thousandths
from reports.forest import Estimate, Forest, Mark, forest

AT: Final = [each.label for each in HORIZONS].index(PRIMARY.label)
"""Where the primary horizon stands among all."""

AT_SUITE: Final = [each.label for each in SUITE_HORIZONS].index(PRIMARY.label)


@dataclass(frozen=True, slots=True)
class Row:
    """One intervention, written; ``*_sort`` are what its columns are sorted by, empty where undefined."""

    number: int
    situation: int
    applied: int
    when: str
    seen: str
    called: str
    effect: str
    interval: str
    formula: str
    sort: str
    is_clear: bool
    """The interval leaves out zero and the effect is beyond what a harmless intervention moves."""
    mark: Mark
    shapley: str
    shapley_error: str
    shapley_sort: str
    regret: str
    regret_sort: str
    met: str
    met_sort: int
    curve: list[str]
    placebo: list[str]


def called(worth: Worth) -> str:
    """Say what an intervention asked for."""
    redundant = ", changed nothing then" if worth.is_redundant else ""
    hours = "" if worth.tool is Tool.DISABLE_ASSET else f", {worth.ttl_hours}\u00a0h"
    return words.asked_for(worth.tool, worth.symbol, worth.value) + hours + redundant


def fired(worth: Worth) -> str:
    """Say which rule fired where."""
    return f"{words.symbol(worth.scope)}: {words.label(worth.rule)}"


def rows(
    worths: Sequence[Worth], decisions: Sequence[Decision], events: Callable[[int, int], str]
) -> tuple[list[Row], Forest]:
    """Return one row an intervention and the scale they are drawn on.

    Args:
        worths: in order of number.
        decisions: of the same run, for the regret.
        events: names the market events between two times.
    """
    regrets = {each.situation: each.regret[AT_SUITE] for each in decisions}
    drawn = forest([_estimate(each) for each in worths])
    made = [_row(each, mark, regrets, events) for each, mark in zip(worths, drawn.marks, strict=True)]
    return made, drawn


def _estimate(worth: Worth) -> Estimate:
    interval = worth.interval
    low, high = (interval.low, interval.high) if interval is not None else (math.nan, math.nan)
    value, floor = worth.leave_one_out.effect[AT], worth.placebo.effect[AT]
    return Estimate(*(1_000.0 * each for each in (value, low, high, floor)))


def _row(worth: Worth, mark: Mark, regrets: Mapping[int, float], events: Callable[[int, int], str]) -> Row:
    value, interval = worth.leave_one_out.effect[AT], worth.interval
    regret = regrets.get(worth.situation, math.nan)
    assert PRIMARY.micros is not None
    until = worth.applied + PRIMARY.micros
    floor = worth.placebo.effect[AT]
    met = numerals.ABSENT
    if worth.reconverged_at is not None:
        met = numerals.duration(worth.reconverged_at - worth.applied)
    return Row(
        number=worth.number,
        situation=worth.situation,
        applied=worth.applied,
        when=numerals.time(worth.applied),
        seen=fired(worth),
        called=called(worth),
        effect=thousandths(value),
        interval=interval_told(interval),
        formula=f"1,000 × [ln equity with it − ln equity without it], {events(worth.applied, until)}",
        sort=_sort(value),
        is_clear=interval is not None and interval.excludes_zero and not abs(value) <= abs(floor),
        mark=mark,
        shapley=thousandths(worth.shapley),
        shapley_error=thousandths(worth.shapley_error).lstrip("+") if worth.shapley_error > 0.0 else "",
        shapley_sort=_sort(worth.shapley),
        regret=numerals.number(1_000.0 * regret, 2),
        regret_sort=_sort(regret),
        met=met,
        met_sort=-1 if worth.reconverged_at is None else worth.reconverged_at - worth.applied,
        curve=[thousandths(each) for each in worth.leave_one_out.effect],
        placebo=[thousandths(each) for each in worth.placebo.effect],
    )


def _sort(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""
