"""How long an effect lasts: the curves over the horizons and the table behind them."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from replay.effect import Reals
from replay.horizons import HORIZONS
from replay.worth import Worth
from reports import curves
from reports.effects import thousandths

TOLD: Final = (
    "Horizons count from the tick at which an intervention was applied. One that is closer to the end of the run than "
    "a horizon is left out there, not shortened; “end” is cut off by the end of the run where the paths had not met "
    "again."
)

Line = Sequence[float]


def drawn(worths: Sequence[Worth], mean: Line, low: Line, high: Line) -> curves.Curves:
    """Draw every intervention, their mean and its band; log equity in, thousandths out."""
    return curves.curves(
        [_scaled(each.leave_one_out.effect) for each in worths],
        _scaled(mean),
        _scaled(low),
        _scaled(high),
        _scaled(harmless(worths)),
    )


def rows(worths: Sequence[Worth], mean: Line, low: Line, high: Line) -> list[tuple[str, list[str]]]:
    """Return the table behind the curves."""
    table = effects(worths)
    counts = np.isfinite(table).sum(axis=0)
    return [
        ("mean", [thousandths(value) for value in mean]),
        ("95 % band, low", [thousandths(value) for value in low]),
        ("95 % band, high", [thousandths(value) for value in high]),
        ("median", [thousandths(_median(column)) for column in table.T]),
        ("a harmless one moves", [thousandths(value).lstrip("+") for value in harmless(worths)]),
        ("interventions", [f"{int(count):,}" for count in counts]),
    ]


def effects(worths: Sequence[Worth]) -> Reals:
    """Return (n, horizons) leave-one-out effects."""
    return np.array([each.leave_one_out.effect for each in worths], dtype=np.float64).reshape(-1, len(HORIZONS))


def harmless(worths: Sequence[Worth]) -> list[float]:
    """Return what harmless interventions moved at every horizon, up or down, in the median; NaN where none reaches."""
    table = np.array([each.placebo.effect for each in worths], dtype=np.float64).reshape(-1, len(HORIZONS))
    return [_median(np.abs(column)) for column in table.T]


def _median(column: Reals) -> float:
    known = column[np.isfinite(column)]
    return float(np.median(known)) if len(known) else math.nan


def _scaled(line: Line) -> list[float]:
    return [1_000.0 * value for value in line]
