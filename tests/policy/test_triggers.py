"""When a trigger's rule is true; firing once and re-arming are the engine's tests."""

import pytest

from alphastrike.policy.triggers import drawdown_fires, streak_fires, win_rate_fires


@pytest.mark.parametrize(
    ("case", "rate", "trades", "expected"),
    [
        ("below on a full window",   0.35, 20, True),
        ("exactly at the threshold", 0.40, 20, False),
        ("above",                    0.45, 20, False),
        ("too few trades to tell",   0.10, 19, False),
        ("more trades than needed",  0.35, 400, True),
    ],
)  # fmt: skip
def test_win_rate(case: str, rate: float, trades: int, expected: bool) -> None:
    assert bool(win_rate_fires(rate, trades, 20, 0.40)) is expected, case


@pytest.mark.parametrize(("drawdown", "expected"), [(0.15, False), (0.1501, True), (0.0, False), (1.2, True)])
def test_drawdown(drawdown: float, expected: bool) -> None:
    assert bool(drawdown_fires(drawdown, 0.15)) is expected


@pytest.mark.parametrize(("losses", "expected"), [(0, False), (4, False), (5, True), (6, True)])
def test_loss_streak(losses: int, expected: bool) -> None:
    assert bool(streak_fires(losses, 5)) is expected
