"""Other rules over the same scores: what an ablation compares is what a run of its own would have given."""

import numpy as np
import pytest

from alphastrike.config.perception import PerceptionSettings
from alphastrike.engine.perception import PerceivedMarket, conclude_again, perceive
from alphastrike.market.market import Market
from alphastrike.ml.decay import ARTICLE_RULE, TrackerParams
from alphastrike.model.forecast import RegimeScope
from tests.engine.markets import rough_market

SETTINGS = PerceptionSettings()
BY_REGIME = PerceptionSettings(
    tracker=TrackerParams(window=100, outcomes_min=10, by_regime=True, regime_outcomes_min=15, retire_below=0.48)
)


@pytest.fixture(scope="module")
def market() -> Market:
    return rough_market(9_000)


@pytest.fixture(scope="module")
def perceived(market: Market) -> PerceivedMarket:
    return perceive(market, SETTINGS)


@pytest.mark.parametrize(
    "settings",
    [SETTINGS, PerceptionSettings(tracker=ARTICLE_RULE), BY_REGIME],
    ids=["the same", "the article's", "by regime"],
)
def test_other_rules_give_what_perceiving_under_them_gives(
    market: Market, perceived: PerceivedMarket, settings: PerceptionSettings
) -> None:
    again = conclude_again(market, perceived, settings)
    whole = perceive(market, settings)
    assert again.forecasts.tobytes() == whole.forecasts.tobytes()
    assert again.rows["retirements"].tolist() == whole.rows["retirements"].tolist()
    weights, expected = again.rows["weights"], whole.rows["weights"]
    assert list(weights) == list(expected)
    assert all(np.array_equal(weights[name], expected[name]) for name in weights)


def test_a_single_voter_is_the_whole_ensemble(market: Market, perceived: PerceivedMarket) -> None:
    alone = conclude_again(market, perceived, SETTINGS, ("trend_week",))
    assert alone.signal_names == ("trend_week",)
    scores = perceived.scores[perceived.signal_names.index("trend_week")]
    voted = ~np.isnan(scores)
    assert np.array_equal(alone.forecasts["direction"][voted], np.sign(scores[voted]).astype(int))
    assert not alone.forecasts["direction"][~voted].any()
    assert np.array_equal(alone.forecasts["health"], perceived.forecasts["health"]), "the validator looks at features"


def test_retirements_and_weights_say_in_which_regime(market: Market, perceived: PerceivedMarket) -> None:
    rows = conclude_again(market, perceived, BY_REGIME).rows
    weights = rows["weights"]
    times, counts = np.unique(weights["event_time"], return_counts=True)
    assert len(times) > 1
    assert set(counts) == {len(RegimeScope)}, "a row a scope at every change"
    assert len(set(rows["retirements"]["regime"].tolist())) > 1
