"""The four statistics against scipy and against their definitions by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alphastrike.validator.bins import BINS, bin_of, middle, unsquashed
from alphastrike.validator.cusum import ROUNDING, spread_of, taken_in
from alphastrike.validator.ks import distance
from alphastrike.validator.outliers import is_outlier, location
from alphastrike.validator.psi import stability_index

counts = st.lists(st.integers(0, 400), min_size=BINS, max_size=BINS).filter(any).map(np.array)
numbers = st.floats(allow_nan=False, width=64)


@given(value=numbers)
def test_every_number_has_a_bin(value: float) -> None:
    assert 0 <= bin_of(value, 0.3, 2.0) < BINS


@given(one=numbers, other=numbers)
def test_a_larger_number_never_has_a_lower_bin(one: float, other: float) -> None:
    assert bin_of(min(one, other), 0.0, 1.0) <= bin_of(max(one, other), 0.0, 1.0)


def test_bins_are_equal_on_the_squashed_scale() -> None:
    for place in range(BINS):
        assert bin_of(5.0 + 2.0 * unsquashed(place), 5.0, 2.0) == place
        x = unsquashed(place)
        assert x / math.sqrt(1.0 + x * x) == pytest.approx(middle(place))
    assert [middle(0), middle(BINS - 1)] == [-0.9375, 0.9375]


@given(reference=counts, current=counts)
def test_the_distance_is_that_of_scipy_on_the_binned_values(reference: np.ndarray, current: np.ndarray) -> None:
    places = np.arange(BINS)
    expected = stats.ks_2samp(np.repeat(places, reference), np.repeat(places, current), method="asymp").statistic
    assert distance(reference, current) == pytest.approx(expected, abs=1e-12)


@given(reference=counts, current=counts)
def test_the_stability_index_is_both_relative_entropies_together(reference: np.ndarray, current: np.ndarray) -> None:
    p, q = current + 0.5, reference + 0.5
    expected = stats.entropy(p, q) + stats.entropy(q, p)
    assert stability_index(reference, current) == pytest.approx(expected, abs=1e-9)
    assert stability_index(current, reference) == pytest.approx(expected, abs=1e-9)


def test_the_stability_index_by_hand() -> None:
    # 8 bins of 10 and 8 empty ones against the other way round: each bin 10.5/88 against 0.5/88.
    one, other = np.array([10, 0] * 8), np.array([0, 10] * 8)
    assert stability_index(one, other) == pytest.approx(16 * (10 / 88) * math.log(21.0))
    assert stability_index(one, one) == 0.0


@given(surprises=st.lists(st.floats(-10.0, 10.0), max_size=40), slack=st.floats(0.0, 2.0))
def test_the_upper_sum_is_the_highest_climb_to_the_end(surprises: list[float], slack: float) -> None:
    """Page's other form: the sum since the day from which it is largest, for each side."""
    upper = lower = 0.0
    for surprise in surprises:
        upper, lower = taken_in(upper, lower, surprise, slack)
    rises = [sum(surprise - slack for surprise in surprises[since:]) for since in range(len(surprises) + 1)]
    falls = [sum(-surprise - slack for surprise in surprises[since:]) for since in range(len(surprises) + 1)]
    assert upper == pytest.approx(max(rises), abs=1e-9)
    assert lower == pytest.approx(max(falls), abs=1e-9)


def test_the_spread_of_daily_means_is_that_of_numpy_and_never_less_than_rounding() -> None:
    means = np.random.default_rng(1).normal(0.1, 0.2, 90)
    spread = spread_of(float(means.sum()), float((means**2).sum()), 90, 24.0)
    assert spread == pytest.approx(means.std(ddof=1))
    assert spread_of(9.0, 0.9, 90, 24.0) == pytest.approx(ROUNDING / math.sqrt(24.0)), "of ninety equal means"


def test_outliers_are_those_of_the_z_score() -> None:
    values = np.random.default_rng(2).normal(0.0, 0.5, 50_000)
    reference = np.bincount([bin_of(value, 0.0, 1.0) for value in values], minlength=BINS)
    mean, deviation = location(reference)
    assert mean == pytest.approx(0.0, abs=0.02)
    assert deviation == pytest.approx(0.5, rel=0.06), "bins are coarse, and that is enough"
    far = [is_outlier(x, mean, deviation, 3.5) for x in values]
    by_scipy = np.abs(stats.zscore(values)) > 3.5
    assert abs(sum(far) - by_scipy.sum()) < 0.001 * len(values)
    assert not is_outlier(1e9, 0.0, 0.0, 3.5), "nothing is one while nothing is known"
