"""Bands for a whole curve: what they are with one horizon, that they widen with more, and how often they hold."""

import numpy as np
import pytest

from replay.inference import cluster_interval, simultaneous_band


def values(seed: int, n: int = 40, horizons: int = 7) -> np.ndarray:
    """Effects that add up over horizons, as an equity path does."""
    return np.random.default_rng(seed).normal(0.0, 1.0, (n, horizons)).cumsum(axis=1)


def test_a_curve_of_one_point_is_an_interval() -> None:
    drawn, episodes = values(1, horizons=1), np.arange(40) // 2
    band = simultaneous_band(drawn, episodes, draws=20_000)
    alone = cluster_interval(drawn[:, 0], episodes)
    assert alone is not None
    assert band.mean[0] == pytest.approx(alone.mean)
    assert band.high[0] - band.low[0] == pytest.approx(alone.high - alone.low, rel=0.05)


def test_the_same_point_seven_times_needs_no_wider_band_but_seven_points_do() -> None:
    drawn, episodes = values(2), np.arange(40) // 2
    alone, repeated = simultaneous_band(drawn[:, :1], episodes), simultaneous_band(drawn[:, [0] * 7], episodes)
    assert repeated.high[3] == pytest.approx(alone.high[0])
    assert simultaneous_band(drawn, episodes).high[0] > alone.high[0] * 1.05


def test_a_censored_horizon_has_a_mean_of_what_reached_it_and_no_edges_under_ten_episodes() -> None:
    drawn, episodes = values(3, n=24), np.arange(24) // 2
    drawn[18:, 5] = np.nan
    drawn[:, 6] = np.nan
    band = simultaneous_band(drawn, episodes)
    assert band.episodes.tolist() == [12, 12, 12, 12, 12, 9, 0]
    assert band.mean[5] == pytest.approx(drawn[:18, 5].mean())
    assert np.isnan(band.mean).tolist() == [False] * 6 + [True]
    assert np.isnan(band.low).tolist() == [False] * 5 + [True] * 2
    assert np.all(band.low[:5] < band.mean[:5])


def test_where_nothing_varies_the_band_is_the_mean() -> None:
    drawn, episodes = values(4), np.arange(40) // 2
    drawn[:, 0], drawn[:, 1] = 0.0, 0.25
    band = simultaneous_band(drawn, episodes)
    assert (band.low[0], band.high[0]) == (0.0, 0.0)
    assert (band.low[1], band.high[1]) == pytest.approx((0.25, 0.25))
    still = simultaneous_band(np.zeros((40, 2)), episodes)
    assert (still.low.tolist(), still.high.tolist()) == ([0.0, 0.0], [0.0, 0.0])


def test_few_episodes_have_a_curve_and_no_band() -> None:
    band = simultaneous_band(values(5, n=9), np.arange(9))
    assert not np.isnan(band.mean).any()
    assert np.isnan(band.low).all()


def test_the_whole_curve_lies_inside_in_about_nineteen_of_twenty_worlds() -> None:
    worlds, outside = 300, 0
    for seed in range(worlds):
        chance = np.random.default_rng(1_000 + seed)
        episodes = np.sort(chance.integers(0, 15, 40))
        # Interventions of one episode share most of what they come to.
        drawn = values(seed) + 3.0 * chance.normal(0.0, 1.0, (15, 7)).cumsum(axis=1)[episodes]
        band = simultaneous_band(drawn, episodes, draws=300)
        outside += bool(np.any((band.low > 0.0) | (band.high < 0.0)))
    # 5 to 26 of 300 is what one in twenty gives in 997 of 1,000 cases.
    assert 5 <= outside <= 26
