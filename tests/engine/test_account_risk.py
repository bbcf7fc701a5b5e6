"""Every limit of the risk layer in a world of its own: the rule, the two numbers compared, exits never blocked."""

from typing import Any

import numpy as np
import pytest

from alphastrike.engine.acts import Act
from alphastrike.journal.codes import HaltCause, HaltChange, OrderChange, Reason, RiskAnswer, RiskRule
from alphastrike.journal.inputs import OperatorAct
from alphastrike.model.forecast import PerceptionHalt
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR
from tests.engine.worlds import FRICTIONLESS, START, World, world

CALM = [100.0] * 4
WIDE = ("account.limits.symbol_exposure_max=10", "account.limits.total_exposure_max=10")


def verdict(made: World, rule: RiskRule) -> Any:
    """The first verdict by this rule."""
    verdicts = made.run().tables["risk_verdicts"]
    found = verdicts[verdicts["rule"] == rule]
    assert len(found), f"{rule.name} was never asked: {[RiskRule(r).name for r in verdicts['rule']]}"
    return found[0]


def test_an_entry_within_all_limits_is_approved_with_its_notional_and_the_budget() -> None:
    (answer,) = world(CALM[:2], [+90.0]).run().tables["risk_verdicts"]
    assert (answer["answer"], answer["rule"]) == (RiskAnswer.APPROVED, RiskRule.NONE)
    assert (answer["value"], answer["limit"], answer["quantity"]) == (50_000.0, 300_000.0, 500.0)


def test_a_symbol_may_not_exceed_its_cap() -> None:
    made = world(CALM, [+90.0], "account.limits.symbol_exposure_max=0.3")
    answer = verdict(made, RiskRule.SYMBOL_EXPOSURE)
    assert answer["answer"] == RiskAnswer.REDUCED
    assert (answer["value"], answer["limit"], answer["quantity"]) == (50_000.0, 30_000.0, 300.0)
    assert made.run().tables["fills"]["quantity"].tolist() == [300.0]


def test_the_shared_budget_is_split_in_proportion_to_what_is_wanted() -> None:
    prices = {"BTCUSDT": CALM, "ETHUSDT": [50.0] * 4, "SOLUSDT": [10.0] * 4}
    made = world(prices, [+90.0], "account.limits.total_exposure_max=0.75", *FRICTIONLESS, daily_volume=1e12)
    verdicts = made.run().tables["risk_verdicts"]
    assert verdicts["rule"].tolist() == [RiskRule.TOTAL_EXPOSURE] * 3
    assert verdicts["answer"].tolist() == [RiskAnswer.REDUCED] * 3
    assert verdicts["value"].tolist() == [150_000.0] * 3
    assert verdicts["limit"].tolist() == [75_000.0] * 3
    assert made.run().tables["fills"]["quantity"].tolist() == [250.0, 500.0, 2_500.0], "each 25,000"


def test_open_positions_use_the_budget_first() -> None:
    prices = {"BTCUSDT": CALM, "ETHUSDT": CALM}
    opinions = {"BTCUSDT": [+90.0], "ETHUSDT": [0.0, +90.0]}
    made = world(prices, opinions, "account.limits.total_exposure_max=0.6", *FRICTIONLESS)
    answer = verdict(made, RiskRule.TOTAL_EXPOSURE)
    # 50,000 are held; equity is 99,975 after the entry's fee, and 59,985 the budget.
    assert answer["value"] == pytest.approx(50_000.0 + 49_987.5)
    assert answer["limit"] == pytest.approx(59_985.0)
    assert answer["quantity"] == pytest.approx(99.85)


def test_an_exhausted_budget_refuses() -> None:
    prices = {"BTCUSDT": CALM, "ETHUSDT": CALM}
    opinions = {"BTCUSDT": [+90.0], "ETHUSDT": [0.0, +90.0]}
    made = world(prices, opinions, "account.limits.total_exposure_max=0.5", *FRICTIONLESS)
    answer = verdict(made, RiskRule.TOTAL_EXPOSURE)
    # The entry's fee has brought equity below twice the position.
    assert answer["answer"] == RiskAnswer.REFUSED
    assert answer["value"] == 50_000.0
    assert answer["limit"] == pytest.approx(49_987.5)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_the_order_of_the_symbols_decides_nothing(order: tuple[int, ...]) -> None:
    names = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    price = dict(zip(names, (128.0, 64.0, 32.0), strict=True))
    made = world(
        {names[s]: [price[names[s]]] * 4 for s in order}, {names[s]: [(+90.0, -90.0, +90.0)[s]] for s in order},
        "account.limits.total_exposure_max=0.75", *FRICTIONLESS, daily_volume=1e12,
    )  # fmt: skip
    fills = made.run().tables["fills"]
    found = {made.market.symbols[fill["symbol"]]: fill["quantity"] for fill in fills}
    assert found == {"BTCUSDT": 195.312, "ETHUSDT": -390.625, "SOLUSDT": 781.25}


def test_the_margin_cap_is_exposure_over_leverage() -> None:
    made = world(CALM, [+90.0], "account.sizing.exposure_per_trade=1.0", *WIDE)
    answer = verdict(made, RiskRule.MARGIN)
    assert answer["answer"] == RiskAnswer.REDUCED
    assert (answer["value"], answer["limit"]) == (500_000.0, 450_000.0)


def test_the_instruments_own_leverage_is_a_ceiling() -> None:
    made = world(CALM, [+90.0], terms={"leverage_max": 3.0})
    answer = verdict(made, RiskRule.LEVERAGE)
    assert (answer["answer"], answer["value"], answer["limit"]) == (RiskAnswer.REDUCED, 5.0, 3.0)
    assert answer["quantity"] == pytest.approx(300.0)


def test_the_account_must_survive_a_stated_move_of_all_prices_together() -> None:
    # 300,000 held on 100,000 with 6,750 of maintenance survive 31 %.
    made = world(
        CALM, [+90.0], "account.sizing.exposure_per_trade=0.6", *WIDE, "account.limits.liquidation_distance_min=0.32"
    )
    answer = verdict(made, RiskRule.LIQUIDATION_DISTANCE)
    assert answer["answer"] == RiskAnswer.REFUSED
    assert answer["value"] == pytest.approx((100_000.0 - 6_750.0) / 300_000.0)
    assert answer["limit"] == 0.32


def test_an_isolated_position_must_survive_it_by_its_own_margin() -> None:
    # At 1 % volatility leverage is 7.5: 1 / 7.5 less 1,125 / 75,000 of maintenance is 11.83 %.
    options = ("account.venue.isolated_margin=1", "account.limits.liquidation_distance_min=0.12")
    answer = verdict(world(CALM, [+90.0], *options, volatility=0.01), RiskRule.LIQUIDATION_DISTANCE)
    assert answer["value"] == pytest.approx(1 / 7.5 - 1_125 / 75_000)


def test_no_more_orders_an_hour_than_allowed_and_all_or_none() -> None:
    prices = {"BTCUSDT": CALM, "ETHUSDT": CALM, "SOLUSDT": CALM}
    made = world(prices, [+90.0], "account.limits.orders_per_hour_max=2")
    answer = verdict(made, RiskRule.ORDER_RATE)
    assert (answer["answer"], answer["value"], answer["limit"]) == (RiskAnswer.REFUSED, 3.0, 2.0)
    assert len(made.run().tables["fills"]) == 0


def test_the_rate_limit_counts_reductions_but_never_stops_one() -> None:
    prices = {"BTCUSDT": [100.0] * 8, "ETHUSDT": [100.0] * 8}
    opinions = {"BTCUSDT": [+90.0, 0.0], "ETHUSDT": [0.0, 0.0, +90.0]}
    made = world(
        prices, opinions, "account.limits.orders_per_hour_max=1", "account.limits.stale_after_hours=9",
        interval=MICROS_PER_HOUR // 60,
    )  # fmt: skip
    run = made.run()
    assert run.tables["fills"]["reason"].tolist() == [Reason.ENTRY, Reason.EXIT_SIGNAL]
    rates = run.tables["risk_verdicts"][run.tables["risk_verdicts"]["rule"] == RiskRule.ORDER_RATE]
    assert rates["value"].tolist()[:1] == [3.0]


def test_old_data_allows_no_entry() -> None:
    made = world([100.0, None, None, None, 100.0], [0.0, 0.0, 0.0, +90.0])
    answer = verdict(made, RiskRule.STALE_DATA)
    assert (answer["value"], answer["limit"]) == (3.0, 2.0)
    assert answer["event_time"] == made.time(3)


def test_a_halt_of_perception_allows_no_entry() -> None:
    made = world(CALM, [+90.0], halted={0: PerceptionHalt.HEALTH})
    answer = verdict(made, RiskRule.PERCEPTION_HALT)
    assert (answer["answer"], answer["value"], answer["limit"]) == (RiskAnswer.REFUSED, PerceptionHalt.HEALTH, 0.0)


def test_a_position_below_the_least_notional_is_not_opened() -> None:
    answer = verdict(world(CALM, [+90.0], terms={"notional_min": 60_000.0}), RiskRule.MINIMUM_NOTIONAL)
    assert (answer["answer"], answer["value"], answer["limit"]) == (RiskAnswer.REFUSED, 50_000.0, 60_000.0)


def test_a_refused_reversal_still_closes() -> None:
    made = world([100.0] * 4, [+90.0, +90.0, -90.0], *FRICTIONLESS, halted={})
    refused = world([100.0] * 5, [+90.0, -90.0], "account.limits.orders_per_hour_max=1", *FRICTIONLESS,
                    interval=MICROS_PER_HOUR // 60)  # fmt: skip
    assert made.run().tables["fills"]["reason"].tolist() == [Reason.ENTRY, Reason.REVERSAL, Reason.REVERSAL]
    run = refused.run()
    assert run.tables["fills"]["reason"].tolist() == [Reason.ENTRY, Reason.EXIT_SIGNAL]
    rates = run.tables["risk_verdicts"][run.tables["risk_verdicts"]["rule"] == RiskRule.ORDER_RATE]
    assert rates["quantity"][0] == -500.0, "what is allowed is the exit"


# ------------------------------------------------------------------------------------------------ outgrown caps


def test_a_position_that_outgrows_its_cap_is_reduced_to_it() -> None:
    # 500 units; at 120 they are 60,000 of 109,975: more than 1.05 x 0.5 of equity, so 54,987.5 stay.
    made = world([100.0, 100.0, 120.0, 120.0], [+90.0], "account.limits.symbol_exposure_max=0.5", *FRICTIONLESS)
    run = made.run()
    assert run.tables["fills"]["reason"].tolist() == [Reason.ENTRY, Reason.RISK_REDUCE]
    assert run.tables["fills"]["position"][-1] == pytest.approx(54_987.5 / 120, abs=0.001)
    assert run.tables["orders"]["reduce_only"].tolist()[-1] == 1


def test_a_cap_exceeded_by_less_than_the_tolerance_is_left_alone() -> None:
    made = world([100.0, 100.0, 102.0, 102.0], [+90.0], "account.limits.symbol_exposure_max=0.5", *FRICTIONLESS)
    assert made.run().tables["fills"]["reason"].tolist() == [Reason.ENTRY]


def test_when_leverage_falls_below_the_exposure_all_positions_shrink_alike() -> None:
    prices = {"BTCUSDT": [100.0] * 4, "ETHUSDT": [50.0] * 4}
    made = world(prices, [+90.0], "account.sizing.exposure_per_trade=0.2", *FRICTIONLESS, daily_volume=1e12)
    made.inputs.forecasts["volatility"][2:] = 0.5
    run = made.run()
    # Leverage falls to 1.5, the cap to 1.5 x 99,900; 200,000 are held.
    reduced = run.tables["fills"][run.tables["fills"]["reason"] == Reason.RISK_REDUCE]
    assert reduced["position"].tolist() == [749.25, 1_498.5]


# ------------------------------------------------------------------------------------------------ halts


def test_a_daily_loss_halts_until_the_utc_day_ends_and_exits_go_on() -> None:
    # Tick 2 loses 5,025 of 100,000. The conviction stays, so only the halt keeps the account from entering again.
    prices = [100.0, 100.0, 89.9, 89.9, 89.9] + [89.9] * 25
    made = world(prices, [+90.0, +90.0, +90.0, 0.0, +90.0], "account.exit.stop_atr=0", *FRICTIONLESS)
    run = made.run()
    begun, lifted = run.tables["halts"]
    assert (begun["cause"], begun["change"], begun["event_time"]) == (
        HaltCause.DAILY_LOSS, HaltChange.BEGUN, made.time(2)
    )  # fmt: skip
    assert begun["value"] == pytest.approx((5_050.0 + 25.0) / 100_000.0)
    midnight = START - MICROS_PER_HOUR + MICROS_PER_DAY
    assert begun["until"] == midnight
    assert (lifted["change"], lifted["event_time"]) == (HaltChange.LIFTED, midnight)
    fills = run.tables["fills"]
    assert fills["reason"].tolist() == [Reason.ENTRY, Reason.EXIT_SIGNAL, Reason.ENTRY]
    assert fills["event_time"][1] == made.time(4), "the exit was not blocked"
    assert fills["event_time"][2] == midnight + MICROS_PER_HOUR, "decided at the first tick of the new day"
    assert run.tables["equity"]["halted"].tolist() == [0, 0] + [1] * 21 + [0] * 7
    answer = verdict(made, RiskRule.DAILY_LOSS)
    assert answer["limit"] == pytest.approx(95_000.0)
    assert answer["value"] < answer["limit"]


def test_a_drawdown_halt_is_latched_and_lifts_after_its_days_with_the_peak_reset() -> None:
    options = ("account.limits.drawdown_halt=0.04", "account.limits.daily_loss_max=1", "account.limits.halt_days=1")
    prices = [100.0, 100.0] + [89.9] * 27
    made = world(prices, [+90.0, +90.0, +90.0, 0.0, +90.0], *options, "account.exit.stop_atr=0", *FRICTIONLESS)
    run = made.run()
    begun, lifted = run.tables["halts"]
    assert (begun["cause"], begun["event_time"]) == (HaltCause.DRAWDOWN, made.time(2))
    assert begun["value"] == pytest.approx(0.05075)
    assert begun["limit"] == 0.04
    assert begun["until"] == made.time(2) + MICROS_PER_DAY
    assert (lifted["cause"], lifted["change"], lifted["event_time"]) == (
        HaltCause.DRAWDOWN, HaltChange.LIFTED, made.time(26)
    )  # fmt: skip
    equity = run.tables["equity"]
    assert (equity["halted"][2:26] == 1).all()
    assert equity["drawdown"][25] > 0.0
    assert equity["drawdown"][26] == 0.0, "the peak is reset"
    entries = run.tables["fills"][run.tables["fills"]["reason"] == Reason.ENTRY]
    assert entries["event_time"].tolist() == [made.time(1), made.time(27)]
    answer = verdict(made, RiskRule.DRAWDOWN_HALT)
    assert answer["limit"] == 0.04


def test_a_drawdown_halt_without_days_is_never_lifted_by_time() -> None:
    options = ("account.limits.drawdown_halt=0.04", "account.limits.daily_loss_max=1", "account.limits.halt_days=0")
    run = world([100.0, 100.0, 89.9] + [89.9] * 60, [+90.0, 90.0, 0.0, 90.0], *options, "account.exit.stop_atr=0").run()
    assert run.tables["halts"]["change"].tolist() == [HaltChange.BEGUN]
    assert run.tables["halts"]["until"].tolist() == [0]


def test_an_entry_still_resting_when_a_halt_begins_is_withdrawn() -> None:
    thin = (100.0, 100.0, 100.0, 100.0, 1_000.0)
    prices: dict[str, list[Any]] = {
        "BTCUSDT": [100.0, 100.0, 80.0, 80.0, 80.0],
        "ETHUSDT": [100.0, thin, thin, thin, thin],
    }
    made = world(prices, [+90.0], "account.exit.stop_atr=0", *FRICTIONLESS, decide_every=5)
    run = made.run()
    other = run.tables["fills"][run.tables["fills"]["symbol"] == 1]
    assert other["event_time"].tolist() == [made.time(1), made.time(2)], "100 units a bar until the halt at tick 2"
    cancelled = run.tables["orders"][run.tables["orders"]["change"] == OrderChange.CANCELLED]
    assert cancelled["event_time"].tolist() == [made.time(2)]
    assert cancelled["quantity"].tolist() == [300.0]


def test_of_a_reversal_resting_when_a_halt_begins_the_closing_half_goes_on() -> None:
    dry, thin = (100.0, 100.0, 100.0, 100.0, 0.0), (100.0, 100.0, 100.0, 100.0, 3_000.0)
    prices: dict[str, list[Any]] = {
        "BTCUSDT": [100.0, 100.0, 100.0, 80.0, 80.0, 80.0],
        "ETHUSDT": [100.0, 100.0, dry, dry, thin, thin],
    }
    opinions = {"BTCUSDT": [+90.0], "ETHUSDT": [+90.0, -90.0, 0.0]}
    made = world(prices, opinions, "account.exit.stop_atr=0", *FRICTIONLESS, daily_volume=1e12)
    row = made.inputs.decision_row
    row[2:] = -1
    run = made.run()
    orders = run.tables["orders"][run.tables["orders"]["symbol"] == 1]
    assert orders["reduce_only"].tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert orders["event_time"][3] == orders["event_time"][4] == made.time(3)
    fills = run.tables["fills"][run.tables["fills"]["symbol"] == 1]
    assert fills["position"].tolist() == [500.0, 200.0, 0.0]


def test_a_bankrupt_account_takes_no_risk_again() -> None:
    options = ("account.sizing.exposure_per_trade=0.6", *WIDE, "account.limits.liquidation_distance_min=0")
    made = world(
        [100.0, 100.0, 50.0] + [100.0] * 4, [+90.0], *options, "account.exit.stop_atr=0", *FRICTIONLESS,
        daily_volume=1e12,
    )  # fmt: skip
    answer = verdict(made, RiskRule.BANKRUPT)
    assert (answer["answer"], answer["value"], answer["limit"]) == (RiskAnswer.REFUSED, 0.0, 0.0)
    assert (made.run().tables["equity"]["equity"] >= 0.0).all()


# ------------------------------------------------------------------------------------------------ leverage


def test_leverage_changes_are_journaled_with_their_factors_and_small_ones_are_not_applied() -> None:
    made = world([100.0] * 4, [0.0])
    made.inputs.forecasts["volatility"][:, 0] = [0.02, 0.0215, 0.025, 0.025]
    run = made.run()
    assert run.tables["leverage"]["leverage"].tolist() == pytest.approx([5.0, 4.0])
    assert run.tables["leverage"]["leverage_before"].tolist() == pytest.approx([0.0, 5.0])
    assert run.tables["leverage"]["volatility_factor"].tolist() == pytest.approx([1.0, 0.8])
    assert run.tables["equity"]["leverage"].tolist() == pytest.approx([5.0, 5.0, 4.0, 4.0])


def test_leverage_takes_the_mean_volatility_of_the_symbols_that_have_one() -> None:
    made = world({"BTCUSDT": CALM, "ETHUSDT": CALM, "SOLUSDT": CALM}, [0.0])
    made.inputs.forecasts["volatility"][:] = np.array([0.02, 0.06, 0.0])
    assert made.run().tables["leverage"]["volatility"].tolist() == [0.04]


def test_an_operators_halt_withdraws_entries_refuses_new_ones_and_lets_exits_go_on() -> None:
    thin = (100.0, 100.0, 100.0, 100.0, 1_000.0)
    prices: dict[str, list[Any]] = {
        "BTCUSDT": [100.0] * 9,
        "ETHUSDT": [100.0, thin, thin, thin, thin, 100.0, 100.0, 100.0, 100.0],
    }
    opinions = {"BTCUSDT": [+90.0, 0.0, +90.0], "ETHUSDT": [+90.0]}
    made = world(prices, opinions, "account.exit.stop_atr=0", *FRICTIONLESS, decide_every=4)
    acts = [(made.time(2), Act(OperatorAct.HALT)), (made.time(7), Act(OperatorAct.RESUME))]
    run = made.run(acts=acts)
    assert run.tables["halts"]["cause"].tolist() == [HaltCause.OPERATOR] * 2
    cancelled = run.tables["orders"][run.tables["orders"]["change"] == OrderChange.CANCELLED]
    assert cancelled["event_time"].tolist() == [made.time(2)]
    fills = run.tables["fills"]
    assert fills[fills["symbol"] == 1]["event_time"].tolist() == [made.time(1), made.time(2)]
    assert fills[fills["symbol"] == 0]["reason"].tolist() == [Reason.ENTRY, Reason.EXIT_SIGNAL]
    assert run.tables["equity"]["halted"].tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 0]


def test_what_leaves_at_a_decision_makes_room_for_what_enters_at_it() -> None:
    prices = {"BTCUSDT": CALM, "ETHUSDT": CALM}
    opinions = {"BTCUSDT": [+90.0, 0.0], "ETHUSDT": [0.0, +90.0]}
    made = world(prices, opinions, "account.limits.total_exposure_max=0.6", *FRICTIONLESS)
    verdicts = made.run().tables["risk_verdicts"]
    assert verdicts["answer"].tolist() == [RiskAnswer.APPROVED] * 3
    assert verdicts["quantity"].tolist() == pytest.approx([500.0, -500.0, 499.875])
