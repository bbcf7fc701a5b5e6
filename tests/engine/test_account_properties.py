"""One computation, however it is driven: by event, in pieces, from a fork, in less detail, with another future."""

import os
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastrike.config.account import packed
from alphastrike.engine import account as engine
from alphastrike.engine.control import apply_intervention, revoke_intervention
from alphastrike.engine.history import AccountRun
from alphastrike.engine.outputs import INSTANT_ROWS, OTHER_ROWS, REDUCED, new_out
from alphastrike.engine.state import (
    ACCOUNT,
    INTERVENTION,
    INTERVENTIONS,
    SYMBOL,
    TRIGGER,
    buffer_size,
    canonical_bytes,
    fork,
    new_buffer,
    restored,
    views,
)
from alphastrike.journal.codes import OrderChange, Reason, RiskRule, Tool
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.policy.guardian import Rules
from alphastrike.policy.interventions import effective_controls
from alphastrike.policy.policies import NoLlm, Policy, Random
from alphastrike.policy.situation import LiveIntervention
from tests.engine.worlds import NAMES, World, eventful, from_tick, same, stepped, world

seeds = st.integers(0, 10_000)
AT_ONCE = [seed for seed in range(40) if seed % 4 != 3]
"""Seeds of worlds whose policy answers without delay, so that between two ticks the state says everything."""
quick = st.sampled_from(AT_ONCE)


def policy(seed: int) -> Policy:
    return (Random(seed), Rules(), Random(seed + 1), NoLlm())[seed // 4 % 4]


def test_the_worlds_have_everything_in_them() -> None:
    """Otherwise the properties below say little."""
    runs = [eventful(seed).run(policy(seed)) for seed in range(24)]

    def seen(kind: str, column: str) -> set[int]:
        return {int(value) for run in runs for value in run.tables[kind][column]}

    strategy = {Reason.ENTRY, Reason.REVERSAL, Reason.EXIT_SIGNAL, Reason.EXIT_TIME, Reason.STOP, Reason.TAKE_PROFIT}
    assert seen("fills", "reason") >= strategy | {Reason.SHRINK, Reason.RISK_REDUCE, Reason.DISABLED}
    assert seen("orders", "change") == set(OrderChange)
    assert seen("risk_verdicts", "rule") >= {
        RiskRule.DRAWDOWN_HALT, RiskRule.DAILY_LOSS, RiskRule.PERCEPTION_HALT, RiskRule.SYMBOL_EXPOSURE,
        RiskRule.TOTAL_EXPOSURE,
    }  # fmt: skip
    assert seen("triggers", "rule") == {0, 1, 2}
    assert seen("tool_calls", "tool") >= {Tool.ADJUST_CONVICTION, Tool.ADJUST_POSITION_SIZE, Tool.DISABLE_ASSET}
    assert seen("halts", "change") == {1, 2}
    assert seen("interventions", "change") >= {1, 2}


# ------------------------------------------------------------------------------------------------ one computation


@settings(max_examples=25)
@given(seed=seeds)
def test_event_by_event_gives_the_bits_of_the_loop(seed: int) -> None:
    made = eventful(seed, ticks=240)
    whole, steps = made.run(policy(seed)), stepped(made, policy(seed))
    assert steps.state == whole.state
    assert same(steps.tables, whole.tables)


def joined(runs: list[AccountRun]) -> dict[str, np.ndarray]:
    return {kind: np.concatenate([run.tables[kind] for run in runs]) for kind in runs[0].tables}


@settings(max_examples=20)
@given(seed=quick, cuts=st.lists(st.integers(1, 239), max_size=6, unique=True).map(sorted))
def test_pieces_joined_give_the_bits_of_the_whole(seed: int, cuts: list[int]) -> None:
    made = eventful(seed, ticks=240)
    whole = made.run(policy(seed))
    runs: list[AccountRun] = []
    for first, stop in pairwise([0, *cuts, 240]):
        start = from_tick(runs[-1], first) if runs else None
        runs.append(made.run(policy(seed), start=start, until_tick=stop))
    assert runs[-1].state == whole.state
    assert same(joined(runs), whole.tables)


@settings(max_examples=20)
@given(seed=seeds)
def test_a_fork_at_any_situation_under_the_same_policy_is_the_rest_of_the_run(seed: int) -> None:
    made = eventful(seed, ticks=240)
    whole = made.run(policy(seed))
    for checkpoint in whole.checkpoints[:: max(len(whole.checkpoints) // 6, 1)]:
        branch = made.run(policy(seed), start=checkpoint)
        assert branch.state == whole.state
        for kind, rows in branch.tables.items():
            later = whole.tables[kind]["market_seq"] > checkpoint.market_seq
            # What the fork's own tick wrote after the question was asked stands in both.
            shared = len(rows) - int(later.sum())
            rest = whole.tables[kind][len(whole.tables[kind]) - len(rows) :]
            assert shared >= 0
            assert rest.tolist() == rows.tolist(), kind
            assert (rest["market_seq"] >= checkpoint.market_seq).all()


@settings(max_examples=10)
@given(seed=quick)
def test_a_branch_leaves_the_run_it_came_from_untouched(seed: int) -> None:
    made = eventful(seed, ticks=240)
    first = made.run(Random(seed))
    kept = [checkpoint.state for checkpoint in first.checkpoints]
    bars, forecasts = made.market.bars.tobytes(), made.inputs.forecasts.tobytes()
    for checkpoint in first.checkpoints[:3]:
        made.run(Random(seed + 7), start=checkpoint)
    assert [checkpoint.state for checkpoint in first.checkpoints] == kept
    assert (made.market.bars.tobytes(), made.inputs.forecasts.tobytes()) == (bars, forecasts)
    again = made.run(Random(seed))
    assert again.state == first.state
    assert same(again.tables, first.tables)


@settings(max_examples=15)
@given(seed=seeds)
def test_less_detail_changes_nothing_but_the_tables(seed: int) -> None:
    made = eventful(seed, ticks=240)
    full, reduced = made.run(policy(seed)), made.run(policy(seed), detail=REDUCED)
    assert reduced.state == full.state
    assert [one.state for one in reduced.checkpoints] == [one.state for one in full.checkpoints]
    for kind in ("equity", "trades", "triggers", "situations"):
        assert reduced.tables[kind].tobytes() == full.tables[kind].tobytes(), kind
    assert len(reduced.tables["orders"]) == len(reduced.tables["advice"]) == 0


# ------------------------------------------------------------------------------------------------ no look ahead


@settings(max_examples=25)
@given(seed=seeds, tick=st.integers(20, 200))
def test_another_future_changes_no_row_of_the_past(seed: int, tick: int) -> None:
    made, other = eventful(seed, ticks=240), eventful(seed + 1, ticks=240)
    changed = eventful(seed, ticks=240)
    changed.market.bars[tick + 1 :] = other.market.bars[tick + 1 :]
    changed.market.other_events[tick + 1 :] = other.market.other_events[tick + 1 :]
    changed.inputs.rejected[tick + 1 :] = other.inputs.rejected[tick + 1 :]
    known = int(made.inputs.decision_row[: tick + 1].max()) + 1
    changed.inputs.forecasts[known:] = other.inputs.forecasts[known:]
    now, run, rerun = made.time(tick), made.run(policy(seed)), changed.run(policy(seed))
    for kind, rows in run.tables.items():
        again = rerun.tables[kind]
        past = rows[rows["event_time"] <= now].tolist()
        assert past == again[again["event_time"] <= now].tolist(), kind
    assert run.state != rerun.state, "and the futures do differ"


INSIDE_THE_BAR = (Reason.STOP, Reason.TAKE_PROFIT, Reason.LIQUIDATION)


@settings(max_examples=25)
@given(seed=seeds)
def test_no_fill_uses_a_bar_its_decision_had_not_yet_seen(seed: int) -> None:
    made = eventful(seed, ticks=240)
    tables = made.run(policy(seed)).tables
    orders = tables["orders"]
    sent = orders[orders["change"] == OrderChange.SUBMITTED]
    submitted = dict(zip(sent["order"].tolist(), sent["event_time"].tolist(), strict=True))
    assert len(submitted) == len(sent), "an order is submitted once"
    decided = set((made.market.start + made.market.interval * np.flatnonzero(made.inputs.decision_row >= 0)).tolist())
    for fill in tables["fills"]:
        since = submitted[int(fill["order"])]
        if fill["reason"] in INSIDE_THE_BAR:
            assert fill["event_time"] >= since
        else:
            assert fill["event_time"] > since
            assert since in decided or fill["reason"] == Reason.EXIT_SIGNAL, "a halt turns a reversal into an exit"
        bar = made.market.bars[(int(fill["event_time"]) - made.market.start) // made.market.interval, fill["symbol"]]
        if fill["reason"] not in INSIDE_THE_BAR:
            assert fill["reference_price"] == bar["open"]
        if fill["reason"] == Reason.TAKE_PROFIT:
            best = bar["high"] if fill["quantity"] < 0.0 else -bar["low"]
            assert np.sign(-fill["quantity"]) * fill["reference_price"] <= best, (
                "its own price, or worse than the bar's"
            )
        elif fill["reason"] == Reason.STOP:
            assert bar["low"] - 1e-9 <= fill["reference_price"] <= bar["high"] + 1e-9
        if fill["reason"] != Reason.LIQUIDATION:
            assert abs(fill["quantity"]) <= 0.1 * bar["volume"] + 1e-9


# ------------------------------------------------------------------------------------------------ sums


@settings(max_examples=25)
@given(seed=seeds)
def test_the_parts_of_profit_add_up_at_every_row(seed: int) -> None:
    made = eventful(seed)
    run = made.run(policy(seed))
    equity = run.tables["equity"]
    parts = equity["price_pnl"] - equity["fees"] - equity["slippage"] - equity["funding"] - equity["liquidation"]
    assert np.abs(parts - (equity["equity"] - 100_000.0)).max() < 1e-6
    assert (equity["equity"] >= 0.0).all()
    assert ((equity["drawdown"] >= 0.0) & (equity["drawdown"] <= 1.0)).all()
    trades = run.tables["trades"]
    net = trades["price_pnl"] - trades["fees"] - trades["slippage"] - trades["funding"] - trades["liquidation"]
    assert np.abs(net - trades["net_pnl"]).max(initial=0.0) < 1e-6
    fills = run.tables["fills"]
    assert fills["fee"].sum() == pytest.approx(equity["fees"][-1], abs=1e-6)
    assert run.tables["funding_payments"]["paid"].sum() == pytest.approx(equity["funding"][-1], abs=1e-6)
    for s in range(len(made.market.symbols)):
        own = fills[fills["symbol"] == s]
        assert np.abs(np.cumsum(own["quantity"]) - own["position"]).max(initial=0.0) < 1e-9


@settings(max_examples=15)
@given(seed=seeds)
def test_numbers_of_events_are_the_markets(seed: int) -> None:
    made = eventful(seed, ticks=240)
    equity = made.run(policy(seed)).tables["equity"]
    assert equity["market_seq"].tolist() == made.market.tick_seq.tolist()
    assert equity["event_time"].tolist() == made.market.tick_times.tolist()


@settings(max_examples=10)
@given(seed=seeds, order=st.permutations(range(3)))
def test_permuting_the_symbols_permutes_the_result(seed: int, order: list[int]) -> None:
    made = eventful(seed, ticks=240, symbols=3)
    market, inputs = made.market, made.inputs
    swapped = World(
        type(market)(
            name=market.name, content_hash=market.content_hash, symbols=market.symbols, start=market.start,
            interval=market.interval, bars=np.ascontiguousarray(market.bars[:, order]),
            other_events=market.other_events, series={}, instruments=market.instruments, tiers=market.tiers,
        ),
        type(inputs)(
            inputs.decision_row, np.ascontiguousarray(inputs.forecasts[:, order]), inputs.rejected[:, order].copy()
        ),
        made.settings,
    )  # fmt: skip
    run, other = made.run(), swapped.run()
    # Sums over symbols change their order, and with it their last bits.
    assert other.tables["equity"]["equity"] == pytest.approx(run.tables["equity"]["equity"], rel=1e-9)
    ids = {s: order.index(s) for s in range(3)}
    fills = sorted((int(f["event_time"]), ids[int(f["symbol"])], int(f["reason"])) for f in run.tables["fills"])
    assert fills == sorted((int(f["event_time"]), int(f["symbol"]), int(f["reason"])) for f in other.tables["fills"])


# ------------------------------------------------------------------------------------------------ controls


TOOLS = {
    Tool.ADJUST_CONVICTION: (80.0, 85.0, 95.0),
    Tool.ADJUST_POSITION_SIZE: (0.1, 0.5, 1.0),
    Tool.ADJUST_LEVERAGE: (1.0, 2.0, 10.0),
    Tool.DISABLE_SHORTS: (0.0,),
    Tool.DISABLE_ASSET: (1.0, 24.0),
}
calls = st.sampled_from(list(TOOLS)).flatmap(
    lambda tool: st.tuples(
        st.just(tool),
        st.just(-1) if tool is Tool.ADJUST_LEVERAGE else st.integers(0, 1),
        st.sampled_from(TOOLS[tool]),
        st.integers(1, 6),
    )
)
acts = st.lists(st.one_of(calls, st.integers(1, 12), st.none()), max_size=30)


@settings(max_examples=40)
@given(sequence=acts)
def test_compiled_controls_are_the_readable_rule(sequence: list[Any]) -> None:
    """A call applies, a number revokes, nothing lets an hour pass."""
    made = world({"BTCUSDT": [100.0] * 2, "ETHUSDT": [100.0] * 2}, [0.0])
    params, buffer, out = packed(made.settings.account_params()), new_buffer(2), new_out()
    state = views(buffer, 2)
    engine.begin(state, params)
    market, now = made.market, made.market.start
    live: dict[int, LiveIntervention] = {}

    def tick() -> None:
        engine.step_tick(state, params, market.instruments, market.tiers, made.inputs.forecasts, -1, 0, now, out, 1)

    tick()
    for act in sequence:
        match act:
            case None:
                now += MICROS_PER_HOUR
                tick()
                live = {number: one for number, one in live.items() if one.expires > now}
            case int():
                assert bool(revoke_intervention(state, params, act, out, 1)) == (act in live)
                live.pop(act, None)
            case tool, symbol, value, hours:
                expires = now + hours * MICROS_PER_HOUR
                number = apply_intervention(state, params, 1, int(tool), symbol, value, expires, out, 1)
                assert number > 0
                name = None if symbol < 0 else NAMES[symbol]
                live[number] = LiveIntervention(number, tool, name, value, now, expires)
        for s in range(2):
            wanted = effective_controls(made.settings.baseline(), live.values(), NAMES[s])
            symbol_state = state.symbols[s]
            assert (
                float(symbol_state.conviction_floor), float(symbol_state.size_multiplier),
                float(state.account[0].leverage_cap), bool(symbol_state.shorts_allowed),
                bool(symbol_state.asset_enabled),
            ) == wanted  # fmt: skip
        slots = state.interventions["intervention"]
        assert sorted(slots[slots != 0].tolist()) == sorted(live)


# ------------------------------------------------------------------------------------------------ the state


@pytest.mark.parametrize("record", [ACCOUNT, SYMBOL, TRIGGER, INTERVENTION])
def test_records_have_no_padding(record: np.dtype[Any]) -> None:
    fields = record.fields
    assert fields is not None
    assert sum(field[0].itemsize for field in fields.values()) == record.itemsize
    assert {field[0].itemsize for field in fields.values()} == {8}


def test_the_buffer_is_its_records_and_nothing_else() -> None:
    buffer = new_buffer(3)
    state = views(buffer, 3)
    assert sum(part.nbytes for part in state) == buffer_size(3) == buffer.nbytes
    for place, part in enumerate(state):
        part.view(np.uint8)[...] = place + 1
    assert (buffer != 0).all()
    assert len(state.interventions) == INTERVENTIONS


@settings(max_examples=15)
@given(seed=seeds)
def test_the_states_bytes_hold_no_negative_zero_and_no_nan(seed: int) -> None:
    made = eventful(seed, ticks=240)
    run = made.run(policy(seed))
    for records in views(np.frombuffer(run.state, dtype=np.uint8).copy(), len(made.market.symbols)):
        names = records.dtype.names
        for column in [records] if names is None else [records[name] for name in names]:
            if column.dtype.kind == "f":
                assert np.isfinite(column).all()
                assert not (np.signbit(column) & (column == 0.0)).any()


def test_states_that_differ_in_the_sign_of_a_zero_have_the_same_bytes() -> None:
    buffer = new_buffer(1)
    twin = fork(buffer)
    views(twin, 1).account["cash"] = -0.0
    assert buffer.tobytes() != twin.tobytes()
    assert canonical_bytes(buffer, 1) == canonical_bytes(twin, 1)


def test_a_fork_is_independent() -> None:
    buffer = new_buffer(1)
    twin = fork(buffer)
    views(twin, 1).account["cash"] = 5.0
    assert views(buffer, 1).account["cash"][0] == 0.0


def test_a_checkpoint_of_another_layout_is_refused_in_one_line() -> None:
    with pytest.raises(DataError, match=r"a checkpoint holds 10 bytes, \d+ expected for 2 symbols"):
        restored(b"0123456789", 2)


def test_full_tables_are_never_written_beyond_even_by_a_driver_that_forgets_to_drain_them() -> None:
    made = eventful(1)
    market, inputs, params = made.market, made.inputs, packed(made.settings.account_params())
    state, out = views(new_buffer(2), 2), new_out()
    engine.begin(state, params)
    first = ticks = 0
    while ticks < 20_000:
        why, tick = engine.run(
            state, params, market.instruments, market.tiers, market.bars, market.other_events, inputs.decision_row,
            inputs.forecasts, market.start, market.interval, first, market.ticks, out, 1,
        )  # fmt: skip
        ticks += tick - first
        if why == engine.FULL and tick == first:
            break
        first = tick % market.ticks
    assert why == engine.FULL
    assert out["counts"][0][-1] <= OTHER_ROWS
    assert out["counts"][0][-1] > OTHER_ROWS - 2 * INSTANT_ROWS * (2 + 4)


def test_a_tick_beyond_the_market_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="cannot run to tick 9: made has 2"):
        world([100.0] * 2, [0.0]).run(until_tick=9)


def test_more_symbols_than_the_tables_hold_are_refused() -> None:
    names = {f"S{number}USDT": [100.0] for number in range(200)}
    with pytest.raises(ConfigurationError, match="200 symbols, an account trades at most"):
        world(names, [0.0]).run()


@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="compares with compiled runs")
def test_a_busy_market_of_many_symbols_fits_the_output_tables() -> None:
    """Everything at once for all symbols, over and over: no instant may write more rows than are kept free."""
    made = eventful(1, ticks=400, symbols=4)
    run = made.run(Random(1))
    per_instant = np.zeros(400, dtype=np.int64)
    for kind in ("orders", "fills", "trades", "targets", "risk_verdicts", "triggers", "funding_payments"):
        per_instant += np.bincount((run.tables[kind]["event_time"] - made.market.start) // made.market.interval,
                                   minlength=400)  # fmt: skip
    assert per_instant.max() <= 24 * 4
