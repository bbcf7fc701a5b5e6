"""Intervals: block lengths of known processes, agreement with replay, and bands that hold for all rows at once."""

import numpy as np
import pytest

from experiments.evidence import (
    growth_a_year,
    mean_block,
    paired,
    sharpe_draws,
    together,
)
from replay.inference import Bootstrap, growth_interval, own_sharpe_interval, sharpe_interval

DAYS = 500
HOW = Bootstrap(draws=1_000, block_days=5.0, seed=2)


def daily(seed: int, mean: float = 0.0, days: int = DAYS) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 0.02, days)


@pytest.mark.parametrize(
    ("days", "floor", "expected"),
    [
        (500, 10.0, 10.0),
        (500, 2.0, 7.0),
        # eight blocks must remain
        (64, 10.0, 8.0),
    ],
)  # fmt: skip
def test_blocks_are_a_week_or_a_holding_period_and_leave_eight_of_them(
    days: int, floor: float, expected: float
) -> None:
    assert mean_block([np.zeros(days)], floor) == expected


def test_paired_differences_are_those_of_replay() -> None:
    own, baseline = daily(1, 0.001), daily(2)
    pair = paired(own, baseline, HOW)
    assert pair.sharpe_interval == sharpe_interval(own, baseline, HOW)
    growth = growth_interval(own, baseline, HOW)
    assert growth is not None
    assert pair.growth_interval is not None
    assert pair.growth_interval.low == pytest.approx(growth.low * 365 / DAYS)
    assert pair.growth == pytest.approx(growth_a_year(own) - growth_a_year(baseline))
    assert paired(own, own.copy(), HOW).identical


def test_few_days_have_no_interval_and_a_lost_account_no_growth() -> None:
    assert own_sharpe_interval(daily(1, days=39), HOW) is None
    assert own_sharpe_interval(daily(1, days=40), HOW) is not None
    assert own_sharpe_interval(np.zeros(DAYS), HOW) is None
    lost = np.append(daily(1), -1.0)
    assert growth_a_year(lost) == -np.inf
    assert paired(lost, np.append(daily(2), 0.0), HOW).growth_interval is None


def test_a_band_for_all_rows_is_wider_than_each_interval_and_one_row_needs_no_more() -> None:
    baseline = daily(0)
    rows = {str(seed): daily(seed) for seed in range(1, 7)}
    bands = together(rows, baseline, HOW)
    for name, returns in rows.items():
        alone = sharpe_interval(returns, baseline, HOW)
        assert alone is not None
        assert bands[name].high - bands[name].low > 1.15 * (alone.high - alone.low)
    only = together({"1": rows["1"]}, baseline, HOW)["1"]
    alone = sharpe_interval(rows["1"], baseline, HOW)
    assert alone is not None
    assert only.high - only.low == pytest.approx(alone.high - alone.low, rel=0.1)


def test_a_row_that_is_the_baseline_or_never_moves_has_no_band() -> None:
    baseline = daily(0)
    assert together({"same": baseline.copy(), "still": np.zeros(DAYS)}, baseline, HOW) == {}


def test_in_a_world_without_difference_some_band_leaves_out_zero_in_about_one_of_twenty() -> None:
    how = Bootstrap(draws=300, block_days=3.0)
    worlds = 120
    called = 0
    for seed in range(worlds):
        rows = {str(k): daily(10 * seed + k, days=200) for k in range(1, 7)}
        called += any(band.excludes_zero for band in together(rows, daily(10 * seed, days=200), how).values())
    # 1 to 14 of 120 is what a rate of one in twenty gives in 99 of 100 cases; each row by itself would call 20 or more.
    assert 1 <= called <= 14


def test_draws_of_a_series_that_stands_still_are_nan() -> None:
    assert np.isnan(sharpe_draws(np.zeros(60), HOW)).all()
