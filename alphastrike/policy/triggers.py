"""When the policy is asked: rules on realised performance, with hysteresis."""

from typing import Annotated, NamedTuple

from annotated_types import Ge, Gt, Le

from alphastrike.model.compiled import step


class TriggerParams(NamedTuple):
    """Thresholds at which a trigger fires and is re-armed, for a symbol and for the account alike."""

    win_rate_below: Annotated[float, Ge(0), Le(1)] = 0.40
    win_rate_rearm: Annotated[float, Ge(0), Le(1)] = 0.45
    win_rate_window: Annotated[int, Ge(1), Le(50)] = 20
    """Trades looked at; with fewer the rule is silent."""
    drawdown_above: Annotated[float, Gt(0), Le(1)] = 0.15
    drawdown_rearm: Annotated[float, Ge(0), Le(1)] = 0.10
    losses: Annotated[int, Ge(1), Le(50)] = 5
    """Consecutive losing trades; re-armed by a win."""
    cooldown_hours: Annotated[float, Ge(0)] = 24.0
    """A trigger that fires again sooner is journaled, but nobody is asked."""
    refire_hours: Annotated[float, Ge(0)] = 0.0
    """A trigger that stays true fires again after so long; 0 for never."""


@step
def win_rate_fires(rate: float, trades: int, window: int, below: float) -> bool:
    """Tell whether the rolling win rate is below its threshold on a full window."""
    return trades >= window and rate < below


@step
def drawdown_fires(drawdown: float, above: float) -> bool:
    """Tell whether the drawdown is beyond its threshold (fractions)."""
    return drawdown > above


@step
def streak_fires(losses: int, limit: int) -> bool:
    """Tell whether the run of consecutive losses has reached the limit."""
    return losses >= limit
