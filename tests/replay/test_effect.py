"""Whole-run metrics against numbers computed by hand, and what must hold for any path."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.journal.codes import Reason
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR
from replay import effect
from replay.effect import Parts
from tests.replay.tables import arm_tables, equity_rows, fill_row, intervention_rows, rows

paths = st.lists(st.floats(1.0, 1e6), min_size=2, max_size=40).map(np.array)


@pytest.mark.parametrize(
    ("daily", "sharpe", "sortino", "cvar"),
    [
        # mean 0.005; sample standard deviation 0.0212132; losses (0, -0.01): root mean square 0.00707107
        ([0.02, -0.01], 0.005 / 0.021213203435596427 * 365**0.5, 0.005 / 0.00707106781186548 * 365**0.5, -0.01),
        ([0.01, 0.01, 0.01], math.nan, math.nan, 0.01),
        # mean -0.01, deviation 0.02, root mean square of losses sqrt((0.03^2 + 0.01^2) / 3)
        ([-0.03, -0.01, 0.01], -0.5 * 365**0.5, -0.01 / math.sqrt(0.001 / 3) * 365**0.5, -0.03),
        ([], math.nan, math.nan, math.nan),
    ],
)  # fmt: skip
def test_ratios_of_returns(daily: list[float], sharpe: float, sortino: float, cvar: float) -> None:
    series = np.array(daily)
    assert effect.sharpe(series) == pytest.approx(sharpe, nan_ok=True)
    assert effect.sortino(series) == pytest.approx(sortino, nan_ok=True)
    assert effect.cvar(series) == pytest.approx(cvar, nan_ok=True)


def test_the_tail_is_the_worst_twentieth() -> None:
    hourly = np.arange(-40, 0) / 1000.0
    assert effect.cvar(hourly) == pytest.approx((-0.040 - 0.039) / 2)


@pytest.mark.parametrize(
    ("path", "growth", "drawdown"),
    [
        ([100, 120, 90, 130], math.log(1.3), 0.25),
        ([100, 90, 80, 70], math.log(0.7), 0.30),
        ([100, 101, 102], math.log(1.02), 0.0),
        ([100, 50, -5], -math.inf, 1.0),
    ],
)  # fmt: skip
def test_growth_and_drawdown(path: list[float], growth: float, drawdown: float) -> None:
    values = np.array(path, dtype=float)
    assert effect.log_growth(values) == pytest.approx(growth)
    assert effect.max_drawdown(values) == pytest.approx(drawdown)


def test_calmar_is_the_yearly_growth_over_the_drawdown() -> None:
    # 73 days are a fifth of a year: 1.1 to the fifth power is 1.61051.
    assert effect.calmar(np.array([100.0, 80.0, 110.0]), days=73, drawdown=0.2) == pytest.approx(0.61051 / 0.2)
    assert math.isnan(effect.calmar(np.array([100.0, 110.0]), days=2, drawdown=0.0))
    assert effect.calmar(np.array([100.0, 0.0]), days=2, drawdown=1.0) == -1.0


def test_a_row_at_midnight_closes_the_day_before_it() -> None:
    hours = equity_rows([100.0 + hour for hour in range(1, 49)], step=MICROS_PER_HOUR)
    days, values = effect.sampled(hours, 100.0, MICROS_PER_DAY)
    assert len(days) == 2
    assert values.tolist() == [100.0, 124.0, 148.0]


def test_coarse_bars_are_not_padded_with_empty_hours() -> None:
    _, values = effect.sampled(equity_rows([101.0, 102.0]), 100.0, MICROS_PER_HOUR)
    assert values.tolist() == [100.0, 101.0, 102.0]


def test_a_lost_account_earns_nothing_any_more() -> None:
    assert effect.returns(np.array([100.0, 50.0, -1.0, -1.0, 5.0])).tolist()[:3] == [-0.5, -1.0, 0.0]


def test_parts_are_signed_as_they_moved_equity_and_add_up() -> None:
    costs = {"fees": 20.0, "slippage": 8.0, "funding": -3.0, "liquidation": 15.0}
    table = rows("equity", {"equity": 1_060.0, "price_pnl": 100.0, **costs})
    parts = effect.pnl_parts(table, 1_000.0)
    assert parts == Parts(price=100.0, fees=-20.0, slippage=-8.0, funding=3.0, liquidation=-15.0)
    assert parts.total == pytest.approx(60.0)
    assert parts.minus(Parts(90.0, -25.0, 0.0, 0.0, 0.0)) == Parts(10.0, 5.0, -8.0, 3.0, -15.0)


def test_parts_that_miss_a_cent_are_a_broken_invariant() -> None:
    with pytest.raises(AssertionError, match="P&L parts add up"):
        effect.pnl_parts(rows("equity", {"equity": 1_010.0, "price_pnl": 9.99}), 1_000.0)


def test_turnover_and_liquidations_come_from_fills() -> None:
    fills = rows(
        "fills",
        fill_row(+2.0, 50.0, trade=1),
        fill_row(-1.0, 60.0, Reason.LIQUIDATION, trade=1),
        fill_row(-1.0, 55.0, Reason.LIQUIDATION, trade=1),
        fill_row(-1.0, 85.0, Reason.LIQUIDATION, trade=2),
    )
    assert effect.turnover(fills, equity_rows([100.0, 50.0])) == pytest.approx(300.0 / 75.0)
    assert effect.liquidations(fills) == 2


def test_shares_of_time_weigh_rows_by_the_time_they_stand_for() -> None:
    times = np.array([10, 20, 50], dtype=np.int64)
    assert effect.share_of_time(times, np.array([False, False, True])) == pytest.approx(30 / 50)
    assert effect.time_under_water(equity_rows([101.0, 99.0, 100.0, 103.0]), 100.0) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ([], 0),
        ([(0, 24)], 1),
        ([(0, 24), (12, 30), (29, 40)], 1),
        ([(0, 24), (24, 48)], 2),
        ([(0, 100), (5, 6), (99, 101), (200, 201)], 2),
    ],
)  # fmt: skip
def test_interventions_that_overlap_are_one_episode(hours: list[tuple[float, float]], expected: int) -> None:
    assert len(effect.episodes([arm_tables(interventions=intervention_rows(*hours))])) == expected


def test_interventions_of_two_arms_overlap_too() -> None:
    one, other = (arm_tables(interventions=intervention_rows(spell)) for spell in [(0, 24), (12, 36)])
    assert len(effect.episodes([one, other])) == 1


def test_a_whole_arm() -> None:
    arm = arm_tables(
        equity=equity_rows([110.0, 99.0], halted=1),
        trades=rows("trades", {"net_pnl": 10.0}, {"net_pnl": -11.0}, {"net_pnl": 0.0}),
        interventions=intervention_rows((0, 24), (30, 40)),
    )
    measured = effect.metrics(arm, 100.0)
    assert (measured.trades, measured.interventions, measured.episodes) == (3, 2, 2)
    assert measured.win_rate == pytest.approx(1 / 3)
    assert measured.time_halted == 1.0
    assert measured.net_pnl == pytest.approx(measured.parts.total)
    assert measured.max_drawdown == pytest.approx(0.1)
    assert measured.difference(measured)["log_growth"] == 0.0


@given(paths, st.floats(0.01, 100.0))
def test_the_unit_of_money_does_not_matter(path: np.ndarray, scale: float) -> None:
    once, scaled = effect.returns(path), effect.returns(path * scale)
    np.testing.assert_allclose(once, scaled, rtol=1e-9, atol=1e-12)
    assert effect.max_drawdown(path) == pytest.approx(effect.max_drawdown(path * scale))
    assert effect.log_growth(path) == pytest.approx(effect.log_growth(path * scale), abs=1e-9)


@given(paths)
def test_returns_compound_to_the_growth(path: np.ndarray) -> None:
    assert float(np.sum(np.log1p(effect.returns(path)))) == pytest.approx(effect.log_growth(path), abs=1e-6)


@given(paths)
def test_a_drawdown_is_a_fraction_and_zero_only_for_a_path_that_never_falls(path: np.ndarray) -> None:
    deepest = effect.max_drawdown(path)
    assert 0.0 <= deepest <= 1.0
    assert (deepest == 0.0) == bool(np.all(np.diff(path) >= 0.0))


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(0.5, 100)), max_size=12))
def test_episodes_never_overlap_and_never_outnumber_interventions(drawn: list[tuple[float, float]]) -> None:
    found = effect.episodes([arm_tables(interventions=intervention_rows(*[(a, a + b) for a, b in drawn]))])
    assert len(found) <= len(drawn)
    assert all(one.end <= other.begin for one, other in pairwise(found))
