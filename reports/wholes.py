"""The whole run against every other arm: effects drawn against zero, and what the arms came to."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from replay.compare import FROZEN, Comparison
from replay.explained import Explained, Whole
from replay.inference import Interval
from replay.measures import MEASURES, Measure
from reports import figures, numerals
from reports.palette import Ink

DIGITS = 3


class Bar(NamedTuple):
    """One arm in one mode, drawn against zero."""

    name: str
    mode: str
    ink: Ink
    bar: figures.IntervalBar
    formula: str


def bars(it: Explained, ink: Mapping[str, Ink], *, of_hindsight: bool = False) -> list[Bar]:
    """Draw whole-run effects on one scale, policy − arm; arms with hindsight apart: they dwarf all others."""
    shown = [each for each in it.whole if each.is_hindsight is of_hindsight]
    drawn = figures.interval_bars([(each.arm, each.effect, _interval(it, each)) for each in shown], DIGITS)
    return [
        Bar(each.arm, each.mode, ink[each.arm], bar, _formula(it, each)) for each, bar in zip(shown, drawn, strict=True)
    ]


def _interval(it: Explained, whole: Whole) -> Interval | None:
    """Return the interval to draw; ``None`` where none is printed."""
    if math.isnan(whole.low):
        return None
    how = (it.frozen if whole.mode == FROZEN else it.adaptive).bootstrap
    days = round((it.origin.end - it.origin.begin) / 86_400_000_000)
    return Interval(whole.low, whole.high, how.draws, how.block_days, how.seed, days)


def _formula(it: Explained, whole: Whole) -> str:
    span = f"{numerals.time(it.origin.begin)} to {numerals.time(it.origin.end)} UTC"
    return f"ln(final equity of {it.policy}) − ln(final equity of {whole.arm}), {whole.mode}, all events from {span}"


def told(it: Explained) -> str:
    """Say what the bars are, and how days were drawn again."""
    how = it.adaptive.bootstrap
    return (
        f"Bars are 95 % intervals over histories, decisions fixed: stationary bootstrap of paired days, {how.draws:,} "
        f"draws, mean block {how.block_days:.3g} days, seed {how.seed}. Adaptive: the arm answered its own situations. "
        "Frozen: it answered the recorded ones, and nobody was asked after. The verdict is of the "
        f"{it.judged} effect."
    )


def measured(comparison: Comparison) -> Iterator[tuple[Measure, list[str]]]:
    """Yield every measure with its value in every arm."""
    for measure in MEASURES:
        yield (
            measure,
            [
                numerals.write(float(getattr(own, measure.field)), measure.shape, measure.sign)
                for own in comparison.metrics
            ],
        )


def facts(it: Explained) -> Sequence[tuple[str, str, str]]:
    """Return the counts that a verdict rests on: name, value, meaning."""
    episodes = len({one.episode for one in it.interventions})
    redundant = sum(one.is_redundant for one in it.interventions)
    return [
        ("situations", f"{len(it.suite.decisions):,}", "Times the policy was asked."),
        ("interventions", f"{len(it.interventions):,}", "Accepted edits of the controls, by the policy."),
        ("of them redundant", f"{redundant:,}", "They changed nothing when they were applied; they may bind later."),
        ("episodes", f"{episodes:,}", "Interventions that overlap in time, on any symbol, counted as one."),
    ]
