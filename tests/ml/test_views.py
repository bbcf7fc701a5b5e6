"""Regime, ensemble and conviction."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.ml.conviction import CONVICTION_STATE, percentile, remember
from alphastrike.ml.decay import SCOPES, TRACKER, TrackerParams
from alphastrike.ml.ensemble import combined
from alphastrike.ml.regime import REGIME_STATE, RegimeParams, classify, settle
from alphastrike.model.forecast import Regime

NAN = math.nan
MONTH = 0.01
TEN_DAYS = MONTH * math.sqrt(240.0)


@pytest.mark.parametrize(
    ("momentum", "day", "month", "expected"),
    [
        (1.1 * TEN_DAYS,  0.010, MONTH, Regime.TREND_UP),
        (-1.1 * TEN_DAYS, 0.010, MONTH, Regime.TREND_DOWN),
        (0.9 * TEN_DAYS,  0.010, MONTH, Regime.RANGE),
        (1.1 * TEN_DAYS,  0.019, MONTH, Regime.HIGH_VOLATILITY),
        (0.0,             0.000, 0.0,   Regime.RANGE),
        (NAN,             0.010, MONTH, Regime.UNKNOWN),
        (0.0,             NAN,   MONTH, Regime.UNKNOWN),
    ],
)  # fmt: skip
def test_regimes(momentum: float, day: float, month: float, expected: Regime) -> None:
    assert classify(momentum, day, month, RegimeParams()) == expected


def test_a_regime_changes_when_enough_decisions_agree() -> None:
    state = np.zeros(1, dtype=REGIME_STATE)[0]
    up, side = Regime.TREND_UP, Regime.RANGE
    seen = [up, up, side, side, up, side, side, side, up, up]
    believed = [settle(state, int(regime), 3) for regime in seen]
    assert believed == [up, up, up, up, up, up, up, side, side, side]
    assert settle(state, int(Regime.UNKNOWN), 3) == Regime.UNKNOWN, "what cannot be seen is not believed to go on"
    assert settle(state, int(up), 3) == up


@pytest.mark.parametrize(
    ("name", "scores", "weights", "expected"),
    [
        ("a mean",             [0.5, -0.1], [1.0, 1.0], (0.2, 2.0)),
        ("weights",            [0.5, -0.1], [3.0, 1.0], (0.35, 4.0)),
        ("one abstains",       [0.5, NAN],  [1.0, 1.0], (0.5, 1.0)),
        ("one is retired",     [0.5, -0.1], [0.0, 1.0], (-0.1, 1.0)),
        ("nobody votes",       [NAN, NAN],  [1.0, 1.0], (0.0, 0.0)),
        ("everyone is retired", [0.5, -0.1], [0.0, 0.0], (0.0, 0.0)),
    ],
)  # fmt: skip
def test_the_ensemble(name: str, scores: list[float], weights: list[float], expected: tuple[float, float]) -> None:
    trackers = np.zeros((2, SCOPES), dtype=TRACKER)
    trackers["weight"][:, 0] = weights
    assert combined(np.array(scores).reshape(2, 1, 1), 0, 0, trackers, 3, TrackerParams()) == pytest.approx(expected), (
        name
    )


@pytest.mark.parametrize(
    ("past", "strength", "expected"),
    [
        ([0.1, 0.2, 0.3, 0.4], 0.35, 75.0),
        ([0.1, 0.2, 0.3, 0.4], 0.5,  100.0),
        ([0.1, 0.2, 0.3, 0.4], 0.0,  0.0),
        ([0.1, 0.2, 0.2, 0.4], 0.2,  50.0),
        ([0.2, 0.2, 0.2, 0.2], 0.2,  50.0),
        ([],                   0.2,  0.0),
    ],
)  # fmt: skip
def test_conviction_is_a_percentile_of_the_own_past(past: list[float], strength: float, expected: float) -> None:
    ring = np.array([[*past, 9.0, 9.0]])
    assert percentile(strength, ring, 0, len(past)) == expected


@given(st.lists(st.floats(0.0, 1.0), min_size=5, max_size=40))
def test_the_memory_holds_the_last_strengths(strengths: list[float]) -> None:
    state = np.zeros(1, dtype=CONVICTION_STATE)[0]
    ring = np.zeros((1, 5))
    for strength in strengths:
        remember(state, ring, 0, strength)
    assert state.known == 5
    assert sorted(ring[0].tolist()) == sorted(strengths[-5:])


def test_eighty_is_the_strongest_fifth_on_any_scale() -> None:
    random = np.random.default_rng(3)
    for scale in (0.01, 1.0):
        state = np.zeros(1, dtype=CONVICTION_STATE)[0]
        ring = np.zeros((1, 500))
        strong = 0
        for strength in scale * np.abs(random.normal(size=4_000)):
            strong += percentile(strength, ring, 0, int(state.known)) >= 80.0
            remember(state, ring, 0, strength)
        assert 0.18 < strong / 4_000 < 0.22
