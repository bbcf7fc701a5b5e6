"""How large a position is: fixed at entry, always scaled by leverage."""

import math
from typing import Annotated, NamedTuple

from annotated_types import Gt, Le

from alphastrike.model.compiled import step


class SizingParams(NamedTuple):
    """Size of one trade."""

    exposure_per_trade: Annotated[float, Gt(0), Le(1)] = 0.10
    """Fraction of equity per trade before leverage."""


@step
def entry_notional(equity: float, exposure_per_trade: float, leverage: float, size_multiplier: float) -> float:
    """Return the notional of a new position in quote: equity x exposure x leverage x size multiplier."""
    return equity * exposure_per_trade * leverage * size_multiplier


@step
def floor_to_lot(quantity: float, lot: float) -> float:
    """Return the largest multiple of ``lot`` not above ``quantity`` (both positive, base units).

    A quantity within a millionth of a lot below a multiple counts as that multiple, because 0.3 / 0.1 is not 3.
    """
    return math.floor(quantity / lot + 1e-6) * lot


@step
def shrink_ratio(multiplier: float, entry_multiplier: float, leverage_cap: float, entry_leverage: float) -> float:
    """Return the share of a position's entry size that today's size multiplier and leverage cap allow, 0-1."""
    ratio = 1.0
    if multiplier < entry_multiplier:
        ratio = multiplier / entry_multiplier
    if leverage_cap < entry_leverage:
        ratio = ratio * (leverage_cap / entry_leverage)
    return ratio
