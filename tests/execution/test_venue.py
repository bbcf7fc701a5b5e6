"""The simulated venue's arithmetic against hand calculations."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.execution.venue import (
    bankruptcy_price,
    fill_price,
    fillable,
    liquidation_price,
    maintenance_margin,
    slippage,
)
from alphastrike.model.compiled import Records, fold_entry
from tests.engine.worlds import margin_tiers


@fold_entry
def margin_of(tiers: Records, s: int, notional: float) -> float:
    """Call what only compiled code can call."""
    return maintenance_margin(tiers, s, notional)


@fold_entry
def price_of(tiers: Records, s: int, quantity: float, entry_price: float, margin: float) -> float:
    """Call what only compiled code can call."""
    return liquidation_price(tiers, s, quantity, entry_price, margin)


TIERS = margin_tiers(1, (0.0, 0.01, 0.0), (50_000.0, 0.025, 750.0), (250_000.0, 0.05, 7_000.0))


@pytest.mark.parametrize(
    ("quantity", "volatility", "daily_volume", "expected"),
    [
        (500.0, 0.02, 5e6, 0.0001 + 0.02 * 0.01),
        (0.0, 0.02, 5e6, 0.0001),
        (5e6, 0.02, 5e6, 0.0001 + 0.02),
        (1.0, 0.02, 0.0, 0.0001 + 0.02),
        (500.0, 0.0, 5e6, 0.0001),
    ],
)
def test_slippage_is_half_spread_and_square_root_impact(
    quantity: float, volatility: float, daily_volume: float, expected: float
) -> None:
    assert slippage(quantity, 0.0001, 1.0, volatility, daily_volume) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("case", "reference", "side", "worse", "tick", "expected"),
    [
        ("a buy is rounded up",        101.0, +1, 0.0003, 0.01, 101.04),
        ("a sell is rounded down",     101.0, -1, 0.0003, 0.01, 100.96),
        ("on the grid it stays",       100.0, +1, 0.0,    0.01, 100.0),
        ("on the grid it stays",       100.0, -1, 0.0,    0.01, 100.0),
        ("a coarse tick",              100.0, +1, 0.0003, 0.5,  100.5),
        ("never below one tick",       0.01,  -1, 0.9,    0.01, 0.01),
    ],
)  # fmt: skip
def test_a_fill_is_rounded_away_from_the_taker(
    case: str, reference: float, side: int, worse: float, tick: float, expected: float
) -> None:
    assert fill_price(reference, side, worse, tick) == pytest.approx(expected, abs=1e-9), case


@given(
    reference=st.floats(0.01, 1e5), worse=st.floats(0.0, 0.05), tick=st.sampled_from([0.0001, 0.01, 0.5]),
    side=st.sampled_from([1, -1]),
)  # fmt: skip
def test_a_fill_is_never_better_than_its_reference(reference: float, worse: float, tick: float, side: int) -> None:
    price = fill_price(reference, side, worse, tick)
    assert price >= tick * (1 - 1e-9)
    if reference > tick:
        assert side * (price - reference) >= -2e-9 * tick - 1e-12 * reference
        assert abs(price - reference * (1 + side * worse)) <= tick * (1 + 1e-6)


@pytest.mark.parametrize(
    ("wanted", "volume", "expected"),
    [(10.0, 1_000.0, 10.0), (100.0, 1_000.0, 100.0), (100.001, 1_000.0, 100.0), (5.0, 33.33, 3.333), (5.0, 0.0, 0.0)],
)
def test_a_bar_fills_a_tenth_of_its_volume_in_whole_lots(wanted: float, volume: float, expected: float) -> None:
    assert fillable(wanted, volume, 0.10, 0.001) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("notional", "expected"),
    [(0.0, 0.0), (10_000.0, 100.0), (50_000.0, 500.0), (100_000.0, 1_750.0), (250_000.0, 5_500.0), (1e6, 43_000.0)],
)
def test_maintenance_margin_by_tier(notional: float, expected: float) -> None:
    assert margin_of(TIERS, 0, notional) == pytest.approx(expected)


@pytest.mark.parametrize("edge", [50_000.0, 250_000.0])
def test_maintenance_margin_is_continuous_at_the_edges_of_its_tiers(edge: float) -> None:
    below, above = margin_of(TIERS, 0, edge * (1 - 1e-12)), margin_of(TIERS, 0, edge)
    assert below == pytest.approx(above, rel=1e-9)


@pytest.mark.parametrize(
    ("case", "quantity", "entry", "margin", "expected"),
    [
        # (500 x 100 - 10,000) / (500 x 0.99) = 80.8081, notional 40,404: the first tier.
        ("a long in the first tier",   500.0,   100.0, 10_000.0,  40_000.0 / 495.0),
        # (500,000 - 100,000 - 7,000) / (5,000 x 0.95) = 82.7368, notional 413,684: the third.
        ("a long in the third tier",   5_000.0, 100.0, 100_000.0, 393_000.0 / 4_750.0),
        # (25,000 + 5,000) / (250 x 1.01) = 118.8119, notional 29,703: the first.
        ("a short in the first tier",  -250.0,  100.0, 5_000.0,   30_000.0 / 252.5),
        # (50,000 + 10,000 + 750) / (500 x 1.025) = 118.5366, notional 59,268: the second.
        ("a short in the second tier", -500.0,  100.0, 10_000.0,  60_750.0 / 512.5),
        ("a long that owns it all",    500.0,   100.0, 50_000.0,  0.0),
        ("no position",                0.0,     100.0, 10_000.0,  0.0),
    ],
)  # fmt: skip
def test_isolated_liquidation_price(case: str, quantity: float, entry: float, margin: float, expected: float) -> None:
    assert price_of(TIERS, 0, quantity, entry, margin) == pytest.approx(expected, rel=1e-12), case


@given(
    quantity=st.floats(0.001, 20_000.0), entry=st.floats(1.0, 1_000.0), leverage=st.floats(1.1, 15.0),
    side=st.sampled_from([1, -1]),
)  # fmt: skip
def test_at_the_liquidation_price_the_margin_equals_its_maintenance(
    quantity: float, entry: float, leverage: float, side: int
) -> None:
    margin = quantity * entry / leverage
    price = price_of(TIERS, 0, side * quantity, entry, margin)
    assert side * (price - entry) < 0.0 or margin <= margin_of(TIERS, 0, quantity * entry) * (1 + 1e-9)
    left = margin + side * quantity * (price - entry)
    assert left == pytest.approx(margin_of(TIERS, 0, quantity * price), rel=1e-6, abs=1e-6 * margin)


@pytest.mark.parametrize(("quantity", "expected"), [(500.0, 80.0), (-500.0, 120.0), (100.0, 0.0)])
def test_bankruptcy_is_where_the_margin_is_used_up(quantity: float, expected: float) -> None:
    assert bankruptcy_price(quantity, 100.0, 10_000.0) == expected


def test_the_arithmetic_needs_no_function_whose_last_bit_differs_between_machines() -> None:
    # sqrt is exact by IEEE 754; the reference here is NumPy's, which is another implementation.
    for participation in (1e-9, 0.01, 0.3):
        assert slippage(participation, 0.0, 1.0, 1.0, 1.0) == np.sqrt(participation) == math.sqrt(participation)
