"""Trailing windows: what they are by definition, and that a value depends on its window alone."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.features import windows
from alphastrike.features.bars import Column
from tests.features.builders import same

LENGTH = 150
BARS = 48

WINDOWED: dict[str, tuple[Callable[[Column], Column], Callable[[Column], float], int]] = {
    "trailing_sum": (lambda x: windows.trailing_sum(x, BARS), math.fsum, BARS),
    "trailing_sum, not a multiple of a block": (lambda x: windows.trailing_sum(x, 31), math.fsum, 31),
    "trailing_mean": (lambda x: windows.trailing_mean(x, BARS), lambda w: math.fsum(w) / BARS, BARS),
    "trailing_max": (lambda x: windows.trailing_max(x, BARS), max, BARS),
    "trailing_min": (lambda x: windows.trailing_min(x, BARS), min, BARS),
    "deviation": (lambda x: windows.deviation(x, BARS), lambda w: float(np.std(w, ddof=1)), BARS),
    "decaying_mean": (
        lambda x: windows.decaying_mean(x, 10.0, BARS),
        lambda w: float(np.average(w, weights=(1.0 - 2.0 / 11.0) ** np.arange(BARS)[::-1])),
        BARS,
    ),
    "before": (lambda x: windows.before(x, 5), lambda w: float(w[0]), 6),
    "log_change": (lambda x: windows.log_change(x, 5), lambda w: math.log(w[-1] / w[0]), 6),
}


def column(seed: int = 1) -> Column:
    return np.random.default_rng(seed).uniform(0.5, 2.0, LENGTH)


@pytest.mark.parametrize("name", WINDOWED)
def test_a_window_is_what_its_definition_says(name: str) -> None:
    compute, definition, length = WINDOWED[name]
    values = compute(column())
    assert np.isnan(values[: length - 1]).all(), "nothing before the window is full"
    expected = [definition(column()[i - length + 1 : i + 1]) for i in range(length - 1, LENGTH)]
    np.testing.assert_allclose(values[length - 1 :], expected, rtol=1e-12)


@pytest.mark.parametrize("name", WINDOWED)
@given(start=st.integers(0, LENGTH - BARS), seed=st.integers(0, 5))
def test_a_value_does_not_depend_on_where_the_column_begins(name: str, start: int, seed: int) -> None:
    compute, _, length = WINDOWED[name]
    whole = compute(column(seed))
    late = compute(column(seed)[start:].copy())
    assert same(whole[start + length - 1 :], late[length - 1 :])


@pytest.mark.parametrize("name", WINDOWED)
def test_every_row_of_a_panel_is_what_it_would_be_alone(name: str) -> None:
    compute, _, _ = WINDOWED[name]
    rows = [column(seed) for seed in range(3)]
    assert same(compute(np.stack(rows)), np.stack([compute(row) for row in rows]))
    assert same(compute(np.stack(rows, axis=1).T), compute(np.stack(rows))), "whatever its memory looks like"


@pytest.mark.parametrize("name", ["trailing_sum", "trailing_max", "trailing_min", "deviation", "decaying_mean"])
@given(hole=st.integers(0, LENGTH - 1))
def test_a_missing_value_is_missing_in_every_window_that_holds_it_and_in_no_other(name: str, hole: int) -> None:
    compute, _, length = WINDOWED[name]
    holed = column()
    holed[hole] = np.nan
    values = compute(holed)
    held = np.zeros(LENGTH, dtype=bool)
    held[hole : hole + length] = True
    held[: length - 1] = True
    assert np.array_equal(np.isnan(values), held)


def test_a_ratio_over_nothing_is_missing() -> None:
    above = np.array([1.0, 1.0, 1.0, np.nan])
    below = np.array([2.0, 0.0, -1.0, 1.0])
    assert same(windows.ratio(above, below), np.array([0.5, np.nan, np.nan, np.nan]))


def test_the_log_of_what_is_not_positive_is_missing() -> None:
    assert np.isnan(windows.log_ratio(np.array([0.0, -1.0]), np.array([1.0, 1.0]))).all()


def test_the_true_range_reaches_to_the_last_close() -> None:
    high, low, close = np.array([11.0, 12.0]), np.array([9.0, 11.5]), np.array([10.0, 11.8])
    assert same(windows.true_range(high, low, close), np.array([np.nan, 2.0]))


def test_the_mean_of_others_leaves_out_oneself_and_the_absent() -> None:
    panel = np.array([[1.0, 2.0, 6.0], [1.0, np.nan, 5.0], [np.nan, np.nan, 4.0]])
    expected = np.array([[4.0, 3.5, 1.5], [5.0, np.nan, 1.0], [np.nan, np.nan, np.nan]])
    assert same(windows.mean_of_others(panel), expected)
