"""Triggers: each fires once, is re-armed by its level alone, and is asked about or not."""

from typing import Any

import pytest

from alphastrike.journal.codes import Rule
from alphastrike.model.units import MICROS_PER_HOUR
from tests.engine.worlds import FRICTIONLESS, World, world

ALL = -1
FREE = {"taker_fee": 0.0, "maker_fee": 0.0}


def trades(*results: int, price: float = 100.0) -> tuple[list[Any], list[float]]:
    """Prices and convictions of one trade after another, each held for a bar: +1 wins a unit, -1 loses one."""
    bars: list[Any] = []
    convictions: list[float] = []
    for result in results:
        # Decided on the first bar, bought at the open of the second and sold at that of the third.
        bars += [price, price, price + result]
        convictions += [+90.0, 0.0, 0.0]
    return [*bars, price, price], convictions


def traded(results: tuple[int, ...], *overrides: str) -> World:
    prices, convictions = trades(*results)
    loose = (
        "account.limits.daily_loss_max=1",
        "account.limits.drawdown_halt=1",
        "account.limits.orders_per_hour_max=999",
    )
    return world(prices, convictions, *loose, *FRICTIONLESS, "account.exit.stop_atr=0", *overrides, terms=FREE)


def triggers(made: World, rule: Rule, symbol: int = 0) -> list[tuple[int, float, float]]:
    """(fired, value, threshold) of one trigger in the order of time."""
    rows = made.run().tables["triggers"]
    rows = rows[(rows["rule"] == rule) & (rows["symbol"] == symbol)]
    return [(int(row["fired"]), float(row["value"]), float(row["threshold"])) for row in rows]


STREAK = ("account.triggers.losses=3", "account.triggers.cooldown_hours=0")


@pytest.mark.parametrize("scope", [0, ALL])
def test_a_loss_streak_fires_once_however_long_it_grows(scope: int) -> None:
    assert triggers(traded((-1, -1), *STREAK), Rule.LOSS_STREAK, scope) == []
    assert triggers(traded((-1,) * 3, *STREAK), Rule.LOSS_STREAK, scope) == [(1, 3.0, 3.0)]
    assert triggers(traded((-1,) * 7, *STREAK), Rule.LOSS_STREAK, scope) == [(1, 3.0, 3.0)]


def test_a_win_re_arms_a_loss_streak() -> None:
    found = triggers(traded((-1, -1, -1, +1, -1, -1, -1), *STREAK), Rule.LOSS_STREAK)
    assert found == [(1, 3.0, 3.0), (0, 0.0, 0.0), (1, 3.0, 3.0)]


def test_the_streak_of_one_symbol_is_not_the_accounts() -> None:
    losing, convictions = trades(-1, -1, -1)
    winning, _ = trades(+1, +1, +1)
    made = world(
        {"BTCUSDT": losing, "ETHUSDT": winning}, convictions, *STREAK, *FRICTIONLESS, "account.exit.stop_atr=0",
        terms=FREE,
    )  # fmt: skip
    assert triggers(made, Rule.LOSS_STREAK, 0) == [(1, 3.0, 3.0)]
    assert triggers(made, Rule.LOSS_STREAK, 1) == []
    assert triggers(made, Rule.LOSS_STREAK, ALL) == []


RATE = ("account.triggers.win_rate_window=4", "account.triggers.losses=50", "account.triggers.cooldown_hours=0")


@pytest.mark.parametrize("scope", [0, ALL])
def test_a_win_rate_is_silent_until_its_window_is_full(scope: int) -> None:
    assert triggers(traded((-1, -1, -1), *RATE), Rule.WIN_RATE, scope) == []
    assert triggers(traded((-1, -1, -1, -1), *RATE), Rule.WIN_RATE, scope) == [(1, 0.0, 0.4)]


def test_a_win_rate_is_rolling_and_re_armed_by_its_own_level() -> None:
    # Windows of four: 1/4 fires; 2/4 = 50 % is above the 45 % that re-arm it; then 1/4 again.
    found = triggers(traded((+1, -1, -1, -1, +1, +1, -1, -1, -1), *RATE), Rule.WIN_RATE)
    assert found == [(1, 0.25, 0.4), (0, 0.5, 0.45), (1, 0.25, 0.4)]


def test_between_its_two_levels_a_win_rate_neither_fires_nor_re_arms() -> None:
    # Of five: 20 % fires, 40 % is no longer below but not yet 45 %, 20 % again is no second firing.
    window = ("account.triggers.win_rate_window=5", *RATE[1:])
    found = triggers(traded((-1, -1, -1, +1, -1, +1, -1, -1, -1), *window), Rule.WIN_RATE)
    assert [fired for fired, _, _ in found] == [1]


def fallen(*prices: float, symbols: int = 1, overrides: tuple[str, ...] = ()) -> World:
    """A position of 100 units of 1,000: a unit of price is 0.1 % of the account's equity."""
    names = ("BTCUSDT", "ETHUSDT")[:symbols]
    quiet = [1_000.0] * len(prices)
    paths = dict(zip(names, (list(prices), quiet), strict=False))
    options = ("account.limits.drawdown_halt=1", "account.limits.daily_loss_max=1", "account.exit.stop_atr=0")
    calm = ("account.sizing.exposure_per_trade=0.2", "account.triggers.cooldown_hours=0")
    opinions = {name: [+90.0] if name == "BTCUSDT" else [0.0] for name in names}
    return world(
        paths, opinions, *options, *calm, *FRICTIONLESS, *overrides, terms=FREE, decide_every=len(prices),
        daily_volume=1e12,
    )  # fmt: skip


def test_a_drawdown_fires_beyond_its_threshold_and_is_re_armed_below_its_level() -> None:
    # 15 % exactly does not fire, 16 % does; 11 % and 16 % change nothing; 10 % re-arms; 16 % fires again.
    made = fallen(1_000.0, 1_000.0, 850.0, 840.0, 890.0, 840.0, 900.0, 840.0)
    for scope in (0, ALL):
        found = triggers(made, Rule.DRAWDOWN, scope)
        assert [fired for fired, _, _ in found] == [1, 0, 1]
        assert [value for _, value, _ in found] == pytest.approx([0.16, 0.10, 0.16])
        assert [threshold for _, _, threshold in found] == [0.15, 0.10, 0.15]


def test_a_symbols_drawdown_is_measured_against_its_share_of_the_peak() -> None:
    # A loss of 8 % of equity is 16 % of half of it.
    made = fallen(1_000.0, 1_000.0, 920.0, symbols=2)
    ((fired, value, _),) = triggers(made, Rule.DRAWDOWN, 0)
    assert fired == 1
    assert value == pytest.approx(0.16)
    assert triggers(made, Rule.DRAWDOWN, 1) == []
    assert triggers(made, Rule.DRAWDOWN, ALL) == []


def test_within_the_cooldown_a_trigger_fires_and_nobody_is_asked() -> None:
    results = (-1, -1, -1, +1, -1, -1, -1)
    for hours, situations in ((0, [1, 3]), (6, [1, 3]), (24, [1, 0])):
        made = traded(results, *STREAK[:1], f"account.triggers.cooldown_hours={hours}")
        rows = made.run().tables["triggers"]
        fired = rows[(rows["rule"] == Rule.LOSS_STREAK) & (rows["symbol"] == 0) & (rows["fired"] == 1)]
        assert fired["situation"].tolist() == situations, f"{hours} hours"


def test_a_cooldown_belongs_to_one_trigger_of_one_scope() -> None:
    run = traded((-1, -1, -1), *STREAK[:1]).run()
    assert run.tables["situations"]["symbol"].tolist() == [0, ALL], "the symbol's, then the account's, at one tick"
    assert len(set(run.tables["situations"]["event_time"])) == 1


def test_a_trigger_that_stays_true_fires_again_only_when_told_to() -> None:
    flat = (1_000.0, 1_000.0, *([840.0] * 10))
    assert len(triggers(fallen(*flat), Rule.DRAWDOWN)) == 1
    made = fallen(*flat, overrides=("account.triggers.refire_hours=4",))
    rows = made.run().tables["triggers"]
    times = rows[(rows["symbol"] == ALL) & (rows["fired"] == 1)]["event_time"]
    assert [(time - made.time(2)) // MICROS_PER_HOUR for time in times] == [0, 4, 8]


def test_refiring_applies_to_streaks_without_a_new_trade_too() -> None:
    prices, convictions = trades(-1, -1, -1)
    made = world(
        [*prices, *([100.0] * 12)], convictions, *STREAK, "account.triggers.refire_hours=5", *FRICTIONLESS,
        "account.exit.stop_atr=0", terms=FREE,
    )  # fmt: skip
    assert [value for _, value, _ in triggers(made, Rule.LOSS_STREAK)] == [3.0, 3.0, 3.0]


def test_a_situation_reports_what_the_journal_says() -> None:
    made = traded((+1, -1, -1, -1), *STREAK)
    run = made.run()
    row = run.tables["situations"][0]
    equity = run.tables["equity"][run.tables["equity"]["event_time"] == row["event_time"]][0]
    assert (row["equity"], row["drawdown"]) == (equity["equity"], equity["drawdown"])
    assert (row["value"], row["threshold"], row["trades"], row["loss_streak"]) == (3.0, 3.0, 4, 3)
    assert row["win_rate"] == 0.25
    losses = -run.tables["trades"]["net_pnl"][1:]
    assert row["win_loss_ratio"] == pytest.approx(run.tables["trades"]["net_pnl"][0] / losses.mean())
    assert row["deadline"] == row["event_time"] + 60_000_000
    assert (row["worst_symbol"], row["live_interventions"]) == (0, 0)
    assert row["worst_symbol_pnl"] == pytest.approx(run.tables["trades"]["net_pnl"].sum())
    line = run.tables["situation_symbols"][0]
    assert (line["trades"], line["loss_streak"], line["win_rate"]) == (4, 3, 0.25)
    assert (line["conviction_floor"], line["size_multiplier"]) == (80.0, 1.0)
    assert (line["shorts_allowed"], line["asset_enabled"]) == (1, 1)


def test_each_situation_has_a_checkpoint_at_its_tick() -> None:
    made = traded((-1, -1, -1, +1, -1, -1, -1), *STREAK)
    run = made.run()
    situations = run.tables["situations"]
    assert [one.situation for one in run.checkpoints] == situations["situation"].tolist()
    assert [made.time(one.tick) for one in run.checkpoints] == situations["event_time"].tolist()
    assert [one.market_seq for one in run.checkpoints] == situations["market_seq"].tolist()
