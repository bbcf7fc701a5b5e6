"""Settings of the account half, and the flat tuple of numbers that compiled code reads."""

from typing import Annotated, NamedTuple

from annotated_types import Gt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from alphastrike.execution.venue import VenueParams
from alphastrike.policy.triggers import TriggerParams
from alphastrike.risk.leverage import LeverageParams
from alphastrike.risk.limits import LimitParams
from alphastrike.strategy.entries import EntryParams
from alphastrike.strategy.exits import ExitParams
from alphastrike.strategy.sizing import SizingParams


class AccountParams(NamedTuple):
    """Every parameter of the account half, by stage."""

    entry: EntryParams
    exit: ExitParams
    sizing: SizingParams
    leverage: LeverageParams
    limits: LimitParams
    venue: VenueParams
    triggers: TriggerParams
    start_equity: float
    close_on_disable: int
    """1 when ``disable_asset`` and ``disable_shorts`` also close what is open."""
    deadline: int
    """Microseconds a policy has to answer."""


class AccountSettings(BaseModel):
    """The account half: strategy, risk, venue and triggers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start_equity: Annotated[float, Gt(0)] = Field(default=100_000.0, description="Quote currency at the start.")
    entry: EntryParams = EntryParams()
    exit: ExitParams = ExitParams()
    sizing: SizingParams = SizingParams()
    leverage: LeverageParams = LeverageParams()
    limits: LimitParams = LimitParams()
    venue: VenueParams = VenueParams()
    triggers: TriggerParams = TriggerParams()

    @model_validator(mode="after")
    def _levels_are_ordered(self) -> "AccountSettings":
        for lower, upper, what in (
            (
                self.entry.exit_level,
                self.entry.conviction_floor,
                "entry.exit_level must be below entry.conviction_floor",
            ),
            (self.leverage.minimum, self.leverage.maximum, "leverage.minimum must not exceed leverage.maximum"),
            (
                self.leverage.volatility_factor_min,
                self.leverage.volatility_factor_max,
                "leverage.volatility_factor_min must not exceed leverage.volatility_factor_max",
            ),
            (
                self.triggers.win_rate_below,
                self.triggers.win_rate_rearm,
                "triggers.win_rate_below must not exceed triggers.win_rate_rearm",
            ),
            (
                self.triggers.drawdown_rearm,
                self.triggers.drawdown_above,
                "triggers.drawdown_rearm must not exceed triggers.drawdown_above",
            ),
        ):
            if lower > upper:
                raise ValueError(f"{what}: {lower:g} and {upper:g}")
        return self
