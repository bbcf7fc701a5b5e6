"""The combined view on one symbol at one decision: all that the account half learns of perception."""

from enum import IntEnum
from typing import Final

import numpy as np


class Regime(IntEnum):
    """The market's state as trailing features see it; UNKNOWN until the windows are full."""

    UNKNOWN = 0
    TREND_UP = 1
    TREND_DOWN = 2
    RANGE = 3
    HIGH_VOLATILITY = 4


class RegimeScope(IntEnum):
    """Over which regimes a signal is tracked: all together, or one."""

    ALL = 0
    TREND_UP = 1
    TREND_DOWN = 2
    RANGE = 3
    HIGH_VOLATILITY = 4


class PerceptionHalt(IntEnum):
    """Why perception takes no new risk on a symbol; NONE when it may."""

    NONE = 0
    WARM_UP = 1
    """Windows not yet full; clears when they are."""
    STALE = 2
    """No accepted candle for longer than the gateway allows; clears with the next accepted one."""
    BREAKER = 3
    """Repeated rejections opened the data circuit breaker; clears after its cool-off."""
    HEALTH = 4
    """Feature health below its floor; clears above the recovery level."""
    SILENT = 5
    """No signal votes; clears when one does."""


FORECAST: Final = np.dtype(
    (
        np.record,
        [
            ("direction", "i8"),
            ("conviction", "f8"),
            ("volatility", "f8"),
            ("atr", "f8"),
            ("daily_volume", "f8"),
            ("regime", "i8"),
            ("health", "f8"),
            ("halt", "i8"),
        ],
    )
)
"""Shape (decisions, symbols). direction -1, 0, +1; conviction and health 0-100; volatility is the standard
deviation of daily returns as a fraction; atr in quote per base; daily_volume in base units a day; regime a
:class:`Regime`; halt a :class:`PerceptionHalt`. Never NaN: what is unknown is zero and halted."""
