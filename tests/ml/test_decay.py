"""The decay tracker: outcomes without overlap, the prior, weights, retirement and return."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.ml.decay import (
    ARTICLE_RULE,
    PENDING,
    RETIRED,
    RETURNED,
    SCOPES,
    TRACKER,
    UNCHANGED,
    TrackerParams,
    accuracy,
    outcome,
    predict,
    reconsider,
    remember,
    scope_of,
    vote,
)
from alphastrike.model.forecast import RegimeScope

RAW = TrackerParams(window=10, outcomes_min=5, prior_outcomes=0.0)


class Tracked:
    """One signal of the tracker."""

    def __init__(self, params: TrackerParams) -> None:
        self.params = params
        self.record = np.zeros(1, dtype=TRACKER)[0]
        self.record.weight = 1.0
        self.rings = np.zeros((1, SCOPES, params.window))

    def earn(self, *returns: float) -> int:
        """Remember outcomes, reconsider, return what changed."""
        for earned in returns:
            remember(self.record, self.rings, 0, 0, earned)
        return reconsider(self.record, self.rings, 0, 0, self.params.prior_mean, self.params)


@pytest.mark.parametrize(
    ("score", "first", "second", "expected"),
    [
        (0.3,      100.0, 110.0, 0.1),
        (-0.3,     100.0, 110.0, -0.1),
        (-1.0,     100.0, 80.0, 0.2),
        (0.0,      100.0, 110.0, 0.0),
        (math.nan, 100.0, 110.0, 0.0),
        (0.3,      math.nan, 110.0, 0.0),
        (0.3,      100.0, math.nan, 0.0),
    ],
)  # fmt: skip
def test_a_prediction_earns_its_side_of_the_return(score: float, first: float, second: float, expected: float) -> None:
    pending = np.zeros(1, dtype=PENDING)[0]
    predict(pending, 100, 24, score, first, 2)
    assert pending.regime == (2 if pending.due else 0)
    assert outcome(pending, 124, second) == pytest.approx(expected)
    pending.regime = 0
    assert pending.tobytes() == bytes(PENDING.itemsize), "scored once"


def test_a_prediction_whose_hour_was_missed_is_void() -> None:
    pending = np.zeros(1, dtype=PENDING)[0]
    predict(pending, 100, 24, 0.5, 100.0, 0)
    assert outcome(pending, 148, 110.0) == 0.0


def test_accuracy_is_the_share_won_of_the_last_outcomes() -> None:
    tracked = Tracked(RAW)
    tracked.earn(*[-0.1] * 7, *[0.01] * 10)
    assert tracked.record.accuracy == 1.0, "the losses have left the window"
    tracked.earn(-0.5)
    assert tracked.record.accuracy == 0.9


def test_payoff_counts_how_much_was_won() -> None:
    tracked = Tracked(RAW._replace(count_payoff=True, retire_below=0.0))
    tracked.earn(0.09, *[-0.01] * 9)
    assert tracked.record.accuracy == pytest.approx(0.5)


def test_few_outcomes_say_nothing() -> None:
    tracked = Tracked(RAW)
    assert tracked.earn(*[-0.1] * 4) == UNCHANGED
    assert tracked.record.accuracy == RAW.prior_mean
    assert tracked.earn(-0.1) == RETIRED


@given(won=st.integers(0, 500), prior=st.floats(1.0, 5_000.0))
def test_the_prior_pulls_towards_its_mean(won: int, prior: float) -> None:
    params = TrackerParams(prior_outcomes=prior)
    ring = np.where(np.arange(500) < won, 0.01, -0.01).reshape(1, 1, 500)
    with_prior = accuracy(500, ring, 0, 0, params.prior_mean, params)
    raw = won / 500
    low, high = sorted((raw, params.prior_mean))
    assert low - 1e-12 <= with_prior <= high + 1e-12
    assert with_prior == pytest.approx((won + prior * 0.52) / (500 + prior))


def test_a_retired_signal_goes_on_predicting_and_returns_above_the_higher_bar() -> None:
    tracked = Tracked(RAW._replace(retire_below=0.42, return_above=0.48))
    assert tracked.earn(*[0.1] * 4, *[-0.1] * 6) == RETIRED
    assert tracked.record.weight == 0.0
    assert tracked.earn(0.1) == UNCHANGED, "40 % again: an old win left as the new one came"
    assert tracked.earn(0.1, 0.1, 0.1) == UNCHANGED
    assert tracked.earn(0.1) == RETURNED
    assert tracked.record.weight == 1.0


@pytest.mark.parametrize(
    ("accuracy_", "by_edge", "expected"),
    [
        (0.45, False, 1.0),
        (0.60, False, 1.0),
        (0.60, True, 0.04),
        (0.52, True, 0.0016),
        (0.50, True, 0.0),
        (0.40, True, 0.0),
    ],
)
def test_weights(accuracy_: float, by_edge: bool, expected: float) -> None:
    assert vote(accuracy_, by_edge) == pytest.approx(expected)


def test_the_articles_rule_is_raw_and_sharp() -> None:
    assert ARTICLE_RULE.window == 100
    assert ARTICLE_RULE.prior_outcomes == 0.0
    tracked = Tracked(ARTICLE_RULE)
    assert tracked.earn(*[0.1] * 48, *[-0.1] * 52) == UNCHANGED, "48 % is not below 48 %"
    assert tracked.earn(-0.1) == RETIRED


def test_the_default_retires_a_coin_rarely_and_the_articles_rule_often() -> None:
    def retirements(params: TrackerParams) -> int:
        random = np.random.default_rng(5)
        count = 0
        for _ in range(4):
            tracked = Tracked(params)
            for _ in range(5 * 365):
                # Five symbols whose returns correlate at 0.7, so that a day's outcomes agree more often than not.
                day = math.sqrt(0.7) * random.standard_normal() + math.sqrt(0.3) * random.standard_normal(5)
                count += tracked.earn(*(0.01 * day)) == RETIRED
        return count

    default, article = retirements(TrackerParams()), retirements(ARTICLE_RULE)
    assert default <= 8, "documented: about one in nine years of a signal"
    assert article >= 20 * 5, "documented: about fifteen a year of a signal"


class TrackedByRegime:
    """One signal's trackers in all scopes."""

    def __init__(self, params: TrackerParams) -> None:
        self.params = params
        self.trackers = np.zeros((1, SCOPES), dtype=TRACKER)
        self.trackers["weight"] = 1.0
        self.rings = np.zeros((1, SCOPES, params.window))

    def earn(self, regime: RegimeScope, *returns: float) -> None:
        for earned in returns:
            for scope in (RegimeScope.ALL, regime):
                remember(self.trackers[0, scope], self.rings, 0, int(scope), earned)

    def reconsidered(self) -> list[int]:
        """Reconsider all scopes, whole first, and return what changed in each."""
        prior_mean, changes = self.params.prior_mean, []
        for scope in range(SCOPES):
            changes.append(reconsider(self.trackers[0, scope], self.rings, 0, scope, prior_mean, self.params))
            prior_mean = float(self.trackers[0, 0].accuracy)
        return changes

    def decides(self, regime: RegimeScope) -> RegimeScope:
        return RegimeScope(scope_of(self.trackers, 0, int(regime), self.params))


BY_REGIME = TrackerParams(by_regime=True, regime_outcomes_min=30, outcomes_min=20, prior_outcomes=50.0)


@pytest.mark.parametrize(
    ("by_regime", "outcomes", "regime", "decides"),
    [
        (True,  30, RegimeScope.RANGE,    RegimeScope.RANGE),
        (True,  29, RegimeScope.RANGE,    RegimeScope.ALL),
        (True,  30, RegimeScope.TREND_UP, RegimeScope.ALL),
        (True,  30, RegimeScope.ALL,      RegimeScope.ALL),
        (False, 30, RegimeScope.RANGE,    RegimeScope.ALL),
    ],
)  # fmt: skip
def test_a_regime_decides_for_itself_once_enough_is_known_of_it(
    by_regime: bool, outcomes: int, regime: RegimeScope, decides: RegimeScope
) -> None:
    tracked = TrackedByRegime(BY_REGIME._replace(by_regime=by_regime))
    tracked.earn(RegimeScope.RANGE, *[0.01] * outcomes)
    assert tracked.decides(regime) == decides


def test_a_signal_may_be_retired_in_one_regime_and_vote_in_the_others() -> None:
    tracked = TrackedByRegime(BY_REGIME)
    tracked.earn(RegimeScope.TREND_UP, *[0.01] * 200)
    tracked.earn(RegimeScope.RANGE, *[-0.01] * 150)
    changes = tracked.reconsidered()
    assert changes[RegimeScope.RANGE] == RETIRED
    assert [change for scope, change in enumerate(changes) if scope != RegimeScope.RANGE] == [UNCHANGED] * 4
    weights = [float(tracked.trackers[0, tracked.decides(scope)].weight) for scope in RegimeScope]
    assert weights == [1.0, 1.0, 1.0, 0.0, 1.0]


@given(won=st.integers(0, 60))
def test_a_regime_is_believed_to_be_like_the_others_until_its_own_outcomes_say_otherwise(won: int) -> None:
    tracked = TrackedByRegime(BY_REGIME)
    tracked.earn(RegimeScope.TREND_UP, *[0.01] * 180)
    tracked.earn(RegimeScope.RANGE, *[0.01] * won, *[-0.01] * (60 - won))
    tracked.reconsidered()
    whole, own = (float(tracked.trackers[0, scope].accuracy) for scope in (RegimeScope.ALL, RegimeScope.RANGE))
    assert own == pytest.approx((won + 50.0 * whole) / (60 + 50.0))
