"""Effects over the horizon: every intervention as a faint line, their mean with its simultaneous band."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from reports.axes import Place, held, places

KEPT = 0.9
"""Share of the single values that the figure holds when there are many: the mean must not be squashed by a few."""

WIDTH, HEIGHT = 1000.0, 300.0
"""The figure's own units, stretched to the width of the page."""

Line = Sequence[float]
"""A value at every horizon, NaN where it is not defined."""


@dataclass(frozen=True, slots=True)
class Curves:
    """Paths in a box of 1000 × 300, y downwards; places of labels in percent."""

    single: str
    """All interventions in one path."""
    mean: str
    band: str
    """Closed; empty without a band."""
    floor: str
    zero: float
    axis: list[Place]
    """Values, in percent from the top."""
    columns: list[Place]
    """Horizons, by their number, in percent from the left."""
    beyond: int
    """Values outside the figure."""
    faint: float
    """Opacity of the single lines: the more there are, the fainter."""


def curves(single: Sequence[Line], mean: Line, low: Line, high: Line, floor: Line) -> Curves:
    """Draw lines over horizons that stand at equal distances.

    Args:
        single: one line an intervention.
        mean: their mean.
        low: lower edge of the band of the mean.
        high: its upper edge.
        floor: what a harmless intervention moves, up or down.
    """
    count = len(mean)
    told = [value for line in (mean, low, high, floor) for value in line]
    scale = held((value for line in single for value in line), KEPT, told)

    def across(number: int) -> float:
        return WIDTH * (number + 0.5) / count

    def down(value: float) -> float:
        place = min(max(scale.place(value), -2.0), 102.0)
        return HEIGHT * (1.0 - place / 100.0)

    def path(line: Line) -> str:
        """Join defined neighbours; one that stands alone is a dot of no length."""
        pieces, is_open = [], False
        for number, value in enumerate(line):
            if math.isfinite(value):
                pieces.append(f"{'L' if is_open else 'M'}{across(number):.0f} {down(value):.1f}")
            is_open = math.isfinite(value)
        return "".join(pieces)

    known = [number for number in range(count) if math.isfinite(low[number]) and math.isfinite(high[number])]
    runs: list[list[int]] = [[number] for number in known[:1]]
    for before, number in pairwise(known):
        if number == before + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    band = ""
    for run in runs:
        there = [f"{across(number):.0f} {down(high[number]):.1f}" for number in run]
        back = [f"{across(number):.0f} {down(low[number]):.1f}" for number in reversed(run)]
        band += f"M{'L'.join([*there, *back])}Z"
    return Curves(
        single="".join(path(line) for line in single),
        mean=path(mean),
        band=band,
        floor=path(floor) + path([-value for value in floor]),
        zero=round(down(0.0), 1),
        axis=[Place(each.value, round(100.0 - each.place, 2), each.told) for each in places(scale)],
        columns=[Place(float(number), round(across(number) / WIDTH * 100.0, 2)) for number in range(count)],
        beyond=sum(math.isfinite(value) and not scale.low <= value <= scale.high for line in single for value in line),
        faint=round(min(0.3, 2.0 / max(len(single), 1) ** 0.6), 3),
    )
