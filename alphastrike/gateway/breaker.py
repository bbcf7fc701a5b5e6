"""The gateway's memory of one symbol, and the data circuit breaker that repeated rejections open."""

from typing import Final

import numpy as np

from alphastrike.gateway.gates import GatewayParams
from alphastrike.model.compiled import Records, step
from alphastrike.model.units import MICROS_PER_HOUR

GATE_STATE: Final = np.dtype(
    (
        np.record,
        [
            ("last_close", "f8"),
            ("recent_range", "f8"),
            ("recent_volume", "f8"),
            ("last_time", "i8"),
            ("accepted", "i8"),
            ("rejections", "i8"),
            ("clean", "i8"),
            ("stale", "i8"),
            ("open_until", "i8"),
        ],
    )
)
"""One a symbol, all zero at the start. ``last_close`` and ``last_time`` of the last accepted candle (quote per
base, microseconds UTC), ``recent_range`` the mean of (high - low) / close, ``recent_volume`` in base units;
``rejections`` not yet forgotten, ``clean`` candles accepted since the last one; ``stale`` 0 or 1; ``open_until``
the end of the breaker's cool-off, 0 while it is closed."""


@step
def remember(
    state: Records, event_time: int, high: float, low: float, close: float, volume: float, memory: int
) -> None:
    """Take an accepted candle into the symbol's memory: a mean over the first ``memory`` bars, then decaying."""
    state.accepted += 1
    bars = state.accepted if state.accepted < memory else memory
    state.recent_range += ((high - low) / close - state.recent_range) / bars
    state.recent_volume += (volume - state.recent_volume) / bars
    state.last_close = close
    state.last_time = event_time


@step
def count_acceptance(state: Records, params: GatewayParams) -> None:
    """Forget earlier rejections after enough good candles in succession."""
    state.clean += 1
    if state.clean >= params.breaker_forgets_bars:
        state.rejections = 0
        state.clean = 0


@step
def opens_on_rejection(state: Records, now: int, params: GatewayParams) -> bool:
    """Count a rejection; return whether it opens the breaker."""
    state.rejections += 1
    state.clean = 0
    if state.open_until == 0 and state.rejections >= params.breaker_rejections:
        state.open_until = now + params.breaker_hours * MICROS_PER_HOUR
        return True
    return False


@step
def closes(state: Records, now: int) -> bool:
    """Close the breaker when its cool-off has passed; return whether that happened now.

    The price reference is dropped: after a true change of level (a redenomination) every candle would be
    refused for ever.
    """
    if state.open_until == 0 or now < state.open_until:
        return False
    state.open_until = 0
    state.rejections = 0
    state.clean = 0
    state.last_close = 0.0
    return True
