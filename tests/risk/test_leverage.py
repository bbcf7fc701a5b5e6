"""Dynamic leverage: the five promised situations, each factor's edges, and that risk never raises it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.risk.leverage import (
    LeverageParams,
    clamped_leverage,
    drawdown_factor,
    half_kelly,
    is_material,
    performance_factor,
    volatility_factor,
)

RULE = LeverageParams()


def leverage(volatility: float, drawdown: float, win_rate: float, win_loss_ratio: float) -> float:
    by_volatility = volatility_factor(
        volatility, RULE.normal_volatility, RULE.volatility_factor_min, RULE.volatility_factor_max
    )
    by_performance = performance_factor(half_kelly(win_rate, win_loss_ratio))
    factors = by_volatility * drawdown_factor(drawdown) * by_performance
    return clamped_leverage(RULE.normal, factors, RULE.minimum, RULE.maximum)


@pytest.mark.parametrize(
    ("situation", "volatility", "drawdown", "win_rate", "expected"),
    [
        ("normal",                     0.02, 0.03, 0.52, 5.0),
        ("high volatility",            0.05, 0.03, 0.52, 2.0),
        ("in a 12 % drawdown",         0.02, 0.12, 0.52, 2.5),
        ("calm market, strong record", 0.01, 0.02, 0.65, 9.0),
        ("everything bad at once",     0.06, 0.18, 0.28, 1.0),
    ],
)  # fmt: skip
def test_leverage_in_the_promised_situations(
    situation: str, volatility: float, drawdown: float, win_rate: float, expected: float
) -> None:
    assert leverage(volatility, drawdown, win_rate, 1.5) == pytest.approx(expected, rel=1e-12), situation


volatilities = st.floats(0.001, 0.5)
drawdowns = st.floats(0.0, 1.0)
rates = st.floats(0.0, 1.0)
ratios = st.floats(0.1, 10.0)


@given(volatilities, volatilities, drawdowns, drawdowns, rates, rates, ratios)
def test_more_volatility_drawdown_or_losses_never_raise_leverage(
    v1: float, v2: float, d1: float, d2: float, w1: float, w2: float, ratio: float
) -> None:
    calm = leverage(min(v1, v2), min(d1, d2), max(w1, w2), ratio)
    rough = leverage(max(v1, v2), max(d1, d2), min(w1, w2), ratio)
    assert RULE.minimum <= rough <= calm <= RULE.maximum


@pytest.mark.parametrize(
    ("volatility", "expected"),
    [(0.02, 1.0), (0.04, 0.5), (0.10, 0.3), (0.0667, 0.3), (0.01, 1.5), (0.001, 1.5), (0.0, 0.3)],
)
def test_volatility_factor_is_normal_over_current_clamped_and_lowest_when_unknown(
    volatility: float, expected: float
) -> None:
    assert volatility_factor(volatility, 0.02, 0.3, 1.5) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("drawdown", "expected"),
    [(0.0, 1.0), (0.0499, 1.0), (0.05, 0.7), (0.0999, 0.7), (0.10, 0.5), (0.1499, 0.5), (0.15, 0.3), (1.0, 0.3)],
)
def test_drawdown_factor_by_tier(drawdown: float, expected: float) -> None:
    assert drawdown_factor(drawdown) == expected


@pytest.mark.parametrize(
    ("win_rate", "ratio", "expected"),
    [(0.5, 1.0, 0.0), (0.6, 1.0, 0.1), (0.5, 2.0, 0.125), (0.28, 1.5, -0.1), (1.0, 1.0, 0.5), (0.0, 1.0, -0.5)],
)
def test_half_kelly(win_rate: float, ratio: float, expected: float) -> None:
    assert half_kelly(win_rate, ratio) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("fraction", "expected"), [(-0.5, 0.6), (0.0499, 0.6), (0.05, 1.0), (0.10, 1.0), (0.15, 1.0), (0.1501, 1.2)]
)
def test_performance_factor_by_half_kelly(fraction: float, expected: float) -> None:
    assert performance_factor(fraction) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(5.0, 5.4, False), (5.0, 5.5, True), (5.0, 4.5, True), (5.0, 4.6, False), (1.0, 1.0, False), (1.0, 1.1, True)],
)
def test_a_change_under_a_tenth_is_not_applied(before: float, after: float, expected: bool) -> None:
    assert bool(is_material(before, after, 0.10)) is expected
