"""The paths: equity and drawdown of every arm over one time axis, as SVG that a script may zoom.

Drawn in boxes of 1000 × 300 that stretch to the page. The script zooms by looking at a part of the box, so nothing is
drawn twice, and without a script the figure is whole.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from alphastrike.model.units import MICROS_PER_SECOND
from replay.effect import Integers, Reals, drawdowns
from reports import numerals
from reports.axes import nice
from reports.decimate import decimated
from reports.strips import Axis, Tick

WIDTH: Final = 1000.0
HEIGHT: Final = 300.0
POINTS_MAX: Final = 2_000
"""Points of a line: every extreme of it stays."""

READINGS_MAX: Final = 1_500
"""Times at which a reading can be taken."""

LOG_RANGE_MAX: Final = 1e4
"""A log scale shows no more than this ratio: an account that is lost leaves it through the bottom."""

LANE: Final = 10.0
"""Height of the lane of the situations, in the box's units."""

LABELS: Final = 6
"""About as many round values stand beside a panel."""


Path = tuple[Integers, Reals]
"""Times (microseconds UTC), and equity after each."""


class Level(NamedTuple):
    """A round value with its place, percent from the top."""

    place: float
    told: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One quantity of all arms."""

    key: str
    title: str
    lines: list[tuple[str, str]]
    """(arm, SVG path), bottom first."""
    levels: list[Level]
    low: float
    high: float
    """The ends of the scale, in the unit of the panel, of a log scale their logarithms."""


class Asked(NamedTuple):
    """A situation as the figure tells it."""

    time: int
    situation: int
    told: str


@dataclass(frozen=True, slots=True)
class Trail:
    """All panels over one axis."""

    panels: list[Panel]
    marks: str
    """Path of the times at which the factual arm's policy was asked, in a lane of 1000 × 10."""
    bands: str
    """Path of the times at which an intervention of the factual arm was active."""
    ticks: list[Tick]
    readings: dict[str, Any]
    """For the script: times in seconds, equity of every arm at them, situations."""


def trail(
    arms: Mapping[str, Path],
    start_equity: float,
    active: Sequence[tuple[int, int]],
    asked: Sequence[Asked],
) -> Trail:
    """Draw arms, the factual one first.

    Args:
        arms: times (microseconds UTC) and equity after each.
        start_equity: of all of them.
        active: begin and end of the factual arm's interventions.
        asked: its situations, in order of time.
    """
    begin = min(int(times[0]) for times, _ in arms.values())
    end = max(int(times[-1]) for times, _ in arms.values())
    fallen = {
        name: (times, -drawdowns(np.concatenate(([start_equity], equity)))[1:])
        for name, (times, equity) in arms.items()
    }
    highest = max(float(np.max(equity)) for _, equity in arms.values())
    logs = {
        name: (times, np.log(np.maximum(equity, highest / LOG_RANGE_MAX))) for name, (times, equity) in arms.items()
    }
    axis = Axis(begin, end)
    return Trail(
        panels=[
            _panel("linear", "equity, USDT", arms, axis),
            _panel("log", "equity, USDT, log scale", logs, axis),
            _panel("drawdown", "drawdown", fallen, axis),
        ],
        marks="".join(f"M{_across(axis, each.time):.1f} 0V{LANE:g}" for each in asked),
        bands="".join(
            f"M{_across(axis, first):.1f} 0H{_across(axis, last):.1f}V{HEIGHT:g}H{_across(axis, first):.1f}Z"
            for first, last in _merged(active, end)
        ),
        ticks=axis.ticks(),
        readings=_readings(arms, asked),
    )


def by_month(arms: Mapping[str, Path], start_equity: float) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the table behind the paths: month, then every arm's equity at its end and deepest drawdown in it."""
    columns = []
    for times, equity in arms.values():
        fallen = -drawdowns(np.concatenate(([start_equity], equity)))[1:]
        # A row at midnight on the first closes the month before it.
        months = (times - 1).astype("datetime64[us]").astype("datetime64[M]")
        found, begins = np.unique(months, return_index=True)
        ends = np.append(begins[1:], len(months))
        columns.append(
            {
                str(month): (
                    numerals.number(float(equity[end - 1]), 0),
                    numerals.percent(float(np.min(fallen[begin:end]))),
                )
                for month, begin, end in zip(found, begins, ends, strict=True)
            }
        )
    absent = (numerals.ABSENT, numerals.ABSENT)
    every = sorted({month for column in columns for month in column})
    return [(month, [column.get(month, absent) for column in columns]) for month in every]


def _across(axis: Axis, time: Any) -> Any:
    return WIDTH * (time - axis.begin) / max(axis.end - axis.begin, 1)


def _panel(key: str, title: str, arms: Mapping[str, Path], axis: Axis) -> Panel:
    everything = np.concatenate([values for _, values in arms.values()])
    low, high = float(np.min(everything)), float(np.max(everything))
    air = 0.03 * (high - low) or 1.0
    low, high = low - air, high + (0.0 if key == "drawdown" else air)

    def down(value: Any) -> Any:
        return HEIGHT * (high - value) / (high - low)

    lines = []
    for name, (times, values) in reversed(list(arms.items())):
        kept = decimated(values, POINTS_MAX)
        points = " ".join(
            f"{x:.1f},{y:.1f}" for x, y in zip(_across(axis, times[kept]), down(values[kept]), strict=True)
        )
        lines.append((name, f"M{points}"))
    return Panel(key, title, lines, _levels(key, low, high), low, high)


def _levels(key: str, low: float, high: float) -> list[Level]:
    def level(value: float, place: float) -> Level:
        told = numerals.percent(value, 0) if key == "drawdown" else numerals.number(value, 0)
        return Level(round(100.0 * (high - place) / (high - low), 2), told)

    if key == "log":
        first, last = math.exp(low), math.exp(high)
        step = nice((last - first) / LABELS)
        values = [number * step for number in range(math.ceil(first / step), math.floor(last / step) + 1)]
        return [level(value, math.log(value)) for value in values if value > 0.0]
    step = nice((high - low) / (LABELS - 2 if key == "drawdown" else LABELS))
    return [level(n * step, n * step) for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _merged(spells: Sequence[tuple[int, int]], end: int) -> list[tuple[int, int]]:
    """Join spells that touch, and cut them off where the run ends."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(spells):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], min(last, end)))
        else:
            joined.append((first, min(last, end)))
    return joined


def _readings(arms: Mapping[str, Path], asked: Sequence[Asked]) -> dict[str, Any]:
    times = next(iter(arms.values()))[0]
    kept = np.unique(np.linspace(0, len(times) - 1, min(READINGS_MAX, len(times))).astype(np.int64))
    seconds = times[kept] // MICROS_PER_SECOND
    equity = []
    for own_times, values in arms.values():
        rows = np.clip(np.searchsorted(own_times, times[kept], side="right") - 1, 0, None)
        equity.append([round(float(value)) for value in values[rows]])
    return {
        "times": [int(seconds[0]), *(int(step) for step in np.diff(seconds))],
        "arms": list(arms),
        "equity": equity,
        "asked": [[each.time // MICROS_PER_SECOND, each.situation, each.told] for each in asked],
    }
