"""Settings of the policy layer: how long advice lives and takes, who answers when it fails, and the guardian."""

from typing import Annotated, Final, Literal

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, ConfigDict, Field

from alphastrike.journal.codes import FailureMode
from alphastrike.model.controls import INTERVENTION_HOURS_MAX
from alphastrike.policy.guardian import GuardianParams


class PolicySettings(BaseModel):
    """The policy layer. When it is asked, and how often, stands with the triggers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    ttl_hours: Annotated[int, Ge(1), Le(INTERVENTION_HOURS_MAX)] = Field(
        default=24, description="Life of an intervention whose call names none; disable_asset lives by its hours."
    )
    latency_ms: Annotated[int, Ge(0)] = Field(
        default=0, description="Market time a built-in policy takes to answer. A model's own is measured."
    )
    deadline_s: Annotated[float, Gt(0)] = Field(
        default=60.0, description="Advice later than this after its question is late, and on_failure answers."
    )
    on_failure: Literal["rules", "halt", "no_action"] = Field(
        default="rules",
        description="Who answers when advice is missing, late or invalid: the guardian, a halt, or nobody.",
    )
    on_open: Literal["keep", "close"] = Field(
        default="keep", description="Whether disable_asset and disable_shorts also close what is open."
    )
    guardian: GuardianParams = GuardianParams()
    thresholds_from: str = Field(
        default="",
        description="Where triggers and guardian come from; `alphastrike promote` writes it. Decides nothing.",
    )

    @property
    def latency_us(self) -> int:
        """The configured latency in microseconds."""
        return self.latency_ms * 1_000

    @property
    def deadline_us(self) -> int:
        """The deadline in microseconds after the question."""
        return round(self.deadline_s * 1e6)

    @property
    def failure_mode(self) -> FailureMode:
        """``on_failure`` as the journal codes it."""
        return _FAILURE_MODES[self.on_failure]


_FAILURE_MODES: Final = {mode.name.lower(): mode for mode in FailureMode}
