"""Settings of the account half, and the flat tuple of numbers that compiled code reads."""

from typing import Annotated, Any, NamedTuple

import numpy as np
from annotated_types import Gt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from alphastrike.execution.venue import VenueParams
from alphastrike.model.compiled import Records
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


def packed(params: AccountParams) -> Records:
    """Return the parameters as one record, (1,), with the same names: compiled code is given its address.

    As a tuple every number would be an argument of every call inside the fold.
    """
    values = np.zeros(1, dtype=_record_of(params))
    values[0] = _plain(params)
    return values


def _record_of(params: Any) -> np.dtype[Any]:
    fields: list[tuple[str, Any]] = []
    for name, value in params._asdict().items():
        assert not hasattr(np.record, name), f"NumPy has its own {name}, which uncompiled code would read instead"
        if hasattr(value, "_asdict"):
            fields.append((name, _record_of(value)))
        else:
            fields.append((name, "f8" if isinstance(value, float) else "i8"))
    return np.dtype((np.record, fields))


def _plain(params: Any) -> tuple[Any, ...]:
    return tuple(_plain(value) if hasattr(value, "_asdict") else value for value in params)


class AccountSettings(BaseModel):
    """The account half: strategy, risk, venue and triggers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

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
                "entry.exit_level must not exceed entry.conviction_floor",
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
