"""Episodes as observations: held to statsmodels, and to a table worked by hand."""

import numpy as np
import pytest

from replay.inference import Interval, cluster_interval, episodes_needed


def test_ten_episodes_worked_by_hand() -> None:
    # Ten episodes of one value each, 1 to 10: mean 5.5, variance 55/6, error sqrt(55/60) = 0.957427, t(9) = 2.262157.
    found = cluster_interval(np.arange(1.0, 11.0), np.arange(10))
    assert found is not None
    assert (found.mean, found.episodes) == (5.5, 10)
    assert (found.low, found.high) == pytest.approx((5.5 - 2.165850, 5.5 + 2.165850), abs=2e-4)
    assert found.p == pytest.approx(0.000278196, rel=1e-4)


def test_the_error_is_that_of_statsmodels() -> None:
    from statsmodels.regression.linear_model import OLS

    chance = np.random.default_rng(1)
    episodes = np.sort(chance.integers(0, 23, 90))
    values = chance.normal(0.0, 1.0, 90) + chance.normal(0.0, 1.0, 23)[episodes]
    found = cluster_interval(values, episodes)
    fitted = OLS(values, np.ones(90)).fit(cov_type="cluster", cov_kwds={"groups": episodes}, use_t=True)
    # Its correction is G / (G - 1) (N - 1) / (N - K), and K is 1.
    low, high = fitted.conf_int()[0]
    assert found is not None
    assert (found.mean, found.low, found.high) == pytest.approx((fitted.params[0], low, high), rel=1e-4)
    assert found.p == pytest.approx(fitted.pvalues[0], rel=1e-9)


def test_interventions_of_one_episode_are_one_observation() -> None:
    # The same ten values seen five times each, within their episodes: nothing more is known.
    values = np.random.default_rng(2).normal(0.1, 1.0, 10)
    once, often = (cluster_interval(np.repeat(values, n), np.repeat(np.arange(10), n)) for n in (1, 5))
    assert once is not None
    assert often is not None
    assert often == pytest.approx(once)


def test_what_is_not_defined_is_left_out_and_nine_episodes_are_not_enough() -> None:
    values = np.append(np.arange(1.0, 11.0), np.nan)
    assert cluster_interval(values, np.arange(11)) == cluster_interval(values[:10], np.arange(10))
    assert cluster_interval(values, np.append(np.arange(9), (8, 9))) is None


def test_values_that_are_all_alike_are_certain() -> None:
    assert cluster_interval(np.zeros(12), np.arange(12)) == (0.0, 0.0, 0.0, 1.0, 12)
    certain = cluster_interval(np.full(12, 0.5), np.arange(12))
    assert certain is not None
    assert (certain.low, certain.high, certain.p) == (0.5, 0.5, 0.0)


@pytest.mark.parametrize(
    ("estimate", "half_width", "episodes", "expected"),
    [
        # standard error 0.05: the effect is one error, so (2.80)^2 = 7.84 times the episodes
        (0.05, 0.098, 20, 157),
        # already three errors: fewer would have done
        (0.15, 0.098, 20, 18),
        (0.0, 0.098, 20, None),
    ],
)  # fmt: skip
def test_how_many_episodes_a_call_needs(
    estimate: float, half_width: float, episodes: int, expected: int | None
) -> None:
    interval = Interval(estimate - half_width, estimate + half_width, 2000, 7.0, 1, 365)
    assert episodes_needed(estimate, interval, episodes) == expected
