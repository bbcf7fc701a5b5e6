"""Folds: they follow one another, the past comes before them, and a market that is too short is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.model.errors import ConfigurationError
from experiments.folds import CHOOSING_DAYS_MIN, FOLD_DAYS_MIN, Fold, walk_forward


@pytest.mark.parametrize(
    ("days", "first", "folds", "past", "expected"),
    [
        # three tenths of a thousand days are the past; the rest in equal parts, to the day
        (1000, 31, 4, None, [(300, 475), (475, 650), (650, 825), (825, 1000)]),
        # a short market: two months to choose from come before three tenths
        (200, 45, 2, None, [(105, 152), (152, 200)]),
        (200, 45, 1, 150, [(150, 200)]),
    ],
)  # fmt: skip
def test_known_cuts(days: int, first: int, folds: int, past: int | None, expected: list[tuple[int, int]]) -> None:
    assert walk_forward(days, first, folds, past) == tuple(Fold(*each) for each in expected)


@given(st.integers(120, 3000), st.integers(0, 60), st.integers(1, 20))
def test_folds_are_alike_touch_and_end_with_the_market(days: int, first: int, folds: int) -> None:
    try:
        cut = walk_forward(days, first, folds)
    except ConfigurationError:
        assert days < max(first + CHOOSING_DAYS_MIN, round(0.3 * days)) + folds * FOLD_DAYS_MIN
        return
    assert cut[0].begin >= first + CHOOSING_DAYS_MIN
    assert cut[-1].end == days
    assert [fold.end for fold in cut[:-1]] == [fold.begin for fold in cut[1:]]
    assert max(fold.days for fold in cut) - min(fold.days for fold in cut) <= 1


@pytest.mark.parametrize(
    ("days", "folds", "past", "said"),
    [
        (100, 8, None, "the market has 100 days; walking forward needs 217: 105 to choose from"),
        (400, 40, None, "and 40 folds of at least 14"),
        (400, 8, 50, "Pass --past 105 or more"),
        (400, 8, 390, "walking forward needs 502"),
    ],
)  # fmt: skip
def test_too_short_is_told_with_what_is_needed(days: int, folds: int, past: int | None, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        walk_forward(days, 45, folds, past)
