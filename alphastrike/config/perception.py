"""Settings of the perception half: the parameters of its stages, and how often it decides."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator, model_validator

from alphastrike.features.bars import BarParams
from alphastrike.gateway.gates import GatewayParams
from alphastrike.ml.conviction import ConvictionParams
from alphastrike.ml.decay import ARTICLE_RULE, TrackerParams
from alphastrike.ml.regime import RegimeParams
from alphastrike.model.units import MICROS_PER_MINUTE
from alphastrike.validator.health import HealthParams

_BY_EDGE: Final = TrackerParams(weigh_by_edge=True, retire_below=0.48, return_above=0.50)

TRACKER_RULES: Final[Mapping[str, TrackerParams]] = {
    "equal": TrackerParams(),
    "edge": _BY_EDGE,
    "payoff": _BY_EDGE._replace(count_payoff=True),
    "regime": _BY_EDGE._replace(by_regime=True),
    "article": ARTICLE_RULE,
}
"""Rules of the decay tracker by name: equal votes (the default), weight (2 x edge)^2 on a hit rate with its prior, on
the payoff, by regime, and the article's rule to the letter."""


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

    @field_validator("tracker", mode="before")
    @classmethod
    def _rule_by_name(cls, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        if given not in TRACKER_RULES:
            raise ValueError(f"no tracker rule is called so; known: {', '.join(TRACKER_RULES)}")
        return TRACKER_RULES[given]

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
