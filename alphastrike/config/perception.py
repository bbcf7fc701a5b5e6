"""Settings of the perception half: the parameters of its stages, and how often it decides."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_serializer, model_validator

from alphastrike.features.bars import BarParams
from alphastrike.gateway.gates import GatewayParams
from alphastrike.ml.conviction import ConvictionParams
from alphastrike.ml.decay import TrackerParams
from alphastrike.ml.regime import RegimeParams
from alphastrike.model.units import MICROS_PER_MINUTE
from alphastrike.validator.health import HealthParams


class PerceptionSettings(BaseModel):
    """What perception needs to know beside the market. Windows of features count decision bars."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    decision_interval_minutes: Annotated[int, Field(ge=1, le=1440)] = 60
    """Minutes between decisions; a divisor of a day and a multiple of the market's interval."""
    gateway: GatewayParams = GatewayParams()
    bars: BarParams = BarParams()
    health: HealthParams = HealthParams()
    tracker: TrackerParams = TrackerParams()
    regime: RegimeParams = RegimeParams()
    conviction: ConvictionParams = ConvictionParams()

    @model_validator(mode="after")
    def _consistent(self) -> "PerceptionSettings":
        for name, value, other, limit in (
            ("gateway.jump_flag", self.gateway.jump_flag, "gateway.jump_max", self.gateway.jump_max),
            ("health.floor", self.health.floor, "health.recovery", self.health.recovery),
            ("health.minimum_days", self.health.minimum_days, "health.reference_days", self.health.reference_days),
            ("tracker.outcomes_min", self.tracker.outcomes_min, "tracker.window", self.tracker.window),
            ("tracker.regime_outcomes_min", self.tracker.regime_outcomes_min, "tracker.window", self.tracker.window),
            ("tracker.retire_below", self.tracker.retire_below, "tracker.return_above", self.tracker.return_above),
            (
                "conviction.minimum_days",
                self.conviction.minimum_days,
                "conviction.window_days",
                self.conviction.window_days,
            ),
        ):
            if value > limit:
                raise ValueError(f"{name} is {value:g}, which exceeds {other} ({limit:g})")
        if 1440 % self.decision_interval_minutes:
            raise ValueError(
                f"decision_interval_minutes is {self.decision_interval_minutes}, which does not divide a day"
            )
        return self

    @property
    def decision_interval(self) -> int:
        """Microseconds between decisions."""
        return self.decision_interval_minutes * MICROS_PER_MINUTE

    @field_serializer("gateway", "bars", "health", "tracker", "regime", "conviction")
    def _named(self, params: Any) -> dict[str, float]:
        named: dict[str, float] = params._asdict()
        return named
