"""Settings of the policy layer: their bounds, and the docs' word on them."""

import pytest
from pydantic import ValidationError

from alphastrike.config.policy import PolicySettings
from alphastrike.journal.codes import FailureMode
from alphastrike.policy.guardian import GuardianParams


def test_the_defaults_are_the_design_s() -> None:
    settings = PolicySettings()
    assert (settings.ttl_hours, settings.latency_us, settings.failure_mode) == (24, 0, FailureMode.RULES)
    assert settings.on_open == "keep"
    assert settings.guardian == GuardianParams(0.5, 24, 0.5, 72, 90, 72)


@pytest.mark.parametrize("mode", list(FailureMode))
def test_every_failure_mode_can_be_chosen(mode: FailureMode) -> None:
    assert PolicySettings(on_failure=mode.name.lower()).failure_mode is mode


def test_units_are_turned_into_microseconds() -> None:
    settings = PolicySettings(latency_ms=250, deadline_s=1.5)
    assert (settings.latency_us, settings.deadline_us) == (250_000, 1_500_000)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ttl_hours": 0},
        {"ttl_hours": 169},
        {"latency_ms": -1},
        {"deadline_s": 0},
        {"deadline_s": float("inf")},
        {"on_failure": "panic"},
        {"on_open": "double"},
        {"ttl": 3},
        {"guardian": {"drawdown_multiplier": 1.5}},
        {"guardian": {"loss_streak_multiplier": 0.05}},
        {"guardian": {"win_rate_floor": 96}},
        {"guardian": {"win_rate_hours": 0}},
        {"guardian": {"win_rate_hour": 24}},
    ],
)
def test_a_setting_out_of_bounds_or_unknown_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PolicySettings.model_validate(wrong)


def test_settings_survive_being_written_down() -> None:
    settings = PolicySettings(guardian=GuardianParams(win_rate_floor=95), on_failure="halt")
    assert PolicySettings.model_validate(settings.model_dump(mode="json")) == settings
