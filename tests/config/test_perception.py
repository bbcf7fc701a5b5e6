"""Settings of perception: complete, bounded, and refused in one line when they make no sense."""

from typing import Any

import pytest
from pydantic import ValidationError

from alphastrike.config.perception import TRACKER_RULES, PerceptionSettings
from alphastrike.config.resolve import resolve, validated
from alphastrike.model.errors import ConfigurationError


def test_they_survive_writing_and_reading() -> None:
    made = PerceptionSettings.model_validate({"tracker": {"window": 100, "weigh_by_edge": True}})
    assert made.tracker.window == 100
    assert PerceptionSettings.model_validate(made.model_dump()) == made
    assert PerceptionSettings.model_validate_json(made.model_dump_json()) == made


def test_every_number_is_written_by_its_name() -> None:
    written = PerceptionSettings().model_dump()
    assert written["conviction"] == {"window_days": 60, "minimum_days": 14}
    assert written["decision_interval_minutes"] == 60
    assert PerceptionSettings().decision_interval == 3_600_000_000


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"speed": 3}, "speed"),
        ({"tracker": {"windw": 100}}, "tracker.windw"),
        ({"tracker": {"window": 1}}, "tracker.window"),
        ({"tracker": {"prior_mean": float("nan")}}, "tracker.prior_mean"),
        ({"gateway": {"stale_minutes": "soon"}}, "gateway.stale_minutes"),
        ({"gateway": {"jump_max": 0.1}}, "gateway.jump_flag is 0.15, which exceeds gateway.jump_max"),
        ({"tracker": {"retire_below": 0.6}}, "tracker.retire_below is 0.6, which exceeds tracker.return_above"),
        ({"health": {"floor": 70}}, "health.floor is 70, which exceeds health.recovery"),
        ({"conviction": {"minimum_days": 90}}, "conviction.minimum_days is 90, which exceeds"),
        ({"decision_interval_minutes": 50}, "does not divide a day"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        PerceptionSettings.model_validate(given)
    assert said in str(refused.value)


@pytest.mark.parametrize("name", TRACKER_RULES)
def test_a_rule_of_the_tracker_is_chosen_by_its_name(name: str) -> None:
    settings = resolve(None, [f'perception.tracker="{name}"'])
    assert settings.perception.tracker == TRACKER_RULES[name]
    assert validated(settings.as_dict(), "a manifest") == settings, "a run states the numbers behind the name"


def test_the_articles_rule_is_the_article_to_the_letter() -> None:
    rule = TRACKER_RULES["article"]
    assert (rule.window, rule.prior_outcomes, rule.retire_below, rule.weigh_by_edge) == (100, 0.0, 0.48, True)


def test_an_unknown_rule_is_told_with_those_that_are_known() -> None:
    with pytest.raises(ConfigurationError, match=r"perception.tracker = 'artikel': no tracker rule .* edge, payoff"):
        resolve(None, ['perception.tracker="artikel"'])
