"""The daily verdict: completeness, drift, how they combine, when they abstain, and that counts slide exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastrike.features.declare import feature_names
from alphastrike.validator.allowed import LIMITS
from alphastrike.validator.health import HealthParams
from alphastrike.validator.ks import distance
from alphastrike.validator.psi import stability_index
from alphastrike.validator.stated import SCALES, STATED
from experiments.validator_fold import binned, judged

F = len(STATED)
DAY = 24
SHORT = HealthParams(reference_days=28, current_days=7, minimum_days=14)


def steady(days: int, symbols: int = 1, seed: int = 1) -> np.ndarray:
    """Features that go on as they began: Gaussian, each around its centre with half of its scale."""
    random = np.random.default_rng(seed)
    units = random.normal(0.0, 0.5, (F, days * DAY, symbols))
    centres = np.array([SCALES[name].centre for name in STATED])
    scales = np.array([SCALES[name].scale for name in STATED])
    return centres[:, None, None] + scales[:, None, None] * units


def shifted(values: np.ndarray, features: int, day: int, scales: float = 1.0) -> np.ndarray:
    """The same with the first ``features`` features moved by so many of their scales from a day on."""
    moved = values.copy()
    for place in range(features):
        moved[place, day * DAY :] += scales * SCALES[STATED[place]].scale
    return moved


def test_the_stated_features_exist_have_limits_and_are_at_most_twelve() -> None:
    assert set(STATED) <= set(feature_names())
    assert set(LIMITS) == set(STATED)
    assert len(STATED) <= 12


@pytest.mark.parametrize(
    ("missing", "health", "halted"),
    [
        (0,  100.0, 0),
        (1,  98.76543, 0),
        (4,  80.24691, 0),
        (6,  55.55556, 0),
        (7,  39.50617, 0),
        (8,  20.98765, 1),
        (9,  0.0,      1),
        (12, 0.0,      1),
    ],
)  # fmt: skip
def test_what_is_missing_counts_half(missing: int, health: float, halted: int) -> None:
    values = steady(2)
    values[:missing, DAY:] = np.nan
    last = judged(values).health[-1, 0]
    assert last["health"] == pytest.approx(health, abs=1e-4)
    assert last["completeness"] == pytest.approx(1.0 - missing / 12)
    assert (last["halted"], last["watched"]) == (halted, 12)


def test_a_feature_that_the_market_does_not_have_is_not_counted() -> None:
    values = steady(3)
    values[:5] = np.nan
    found = judged(values)
    assert (found.health["watched"] == 7).all()
    assert (found.health["health"] == 100.0).all()
    assert set(found.verdicts["feature"]) == set(range(5, 12))


def test_a_symbol_without_any_feature_has_no_health() -> None:
    last = judged(np.full((F, 2 * DAY, 1), np.nan)).health[-1, 0]
    assert (last["health"], last["halted"], last["worst"], last["watched"]) == (0.0, 1, -1, 0)


@pytest.mark.parametrize(
    ("drifting", "health", "halts"),
    [(1, 95.06173, False), (2, 80.24691, False), (3, 55.55556, False), (4, 20.98765, True), (5, 0.0, True)],
)
def test_one_bad_feature_does_not_halt_and_several_do(drifting: int, health: float, halts: bool) -> None:
    found = judged(shifted(steady(60), drifting, 50, 3.0), SHORT)
    last = found.health[-1, 0]
    assert (last["drifting"], last["halted"] == 1) == (drifting, halts)
    assert last["health"] == pytest.approx(health, abs=1e-4)
    assert STATED[last["worst"]] == STATED[0]
    named = found.verdicts[(found.verdicts["event_time"] == 59) & (found.verdicts["drifts"] == 1)]
    assert named["feature"].tolist() == list(range(drifting))


def test_a_halt_is_one_stretch_and_ends_when_the_new_level_is_the_usual_one() -> None:
    found = judged(shifted(steady(120), 6, 50, 3.0), SHORT).health[:, 0]
    halted = np.flatnonzero(found["halted"])
    assert 50 <= halted[0] <= 52
    assert halted.tolist() == list(range(halted[0], halted[-1] + 1))
    assert found["health"][halted[-1] + 1] >= 60.0
    assert halted[-1] < 50 + 35, "both windows have seen the change by then"
    assert found["health"][-1] == 100.0


def test_before_enough_reference_days_the_tests_for_drift_abstain() -> None:
    found = judged(shifted(steady(40), 12, 12, 50.0), SHORT)
    early = found.verdicts[found.verdicts["event_time"] < 20]
    assert np.isnan(early["psi"]).all()
    assert (early["outliers"] == 0.0).all()
    assert (found.health["health"][:20] == 100.0).all()
    assert np.isfinite(found.verdicts["psi"][found.verdicts["event_time"] >= 20]).all()


def test_a_stuck_feature_is_lost_within_a_day_and_a_stuck_feed_halts() -> None:
    values = steady(5)
    values[:, 3 * DAY + 2 :] = values[:, 3 * DAY + 1 : 3 * DAY + 2]
    found = judged(values)
    day = found.health[3, 0]
    assert day["stuck"] == pytest.approx((DAY - 4) / DAY), "three repeats pass, the fourth value does not"
    assert (day["health"], day["halted"]) == (0.0, 1)
    assert (found.verdicts["lost"][found.verdicts["event_time"] == 3] > 0.8).all()


def test_a_zero_that_repeats_is_stuck_whatever_its_sign() -> None:
    values = steady(2)
    values[0, DAY:, 0] = [0.0, -0.0] * (DAY // 2)
    assert judged(values).of(STATED[0])[1]["stuck"] == pytest.approx((DAY - 3) / DAY)


def test_a_change_of_units_is_seen_the_same_day() -> None:
    found = judged(shifted(steady(40), 6, 39, 50.0), SHORT)
    last = found.health[-1, 0]
    assert (last["outliers"], last["drifting"], last["halted"]) == (1.0, 6, 1)
    assert not found.health["halted"][:-1].any()


def test_symbols_are_judged_apart() -> None:
    both = steady(60, symbols=2)
    both[:, :, 1:] = shifted(both[:, :, 1:], 8, 50, 3.0)
    found = judged(both, SHORT).health
    assert (found["halted"][-1].tolist(), found["health"][-1, 0]) == ([0, 1], 100.0)
    alone = judged(both[:, :, 1:].copy(), SHORT).health
    assert found["health"][:, 1].tolist() == alone["health"][:, 0].tolist()


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), reference=st.integers(14, 40), current=st.integers(2, 20))
def test_sliding_counts_are_those_of_counting_anew(seed: int, reference: int, current: int) -> None:
    random = np.random.default_rng(seed)
    days = 70
    values = steady(days, seed=seed)
    values[random.random(values.shape) < 0.05] = np.nan
    params = HealthParams(reference_days=reference, current_days=current, minimum_days=min(14, reference))
    rows = judged(values, params).of(STATED[3])
    counts = binned(np.ascontiguousarray(values[3, :, 0]), *SCALES[STATED[3]], DAY)
    for day in range(current + params.minimum_days + 2, days, 7):
        now = counts[day - current + 1 : day + 1].sum(axis=0)
        then = counts[max(day - current - reference + 1, 0) : day - current + 1].sum(axis=0)
        assert rows["psi"][day] == pytest.approx(stability_index(then, now), abs=1e-12)
        assert rows["ks"][day] == pytest.approx(distance(then, now), abs=1e-12)


def test_limits_are_wider_while_the_reference_is_short() -> None:
    rows = judged(steady(130)).of("range_surprise_168")
    psi, ks = rows["psi_limit"], rows["ks_limit"]
    assert psi[-1] == pytest.approx(LIMITS["range_surprise_168"].psi)
    assert ks[-1] == pytest.approx(LIMITS["range_surprise_168"].ks)
    at = 14 + 45 - 1
    assert psi[at] / psi[-1] == pytest.approx((1 / 45 + 1 / 14) / (1 / 90 + 1 / 14))
    assert ks[at] / ks[-1] == pytest.approx(np.sqrt(psi[at] / psi[-1]))


def test_limits_are_never_below_those_of_the_design() -> None:
    rows = judged(steady(70)).verdicts
    assert (rows["psi_limit"] >= 0.25).all()
    assert (rows["cusum_limit"] >= 5.0).all()
