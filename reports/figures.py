"""Static figures: numbers turned into places on a scale; the templates draw them as SVG.

Horizontal places are percentages of the figure's width, so that text beside a figure keeps its size on a
phone. Nothing here needs a script to be seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from alphastrike.model.compiled import Records
from replay.compare import Arm, Comparison
from replay.effect import Integers, Parts, Reals, drawdowns
from replay.inference import Interval
from replay.measures import PARTS
from reports import numerals
from reports.decimate import decimated

POINTS_STATIC = 800


class Scale(NamedTuple):
    """A linear scale over the width of a figure."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Return where a value lies, in percent of the width."""
        return round(100.0 * (value - self.low) / (self.high - self.low), 3)


def scale_around_zero(values: list[float]) -> Scale:
    """Return a scale that holds zero and all finite values, with a little air."""
    finite = [value for value in values if np.isfinite(value)]
    low, high = min([0.0, *finite]), max([0.0, *finite])
    air = 0.04 * (high - low) or 1.0
    return Scale(low - air, high + air)


@dataclass(frozen=True, slots=True)
class IntervalBar:
    """An effect drawn against zero."""

    label: str
    zero: float
    estimate: float | None
    low: float | None
    high: float | None
    told: str
    """The estimate in words."""
    interval_told: str


def interval_bars(rows: list[tuple[str, float, Interval | None]], digits: int) -> list[IntervalBar]:
    """Draw (label, estimate, interval) rows on one scale; an infinite estimate has no point."""
    edges = [edge for _, _, interval in rows if interval for edge in (interval.low, interval.high)]
    scale = scale_around_zero(edges + [estimate for _, estimate, _ in rows])
    return [
        IntervalBar(
            label=label,
            zero=scale.place(0.0),
            estimate=scale.place(estimate) if np.isfinite(estimate) else None,
            low=scale.place(interval.low) if interval else None,
            high=scale.place(interval.high) if interval else None,
            told=numerals.number(estimate, digits, signed=True),
            interval_told=interval_told(interval, digits),
        )
        for label, estimate, interval in rows
    ]


def interval_told(interval: Interval | None, digits: int) -> str:
    """Write an interval, or say that there is none."""
    if interval is None:
        return "no interval"
    low, high = (numerals.number(edge, digits, signed=True) for edge in (interval.low, interval.high))
    return f"95 % [{low}, {high}]"


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of a waterfall, from where the step before it ended."""

    label: str
    begin: float
    width: float
    told: str
    is_total: bool
    falls: bool
    join: float
    """Where the step ends: the next one begins here."""


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Parts that visibly add up to their total."""

    title: str
    zero: float
    bars: list[Bar]


def waterfalls(rows: list[tuple[str, Parts]]) -> list[Waterfall]:
    """Draw each (title, parts) as steps from zero to the total, all on one scale."""
    stands = [np.cumsum([0.0, *parts]) for _, parts in rows]
    scale = scale_around_zero([float(value) for sums in stands for value in sums])
    return [_waterfall(title, parts, scale) for title, parts in rows]


def _waterfall(title: str, parts: Parts, scale: Scale) -> Waterfall:
    bars, stand = [], 0.0
    for name, value in zip(PARTS, parts, strict=True):
        bars.append(_bar(name, stand, stand + value, scale, is_total=False))
        stand += value
    bars.append(_bar("net P&L", 0.0, parts.total, scale, is_total=True))
    return Waterfall(title, scale.place(0.0), bars)


def _bar(label: str, begin: float, end: float, scale: Scale, *, is_total: bool) -> Bar:
    left, right = sorted((scale.place(begin), scale.place(end)))
    return Bar(
        label=label,
        begin=left,
        width=round(max(right - left, 0.0), 3),
        told=numerals.quote(round(end - begin), signed=True),
        is_total=is_total,
        falls=end < begin,
        join=scale.place(end),
    )


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a small multiple: an SVG path in a box of 1000 x 100, y downwards."""

    arm: str
    path: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A small multiple with its vertical ends in words."""

    title: str
    high: str
    low: str
    begin: str
    end: str
    """First and last day."""
    curves: list[Curve]
    levels: tuple[float, ...] = ()
    """Level lines, places downwards in the box."""
    bands: tuple[tuple[float, float], ...] = ()
    """Shaded times: place and width in the box."""


def static_paths(comparison: Comparison) -> list[Panel]:
    """Draw equity and drawdown of all arms for paper and for readers without scripts."""
    start = comparison.origin.start_equity
    equity = {arm.name: _series(arm) for arm in comparison.arms}
    fallen = {
        name: (times, -drawdowns(np.concatenate(([start], values)))[1:]) for name, (times, values) in equity.items()
    }
    return [
        panel("equity, USDT", equity, lambda value: numerals.number(value, 0)),
        panel("drawdown", fallen, numerals.percent),
    ]


def machinery(comparison: Comparison) -> list[Panel]:
    """Draw the applied leverage of all arms, and the factors behind the factual one's."""
    factual = comparison.factual
    leverage = {
        arm.name: (arm.tables["equity"]["event_time"], np.asarray(arm.tables["equity"]["leverage"]))
        for arm in comparison.arms
    }
    panels = [panel("leverage", leverage, _multiple, floor=0.0)]
    changes: Records = factual.tables["leverage"]
    if len(changes) < 2:
        return panels
    for field in ("volatility_factor", "drawdown_factor", "performance_factor"):
        steps = stepped(changes["event_time"], np.asarray(changes[field]), comparison.origin.end)
        panels.append(panel(f"{field.replace('_', ' ')} ({factual.name})", {factual.name: steps}, _multiple, floor=0.0))
    return panels


def _multiple(value: float) -> str:
    return f"{numerals.number(value, 1)}×"


def _series(arm: Arm) -> tuple[Integers, Reals]:
    table = arm.tables["equity"]
    return table["event_time"], np.asarray(table["equity"], dtype=np.float64)


def stepped(times: Integers, values: Reals, end: int) -> tuple[Integers, Reals]:
    """Hold each value until the next, the last until ``end``; of many, the extremes stay."""
    # Thinned before it is stepped: thinning a stepped line takes corners away and leaves slopes.
    kept = decimated(values, POINTS_STATIC // 2)
    edges = np.append(np.repeat(times[kept], 2)[1:], end)
    return edges, np.repeat(values[kept], 2)


def panel(
    title: str,
    series: dict[str, tuple[Integers, Reals]],
    told: Callable[[float], str],
    floor: float | None = None,
    *,
    ceiling: float | None = None,
    levels: tuple[float, ...] = (),
    bands: Sequence[tuple[int, int]] = (),
) -> Panel:
    """Draw (times, values) by arm on one scale, which reaches down to ``floor`` and up to ``ceiling``.

    ``told`` writes its ends; ``levels`` are values to draw a line at, ``bands`` times (begin, end) to shade.
    """
    everything = np.concatenate([values for _, values in series.values()])
    low, high = float(np.min(everything)), float(np.max(everything))
    low = min(low, floor) if floor is not None else low
    high = max(high, ceiling) if ceiling is not None else high
    first = min(int(times[0]) for times, _ in series.values())
    last = max(int(times[-1]) for times, _ in series.values())

    def across(time: Any) -> Any:
        return 1000.0 * (time - first) / max(last - first, 1)

    def down(value: Any) -> Any:
        return 100.0 - 98.0 * (value - low) / ((high - low) or 1.0) - 1.0

    curves = []
    for name, (times, values) in series.items():
        kept = decimated(values, POINTS_STATIC)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across(times[kept]), down(values[kept]), strict=True))
        curves.append(Curve(name, f"M{points}"))
    return Panel(
        title,
        told(high),
        told(low),
        numerals.day(first),
        numerals.day(last),
        curves,
        tuple(round(down(level), 1) for level in levels),
        tuple((round(across(begin), 1), round(across(end) - across(begin), 1)) for begin, end in bands),
    )
