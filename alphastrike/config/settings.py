"""The whole configuration of a run: one frozen tree, every key known, every default in the open."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict

from alphastrike.config.account import AccountParams, AccountSettings
from alphastrike.config.perception import PerceptionSettings
from alphastrike.config.policy import PolicySettings
from alphastrike.model.controls import Controls
from alphastrike.policy.settings import LlmSettings


class Settings(BaseModel):
    """Perception, account, policy and model settings of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    perception: PerceptionSettings = PerceptionSettings()
    account: AccountSettings = AccountSettings()
    policy: PolicySettings = PolicySettings()
    llm: LlmSettings = LlmSettings()

    def account_params(self) -> AccountParams:
        """Return the numbers that the compiled account reads."""
        account = self.account
        return AccountParams(
            account.entry,
            account.exit,
            account.sizing,
            account.leverage,
            account.limits,
            account.venue,
            account.triggers,
            account.start_equity,
            1 if self.policy.on_open == "close" else 0,
            self.policy.deadline_us,
        )

    def baseline(self) -> Controls:
        """Return the controls as configured, which interventions may only tighten."""
        return Controls(self.account.entry.conviction_floor, 1.0, self.account.leverage.maximum, True, True)

    def with_thresholds_of(self, other: "Settings") -> "Settings":
        """Return these settings with the triggers and the guardian of others, and word of where those are from."""
        account = self.account.model_copy(update={"triggers": other.account.triggers})
        own = {"guardian": other.policy.guardian, "thresholds_from": other.policy.thresholds_from}
        return self.model_copy(update={"account": account, "policy": self.policy.model_copy(update=own)})

    def as_dict(self) -> dict[str, Any]:
        """Return the resolved settings as plain nested dictionaries, for the manifest."""
        tree: dict[str, Any] = plain_settings(self)
        return tree

    def digest(self) -> str:
        """Return the BLAKE2b-128 digest (32 hex digits) of the resolved settings."""
        text = json.dumps(self.as_dict(), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def plain_settings(value: Any) -> Any:
    """Return models and named tuples as nested dictionaries with their field names."""
    if isinstance(value, BaseModel):
        return {name: plain_settings(getattr(value, name)) for name in type(value).model_fields}
    if hasattr(value, "_asdict"):
        return {name: plain_settings(part) for name, part in value._asdict().items()}
    if isinstance(value, list | tuple):
        return [plain_settings(part) for part in value]
    return value
