"""The guardian: the deterministic rules that answer when no model is at hand, and that a model has to beat."""

import math
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from annotated_types import Ge, Le

from alphastrike.journal.codes import Rule
from alphastrike.model.controls import (
    CONVICTION_FLOOR_MAX,
    CONVICTION_FLOOR_MIN,
    INTERVENTION_HOURS_MAX,
    SIZE_MULTIPLIER_MAX,
    SIZE_MULTIPLIER_MIN,
)
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import AdjustConviction, AdjustPositionSize, Advice, NoAction

Multiplier = Annotated[float, Ge(SIZE_MULTIPLIER_MIN), Le(SIZE_MULTIPLIER_MAX)]
Hours = Annotated[int, Ge(1), Le(INTERVENTION_HOURS_MAX)]


class GuardianParams(NamedTuple):
    """What the guardian does about each rule, and for how long."""

    loss_streak_multiplier: Multiplier = 0.5
    loss_streak_hours: Hours = 24
    drawdown_multiplier: Multiplier = 0.5
    drawdown_hours: Hours = 72
    win_rate_floor: Annotated[int, Ge(CONVICTION_FLOOR_MIN), Le(CONVICTION_FLOOR_MAX)] = 90
    win_rate_hours: Hours = 72


@dataclass(frozen=True, slots=True)
class Rules:
    """Halves the size after a loss streak or in a drawdown, and asks for more conviction when few trades win.

    It acts on the situation's symbol, and in a situation of the whole account on the symbol that lost most. It
    never asks for less than the configured controls already do.
    """

    params: GuardianParams = GuardianParams()  # noqa: RUF009 - an immutable tuple

    @property
    def name(self) -> str:
        """``rules``; its parameters are the run's settings."""
        return "rules"

    def decide(self, situation: Situation) -> Advice:
        """Return one call, after a table of three rows."""
        params, symbol = self.params, situation.focus
        match situation.rule:
            case Rule.LOSS_STREAK:
                reason = f"{situation.value:.0f} losses in a row"
                return self._smaller(situation, params.loss_streak_multiplier, params.loss_streak_hours, reason)
            case Rule.DRAWDOWN:
                reason = f"drawdown of {situation.value:.1%}"
                return self._smaller(situation, params.drawdown_multiplier, params.drawdown_hours, reason)
            case Rule.WIN_RATE:
                floor = max(params.win_rate_floor, math.ceil(situation.baseline.conviction_floor))
                if floor > CONVICTION_FLOOR_MAX:
                    return (NoAction(reason="the configured floor is stricter than any threshold"),)
                reason = f"win rate of {situation.value:.1%}"
                hours = params.win_rate_hours
                return (AdjustConviction(symbol=symbol, threshold=floor, reason=reason, ttl_hours=hours),)

    @staticmethod
    def _smaller(situation: Situation, multiplier: float, hours: int, reason: str) -> Advice:
        multiplier = min(multiplier, situation.baseline.size_multiplier)
        if multiplier < SIZE_MULTIPLIER_MIN:
            return (NoAction(reason="the configured size is smaller than any multiplier"),)
        return (AdjustPositionSize(symbol=situation.focus, multiplier=multiplier, reason=reason, ttl_hours=hours),)
