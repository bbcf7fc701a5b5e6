"""Which kind of market it is: trending up or down, in a range, or wild."""

import math
from typing import Annotated, Final, NamedTuple

import numpy as np
from annotated_types import Ge, Le

from alphastrike.model.compiled import Records, step
from alphastrike.model.forecast import Regime

UNKNOWN: Final = int(Regime.UNKNOWN)
TREND_UP: Final = int(Regime.TREND_UP)
TREND_DOWN: Final = int(Regime.TREND_DOWN)
RANGE: Final = int(Regime.RANGE)
HIGH_VOLATILITY: Final = int(Regime.HIGH_VOLATILITY)


class RegimeParams(NamedTuple):
    """Borders between the regimes."""

    wild_ratio: Annotated[float, Ge(1.0), Le(100.0)] = 1.8
    """A day's volatility beyond so many times its month's is high volatility."""
    trend_strength: Annotated[float, Ge(0.0), Le(100.0)] = 1.0
    """Ten days' return beyond so many standard deviations of one is a trend."""
    confirm_bars: Annotated[int, Ge(1), Le(1_000)] = 6
    """Decisions in succession that must agree before the regime changes."""


REGIME_STATE: Final = np.dtype((np.record, [("regime", "i8"), ("candidate", "i8"), ("agreed", "i8")]))
"""One a symbol, all zero (unknown) at the start."""


@step
def classify(momentum_240: float, volatility_24: float, volatility_720: float, params: RegimeParams) -> int:
    """Return the regime that the features show now; unknown while one of them is missing."""
    if math.isnan(momentum_240) or math.isnan(volatility_24) or math.isnan(volatility_720):
        return UNKNOWN
    if volatility_24 > params.wild_ratio * volatility_720:
        return HIGH_VOLATILITY
    border = params.trend_strength * volatility_720 * math.sqrt(240.0)
    if momentum_240 > border:
        return TREND_UP
    if momentum_240 < -border:
        return TREND_DOWN
    return RANGE


@step
def settle(state: Records, seen: int, confirm_bars: int) -> int:
    """Take what is seen now into the state and return the regime: it changes when enough decisions agree.

    From unknown it changes at once, and to unknown too: what cannot be seen is not believed to go on.
    """
    if seen == state.candidate:
        state.agreed += 1
    else:
        state.candidate = seen
        state.agreed = 1
    if state.agreed >= confirm_bars or UNKNOWN in (state.regime, seen):
        state.regime = seen
        state.agreed = 0
    return int(state.regime)
