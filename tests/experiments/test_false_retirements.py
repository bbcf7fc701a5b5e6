"""Luck retires signals: more often without a prior, and the less often the better they are."""

import pytest

from alphastrike.config.perception import TRACKER_RULES
from experiments.false_retirements import RULES, fate


def test_a_prior_and_a_lower_bar_keep_luck_from_retiring() -> None:
    rates = {name: fate(params, 0.50, signals=60, seed=1, years=5).retirements_a_year for name, params in RULES.items()}
    assert rates["equal"] < 0.25 < rates["equal without prior"] < rates["article"]
    assert rates["article"] > 5.0


@pytest.mark.parametrize("name", ["equal", "edge", "article"])
def test_a_better_signal_is_retired_less(name: str) -> None:
    params = TRACKER_RULES[name]
    coin, better, good = (fate(params, p, signals=60, seed=2, years=5).share_of_time for p in (0.50, 0.55, 0.65))
    assert coin > better >= good
    assert good < 0.25 * coin
