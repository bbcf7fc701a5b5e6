"""Heat strips: what a signal was worth over time as shades on one line, with its retirements and returns.

Places are percentages of the width, so that a strip is as readable on a phone as on paper.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final, NamedTuple

import numpy as np

from alphastrike.model.units import MICROS_PER_DAY
from reports import numerals

COLUMNS_MAX: Final = 130
"""Samples of a strip: on a phone between two and three pixels each."""

TICKS_MAX: Final = 6

EDGES: Final = (0.44, 0.47, 0.49, 0.51, 0.53, 0.56)
"""Accuracies at which the shade changes: the same in every page, so that pages can be compared."""

MARKS_MAX: Final = 12
"""Marks of a strip that can be told apart on a phone; with more, the hatching alone shows when a signal was retired."""

UNKNOWN: Final = "u"
"""Shade of an accuracy of which too few outcomes are known."""

_MONTHS: Final = (1, 2, 3, 6, 12, 24, 60, 120)


class Tick(NamedTuple):
    """A first of a month on the axis."""

    time: int
    place: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """Time over the width of a figure, cut into columns of whole days."""

    begin: int
    end: int
    """Microseconds UTC."""

    @property
    def step(self) -> int:
        """Microseconds a column."""
        days = -(-(self.end - self.begin) // MICROS_PER_DAY)
        return max(1, -(-days // COLUMNS_MAX)) * MICROS_PER_DAY

    def place(self, time: int) -> float:
        """Return where a time lies, in percent of the width."""
        share = (time - self.begin) / max(self.end - self.begin, 1)
        return round(100.0 * min(max(share, 0.0), 1.0), 1)

    def column(self, time: str) -> str:
        """Return the SQL of the column that a time belongs to; one that ends a column belongs to it."""
        return f"((epoch_us({time}) - {self.begin} - 1) // {self.step})::bigint"

    def ends(self, column: int) -> tuple[int, int]:
        """Return where a column begins and ends, microseconds UTC."""
        first = self.begin + column * self.step
        return max(first, self.begin), min(first + self.step, self.end)

    def ticks(self) -> list[Tick]:
        """Return at most ``TICKS_MAX`` firsts of months inside, years when the axis is long."""
        first, last = (int(np.datetime64(time, "us").astype("datetime64[M]").astype(np.int64)) for time in self)
        for step in _MONTHS:
            months = [month for month in range(first, last + 1) if month % step == 0]
            found = [(month, time) for month in months if self.begin <= (time := _time_of(month)) < self.end]
            if len(found) <= TICKS_MAX:
                break
        return [
            Tick(time, self.place(time), str(np.datetime64(month, "M"))[: 4 if step >= 12 else 7])
            for month, time in found
        ]

    def __iter__(self) -> Iterator[int]:
        return iter((self.begin, self.end))


def _time_of(month: int) -> int:
    return int(np.datetime64(month, "M").astype("datetime64[us]").astype(np.int64))


class Sample(NamedTuple):
    """What the tracker made of a signal at the end of a column."""

    column: int
    accuracy: float
    outcomes: int
    weight: float
    is_known: bool
    """Enough outcomes are known for an accuracy of its own."""
    spoke: bool
    """The signal had an opinion on any symbol within the column."""


class Change(NamedTuple):
    """A retirement or a return."""

    time: int
    returned: bool
    accuracy: float
    outcomes: int


class Cell(NamedTuple):
    """Neighbouring columns of one shade."""

    place: float
    width: float
    shade: str
    told: str


class Mark(NamedTuple):
    """A retirement or a return on a strip."""

    place: float
    returned: bool
    told: str


class Stretch(NamedTuple):
    """A time between a retirement and the return."""

    place: float
    width: float
    told: str


@dataclass(frozen=True, slots=True)
class Strip:
    """One signal over time."""

    cells: list[Cell]
    retired: list[Stretch]
    marks: list[Mark]
    """None when there would be more than ``MARKS_MAX``."""
    weight: str
    """SVG path of the weight in a box of 1000 x 100, y downwards; empty when every vote weighs the same."""


def shade(sample: Sample) -> str:
    """Name the shade of a sample: ``a0`` for the least accurate to ``a6`` for the most."""
    return f"a{sum(sample.accuracy >= edge for edge in EDGES)}" if sample.is_known else UNKNOWN


def shades() -> list[tuple[str, str]]:
    """Return every shade with what it stands for, for the key."""
    written = [f"{100.0 * edge:.0f}" for edge in EDGES]
    between = [f"{low}–{high}" for low, high in pairwise(written)]
    told = [f"below {written[0]} %", *(f"{each} %" for each in between), f"{written[-1]} % and more"]
    return [(f"a{place}", text) for place, text in enumerate(told)]


def strip(samples: list[Sample], changes: list[Change], axis: Axis, weight_most: float) -> Strip:
    """Draw a signal's samples, in order of time, and its changes; weights on a scale up to ``weight_most``, if any."""
    return Strip(
        list(_cells(samples, axis)),
        list(_retired(changes, axis)),
        [Mark(axis.place(change.time), change.returned, _told(change)) for change in changes]
        if len(changes) <= MARKS_MAX
        else [],
        _weight_path(samples, axis, weight_most) if weight_most > 0.0 else "",
    )


def _cells(samples: list[Sample], axis: Axis) -> Iterator[Cell]:
    spoken = [(shade(sample), sample) for sample in samples if sample.spoke]
    # Columns of one shade that follow one another differ from their rank by the same number.
    for (name, _), run in groupby(enumerate(spoken), lambda each: (each[1][0], each[1][1].column - each[0])):
        alike = [sample for _, (_, sample) in run]
        begin, end = axis.ends(alike[0].column)[0], axis.ends(alike[-1].column)[1]
        place = axis.place(begin)
        yield Cell(place, round(axis.place(end) - place, 1), name, f"{_days(begin, end)}: {_said(alike)}")


def _said(alike: list[Sample]) -> str:
    outcomes = _range([sample.outcomes for sample in alike], 0)
    if not alike[0].is_known:
        return f"{outcomes} outcomes, too few for an accuracy"
    accuracy = _range([100.0 * sample.accuracy for sample in alike], 1)
    told = f"{accuracy} % of {outcomes} outcomes"
    weights = [sample.weight for sample in alike]
    return told if set(weights) == {1.0} else f"{told}, weight {_range(weights, 3)}"


def _range(values: Iterable[float], digits: int) -> str:
    known = list(values)
    low, high = (numerals.number(edge, digits) for edge in (min(known), max(known)))
    short = (edge.rstrip("0").rstrip(".") if digits == 3 else edge for edge in (low, high))
    return "–".join(dict.fromkeys(short))


def _days(begin: int, end: int) -> str:
    first, last = numerals.day(begin), numerals.day(end - 1)
    return first if first == last else f"{first} to {last}"


def _retired(changes: list[Change], axis: Axis) -> Iterator[Stretch]:
    since: Change | None = None
    for change in [*changes, Change(axis.end, True, np.nan, 0)]:
        if not change.returned:
            since = change
        elif since is not None:
            place = axis.place(since.time)
            back = f", {_told(change)}" if change.outcomes else ""
            yield Stretch(place, round(axis.place(change.time) - place, 1), _told(since) + back)
            since = None


def _told(change: Change) -> str:
    what = "returned" if change.returned else "retired"
    return (
        f"{what} {numerals.day(change.time)} at an accuracy of {numerals.percent(change.accuracy)} "
        f"over {change.outcomes:,} outcomes"
    )


def _weight_path(samples: list[Sample], axis: Axis, most: float) -> str:
    points: list[str] = []
    for sample in samples:
        down = f"{98.0 - 96.0 * sample.weight / most:.0f}"
        begin, end = (f"{10.0 * axis.place(time):.0f}" for time in axis.ends(sample.column))
        # A level line needs its ends only.
        if len(points) >= 2 and points[-1].endswith(f",{down}") and points[-2].endswith(f",{down}"):
            points[-1] = f"{end},{down}"
        else:
            points += [f"{begin},{down}", f"{end},{down}"]
    return f"M{' '.join(points)}" if points else ""
