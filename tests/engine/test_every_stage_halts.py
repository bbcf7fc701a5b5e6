"""Each of the eight stages can stop new risk on its own, says why, and says (or shows) what clears it."""

import numpy as np
import pytest

from alphastrike.config.perception import PerceptionSettings
from alphastrike.config.resolve import resolve
from alphastrike.engine.perception import Perceived, perceive
from alphastrike.journal.codes import HaltCause, HaltChange, OrderChange, RiskAnswer, RiskRule
from alphastrike.model.bars import BarFlag
from alphastrike.model.compiled import Records
from alphastrike.model.forecast import PerceptionHalt
from alphastrike.runs.computed import account_inputs
from tests.engine.markets import market_of, walk_bars
from tests.engine.worlds import FRICTIONLESS, Bar, World, instruments, margin_tiers, world

WARM = 3_500
"""Quarter hours until every window of the default features is full."""
HOUR = 4
DAY = 96


def eager(bars: Records, settings: PerceptionSettings) -> tuple[Perceived, World]:
    """Perceive a market, then make every forecast a strong long: only its halts can stop an entry."""
    market = market_of(bars)
    market.instruments[:] = instruments(len(market.symbols))
    market.tiers[:] = margin_tiers(len(market.symbols))
    perceived = perceive(market, settings)
    perceived.forecasts["direction"], perceived.forecasts["conviction"] = 1, 90.0
    perceived.forecasts["atr"] = 1.0
    short = ("account.exit.hold_max_hours=1", "account.limits.drawdown_halt=0.99", "account.limits.daily_loss_max=0.99")
    return perceived, World(market, account_inputs(perceived), resolve(None, short))


def halts_by_tick(perceived: Perceived, symbol: int = 0) -> dict[int, int]:
    return dict(zip(perceived.decision_ticks.tolist(), perceived.forecasts["halt"][:, symbol].tolist(), strict=True))


def assert_no_entry_while_halted(perceived: Perceived, made: World, cause: PerceptionHalt) -> None:
    """Refusals name the cause, nothing enters under it, and entries come once it is gone."""
    run = made.run()
    halts = {made.time(tick): halt for tick, halt in halts_by_tick(perceived).items()}
    orders = run.tables["orders"]
    entered = orders[
        (orders["change"] == OrderChange.SUBMITTED) & (orders["reduce_only"] == 0) & (orders["symbol"] == 0)
    ]
    assert len(entered) > 0
    assert all(halts[int(order["event_time"])] == PerceptionHalt.NONE for order in entered)
    verdicts = run.tables["risk_verdicts"]
    refused = verdicts[(verdicts["answer"] == RiskAnswer.REFUSED) & (verdicts["symbol"] == 0)]
    named = refused[(refused["rule"] == RiskRule.PERCEPTION_HALT) & (refused["value"] == float(cause))]
    assert len(named) > 0


def test_1_the_exchange_a_feed_that_falls_silent() -> None:
    bars = walk_bars(WARM + 9 * DAY, 1, seed=6)
    bars["flags"][WARM + 100 : WARM + 100 + 2 * HOUR + 3, 0] &= ~int(BarFlag.CANDLE)
    perceived, made = eager(bars, PerceptionSettings())
    # Nothing is held when the feed falls silent: an exit without a market to take it would wait, and hide the refusal.
    perceived.forecasts["conviction"][perceived.decision_ticks < WARM + 100] = 0.0
    halts = halts_by_tick(perceived)
    assert PerceptionHalt.STALE in {halts[tick] for tick in halts if WARM + 100 <= tick < WARM + 112}
    assert_no_entry_while_halted(perceived, made, PerceptionHalt.STALE)


def test_2_the_gateway_a_breaker_opened_by_absurd_prints() -> None:
    bars = walk_bars(WARM + 400, 1, seed=6)
    for tick in (WARM + 101, WARM + 103, WARM + 105):
        bars["low"][tick, 0] *= 0.01
    perceived, made = eager(bars, PerceptionSettings())
    halts = halts_by_tick(perceived)
    open_now = [tick for tick in halts if halts[tick] == PerceptionHalt.BREAKER]
    assert min(open_now) >= WARM + 105
    assert max(open_now) < WARM + 105 + 5 * HOUR, "four hours later it closes"
    assert_no_entry_while_halted(perceived, made, PerceptionHalt.BREAKER)


def test_3_the_features_windows_that_are_not_full() -> None:
    perceived, made = eager(walk_bars(WARM + 200, 1, seed=6), PerceptionSettings())
    halts = halts_by_tick(perceived)
    warming = [tick for tick in halts if halts[tick] == PerceptionHalt.WARM_UP]
    assert warming == [tick for tick in halts if tick <= max(warming)], "from the beginning, and never again"
    assert max(warming) < WARM
    assert_no_entry_while_halted(perceived, made, PerceptionHalt.WARM_UP)


def test_4_the_validator_features_that_are_not_complete() -> None:
    bars = walk_bars(WARM + 12 * DAY, 1, seed=6)
    gap = WARM + DAY - (WARM % HOUR)
    bars["flags"][gap - HOUR : gap + 2 * HOUR, 0] &= ~int(BarFlag.CANDLE)
    strict = PerceptionSettings.model_validate({"health": {"floor": 90.0, "recovery": 95.0}})
    perceived, made = eager(bars, strict)
    halts = halts_by_tick(perceived)
    ill = [tick for tick in halts if halts[tick] == PerceptionHalt.HEALTH]
    assert gap < min(ill)
    assert gap + 7 * DAY < max(ill) < gap + 10 * DAY, "it recovers when the hour that is missing leaves the windows"
    assert {halts[tick] for tick in halts if tick > max(ill)} == {PerceptionHalt.NONE}
    assert_no_entry_while_halted(perceived, made, PerceptionHalt.HEALTH)


FOREIGN_DAY = 80
"""When the feed of the second symbol becomes that of another instrument."""


def foreign_feed(days: int) -> Records:
    """Four symbols, the second of which is from one day on another instrument: its own ways, three times as wild."""
    bars = walk_bars(days * DAY, 4, seed=6)
    other = walk_bars(days * DAY, 4, seed=7)
    begin = FOREIGN_DAY * DAY
    rest = bars[begin:, 1]
    for field in ("open", "high", "low", "close"):
        rest[field] = bars["close"][begin - 1, 1] * (other[field][begin:, 1] / other["close"][begin - 1, 1]) ** 3
    rest["volume"] = 30.0 * other["volume"][begin:, 1]
    return bars


def test_4_the_validator_a_feed_that_drifts_halts_its_symbol_alone_says_why_and_recovers() -> None:
    perceived, made = eager(foreign_feed(FOREIGN_DAY + 20), PerceptionSettings())
    health = perceived.rows["health"].reshape(-1, 4)
    second = health["halted"][:, 1]
    days = np.flatnonzero(second[FOREIGN_DAY:]) + FOREIGN_DAY
    assert 1 <= min(days) - FOREIGN_DAY <= 7, "found within a week"
    assert list(days) == list(range(min(days), max(days) + 1)), "one stretch: hysteresis keeps it from flickering"
    assert max(days) < FOREIGN_DAY + 19, "the new ways become usual, and it recovers"
    assert not health["halted"][FOREIGN_DAY:][:, [0, 2, 3]].any(), "nobody else is halted"
    why = perceived.rows["verdicts"]
    why = why[(why["event_time"] == health["event_time"][min(days), 1]) & (why["symbol"] == 1) & (why["drifts"] == 1)]
    assert {"co_movement_168", "range_against_others_168", "volume_against_others_168"} < set(why["feature"])
    assert health["worst"][min(days), 1] in set(why["feature"])
    assert health["drifting"][min(days), 1] == len(why) >= 4
    halted = perceived.forecasts["halt"] == PerceptionHalt.HEALTH
    assert halted[:, 1].sum() == 24 * len(days)
    # Symbol 1 may not enter, symbol 0 may.
    verdicts = made.run().tables["risk_verdicts"]
    named = (verdicts["rule"] == RiskRule.PERCEPTION_HALT) & (verdicts["value"] == float(PerceptionHalt.HEALTH))
    assert set(verdicts["symbol"][named]) == {1}


def test_5_the_signals_when_nobody_votes() -> None:
    settings = PerceptionSettings.model_validate(
        {
            "tracker": {"outcomes_min": 1, "retire_below": 1.0, "return_above": 1.0},
            "conviction": {"minimum_days": 7},
        }
    )
    perceived, made = eager(walk_bars(4_200, 3, seed=6), settings)
    assert (perceived.forecasts["halt"][-1] == PerceptionHalt.SILENT).all()
    verdicts = made.run().tables["risk_verdicts"]
    last = verdicts[verdicts["event_time"] == made.time(int(perceived.decision_ticks[-1]))]
    assert set(last["value"].tolist()) == {float(PerceptionHalt.SILENT)}
    assert set(last["answer"].tolist()) == {RiskAnswer.REFUSED}
    # A signal that votes again clears it: with a lower bar for its return nobody is silent.
    forgiving = settings.model_copy(update={"tracker": settings.tracker._replace(retire_below=0.0, return_above=0.0)})
    again, _ = eager(walk_bars(4_200, 3, seed=6), forgiving)
    assert (again.forecasts["halt"][-1] == PerceptionHalt.NONE).all()


@pytest.mark.parametrize("atr", [0.0, 20.0], ids=["no ATR", "a stop below zero"])
def test_6_the_strategy_a_stop_that_cannot_be_placed(atr: float) -> None:
    made = world([100.0] * 6, [+90.0], *FRICTIONLESS, atr=atr)
    made.inputs.forecasts["atr"][3:] = 1.0
    run = made.run()
    verdicts = run.tables["risk_verdicts"]
    refused = verdicts[verdicts["answer"] == RiskAnswer.REFUSED]
    assert set(refused["rule"].tolist()) == {RiskRule.NO_STOP}
    assert (refused["value"][0], refused["limit"][0]) == (8 * atr, 100.0)
    assert run.tables["fills"]["event_time"].tolist() == [made.time(4)], "the first forecast with an ATR clears it"


def test_7_the_risk_layer_a_day_that_lost_too_much() -> None:
    prices = [100.0] * 4 + [85.0] * 30
    made = world(prices, [+90.0] * 4 + [0.0] + [+90.0], "account.limits.daily_loss_max=0.01", *FRICTIONLESS)
    run = made.run()
    begun, lifted = run.tables["halts"]
    assert (begun["cause"], begun["change"]) == (HaltCause.DAILY_LOSS, HaltChange.BEGUN)
    assert (lifted["change"], lifted["event_time"]) == (HaltChange.LIFTED, begun["until"])
    orders = run.tables["orders"]
    entries = orders["event_time"][(orders["change"] == OrderChange.SUBMITTED) & (orders["reduce_only"] == 0)]
    assert not np.any((entries >= begun["event_time"]) & (entries < lifted["event_time"]))
    assert np.any(entries >= lifted["event_time"])


def test_8_the_execution_a_liquidation() -> None:
    prices: list[Bar] = [100.0, 100.0, 100.0, (90.0, 91.0, 80.0, 88.0), *[100.0] * 40]
    made = world(
        prices, [+90.0], "account.venue.isolated_margin=1", "account.exit.stop_atr=0", "account.limits.halt_days=1",
        "account.limits.daily_loss_max=0.99", "account.limits.drawdown_halt=0.99", "account.leverage.minimum=5",
        "account.limits.liquidation_distance_min=0", *FRICTIONLESS,
    )  # fmt: skip
    run = made.run()
    begun, lifted = run.tables["halts"]
    assert (begun["cause"], begun["change"], begun["event_time"]) == (
        HaltCause.LIQUIDATION, HaltChange.BEGUN, made.time(3),
    )  # fmt: skip
    assert lifted["event_time"] == begun["until"] == made.time(3 + 24)
    fills = run.tables["fills"]["event_time"]
    assert not np.any((fills > begun["event_time"]) & (fills <= lifted["event_time"]))
    assert np.any(fills > lifted["event_time"])
    verdicts = run.tables["risk_verdicts"]
    held = verdicts[(verdicts["event_time"] >= begun["event_time"]) & (verdicts["event_time"] < lifted["event_time"])]
    assert set(held["rule"].tolist()) == {RiskRule.LIQUIDATION_HALT}
