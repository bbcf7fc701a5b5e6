"""The stated grid of actions: what a random policy draws from and what a decision is compared with."""

from typing import Final

from alphastrike.journal.codes import CallVerdict
from alphastrike.policy.interventions import judge
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import (
    AdjustConviction,
    AdjustLeverage,
    AdjustPositionSize,
    DisableAsset,
    DisableShorts,
    NoAction,
    ToolCall,
)

THRESHOLDS: Final = (85, 90, 95)
MULTIPLIERS: Final = (0.25, 0.5, 0.75)
LEVERAGES: Final = (1.0, 2.0, 3.0)
DISABLE_HOURS: Final = (24, 72)


def action_grid(situation: Situation, reason: str) -> tuple[ToolCall, ...]:
    """Return the grid's calls that this situation admits, ``no_action`` first, in a fixed order.

    Calls take the situation's symbol (in an account-wide situation, the symbol that lost most) and the
    configured life; a call that would loosen the baseline is left out, a redundant one stays in.
    """
    symbol = situation.focus
    grid: tuple[ToolCall, ...] = (
        NoAction(reason=reason),
        *(AdjustConviction(symbol=symbol, threshold=threshold, reason=reason) for threshold in THRESHOLDS),
        *(AdjustPositionSize(symbol=symbol, multiplier=multiplier, reason=reason) for multiplier in MULTIPLIERS),
        *(AdjustLeverage(new_leverage=leverage, reason=reason) for leverage in LEVERAGES),
        DisableShorts(symbol=symbol, reason=reason),
        *(DisableAsset(symbol=symbol, duration_hours=hours, reason=reason) for hours in DISABLE_HOURS),
    )
    controls = situation.controls
    return tuple(call for call in grid if judge(call, situation, controls, 1).verdict is not CallVerdict.REJECTED)
