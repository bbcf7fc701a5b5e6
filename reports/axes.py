"""Axes of static figures: a range that outliers do not squash, and round numbers along it."""

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from reports.figures import Scale
from reports.numerals import MINUS

STEPS: Final = (1.0, 2.0, 5.0, 10.0)
KEPT: Final = 0.98
"""Share of the values that a range over many of them holds unless told; the rest lies beyond its edges."""

MANY: Final = 40
"""With no more values than this all are held."""


class Place(NamedTuple):
    """A round number on an axis."""

    value: float
    place: float
    """Percent of the axis."""
    told: str = ""


def held(values: Iterable[float], kept: float = KEPT, always: Iterable[float] = ()) -> Scale:
    """Return a scale that holds zero, what it ``always`` must, and of many values the middle share ``kept``."""
    finite = np.array([value for value in values if math.isfinite(value)])
    low = high = 0.0
    if len(finite):
        tail = (1.0 - kept) / 2.0 if len(finite) > MANY else 0.0
        low, high = (float(edge) for edge in np.quantile(finite, [tail, 1.0 - tail]))
    must = [0.0, *(value for value in always if math.isfinite(value))]
    low, high = min(low, *must), max(high, *must)
    air = 0.05 * (high - low) or 1.0
    return Scale(low - air, high + air)


def places(scale: Scale, most: int = 5) -> list[Place]:
    """Return round numbers inside a scale, at most ``most`` of them, zero among them when it is inside."""
    width = scale.high - scale.low
    step = nice(width / most)
    while math.floor(scale.high / step) - math.ceil(scale.low / step) + 1 > most:
        step = nice(step * 1.01)
    first, last = math.ceil(scale.low / step), math.floor(scale.high / step)
    return [Place(n * step, scale.place(n * step), told(n * step)) for n in range(first, last + 1)]


def told(value: float) -> str:
    """Write a round number, with no more digits than it has."""
    return f"{value:.6g}".replace("-", MINUS)


def nice(value: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is not below a positive value."""
    power = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in STEPS if step * power >= value * (1.0 - 1e-9)), 10.0 * power)
