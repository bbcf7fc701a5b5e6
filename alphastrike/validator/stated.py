"""The features that are watched, at most twelve, and how each is made a number without a unit.

Stated are fast features whose own scale does not wander: a window of a month says within a fortnight hardly more than
two independent things, and levels (volatility, turnover) change with the weather. Every column of candles is looked
at by at least one. A feature whose input the market does not have, or that needs other symbols where there are none,
is not counted.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.validator.allowed import LIMITS

Reals = npt.NDArray[np.float64]


class Scale(NamedTuple):
    """Where a feature usually lies: about its mean, and about two of its standard deviations, in its own unit."""

    centre: float
    scale: float


SCALES: Final = {
    "body_share_1": Scale(0.43, 0.5),
    "closing_place_1": Scale(0.0, 1.1),
    "co_movement_168": Scale(0.5, 2.5),
    "range_against_others_168": Scale(0.0, 0.7),
    "range_change_1": Scale(0.0, 1.2),
    "range_for_volume_168": Scale(0.0, 0.6),
    "range_for_volume_against_others_1": Scale(0.0, 1.5),
    "range_surprise_168": Scale(-0.15, 1.1),
    "surprise_168": Scale(0.0, 2.2),
    "taker_change_1": Scale(0.0, 0.3),
    "volume_against_others_168": Scale(0.0, 0.9),
    "volume_change_1": Scale(0.0, 1.2),
}

STATED: Final = tuple(SCALES)
"""Names of the watched features, in order."""


class Watched(NamedTuple):
    """What the compiled steps need to know of F watched features; arrays of shape (F,)."""

    places: npt.NDArray[np.int64]
    """Where each stands among all features."""
    centres: Reals
    scales: Reals
    psi: Reals
    ks: Reals
    cusum: Reals
    outliers: Reals
    """Calibrated limits, for reference and current windows of the lengths in ``limits.py``."""

    @classmethod
    def at(cls, places: Mapping[str, int]) -> "Watched":
        """Return the watched features, given the places of all features by name."""
        limits = [LIMITS[name] for name in STATED]
        return cls(
            np.array([places[name] for name in STATED], dtype=np.int64),
            np.array([SCALES[name].centre for name in STATED]),
            np.array([SCALES[name].scale for name in STATED]),
            np.array([limit.psi for limit in limits]),
            np.array([limit.ks for limit in limits]),
            np.array([limit.cusum for limit in limits]),
            np.array([limit.outliers for limit in limits]),
        )
