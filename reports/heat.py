"""A heat map of situations × actions: what each action would have been worth over none.

A row is an action, a column a situation in order of time. Shade and height say the same: a block above the line is
better than no action, below it worse, and the larger and stronger the further. So it reads without colours too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from reports.axes import nice

SHADES: Final = ("a6", "a5", "a4", "a2", "a1", "a0")
"""Best to worst; what is about nothing is not drawn."""

HALF: Final = 6.0
"""Height of the half of a row above its line, in the figure's units; the width of a column is 1."""

QUANTILES: Final = (0.25, 0.6, 0.85)
"""Of all absolute advantages: where a block first shows, and where it grows."""


@dataclass(frozen=True, slots=True)
class Row:
    """One action over all situations."""

    blocks: list[tuple[str, str]]
    """Shade and SVG path, in a box as wide as there are situations and 2 × ``HALF`` high."""
    chosen: str
    """Path that underlines the columns in which it was chosen."""
    mean: float
    """Over the situations in which it is defined; NaN when in none."""
    better: int
    """Situations in which it was better than no action by more than the first edge."""
    worse: int
    count: int


@dataclass(frozen=True, slots=True)
class Heat:
    """All actions at one horizon."""

    edges: tuple[float, float, float]
    """Absolute advantages at which a block shows, grows and is full; the same unit as the values."""
    rows: list[Row]


def edges_of(values: Sequence[float]) -> tuple[float, float, float]:
    """Return three rising round numbers that part values by their size."""
    known = np.abs([value for value in values if math.isfinite(value) and value != 0.0])
    if not len(known):
        return 1.0, 2.0, 5.0
    edges = [_round_below(max(float(edge), 1e-3)) for edge in np.quantile(known, QUANTILES)]
    for place in (1, 2):
        edges[place] = max(edges[place], nice(edges[place - 1] * 1.01))
    return edges[0], edges[1], edges[2]


def _round_below(value: float) -> float:
    """Return the greatest of 1, 2, 3, 5, 7 times a power of ten that is not above a positive value."""
    power = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in (7.0, 5.0, 3.0, 2.0) if step * power <= value), power)


def heat(actions: Sequence[Sequence[float]], chosen: Sequence[int | None]) -> Heat:
    """Draw one horizon.

    Args:
        actions: one row an action, of its advantage in every situation; NaN where it was not admissible or the horizon
            lies beyond the run.
        chosen: for every situation the row of the action chosen, ``None`` when it is none of the rows.
    """
    edges = edges_of([value for row in actions for value in row])
    return Heat(
        edges, [_row(values, edges, [each == place for each in chosen]) for place, values in enumerate(actions)]
    )


def _row(values: Sequence[float], edges: tuple[float, float, float], chosen: Sequence[bool]) -> Row:
    paths: dict[str, list[str]] = {}
    known = [value for value in values if math.isfinite(value)]
    for column, value in enumerate(values):
        level = sum(abs(value) >= edge for edge in edges) if math.isfinite(value) else 0
        if level:
            shade = SHADES[3 - level] if value > 0.0 else SHADES[2 + level]
            height = HALF * level / 3.0
            paths.setdefault(shade, []).append(f"M{column} {HALF:g}v{-height if value > 0.0 else height:g}h1V{HALF:g}z")
    return Row(
        blocks=[(shade, "".join(paths[shade])) for shade in SHADES if shade in paths],
        chosen="".join(f"M{column} {2 * HALF - 0.7:g}h1" for column, was in enumerate(chosen) if was),
        mean=math.fsum(known) / len(known) if known else math.nan,
        better=sum(value >= edges[0] for value in known),
        worse=sum(-value >= edges[0] for value in known),
        count=len(known),
    )
