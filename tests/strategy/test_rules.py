"""The strategy's rules as tables: when to enter, when to leave, how large."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.journal.codes import Reason
from alphastrike.strategy.entries import entry_direction
from alphastrike.strategy.exits import HOLD, exit_reason, protective_price, round_to_tick
from alphastrike.strategy.sizing import entry_notional, floor_to_lot, shrink_ratio

HOUR = 3_600_000_000


@pytest.mark.parametrize(
    ("case", "direction", "conviction", "floor", "shorts", "enabled", "expected"),
    [
        ("a strong long",               +1, 85.0, 80.0, True,  True,  +1),
        ("a strong short",              -1, 85.0, 80.0, True,  True,  -1),
        ("exactly at the floor",        +1, 80.0, 80.0, True,  True,  +1),
        ("just below the floor",        +1, 79.9, 80.0, True,  True,   0),
        ("below a raised floor",        +1, 85.0, 90.0, True,  True,   0),
        ("no direction",                 0, 99.0, 80.0, True,  True,   0),
        ("a short while not allowed",   -1, 99.0, 80.0, False, True,   0),
        ("a long while shorts are not", +1, 99.0, 80.0, False, True,  +1),
        ("a disabled asset",            +1, 99.0, 80.0, True,  False,  0),
    ],
)  # fmt: skip
def test_what_is_entered(
    case: str, direction: int, conviction: float, floor: float, shorts: bool, enabled: bool, expected: int
) -> None:
    assert entry_direction(direction, conviction, floor, shorts, enabled) == expected, case


@pytest.mark.parametrize(
    ("case", "side", "direction", "conviction", "halted", "hours", "expected"),
    [
        ("same side, strong",               +1, +1, 85.0, False, 10, HOLD),
        ("same side, weaker than the floor", +1, +1, 30.0, False, 10, HOLD),
        ("exactly at the exit level",       +1, +1, 20.0, False, 10, HOLD),
        ("below the exit level",            +1, +1, 19.9, False, 10, Reason.EXIT_SIGNAL),
        ("the other side, however weak",    +1, -1, 25.0, False, 10, Reason.EXIT_SIGNAL),
        ("a short against a long view",     -1, +1, 25.0, False, 10, Reason.EXIT_SIGNAL),
        ("held too long",                   +1, +1, 99.0, False, 240, Reason.EXIT_TIME),
        ("an hour less",                    +1, +1, 99.0, False, 239, HOLD),
        ("perception halted: silence",      +1,  0,  0.0, True,  10, HOLD),
        ("perception halted, held too long", +1, 0,  0.0, True, 240, Reason.EXIT_TIME),
    ],
)  # fmt: skip
def test_what_ends_a_position(
    case: str, side: int, direction: int, conviction: float, halted: bool, hours: int, expected: int
) -> None:
    assert exit_reason(side, direction, conviction, 20.0, halted, hours * HOUR, 240 * HOUR) == expected, case


def test_without_a_maximum_a_position_may_be_held_for_ever() -> None:
    assert exit_reason(1, 1, 99.0, 20.0, False, 10_000 * HOUR, 0) == HOLD


@pytest.mark.parametrize(
    ("entry", "side", "distance", "tick", "expected"),
    [
        (100.0, +1, 8.0, 0.01, 92.0),
        (100.0, -1, 8.0, 0.01, 108.0),
        (100.0, +1, 0.0, 0.01, 0.0),
        (100.0, +1, 100.0, 0.01, 0.0),
        (100.0, +1, 150.0, 0.01, 0.0),
        (100.03, +1, 1.234, 0.05, 98.8),
    ],
)
def test_a_protective_price_stands_on_the_tick_grid(
    entry: float, side: int, distance: float, tick: float, expected: float
) -> None:
    assert protective_price(entry, side, distance, tick) == pytest.approx(expected, abs=1e-9)


@given(price=st.floats(0.01, 1e6), tick=st.sampled_from([0.0001, 0.01, 0.1, 0.5, 1.0]))
def test_rounding_to_a_tick_moves_a_price_by_half_a_tick_at_most(price: float, tick: float) -> None:
    assert abs(round_to_tick(price, tick) - price) <= 0.5 * tick * (1 + 1e-9)


def test_size_is_equity_times_exposure_times_leverage_times_multiplier() -> None:
    assert entry_notional(100_000.0, 0.10, 5.0, 1.0) == 50_000.0
    assert entry_notional(100_000.0, 0.10, 5.0, 0.5) == 25_000.0


@pytest.mark.parametrize(
    ("quantity", "lot", "expected"),
    [(1.2349, 0.001, 1.234), (0.3, 0.1, 0.3), (0.29999, 0.1, 0.2), (0.0009, 0.001, 0.0), (7.0, 1.0, 7.0)],
)
def test_a_quantity_is_cut_to_whole_lots(quantity: float, lot: float, expected: float) -> None:
    assert floor_to_lot(quantity, lot) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("case", "multiplier", "entered_with", "cap", "entered_at", "expected"),
    [
        ("nothing tightened",                       1.0, 1.0, 10.0, 5.0, 1.0),
        ("half the size",                           0.5, 1.0, 10.0, 5.0, 0.5),
        ("entered under it already",                0.5, 0.5, 10.0, 5.0, 1.0),
        ("looser than at entry",                    1.0, 0.5, 10.0, 5.0, 1.0),
        ("a leverage cap below the entry's",        1.0, 1.0,  2.0, 5.0, 0.4),
        ("a leverage cap above the entry's",        1.0, 1.0,  7.0, 5.0, 1.0),
        ("both",                                    0.5, 1.0,  2.5, 5.0, 0.25),
    ],
)  # fmt: skip
def test_how_much_of_a_position_the_controls_allow(
    case: str, multiplier: float, entered_with: float, cap: float, entered_at: float, expected: float
) -> None:
    assert shrink_ratio(multiplier, entered_with, cap, entered_at) == pytest.approx(expected), case


@given(
    multiplier=st.floats(0.1, 1.0), entered=st.floats(0.1, 1.0), cap=st.floats(1.0, 10.0), leverage=st.floats(1.0, 10.0)
)
def test_the_controls_never_enlarge_a_position(multiplier: float, entered: float, cap: float, leverage: float) -> None:
    assert 0.0 < shrink_ratio(multiplier, entered, cap, leverage) <= 1.0
