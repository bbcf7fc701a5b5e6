"""Limits and halts as tables, and the shared budget as a property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.risk.halts import daily_loss, drawdown_of, is_halt_over
from alphastrike.risk.limits import exposure_budget, liquidation_distance, share_of_budget

DAY = 86_400_000_000


@pytest.mark.parametrize(
    ("case", "equity", "leverage", "expected"),
    [
        ("the total cap binds",   100_000.0, 5.0, 300_000.0),
        ("the margin cap binds",  100_000.0, 2.0, 180_000.0),
        ("at the lowest leverage", 100_000.0, 1.0, 90_000.0),
        ("nothing left",               0.0, 5.0, 0.0),
        ("less than nothing",         -5.0, 5.0, 0.0),
    ],
)  # fmt: skip
def test_the_budget_is_the_strictest_of_total_leverage_and_margin(
    case: str, equity: float, leverage: float, expected: float
) -> None:
    assert exposure_budget(equity, leverage, 3.0, 0.9) == pytest.approx(expected), case


@pytest.mark.parametrize(
    ("wanted", "used", "budget", "expected"),
    [(50.0, 0.0, 100.0, 1.0), (50.0, 50.0, 100.0, 1.0), (100.0, 50.0, 100.0, 0.5), (1.0, 100.0, 100.0, 0.0)],
)
def test_what_is_left_is_shared_in_proportion(wanted: float, used: float, budget: float, expected: float) -> None:
    assert share_of_budget(wanted, used, budget) == expected


@given(wanted=st.floats(0.0, 1e9), used=st.floats(0.0, 1e9), budget=st.floats(0.0, 1e9))
def test_the_shares_never_exceed_the_budget(wanted: float, used: float, budget: float) -> None:
    share = share_of_budget(wanted, used, budget)
    assert 0.0 <= share <= 1.0
    assert wanted * share <= max(budget - used, 0.0) * (1 + 1e-12)


def test_distance_to_liquidation_is_what_all_prices_may_move_together() -> None:
    # 300,000 exposed on 100,000 with 3,000 of maintenance: 97,000 / 300,000.
    assert liquidation_distance(100_000.0, 3_000.0, 300_000.0) == pytest.approx(0.32333, rel=1e-4)
    assert liquidation_distance(100_000.0, 0.0, 0.0) == 1.0
    assert liquidation_distance(1_000.0, 3_000.0, 300_000.0) < 0.0


@pytest.mark.parametrize(
    ("equity", "peak", "expected"), [(90.0, 100.0, 0.1), (100.0, 100.0, 0.0), (110.0, 100.0, 0.0), (5.0, 0.0, 0.0)]
)
def test_drawdown(equity: float, peak: float, expected: float) -> None:
    assert drawdown_of(equity, peak) == pytest.approx(expected)


@pytest.mark.parametrize(("equity", "first", "expected"), [(95.0, 100.0, 0.05), (105.0, 100.0, 0.0), (95.0, 0.0, 0.0)])
def test_daily_loss(equity: float, first: float, expected: float) -> None:
    assert daily_loss(equity, first) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("days", "halt_days", "expected"), [(29, 30, False), (30, 30, True), (31, 30, True), (10_000, 0, False)]
)
def test_a_latched_halt_lifts_after_its_days_or_never(days: int, halt_days: int, expected: bool) -> None:
    assert bool(is_halt_over(days * DAY, 0, halt_days * DAY)) is expected
