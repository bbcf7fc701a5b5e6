"""How far one symbol's features can be believed: today their completeness, on a scale of 0 to 100."""

from typing import Annotated, Final, NamedTuple

import numpy as np
from annotated_types import Ge, Le

from alphastrike.model.compiled import Records, step

STATED: Final = (
    "atr_168",
    "average_gap_24_168",
    "channel_240",
    "closing_place_24",
    "momentum_168",
    "momentum_720",
    "paid_gap_168",
    "signed_volume_168",
    "volatility_24",
    "volatility_168",
    "volatility_720",
    "volume_mean_168",
)
"""The features that are watched, at most twelve: those every market with candles has."""


class HealthParams(NamedTuple):
    """When a symbol's features are no longer believed."""

    floor: Annotated[float, Ge(0.0), Le(100.0)] = 30.0
    """A symbol whose health falls below this is halted."""
    recovery: Annotated[float, Ge(0.0), Le(100.0)] = 60.0
    """It stays halted until its health is at least this."""


HEALTH_STATE: Final = np.dtype(
    (np.record, [("health", "f8"), ("completeness", "f8"), ("halted", "i8"), ("judged", "i8")])
)
"""One a symbol: the verdict of the last daily judgement; all zero, ``judged`` 0, before the first."""


@step
def judge(state: Records, present: int, stated: int, params: HealthParams) -> None:
    """Judge a symbol by how many of its stated features are present: 100 when all are."""
    state.judged = 1
    state.completeness = present / stated
    state.health = 100.0 * state.completeness
    if state.health < params.floor:
        state.halted = 1
    elif state.health >= params.recovery:
        state.halted = 0
