"""The limits: drawn as they say they were, and holding where nothing drifts while what was planted is found."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from alphastrike.market.market import Market
from alphastrike.market.planting import mean_shift, stuck_feed, variance_multiplied
from alphastrike.market.simulate import SAMPLE_SYMBOLS
from alphastrike.validator import limits
from alphastrike.validator.bins import BINS
from alphastrike.validator.cusum import spread_of, taken_in
from alphastrike.validator.ks import distance
from alphastrike.validator.limits import CURRENT_DAYS, REAL, REFERENCE_DAYS, STATIONARY
from alphastrike.validator.outliers import is_outlier, location
from alphastrike.validator.psi import stability_index
from alphastrike.validator.stated import SCALES, STATED
from experiments import block_limits
from experiments.calibrate_validator import (
    DRAWS,
    GENERATOR_SEED,
    REAL_DAYS,
    SHARE,
    limits_of,
    pooled,
    source_of,
    stationary_market,
    typical,
    watched_features,
)
from experiments.validator_fold import binned
from experiments.validator_trials import delay, false_alarms, hour_late
from tests.engine.test_perception_real import market  # noqa: F401

DAY = 24


def test_the_calibration_measures_what_the_validator_measures() -> None:
    random = np.random.default_rng(3)
    values = 0.3 * random.standard_t(4, (60, DAY)).cumsum(axis=1)
    counts = binned(values.ravel(), 0.0, 1.0, DAY)
    reference, current = np.arange(40), np.arange(40, 54)
    then, now = counts[reference].sum(axis=0), counts[current].sum(axis=0)
    assert block_limits.psi_of(then[None], now[None])[0] == pytest.approx(stability_index(then, now))
    assert block_limits.ks_of(then[None], now[None])[0] == pytest.approx(distance(then, now))
    mean, deviation = location(then)
    share = np.mean([is_outlier(x, mean, deviation, 2.0) for x in values[54]])
    assert block_limits.outliers_of(then[None], values[54][None], 2.0)[0] == pytest.approx(share)
    means = counts @ block_limits.PLACES / DAY
    spread = spread_of(float(means[reference].sum()), float((means[reference] ** 2).sum()), 40, float(DAY))
    upper = lower = 0.0
    for day in current:
        upper, lower = taken_in(upper, lower, float(means[day] - means[reference].mean()) / spread, 0.5)
    found = block_limits.cusum_of(counts, reference[None], current[None], DAY, 0.5)[0]
    assert found == pytest.approx(max(upper, lower))


@pytest.fixture(scope="module")
def stationary() -> list[np.ndarray]:
    """Watched features of some of the markets that the limits were drawn from."""
    return [watched_features(stationary_market(seed)) for seed in range(1_000, 1_008)]


def test_the_stationary_limits_are_found_again(stationary: list[np.ndarray]) -> None:
    again = limits_of(stationary, DRAWS // 2, GENERATOR_SEED + 1, pooled)
    assert set(again) == set(STATED) == set(STATIONARY)
    for name in ("closing_place_1", "range_change_1", "surprise_168", "taker_change_1", "volume_change_1"):
        for field in ("psi", "ks", "cusum"):
            found, written = getattr(again[name], field), getattr(STATIONARY[name], field)
            assert found == pytest.approx(written, rel=0.2), f"{name} {field}"


@pytest.mark.shared
@pytest.mark.slow
def test_the_real_limits_are_found_again(market: Market) -> None:  # noqa: F811
    panel = watched_features(market)[:, : REAL_DAYS * DAY]
    again = limits_of([panel], DRAWS, GENERATOR_SEED, typical)
    assert set(again) == set(REAL)
    for name, limit in again.items():
        # As rounded in the module: cumulative sums to one place, the rest to three.
        assert limit == pytest.approx(REAL[name], abs=0.06), name


def test_the_module_of_limits_is_what_the_command_writes() -> None:
    written = Path(limits.__file__).read_text(encoding="utf-8")
    again = source_of(STATIONARY, REAL, "the market")
    begin = "STATIONARY: Final"
    assert written[written.index(begin) :] == again[again.index(begin) :]
    assert f"exceeds in {SHARE:.0%} of cases" in written


def test_textbook_critical_values_cry_wolf(stationary: list[np.ndarray]) -> None:
    """Smirnov's critical value at one in a hundred, on windows of a market in which nothing drifts."""
    name = "range_surprise_168"
    refused = []
    for panel in stationary:
        for symbol in range(len(SAMPLE_SYMBOLS)):
            values = panel[STATED.index(name), 10 * DAY :, symbol]
            for day in range(REFERENCE_DAYS + CURRENT_DAYS, len(values) // DAY, 20):
                edge = (day - CURRENT_DAYS) * DAY
                then, now = values[edge - REFERENCE_DAYS * DAY : edge], values[edge : day * DAY]
                refused.append(stats.ks_2samp(then, now).pvalue < 0.01)
    assert np.mean(refused) > 0.1, "ten times too often"


def test_counts_are_of_whole_days_and_missing_values_are_not_counted() -> None:
    values = np.full(2 * DAY + 5, np.nan)
    values[:10] = SCALES["surprise_168"].centre
    counts = binned(values, *SCALES["surprise_168"], DAY)
    assert counts.shape == (2, BINS)
    assert counts.sum() == counts[0].max() == 10


def test_little_is_halted_where_nothing_drifts() -> None:
    seen = false_alarms(range(5_000, 5_008), days=120)
    assert seen.symbol_days > 1_500
    assert seen.halted < 0.01
    assert seen.drifting < 0.10


def test_a_stuck_feed_is_found_and_halted_in_a_day() -> None:
    seen = delay(stuck_feed, range(3), day=90, looked=5)
    assert (seen.found <= 1).all()
    assert (seen.halted <= 2).all()
    assert seen.others_halted == 0.0


def test_a_drift_of_the_price_is_found_within_a_week_and_halts_within_a_fortnight() -> None:
    seen = delay(lambda made, symbol, tick: mean_shift(made, symbol, tick, 3.0), range(3), day=110, looked=18)
    assert (seen.found <= 8).all()
    assert (seen.halted <= 17).all()


def test_a_variance_four_times_as_large_is_found_within_a_fortnight() -> None:
    seen = delay(lambda made, symbol, tick: variance_multiplied(made, symbol, tick, 4.0), range(3), day=110, looked=16)
    assert (seen.found <= 14).all()


@pytest.mark.slow
def test_two_hundred_seeds_and_every_planting() -> None:
    assert false_alarms(range(200)).halted < 0.01
    doubled = delay(variance_multiplied, range(40))
    assert np.mean(doubled.found <= 30) > 0.6
    late = delay(hour_late, range(40))
    assert np.quantile(late.found, 0.9) <= 14
