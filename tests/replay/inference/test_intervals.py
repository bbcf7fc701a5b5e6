"""Intervals over histories: known answers, what they are invariant to, and how often they hold the truth."""

from collections.abc import Callable

import numpy as np
import pytest

from replay.effect import sharpe
from replay.inference import (
    Bootstrap,
    growth_interval,
    own_sharpe_interval,
    sharpe_interval,
    stationary_blocks,
    window_interval,
)
from replay.inference.intervals import sum_error, sum_interval
from tests.replay.inference.series import autoregression, bursts, returns

YEAR = 365


def test_one_seed_gives_one_interval_and_another_seed_another() -> None:
    own, factual = returns(1), returns(2)
    first = growth_interval(own, factual, Bootstrap(seed=5))
    assert first == growth_interval(own, factual, Bootstrap(seed=5))
    assert first != growth_interval(own, factual, Bootstrap(seed=6))


def test_of_independent_days_the_interval_is_that_of_the_textbook() -> None:
    own, factual = returns(1, mean=0.001), returns(2)
    paired = np.log1p(own) - np.log1p(factual)
    interval = growth_interval(own, factual, Bootstrap(draws=4_000, block_days=1.0))
    assert interval is not None
    # Symmetric around the estimate; half a width is Student's t times the standard error of a sum.
    assert (interval.low + interval.high) / 2 == pytest.approx(paired.sum())
    assert (interval.high - interval.low) / 2 == pytest.approx(1.967 * paired.std() * YEAR**0.5, rel=0.04)


@pytest.mark.parametrize("days", [240, 241])
@pytest.mark.parametrize("block_days", [1.0, 4.0, 11.5])
def test_the_standard_error_is_what_the_resampled_sums_vary_by(days: int, block_days: float) -> None:
    series = autoregression(3, 0.5, days)
    how = Bootstrap(draws=20_000, block_days=block_days)
    drawn = series[stationary_blocks(days, how)].sum(axis=1)
    assert sum_error(series, how) == pytest.approx(drawn.std(), rel=0.03)


def test_the_same_in_other_units_or_reversed_signs_is_the_same_interval() -> None:
    series, how = bursts(4, YEAR), Bootstrap()
    once, scaled = sum_interval(series, how), sum_interval(-1e3 * series, how)
    assert once is not None
    assert scaled is not None
    assert (scaled.low, scaled.high) == pytest.approx((-1e3 * once.high, -1e3 * once.low))


def test_equal_arms_have_an_interval_of_nothing() -> None:
    own = returns(1)
    interval = growth_interval(own, own, Bootstrap())
    assert interval is not None
    assert (interval.low, interval.high) == (0.0, 0.0)
    assert not interval.excludes_zero


def test_the_sharpe_interval_does_not_depend_on_the_size_of_either_arm() -> None:
    own, factual = returns(1, mean=0.002), returns(2)
    once = sharpe_interval(own, factual, Bootstrap())
    halved = sharpe_interval(own / 2, factual, Bootstrap())
    assert once is not None
    assert halved is not None
    assert (once.low, once.high) == pytest.approx((halved.low, halved.high))


def test_the_interval_of_a_sharpe_ratio_is_as_wide_as_theory_says() -> None:
    # Lo (2002): standard error of a daily Sharpe ratio of independent returns is sqrt((1 + SR^2 / 2) / n).
    drawn = returns(1, mean=0.001, days=500)
    interval = own_sharpe_interval(drawn, Bootstrap(draws=4_000, block_days=1.0, seed=2))
    assert interval is not None
    error = ((1.0 + (sharpe(drawn) ** 2 / YEAR) / 2.0) / 500) ** 0.5 * YEAR**0.5
    assert (interval.high - interval.low) / 2.0 == pytest.approx(1.965 * error, rel=0.05)
    assert (interval.low + interval.high) / 2.0 == pytest.approx(sharpe(drawn))


@pytest.mark.parametrize("lost", [np.append(returns(1), -1.0)])
def test_a_lost_account_has_no_growth_interval(lost: np.ndarray) -> None:
    assert growth_interval(lost, np.append(returns(2), 0.0), Bootstrap()) is None


def test_a_short_run_has_no_interval() -> None:
    assert growth_interval(returns(1, days=55), returns(2, days=55), Bootstrap(block_days=7.0)) is None
    assert growth_interval(returns(1, days=56), returns(2, days=56), Bootstrap(block_days=7.0)) is not None
    assert sharpe_interval(returns(1, days=55), returns(2, days=55), Bootstrap(block_days=7.0)) is None
    assert sharpe_interval(returns(1), np.zeros(YEAR), Bootstrap()) is None


def test_what_is_missing_from_one_drawn_history_in_twenty_has_no_interval() -> None:
    # One day in a year: a resampled year lacks it with probability 1/e.
    series = np.zeros(YEAR)
    series[100] = 0.05
    assert sum_interval(series, Bootstrap(block_days=1.0)) is None


@pytest.mark.parametrize(("days", "least"), [(70, 2.26), (203, 2.048), (210, 0.0)])
def test_few_blocks_are_never_surer_than_student_is(days: int, least: float) -> None:
    # Ten blocks of a week have nine degrees of freedom, twenty-nine 28; thirty need no support.
    quiet = np.where(np.arange(days) % 2, 1.0, -1.0) + 0.01 * returns(3, days=days)
    how = Bootstrap(block_days=7.0)
    interval = sum_interval(quiet, how)
    assert interval is not None
    assert (interval.high - interval.low) / 2.0 >= least * sum_error(quiet, how)


def test_the_interval_of_a_window_is_drawn_from_its_hours() -> None:
    hours = 0.001 * autoregression(6, 0.5, 168)
    interval = window_interval(hours)
    assert interval is not None
    assert (interval.low + interval.high) / 2.0 == pytest.approx(hours.sum())
    assert (interval.days, interval.block_days, interval.draws) == (7, 0.5, 2_000)
    assert "hours of the window" in interval.label
    assert interval == window_interval(hours)


def test_a_window_in_which_two_hours_made_everything_is_as_wide_as_they_are() -> None:
    hours = np.zeros(168)
    hours[[40, 90]] = 0.01, -0.004
    interval = window_interval(hours)
    assert interval is not None
    assert not interval.excludes_zero
    assert 0.01 < (interval.high - interval.low) / 2.0 < 0.04


@pytest.mark.parametrize("hours", [np.zeros(168), returns(1, days=95), np.append(returns(1, days=167), np.nan)])
def test_a_window_that_is_still_short_or_censored_has_no_interval(hours: np.ndarray) -> None:
    assert window_interval(hours) is None


def independent(seed: int) -> np.ndarray:
    return returns(seed, days=240)


def tied(seed: int) -> np.ndarray:
    return autoregression(seed, 0.3, 365)


def in_episodes(seed: int) -> np.ndarray:
    return bursts(seed, 365, mean=0.0)


@pytest.mark.parametrize("series", [independent, tied, in_episodes])
def test_a_world_without_effect_is_called_one_in_about_one_of_twenty_times(
    series: Callable[[int], np.ndarray],
) -> None:
    worlds = 200
    found = [sum_interval(series(seed), Bootstrap(draws=400, block_days=7.0, seed=seed)) for seed in range(worlds)]
    called = sum(interval.excludes_zero for interval in found if interval is not None)
    assert sum(interval is None for interval in found) <= 2
    # 2 to 19 of 200 is what a rate of one in twenty gives in 997 of 1,000 cases.
    assert 2 <= called <= 19
