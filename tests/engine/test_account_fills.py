"""Worlds small enough for a pencil: entries, exits, stops and partial fills, to the cent.

The account starts with 100,000. At 2 % volatility leverage is 5, so a position is a tenth of equity times five:
50,000, which at a price of 100 is 500 units.
"""

import pytest

from alphastrike.journal.codes import Liquidity, OrderChange, Reason, RiskRule
from alphastrike.model.forecast import PerceptionHalt
from tests.engine.worlds import FRICTIONLESS, world

SLIPPED = 500 * 0.04
FEE_IN = 500 * 101.04 * 0.0005


def test_an_entry_fills_at_the_next_open_with_half_spread_impact_and_fee() -> None:
    made = world([100.0, (101.0, 102.0, 100.5, 101.5), 101.5], [+90.0])
    run = made.run()
    (order, filled) = run.tables["orders"]
    assert (order["change"], order["event_time"], order["quantity"]) == (OrderChange.SUBMITTED, made.time(0), 500.0)
    assert (filled["change"], filled["event_time"], filled["quantity"]) == (OrderChange.FILLED, made.time(1), 0.0)
    (fill,) = run.tables["fills"]
    # 1 bp + 2 % x sqrt(500 / 5,000,000) = 3 bp on 101 is 101.0303; a buy rounds up to the cent.
    assert fill["price"] == pytest.approx(101.04, abs=1e-9)
    assert fill["reference_price"] == 101.0
    assert fill["event_time"] == made.time(1)
    assert fill["fee"] == pytest.approx(25.26, abs=1e-9)
    assert (fill["reason"], fill["liquidity"], fill["position"]) == (Reason.ENTRY, Liquidity.TAKER, 500.0)
    equity = run.tables["equity"][1]
    assert equity["equity"] == pytest.approx(100_000 + 500 * (101.5 - 101.04) - 25.26, abs=1e-9)
    assert equity["slippage"] == pytest.approx(20.0, abs=1e-9)
    assert equity["fees"] == pytest.approx(25.26, abs=1e-9)
    assert equity["price_pnl"] == pytest.approx(250.0, abs=1e-9)
    assert equity["exposure"] == 500.0 * 101.5


def test_a_short_pays_the_spread_downwards() -> None:
    run = world([100.0, 101.0, 101.0], [-90.0]).run()
    (fill,) = run.tables["fills"]
    assert fill["price"] == pytest.approx(100.96, abs=1e-9)
    assert fill["position"] == -500.0
    assert run.tables["equity"][1]["slippage"] == pytest.approx(20.0, abs=1e-9)


def test_a_position_is_left_when_conviction_falls_and_its_trade_is_complete() -> None:
    made = world([100.0, 101.0, 103.0, 103.0, 103.0], [+90.0, +30.0, +10.0])
    run = made.run()
    entry, leave = run.tables["fills"]
    assert leave["event_time"] == made.time(3), "decided at tick 2, on conviction 10; 30 was held with hysteresis"
    assert leave["reason"] == Reason.EXIT_SIGNAL
    (trade,) = run.tables["trades"]
    # Leaves at 103 less 3 bp = 102.9691, rounded down: 102.96.
    assert trade["exit_price"] == pytest.approx(102.96, abs=1e-9)
    assert trade["entry_price"] == pytest.approx(101.04, abs=1e-9)
    fees = FEE_IN + 500 * 102.96 * 0.0005
    assert trade["price_pnl"] == pytest.approx(1_000.0, abs=1e-9)
    assert trade["slippage"] == pytest.approx(SLIPPED + 20.0, abs=1e-9)
    assert trade["fees"] == pytest.approx(fees, abs=1e-9)
    assert trade["net_pnl"] == pytest.approx(1_000.0 - 40.0 - fees, abs=1e-9)
    assert (trade["opened"], trade["event_time"]) == (made.time(1), made.time(3))
    assert (trade["direction"], trade["quantity_max"], trade["reason"]) == (1, 500.0, Reason.EXIT_SIGNAL)
    assert run.tables["equity"][-1]["equity"] == pytest.approx(100_000.0 + trade["net_pnl"], abs=1e-9)
    assert entry["trade"] == leave["trade"] == trade["trade"]


def test_a_reversal_closes_one_trade_and_opens_another_with_one_order() -> None:
    made = world([100.0, 100.0, 100.0, 100.0], [+90.0, -90.0], *FRICTIONLESS)
    run = made.run()
    assert run.tables["fills"]["reason"].tolist() == [Reason.ENTRY, Reason.REVERSAL, Reason.REVERSAL]
    assert run.tables["fills"]["trade"].tolist() == [1, 1, 2]
    assert run.tables["fills"]["order"].tolist() == [1, 2, 2]
    assert run.tables["fills"]["position"][1] == 0.0
    assert run.tables["fills"]["position"][2] < 0.0
    (trade,) = run.tables["trades"]
    assert trade["reason"] == Reason.REVERSAL
    assert trade["event_time"] == made.time(2)


def test_each_trade_has_prices_of_its_own() -> None:
    prices = [100.0, 100.0, 104.0, 104.0, 110.0, 115.0, 115.0]
    run = world(prices, [+90.0, 0.0, 0.0, +90.0, 0.0], *FRICTIONLESS).run()
    assert run.tables["trades"]["entry_price"].tolist() == [100.0, 110.0]
    assert run.tables["trades"]["exit_price"].tolist() == [104.0, 115.0]
    assert run.tables["trades"]["quantity_max"].tolist() == [
        fill for fill in run.tables["fills"]["quantity"] if fill > 0
    ]


def test_a_position_is_left_after_its_longest_time_and_must_qualify_anew() -> None:
    made = world([100.0] * 8, [+90.0, +90.0, +90.0, +90.0, +50.0], "account.exit.hold_max_hours=3", *FRICTIONLESS)
    run = made.run()
    (trade,) = run.tables["trades"]
    assert trade["reason"] == Reason.EXIT_TIME
    assert trade["event_time"] == made.time(5), "held from tick 1; decided at tick 4, three hours later"
    assert len(run.tables["fills"]) == 2, "conviction 50 is enough to hold, not to enter again"


def test_while_perception_is_halted_its_silence_is_no_exit() -> None:
    halted = dict.fromkeys(range(2, 6), PerceptionHalt.BREAKER)
    run = world([100.0] * 6, [+90.0, +90.0, 0.0], halted=halted).run()
    assert len(run.tables["trades"]) == 0


# ------------------------------------------------------------------------------------------------ inside the bar


STOPPED = ("account.exit.stop_atr=2", "account.exit.take_profit_atr=3", *FRICTIONLESS)
"""Entry at 100, one ATR is 1: the stop stands at 98 and the take profit at 103."""


@pytest.mark.parametrize(
    ("case", "bar", "reason", "price"),
    [
        ("the stop is touched",                (99.5, 100.0, 98.0, 99.0),    Reason.STOP,        98.0),
        ("the bar opens beyond the stop",      (95.0, 96.0, 94.0, 95.5),     Reason.STOP,        95.0),
        ("the take profit is touched",         (101.0, 103.0, 100.5, 102.0), Reason.TAKE_PROFIT, 103.0),
        ("a better open is not counted on",    (104.0, 105.0, 103.5, 104.0), Reason.TAKE_PROFIT, 103.0),
        ("both are touched: the worse",        (100.0, 104.0, 97.0, 103.0),  Reason.STOP,        98.0),
    ],
)  # fmt: skip
def test_stop_and_take_profit_inside_the_bar(case: str, bar: tuple[float, ...], reason: Reason, price: float) -> None:
    made = world([100.0, 100.0, bar, 100.0], [+90.0, +90.0, 0.0], *STOPPED)
    run = made.run()
    fill = run.tables["fills"][1]
    assert (fill["reason"], fill["event_time"]) == (reason, made.time(2)), case
    assert fill["price"] == pytest.approx(price, abs=1e-9), case
    maker = reason is Reason.TAKE_PROFIT
    assert fill["liquidity"] == (Liquidity.MAKER if maker else Liquidity.TAKER)
    assert fill["fee"] == pytest.approx(500 * price * (2e-4 if maker else 5e-4), abs=1e-9)
    assert run.tables["trades"]["reason"].tolist() == [reason]


@pytest.mark.parametrize(
    ("bar", "reason", "price"),
    [((100.5, 102.0, 100.0, 101.0), Reason.STOP, 102.0), ((99.0, 99.5, 97.0, 98.0), Reason.TAKE_PROFIT, 97.0)],
)
def test_a_shorts_stop_stands_above_and_its_take_profit_below(
    bar: tuple[float, ...], reason: Reason, price: float
) -> None:
    run = world([100.0, 100.0, bar, 100.0], [-90.0, -90.0, 0.0], *STOPPED).run()
    fill = run.tables["fills"][1]
    assert fill["reason"] == reason
    assert fill["price"] == pytest.approx(price, abs=1e-9)


def test_a_position_can_be_stopped_in_the_bar_that_opened_it() -> None:
    run = world([100.0, (100.0, 100.0, 97.0, 99.0), 99.0], [+90.0, 0.0], *STOPPED).run()
    assert run.tables["fills"]["reason"].tolist() == [Reason.ENTRY, Reason.STOP]
    assert run.tables["fills"]["event_time"][0] == run.tables["fills"]["event_time"][1]


def test_a_stop_pays_spread_and_impact_from_its_own_price() -> None:
    run = world([100.0, 100.0, (99.5, 100.0, 97.0, 99.0)], [+90.0], "account.exit.stop_atr=2").run()
    # Bought at 100.03, so the stop stands at 98.03; 3 bp below is 98.000591, rounded down 98.00.
    fill = run.tables["fills"][1]
    assert fill["reference_price"] == pytest.approx(98.03, abs=1e-9)
    assert fill["price"] == pytest.approx(98.00, abs=1e-9)


# ------------------------------------------------------------------------------------------------ volume


def test_a_bar_fills_a_tenth_of_its_volume_and_the_rest_goes_on() -> None:
    thin = (100.0, 100.0, 100.0, 100.0, 2_000.0)
    made = world([100.0, thin, thin, thin, thin, 100.0], [+90.0], decide_every=6)
    run = made.run()
    assert run.tables["fills"]["quantity"].tolist() == [200.0, 200.0, 100.0]
    assert run.tables["fills"]["event_time"].tolist() == [made.time(1), made.time(2), made.time(3)]
    assert run.tables["orders"]["quantity"].tolist() == [500.0, 300.0, 100.0, 0.0]
    assert set(run.tables["fills"]["trade"]) == {1}


def test_what_an_entry_did_not_get_until_the_next_decision_is_cancelled() -> None:
    thin = (100.0, 100.0, 100.0, 100.0, 2_000.0)
    run = world([100.0, thin, thin, thin, 100.0], [+90.0], decide_every=2).run()
    changes = [OrderChange.SUBMITTED, OrderChange.FILLED, OrderChange.FILLED, OrderChange.CANCELLED]
    assert run.tables["orders"]["change"].tolist() == changes
    assert run.tables["fills"]["position"].tolist() == [200.0, 400.0]


def test_a_bar_without_volume_fills_nothing() -> None:
    dry = (100.0, 104.0, 96.0, 100.0, 0.0)
    made = world([100.0, dry, dry, 100.0, 100.0], [+90.0], *STOPPED, decide_every=5)
    assert made.run().tables["fills"]["event_time"].tolist() == [made.time(3)]


@pytest.mark.parametrize(("bar", "at"), [((100.0, 103.5, 99.0, 103.0, 0.0), 3), ((99.0, 99.5, 97.0, 98.0, 0.0), 3)])
def test_neither_a_stop_nor_a_take_profit_trades_without_volume(bar: tuple[float, ...], at: int) -> None:
    made = world([100.0, 100.0, bar, (102.0, 104.0, 101.0, 102.0), 102.0], [+90.0], *STOPPED, decide_every=5)
    run = made.run()
    assert run.tables["fills"]["event_time"].tolist() == [made.time(1), made.time(at)]
    assert run.tables["fills"]["position"][-1] == 0.0


def test_a_touched_stop_goes_on_at_the_next_open_when_volume_ran_out() -> None:
    thin = (99.0, 99.5, 97.0, 98.5, 3_000.0)
    run = world([100.0, 100.0, thin, 99.0, 99.0], [+90.0, +90.0, +90.0, 0.0], *STOPPED).run()
    assert run.tables["fills"]["quantity"].tolist() == [500.0, -300.0, -200.0]
    assert run.tables["fills"]["price"].tolist()[1:] == pytest.approx([98.0, 99.0])
    assert run.tables["trades"]["reason"].tolist() == [Reason.STOP]
    assert run.tables["trades"]["exit_price"][0] == pytest.approx((300 * 98 + 200 * 99) / 500)


def test_a_take_profit_takes_what_the_bar_has_and_stays() -> None:
    thin = (101.0, 103.5, 100.0, 102.0, 3_000.0)
    run = world([100.0, 100.0, thin, thin, 99.0], [+90.0, +90.0], *STOPPED, decide_every=5).run()
    assert run.tables["fills"]["quantity"].tolist() == [500.0, -300.0, -200.0]
    assert run.tables["fills"]["reason"].tolist() == [Reason.ENTRY, Reason.TAKE_PROFIT, Reason.TAKE_PROFIT]


def test_an_order_waits_for_a_candle() -> None:
    made = world([100.0, None, None, 102.0], [+90.0], *FRICTIONLESS, decide_every=5)
    (fill,) = made.run().tables["fills"]
    assert (fill["event_time"], fill["price"]) == (made.time(3), 102.0)


def test_a_rejected_candle_neither_fills_nor_stops_nor_marks() -> None:
    bad = (50.0, 300.0, 1.0, 40.0)
    made = world([100.0, bad, 100.0, bad, 100.0], [+90.0], *STOPPED, rejected=(1, 3), decide_every=5)
    run = made.run()
    assert run.tables["fills"]["event_time"].tolist() == [made.time(2)]
    assert run.tables["fills"]["price"].tolist() == [100.0]
    assert run.tables["equity"]["price_pnl"].tolist() == [0.0] * 5


def test_a_position_outlives_its_symbols_silence_and_leaves_when_it_speaks_again() -> None:
    silence: list[None] = [None] * 10
    made = world([100.0, 100.0, *silence, 90.0, 90.0], [+90.0, +90.0, -90.0], *FRICTIONLESS)
    run = made.run()
    _entry, leave = run.tables["fills"]
    assert leave["event_time"] == made.time(12)
    assert (leave["price"], leave["position"]) == (90.0, 0.0)
    assert run.tables["equity"]["exposure"][1:12].tolist() == [50_000.0] * 11, "marked at the last price known"
    stale = run.tables["risk_verdicts"][run.tables["risk_verdicts"]["rule"] == RiskRule.STALE_DATA]
    assert stale["event_time"].tolist() == [made.time(4)], "the short is refused, and what remains is the exit"
    assert stale["quantity"].tolist() == [-500.0]


# ------------------------------------------------------------------------------------------------ wins


@pytest.mark.parametrize(
    ("case", "leaves_at", "rate", "wins"),
    [
        ("a gain",                                   101.0, 0.0,    True),
        ("a gain that fees eat up",                  100.05, 0.0,   False),
        ("a gain that funding eats up",              101.0, 0.01,   False),
        ("a loss that received funding makes good",  99.5, -0.01,   True),
    ],
)  # fmt: skip
def test_a_trade_is_a_win_if_its_net_pnl_is_positive_fees_and_funding_included(
    case: str, leaves_at: float, rate: float, wins: bool
) -> None:
    funding = {1: rate} if rate else None
    made = world(
        [100.0, 100.0, leaves_at, leaves_at], [+90.0, 0.0], "account.triggers.losses=1", *FRICTIONLESS, funding=funding
    )
    run = made.run()
    (trade,) = run.tables["trades"]
    assert (trade["net_pnl"] > 0.0) == wins, case
    streaks = run.tables["triggers"][run.tables["triggers"]["rule"] == 2]
    assert len(streaks) == (0 if wins else 2), "one loss is a streak here, of the symbol and of the account"
