"""Funding, margin and liquidation against hand calculations: issue 2's promise, bar and price."""

from typing import Any

import numpy as np
import pytest

from alphastrike.journal.codes import HaltCause, OrderChange, Reason
from tests.engine.worlds import FRICTIONLESS, World, world

ISOLATED = ("account.venue.isolated_margin=1", "account.exit.stop_atr=0", *FRICTIONLESS)


@pytest.mark.parametrize(
    ("case", "conviction", "rate", "paid"),
    [
        ("a long pays a positive rate",      +90.0, 0.0001,  5.25),
        ("a long receives a negative rate",  +90.0, -0.0002, -10.5),
        ("a short receives a positive rate", -90.0, 0.0001,  -5.25),
        ("a short pays a negative rate",     -90.0, -0.0002, 10.5),
    ],
)  # fmt: skip
def test_a_position_over_a_funding_time_pays_notional_times_rate(
    case: str, conviction: float, rate: float, paid: float
) -> None:
    # 500 units at the close of 105 are 52,500.
    made = world([100.0, 100.0, 105.0], [conviction], *FRICTIONLESS, funding={2: rate})
    run = made.run()
    (payment,) = run.tables["funding_payments"]
    assert payment["paid"] == pytest.approx(paid, abs=1e-9), case
    assert (payment["mark"], payment["rate"], payment["event_time"]) == (105.0, rate, made.time(2))
    assert payment["assumed"] == 0
    assert run.tables["equity"]["funding"].tolist() == pytest.approx([0.0, 0.0, paid])


def test_assumed_funding_is_flagged_at_every_payment() -> None:
    run = world([100.0, 100.0, 100.0], [+90.0], *FRICTIONLESS, funding={2: 0.0001}, assumed=True).run()
    assert run.tables["funding_payments"]["assumed"].tolist() == [1]


def test_who_holds_nothing_pays_no_funding() -> None:
    run = world([100.0] * 4, [0.0], funding={2: 0.01}).run()
    assert len(run.tables["funding_payments"]) == 0


def test_funding_is_charged_on_what_the_bar_left() -> None:
    stopped = (100.0, 100.0, 90.0, 95.0)
    run = world([100.0, 100.0, stopped], [+90.0, +90.0, 0.0], "account.exit.stop_atr=2", funding={2: 0.01}).run()
    assert len(run.tables["funding_payments"]) == 0


@pytest.mark.parametrize(("source", "mark", "paid"), [(0, 100.0, 5.0), (1, 130.0, 6.5)])
def test_funding_is_on_the_mark_that_marks_the_book(source: int, mark: float, paid: float) -> None:
    made = world(
        [100.0, 100.0, 100.0, 100.0], [+90.0], f"account.venue.mark_on_marks={source}", *FRICTIONLESS,
        funding={2: 0.0001}, marks={2: 130.0},
    )  # fmt: skip
    run = made.run()
    assert run.tables["funding_payments"]["mark"].tolist() == [mark]
    assert run.tables["funding_payments"]["paid"].tolist() == pytest.approx([paid])
    assert run.tables["equity"]["exposure"].tolist()[1:] == [50_000.0, 500 * mark, 50_000.0]


# ------------------------------------------------------------------------------------------------ isolated


def liquidated(made: World) -> tuple[np.void, np.void]:
    run = made.run()
    fills = run.tables["fills"]
    (fill,) = fills[fills["reason"] == Reason.LIQUIDATION]
    (trade,) = run.tables["trades"]
    return fill, trade


@pytest.mark.parametrize(
    ("case", "conviction", "bar", "price", "fee"),
    [
        # 500 at 100 with 10,000 of margin: (50,000 - 10,000) / (500 x 0.99) = 80.8081. The fee is 1 % of what is sold,
        # 404.0404, and that is all that remains: 10,000 - 500 x 19.1919 = 404.0404.
        ("a long, touched",            +90.0, (90.0, 91.0, 80.0, 88.0),  40_000 / 495,     404.0404040404),
        # (50,000 + 10,000 + 750) / (500 x 1.025) = 118.5366 in the second tier; 1 % of 59,268.29 is 592.68.
        ("a short, touched",           -90.0, (110.0, 119.0, 109.0, 112.0), 60_750 / 512.5, 592.6829268293),
        # Opens between liquidation and bankruptcy (80): at the open 10,000 - 500 x 19.5 = 250 is left to pay with.
        ("a gap beyond liquidation",   +90.0, (80.5, 82.0, 79.0, 81.0),  80.5,             250.0),
        # Opens beyond bankruptcy: the insurance fund bears the rest, nothing is left for a fee.
        ("a gap beyond bankruptcy",    +90.0, (70.0, 75.0, 60.0, 72.0),  80.0,             0.0),
        ("a short's gap beyond it",    -90.0, (150.0, 160.0, 140.0, 150.0), 120.0,         0.0),
    ],
)  # fmt: skip
def test_isolated_liquidation_by_hand(
    case: str, conviction: float, bar: tuple[float, ...], price: float, fee: float
) -> None:
    made = world([100.0, 100.0, 100.0, bar, 100.0], [conviction, conviction, conviction, 0.0], *ISOLATED)
    fill, trade = liquidated(made)
    assert fill["event_time"] == made.time(3), case
    assert fill["price"] == pytest.approx(price, rel=1e-12), case
    assert fill["liquidation_fee"] == pytest.approx(fee, abs=1e-6), case
    assert fill["position"] == 0.0
    side = 1 if conviction > 0 else -1
    assert trade["net_pnl"] == pytest.approx(side * 500 * (price - 100.0) - fee - 25.0, abs=1e-6), case
    assert trade["net_pnl"] >= -10_000.0 - 25.0 - 1e-6, "an isolated position loses its margin and no more"


def test_in_a_higher_tier_the_liquidation_price_follows_that_tier() -> None:
    # 5,000 at 100 with 100,000 of margin: (400,000 - 750) / (5,000 x 0.975) = 81.8974.
    bar = (90.0, 91.0, 81.8, 88.0)
    made = world([100.0, 100.0, bar, 100.0], [90.0, 90.0, 0.0], "account.start_equity=1e6", *ISOLATED, daily_volume=1e9)
    fill, _ = liquidated(made)
    assert fill["price"] == pytest.approx(399_250 / 4_875, rel=1e-12)


def test_a_stop_before_liquidation_saves_the_margin() -> None:
    bar = (99.0, 99.0, 70.0, 80.0)
    made = world([100.0, 100.0, bar], [+90.0], *ISOLATED[0:1], "account.exit.stop_atr=8", *FRICTIONLESS)
    run = made.run()
    assert run.tables["fills"]["reason"].tolist() == [Reason.ENTRY, Reason.STOP]
    assert run.tables["fills"]["price"][1] == pytest.approx(92.0)


def test_what_a_stop_could_not_sell_is_liquidated_when_the_bar_goes_on_falling() -> None:
    thin = (99.0, 99.0, 70.0, 80.0, 2_000.0)
    made = world(
        [100.0, 100.0, thin, 80.0], [90.0, 90.0, 0.0], *ISOLATED[0:1], "account.exit.stop_atr=8", *FRICTIONLESS
    )
    run = made.run()
    fills = run.tables["fills"]
    assert fills["reason"].tolist() == [Reason.ENTRY, Reason.STOP, Reason.LIQUIDATION]
    assert fills["quantity"].tolist() == [500.0, -200.0, -300.0]
    # The margin shrank with the position: (30,000 - 6,000) / (300 x 0.99).
    assert fills["price"][2] == pytest.approx(24_000 / 297, rel=1e-12)
    assert (run.tables["orders"]["change"] == OrderChange.CANCELLED).sum() == 1


def test_in_a_gap_the_venue_liquidates_before_a_resting_exit_meets_the_market() -> None:
    gap = (70.0, 75.0, 60.0, 72.0)
    made = world([100.0, 100.0, 100.0, gap, 72.0], [+90.0, +90.0, 0.0], *ISOLATED)
    fill, trade = liquidated(made)
    assert fill["price"] == pytest.approx(80.0)
    assert trade["net_pnl"] == pytest.approx(-10_000.0 - 25.0)


def test_funding_eats_an_isolated_margin_and_moves_its_liquidation_price() -> None:
    # 5 % of 50,000 is 2,500: (50,000 - 7,500) / 495 = 85.8586, which this bar touches and the other price not.
    bar = (90.0, 91.0, 85.0, 88.0)
    made = world([100.0, 100.0, bar], [90.0, 90.0, 0.0], *ISOLATED, funding={1: 0.05})
    fill, _ = liquidated(made)
    assert fill["price"] == pytest.approx(42_500 / 495, rel=1e-12)


@pytest.mark.parametrize(("mark", "price"), [(80.6, 80.6), (79.0, 80.0), (81.0, None)])
def test_where_marks_mark_the_book_a_mark_beyond_the_price_liquidates_without_a_candle(
    mark: float, price: float | None
) -> None:
    made = world(
        [100.0, 100.0, None, None, 100.0], [90.0, 90.0, 90.0, 90.0, 0.0], *ISOLATED, "account.venue.mark_on_marks=1",
        "account.limits.daily_loss_max=1", marks={2: mark},
    )  # fmt: skip
    run = made.run()
    fills = run.tables["fills"][run.tables["fills"]["reason"] == Reason.LIQUIDATION]
    assert fills["price"].tolist() == pytest.approx([] if price is None else [price])
    assert fills["event_time"].tolist() == ([] if price is None else [made.time(2)])
    assert run.tables["equity"]["equity"][2] >= 90_000.0 - 25.0 - 1e-9, "no more than the margin is lost"


# ------------------------------------------------------------------------------------------------ cross


CROSS = (
    "account.sizing.exposure_per_trade=0.3",
    "account.limits.symbol_exposure_max=10",
    "account.limits.total_exposure_max=10",
    "account.limits.liquidation_distance_min=0",
    "account.limits.daily_loss_max=1",
    "account.limits.drawdown_halt=1",
    "account.exit.stop_atr=0",
    *FRICTIONLESS,
)
FREE = {"taker_fee": 0.0, "maker_fee": 0.0, "liquidation_fee": 0.0125}


def crash(first: float, second: float) -> World:
    """Two longs of 150,000 on an equity of 100,000, both bought at 100."""
    prices = {"BTCUSDT": [100.0, 100.0, second, second], "ETHUSDT": [100.0, 100.0, first, first]}
    return world(prices, [+90.0, +90.0, 0.0], *CROSS, terms=FREE, decide_every=4, daily_volume=1e12)


def test_cross_margin_survives_while_equity_exceeds_maintenance() -> None:
    # Losses 60,000 and 36,300 leave 3,700; maintenance is 1,500 + 113,700 x 2.5 % - 750 = 3,592.50.
    assert len(crash(60.0, 75.8).run().tables["trades"]) == 0


def test_cross_margin_is_liquidated_at_the_tick_the_worst_first_until_the_rest_is_covered() -> None:
    # 36,450 instead leave 3,550 against 3,588.75: the worse position goes, for a fee of 90,000 x 1.25 %.
    made = crash(60.0, 75.7)
    run = made.run()
    (trade,) = run.tables["trades"]
    assert (trade["symbol"], trade["reason"], trade["event_time"]) == (1, Reason.LIQUIDATION, made.time(2))
    fills = run.tables["fills"]
    assert fills[fills["reason"] == Reason.LIQUIDATION]["price"].tolist() == [60.0]
    assert run.tables["equity"][2]["equity"] == pytest.approx(3_550.0 - 1_125.0, abs=1e-6)
    assert run.tables["equity"][2]["liquidation"] == pytest.approx(1_125.0)
    assert run.tables["equity"][2]["exposure"] == pytest.approx(1_500 * 75.7)


def test_when_everything_is_liquidated_the_insurance_fund_bears_what_equity_cannot() -> None:
    # 2,500 against 3,562.50; after the first 1,375 against 2,062.50; after the second -31.25, which is not ours.
    run = crash(60.0, 75.0).run()
    assert run.tables["trades"]["symbol"].tolist() == [1, 0]
    last = run.tables["equity"][-1]
    assert last["equity"] == 0.0
    assert last["liquidation"] == pytest.approx(1_125.0 + 1_406.25 - 31.25)
    assert last["price_pnl"] - last["fees"] - last["slippage"] - last["funding"] - last["liquidation"] == pytest.approx(
        -100_000.0
    )
    assert (run.tables["equity"]["equity"] >= 0.0).all()
    assert HaltCause.BANKRUPT in run.tables["halts"]["cause"]


def test_a_gap_through_a_stop_that_costs_more_than_there_is_ends_at_zero_too() -> None:
    options = [option for option in CROSS if "stop_atr" not in option]
    gap = (20.0, 20.0, 20.0, 20.0)
    prices: dict[str, list[Any]] = {"BTCUSDT": [100.0, 100.0, gap, 20.0], "ETHUSDT": [100.0, 100.0, 100.0, 100.0]}
    run = world(prices, {"BTCUSDT": [90.0], "ETHUSDT": [0.0]}, *options, terms=FREE, decide_every=4,
                daily_volume=1e12).run()  # fmt: skip
    assert run.tables["fills"]["reason"].tolist() == [Reason.ENTRY, Reason.STOP]
    assert run.tables["equity"]["equity"].tolist()[2:] == [0.0, 0.0]
    assert run.tables["halts"]["cause"].tolist().count(HaltCause.BANKRUPT) == 1
