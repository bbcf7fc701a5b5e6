"""The few knobs that an intervention may edit, and the bounds within which it may."""

from typing import Final, NamedTuple

CONVICTION_FLOOR_MIN: Final = 80
CONVICTION_FLOOR_MAX: Final = 95
SIZE_MULTIPLIER_MIN: Final = 0.1
SIZE_MULTIPLIER_MAX: Final = 1.0
LEVERAGE_MIN: Final = 1.0
LEVERAGE_MAX: Final = 10.0
DISABLE_HOURS_MAX: Final = 168
INTERVENTION_HOURS_MAX: Final = 168
CALLS_MAX: Final = 3
"""Tool calls in one advice."""


class Controls(NamedTuple):
    """Effective controls of one symbol: the strictest of the baseline and all live interventions."""

    conviction_floor: float
    """Points 0-100; entries need at least this conviction."""
    size_multiplier: float
    """Multiplies the size of new positions, 0-1."""
    leverage_cap: float
    """Upper bound of the account's leverage, a multiple."""
    shorts_allowed: bool
    asset_enabled: bool
