"""Perception as a whole: one computation, however it is fed; nothing from the future; halts that say why."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastrike.config.perception import PerceptionSettings
from alphastrike.engine.perception import Perceived, PerceivedMarket, Perception, instants_of, perceive
from alphastrike.journal.codes import Gate, GateVerdict
from alphastrike.market.market import Market
from alphastrike.ml.decay import ARTICLE_RULE
from alphastrike.model.bars import BarFlag
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.model.forecast import PerceptionHalt, Regime
from tests.engine.markets import QUARTER, START, market_of, rough_market, walk_bars
from tests.engine.perceived_bits import UNCOMPILED_TICKS, bits

TICKS = 3_800
SETTINGS = PerceptionSettings(tracker=ARTICLE_RULE)
"""With a tracker that retires within weeks, so that a short market has retirements in it."""


@pytest.fixture(scope="module")
def market() -> Market:
    return rough_market(TICKS)


@pytest.fixture(scope="module")
def at_once(market: Market) -> PerceivedMarket:
    return perceive(market, SETTINGS)


def joined(parts: list[Perceived], state: bytes) -> PerceivedMarket:
    """One result out of those of consecutive stretches, and the state after them."""
    starts = np.cumsum([0] + [part.rejected.shape[0] for part in parts])
    before = np.cumsum([0] + [part.decision_ticks.shape[0] for part in parts])
    kinds = ("gates", "health", "verdicts", "accuracies", "retirements")
    rows = {kind: np.concatenate([part.rows[kind] for part in parts]) for kind in kinds}
    weights = {
        name: np.concatenate([part.rows["weights"][name] for part in parts]) for name in parts[0].rows["weights"]
    }
    return PerceivedMarket(
        decision_ticks=np.concatenate([part.decision_ticks + at for part, at in zip(parts, starts, strict=False)]),
        decision_row=np.concatenate(
            [
                np.where(part.decision_row < 0, -1, part.decision_row + at)
                for part, at in zip(parts, before, strict=False)
            ]
        ),
        rejected=np.concatenate([part.rejected for part in parts]),
        gate_halts=np.concatenate([part.gate_halts for part in parts]),
        closes=np.concatenate([part.closes for part in parts], axis=1),
        forecasts=np.concatenate([part.forecasts for part in parts]),
        feature_names=parts[0].feature_names,
        features=np.concatenate([part.features for part in parts], axis=1),
        signal_names=parts[0].signal_names,
        scores=np.concatenate([part.scores for part in parts], axis=1),
        rows={**rows, "weights": weights},
        state=state,
    )


def test_the_test_market_has_everything_in_it(at_once: PerceivedMarket) -> None:
    gates = {Gate(int(row["gate"])) for row in at_once.rows["gates"]}
    assert gates >= {Gate.COMPLETENESS, Gate.GAP, Gate.STALE, Gate.PRICE_JUMP, Gate.BREAKER_OPENED, Gate.BREAKER_CLOSED}
    halts = {PerceptionHalt(int(halt)) for halt in np.unique(at_once.forecasts["halt"])}
    assert halts >= {PerceptionHalt.NONE, PerceptionHalt.WARM_UP, PerceptionHalt.STALE, PerceptionHalt.BREAKER}
    assert len(at_once.rows["retirements"]) > 0
    assert not np.isnan(at_once.scores).all(axis=(1, 2)).any(), "every signal votes somewhere"


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(1, TICKS - 1), max_size=25, unique=True).map(sorted), restart_after=st.integers(0, 25))
def test_pieces_with_the_trailing_window_alone_and_a_restart_give_the_bits_of_the_whole(
    market: Market, at_once: PerceivedMarket, cuts: list[int], restart_after: int
) -> None:
    perception = Perception(market.symbols, market.interval, SETTINGS)
    parts = []
    edges = [0, *cuts, TICKS]
    for place, (first, last) in enumerate(pairwise(edges)):
        if place == restart_after:
            state, window = perception.checkpoint()
            perception = Perception(market.symbols, market.interval, SETTINGS)
            perception.restore(state, window)
        parts.append(perception.feed(instants_of(market, first, last)))
    assert bits(joined(parts, perception.state())) == bits(at_once)


def test_one_instant_at_a_time_as_live_gives_the_bits_of_the_whole(market: Market, at_once: PerceivedMarket) -> None:
    perception = Perception(market.symbols, market.interval, SETTINGS)
    begin = TICKS - 200
    parts = [perception.feed(instants_of(market, 0, begin))]
    parts += [perception.feed(instants_of(market, tick, tick + 1)) for tick in range(begin, TICKS)]
    assert bits(joined(parts, perception.state())) == bits(at_once)


@settings(max_examples=20)
@given(tick=st.integers(TICKS - 700, TICKS - 1), seed=st.integers(0, 99))
def test_another_future_changes_nothing_that_was_seen_before_it(
    market: Market, at_once: PerceivedMarket, tick: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    bars = market.bars.copy()
    rest = bars[tick + 1 :]
    for field in ("open", "high", "low", "close"):
        rest[field] *= random.uniform(0.5, 1.5)
    rest["volume"] *= random.uniform(0.0, 9.0, rest.shape)
    rest["flags"] = np.where(random.random(rest.shape) < 0.1, 0, rest["flags"])
    series = {name: values.copy() for name, values in market.series.items()}
    externals = {name: values.copy() for name, values in market.externals.items()}
    for values in (*series.values(), *externals.values()):
        values[tick + 1 :] *= 0.9
    other = perceive(market_of(bars, series, externals), SETTINGS)
    seen = int((at_once.decision_ticks <= tick).sum())
    assert np.array_equal(other.features[:, :seen], at_once.features[:, :seen], equal_nan=True)
    assert np.array_equal(other.scores[:, :seen], at_once.scores[:, :seen], equal_nan=True)
    assert other.forecasts[:seen].tobytes() == at_once.forecasts[:seen].tobytes()
    assert np.array_equal(other.rejected[: tick + 1], at_once.rejected[: tick + 1])
    now = START + tick * QUARTER
    for kind in ("gates", "health", "verdicts", "accuracies", "retirements"):
        then, again = at_once.rows[kind], other.rows[kind]
        before, again_before = (repr(rows[rows["event_time"] <= now].tolist()) for rows in (then, again))
        assert before == again_before, kind


def test_the_result_does_not_depend_on_the_number_of_threads(market: Market, at_once: PerceivedMarket) -> None:
    assert bits(perceive(market, SETTINGS, threads=3)) == bits(at_once)


def test_the_uncompiled_source_gives_the_same_bits(project: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "tests.engine.perceived_bits"],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        cwd=project,
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    uncompiled = dict(line.split("=") for line in found.stdout.splitlines())
    assert uncompiled == bits(perceive(rough_market(UNCOMPILED_TICKS, symbols=2), PerceptionSettings()))


def test_nothing_unknown_gets_into_forecasts_or_state(at_once: PerceivedMarket) -> None:
    forecasts = at_once.forecasts
    for field in ("conviction", "volatility", "atr", "daily_volume", "health"):
        assert np.isfinite(forecasts[field]).all()
    unknown = forecasts["volatility"] == 0.0
    assert (forecasts["halt"][unknown] != PerceptionHalt.NONE).all(), "what is unknown is zero and halted"
    assert ((forecasts["conviction"] >= 0.0) & (forecasts["conviction"] <= 100.0)).all()
    assert set(np.unique(forecasts["direction"])) <= {-1, 0, 1}
    minus_zero = np.float64(-0.0).tobytes()
    state = at_once.state
    assert all(state[i : i + 8] != minus_zero for i in range(0, len(state), 8))


def test_a_decision_falls_on_every_whole_hour(market: Market, at_once: PerceivedMarket) -> None:
    times = market.tick_times[at_once.decision_ticks]
    assert (times % (4 * QUARTER) == 0).all()
    assert len(times) == TICKS // 4
    assert np.array_equal(np.flatnonzero(at_once.decision_row >= 0), at_once.decision_ticks)
    assert np.array_equal(at_once.decision_row[at_once.decision_ticks], np.arange(len(times)))


def test_forecasts_carry_daily_figures() -> None:
    bars = walk_bars(4 * 200, 1, seed=4)
    market = market_of(bars)
    perceived = perceive(market, PerceptionSettings())
    hourly = bars["close"][:, 0][perceived.decision_ticks]
    change = np.diff(np.log(hourly))[-168:]
    last = perceived.forecasts[-1, 0]
    assert last["volatility"] == pytest.approx(np.std(change, ddof=1) * np.sqrt(24.0))
    assert last["daily_volume"] == pytest.approx(bars["volume"][-4 * 168 :, 0].sum() / 7.0)
    assert 0.0 < last["atr"] < 0.1 * hourly[-1]


def silent(perceived: PerceivedMarket) -> set[str]:
    """The signals that abstain all the time."""
    return {name for n, name in enumerate(perceived.signal_names) if np.isnan(perceived.scores[n]).all()}


def test_a_lone_symbol_has_no_others_and_those_signals_abstain() -> None:
    bars = walk_bars(TICKS, 2, seed=4)
    alone = perceive(market_of(bars[:, :1].copy()), PerceptionSettings())
    in_company = silent(perceive(market_of(bars), PerceptionSettings()))
    assert silent(alone) - in_company == {"market_trend", "relative_strength", "residual_reversion"}
    assert {"taker_pressure", "open_interest_trend", "book_imbalance", "crowd", "dollar_trend"} < in_company
    assert (alone.forecasts["halt"][-1] == PerceptionHalt.NONE).all()


def test_gate_rows_carry_the_number_of_the_candle_or_of_the_tick() -> None:
    bars = walk_bars(400, 3, seed=2)
    bars["close"][300, 1] = np.nan
    bars["flags"][320:330, 2] &= ~int(BarFlag.CANDLE)
    market = market_of(bars)
    rows = perceive(market, PerceptionSettings()).rows["gates"]
    first, after, stale, gap = rows
    assert (first["gate"], first["verdict"]) == (Gate.COMPLETENESS, GateVerdict.REJECTED)
    assert first["market_seq"] == market.tick_seq[299] + 2, "the second candle of its instant"
    assert first["event_time"] == market.tick_times[300]
    assert (after["gate"], after["market_seq"]) == (Gate.GAP, market.tick_seq[300] + 2), "the refused one is missing"
    assert (stale["gate"], stale["market_seq"]) == (Gate.STALE, market.tick_seq[324]), "more than an hour without one"
    assert (gap["gate"], gap["value"], gap["market_seq"]) == (Gate.GAP, 10.0, market.tick_seq[329] + 3)


def test_rows_without_room_for_all_at_once_are_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    market = rough_market(2_000)
    whole = perceive(market, PerceptionSettings())
    monkeypatch.setattr("alphastrike.engine.perception.GATE_ROWS_AT_ONCE", 1)
    assert bits(perceive(market, PerceptionSettings())) == bits(whole)


def test_a_symbol_without_candles_from_the_start_warms_up_and_takes_nobody_with_it() -> None:
    bars = walk_bars(TICKS, 2, seed=6)
    bars["flags"][:, 1] = 0
    forecasts = perceive(market_of(bars), PerceptionSettings()).forecasts
    assert (forecasts["halt"][:, 1] == PerceptionHalt.WARM_UP).all()
    assert (forecasts["regime"][:, 1] == Regime.UNKNOWN).all()
    assert forecasts["halt"][-1, 0] == PerceptionHalt.NONE


def test_when_every_signal_is_retired_the_symbol_is_silent() -> None:
    everyone = PerceptionSettings.model_validate(
        {
            "tracker": {"outcomes_min": 1, "retire_below": 1.0, "return_above": 1.0},
            "conviction": {"minimum_days": 7},
        }
    )
    perceived = perceive(market_of(walk_bars(TICKS + 2_000, 3, seed=6)), everyone)
    last = perceived.forecasts[-1]
    assert (last["halt"] == PerceptionHalt.SILENT).all()
    assert (last["conviction"] == 0.0).all()
    assert set(perceived.rows["retirements"]["name"]) <= set(perceived.signal_names)


def test_weights_are_written_at_the_start_and_when_they_change(at_once: PerceivedMarket) -> None:
    weights = at_once.rows["weights"]
    assert list(weights) == ["market_seq", "event_time", "regime", *at_once.signal_names]
    days = np.array(weights["event_time"]) % (96 * QUARTER)
    assert (days == 0).all(), "at most once a day"
    table = np.stack([weights[name] for name in at_once.signal_names], axis=1)
    assert (table[0] > 0.0).any()
    assert (np.abs(np.diff(table, axis=0)).sum(axis=1) > 0.0).all()


@pytest.mark.parametrize("minutes", [20, 10])
def test_decisions_that_do_not_fit_the_bars_are_refused(minutes: int) -> None:
    with pytest.raises(ConfigurationError, match="do not fit bars of 15 minutes"):
        perceive(market_of(walk_bars(100, 1, seed=1)), PerceptionSettings(decision_interval_minutes=minutes))


def test_a_market_without_a_decision_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no tick of market made falls on a decision"):
        perceive(market_of(walk_bars(3, 1, seed=1)), PerceptionSettings())


def test_a_checkpoint_of_other_settings_is_refused(market: Market) -> None:
    state, window = Perception(market.symbols, QUARTER, SETTINGS).checkpoint()
    other = Perception(market.symbols, QUARTER, PerceptionSettings())
    with pytest.raises(DataError, match="a checkpoint of perception holds"):
        other.restore(state, window)


def test_progress_is_told_and_ends_at_the_whole(market: Market) -> None:
    told: list[tuple[str, int, int]] = []
    perceive(market, SETTINGS, progress=lambda stage, done, total: told.append((stage, done, total)))
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1] == ("perceive", 3 * TICKS // 4, 3 * TICKS // 4)
