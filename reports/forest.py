"""A forest plot: effects with their intervals on one scale, a row each, beside what a harmless intervention moves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from reports.axes import Place, held, places

EDGES_KEPT: Final = 0.8
"""Share of the intervals' edges that the figure holds: a few wide ones must not squash all the others."""

AXIS_MOST: Final = 3


class Estimate(NamedTuple):
    """One effect in the unit of the plot; NaN where it is not defined."""

    value: float
    low: float
    high: float
    floor: float
    """What the harmless intervention in its place moves, whichever the sign."""


class Mark(NamedTuple):
    """One row, in percent of the width; ``None`` where there is nothing to draw."""

    point: float | None
    low: float | None
    high: float | None
    floor: tuple[float, float] | None
    """Begin and width of the band around zero."""
    is_below: bool
    """Something of it lies left of the figure, or right of it."""
    is_above: bool


@dataclass(frozen=True, slots=True)
class Forest:
    """All rows on one scale."""

    zero: float
    axis: list[Place]
    marks: list[Mark]
    beyond: int
    """Rows that reach out of the figure."""


def forest(estimates: Sequence[Estimate]) -> Forest:
    """Draw rows on one scale that holds zero and nearly all of them."""
    edges = [edge for each in estimates for edge in (each.low, each.high) if math.isfinite(edge)]
    usual = np.quantile(edges, [(1.0 - EDGES_KEPT) / 2.0, (1.0 + EDGES_KEPT) / 2.0]).tolist() if edges else []
    scale = held((each.value for each in estimates), always=usual)

    def inside(value: float) -> float | None:
        return min(max(scale.place(value), 0.0), 100.0) if math.isfinite(value) else None

    def mark(each: Estimate) -> Mark:
        edges = [edge for edge in (each.value, each.low, each.high) if math.isfinite(edge)]
        begin, end = inside(-abs(each.floor)), inside(abs(each.floor))
        return Mark(
            point=inside(each.value),
            low=inside(each.low),
            high=inside(each.high),
            floor=None if begin is None or end is None else (begin, round(end - begin, 3)),
            is_below=any(edge < scale.low for edge in edges),
            is_above=any(edge > scale.high for edge in edges),
        )

    marks = [mark(each) for each in estimates]
    beyond = sum(each.is_below or each.is_above for each in marks)
    return Forest(scale.place(0.0), places(scale, AXIS_MOST), marks, beyond)
