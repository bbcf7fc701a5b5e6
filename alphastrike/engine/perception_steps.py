"""The compiled folds of perception: market bars into decision bars, and scores into forecasts.

History calls each once over all rows; live calls the same functions with one new row.
"""

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.config.perception import PerceptionSettings
from alphastrike.engine.perception_state import PerceptionState
from alphastrike.features.bars import (
    BarParams,
    close_bar,
    known_value,
    take_book_top,
    take_candle,
    take_external,
    take_funding,
    take_mark,
    take_series,
)
from alphastrike.gateway.admission import ROWS_A_CANDLE, ROWS_A_TICK, admit, admit_book_top, settle_tick
from alphastrike.gateway.gates import GatewayParams
from alphastrike.ml import conviction as strength_memory
from alphastrike.ml import decay
from alphastrike.ml.conviction import ConvictionParams, percentile
from alphastrike.ml.decay import SCOPES, UNCHANGED, TrackerParams
from alphastrike.ml.ensemble import combined
from alphastrike.ml.regime import RegimeParams, classify, settle
from alphastrike.model.bars import BarFlag
from alphastrike.model.compiled import Records, entry
from alphastrike.model.forecast import PerceptionHalt
from alphastrike.model.series import ASK, BID, TAKER_BUY_VOLUME, TRADES
from alphastrike.model.units import MICROS_PER_DAY
from alphastrike.validator.health import HealthParams, Windows, judge, take_value
from alphastrike.validator.stated import Watched

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

CANDLE: Final = int(BarFlag.CANDLE)

HALT_NONE: Final = int(PerceptionHalt.NONE)
HALT_WARM_UP: Final = int(PerceptionHalt.WARM_UP)
HALT_STALE: Final = int(PerceptionHalt.STALE)
HALT_BREAKER: Final = int(PerceptionHalt.BREAKER)
HALT_HEALTH: Final = int(PerceptionHalt.HEALTH)
HALT_SILENT: Final = int(PerceptionHalt.SILENT)

RETIREMENT: Final = np.dtype(
    (
        np.record,
        [
            ("market_seq", "i8"),
            ("event_time", "i8"),
            ("signal", "i8"),
            ("regime", "i8"),
            ("returned", "i8"),
            ("accuracy", "f8"),
            ("outcomes", "i8"),
        ],
    )
)
"""Kind ``retirements`` with the signal's number in place of its name."""

ACCURACY: Final = np.dtype(
    (
        np.record,
        [
            ("market_seq", "i8"),
            ("event_time", "i8"),
            ("signal", "i8"),
            ("regime", "i8"),
            ("accuracy", "f8"),
            ("outcomes", "i8"),
            ("weight", "f8"),
            ("retired", "i8"),
        ],
    )
)
"""Kind ``accuracies`` with the signal's number in place of its name."""


class PerceptionParams(NamedTuple):
    """Everything the folds need beside their rows."""

    interval: int
    """Microseconds between ticks."""
    decision_interval: int
    decisions_a_day: int
    warm_up: int
    """Decisions until the longest window is full."""
    gateway: GatewayParams
    bars: BarParams
    health: HealthParams
    tracker: TrackerParams
    regime: RegimeParams
    conviction: ConvictionParams

    @classmethod
    def of(cls, settings: PerceptionSettings, interval: int, warm_up: int) -> "PerceptionParams":
        """Return the numbers behind the settings, for a market of this interval (microseconds)."""
        return cls(
            interval,
            settings.decision_interval,
            MICROS_PER_DAY // settings.decision_interval,
            warm_up,
            settings.gateway,
            settings.bars,
            settings.health,
            settings.tracker,
            settings.regime,
            settings.conviction,
        )


class Instants(NamedTuple):
    """Market rows of T ticks, S symbols and E external series, oldest first."""

    tick_times: Integers
    """(T,) microseconds UTC."""
    tick_seq: Integers
    """(T,) ``market_seq`` of each tick."""
    bars: Records
    """(T, S) of ``model.bars.BAR``."""
    series: Reals
    """(``model.series.SERIES``, T, S), NaN where nothing was reported; of no size when the market has none of them."""
    externals: Reals
    """(E, T), NaN where nothing became known; of no size when the market has none of them."""


class FeaturePlaces(NamedTuple):
    """Where in the feature array the fold finds what it reads by name."""

    volatility: int
    atr: int
    daily_volume: int
    momentum: int
    volatility_day: int
    volatility_month: int


@entry
def observe(
    instants: Instants,
    first: int,
    params: PerceptionParams,
    state: PerceptionState,
    rejected: npt.NDArray[np.bool_],
    columns: Reals,
    externals: Reals,
    row: int,
    gate_halts: Integers,
    decision: int,
    rows: Records,
) -> tuple[int, int, int]:
    """Fold market rows from tick ``first`` on: gates, breaker, staleness, decision bars.

    Writes ``rejected`` (T, S), decision bars into ``columns`` (columns, S, rows) and ``externals`` (E, rows) from
    row ``row + decision`` on, the gateway's halts into ``gate_halts`` (D, S), and rows of kind ``gates``. Returns
    the next tick, the next decision and the number of rows written: short of T when ``rows`` was nearly full.
    """
    symbols = instants.bars.shape[1]
    series = instants.series
    has_series = series.shape[0] > 0
    has_externals = instants.externals.shape[0] > 0
    clock = state.clock[0]
    count = 0
    tick = first
    while tick < instants.bars.shape[0] and rows.shape[0] - count >= symbols * (ROWS_A_CANDLE + ROWS_A_TICK):
        now = instants.tick_times[tick]
        seq = clock.market_seq
        for s in range(symbols):
            # Read by ["flags"]: uncompiled, .flags is the memory flags of any NumPy value.
            bar = instants.bars[tick, s]
            partial = state.partials[s]
            if bar["flags"] & CANDLE:
                seq += 1
                accepted, count = admit(bar, now, s, seq, params.interval, params.gateway, state.gates[s], rows, count)
                if accepted:
                    taker = series[TAKER_BUY_VOLUME, tick, s] if has_series else np.nan
                    trades = series[TRADES, tick, s] if has_series else np.nan
                    take_candle(partial, bar, taker, trades)
                else:
                    rejected[tick, s] = True
            take_funding(partial, bar["flags"], bar.funding_rate, now)
            take_mark(partial, bar["flags"], bar.mark)
            if has_series:
                take_series(partial, series, tick, s, now)
        if has_externals:
            for e in range(state.externals.shape[0]):
                take_external(state.externals[e], instants.externals[e, tick], now)
        clock.market_seq = instants.tick_seq[tick]
        clock.event_time = now
        is_decision = now % params.decision_interval == 0
        for s in range(symbols):
            gate = state.gates[s]
            if has_series:
                bid, ask = series[BID, tick, s], series[ASK, tick, s]
                is_sound, count = admit_book_top(bid, ask, now, s, clock.market_seq, params.gateway, rows, count)
                if is_sound:
                    take_book_top(state.partials[s], series, tick, s)
            count = settle_tick(now, s, clock.market_seq, params.gateway, gate, rows, count)
            if is_decision:
                close_bar(state.partials[s], columns, s, row + decision, now, params.bars)
                halt = HALT_NONE
                if gate.open_until > 0:
                    halt = HALT_BREAKER
                elif gate.stale == 1:
                    halt = HALT_STALE
                gate_halts[decision, s] = halt
        if is_decision:
            for e in range(state.externals.shape[0]):
                externals[e, row + decision] = known_value(state.externals[e], now, params.bars)
            decision += 1
        tick += 1
    return tick, decision, count


@entry
def conclude(
    times: Integers,
    seqs: Integers,
    gate_halts: Integers,
    closes: Reals,
    features: Reals,
    scores: Reals,
    horizons: Integers,
    watched: Watched,
    places: FeaturePlaces,
    params: PerceptionParams,
    state: PerceptionState,
    forecasts: Records,
    health_rows: Records,
    verdict_rows: Records,
    accuracy_rows: Records,
    retirement_rows: Records,
    weight_times: Integers,
    weight_rows: Reals,
) -> tuple[int, int, int, int, int]:
    """Fold D decisions: outcomes, retirements, weights, health, regime, ensemble, conviction, forecast.

    ``times`` and ``seqs`` (D,); ``gate_halts`` and ``forecasts`` (D, S); ``closes`` (S, D); ``features`` (F, D, S);
    ``scores`` (N, D, S); ``horizons`` (N,) decision bars; ``watched`` what the validator looks at;
    ``weight_times`` (n, 3) takes market_seq, event time and scope of the n-th change of weights. Returns the rows
    written of health, verdicts, accuracies, retirements and weights.
    """
    symbols = forecasts.shape[1]
    signals = scores.shape[0]
    health_count = 0
    verdict_count = 0
    accuracy_count = 0
    retirement_count = 0
    weight_count = 0
    minimum = params.conviction.minimum_days * params.decisions_a_day
    windows = Windows(state.watches, state.day_counts, state.days, state.tallies)
    for d in range(forecasts.shape[0]):
        now = times[d]
        number = now // params.decision_interval
        state.clock[0].decisions += 1
        is_warm = state.clock[0].decisions >= params.warm_up
        for n in range(signals):
            if number % horizons[n] == 0:
                for s in range(symbols):
                    regime_then = state.pending[n, s].regime
                    earned = decay.outcome(state.pending[n, s], number, closes[s, d])
                    decay.remember(state.trackers[n, 0], state.outcomes, n, 0, earned)
                    if regime_then > 0:
                        decay.remember(state.trackers[n, regime_then], state.outcomes, n, regime_then, earned)
                    regime_now = state.regimes[s].regime
                    decay.predict(state.pending[n, s], number, horizons[n], scores[n, d, s], closes[s, d], regime_now)
        is_day = now % MICROS_PER_DAY == 0
        is_changed = is_day and state.clock[0].decisions <= params.decisions_a_day
        scopes = SCOPES if params.tracker.by_regime else 1
        for scope in range(SCOPES if is_day else 0):
            for n in range(signals):
                tracker = state.trackers[n, scope]
                weight = tracker.weight
                prior_mean = params.tracker.prior_mean if scope == 0 else state.trackers[n, 0].accuracy
                change = decay.reconsider(tracker, state.outcomes, n, scope, prior_mean, params.tracker)
                if scope < scopes:
                    is_changed = is_changed or tracker.weight != weight
                    decides = decay.scope_of(state.trackers, n, scope, params.tracker)
                    stands = accuracy_rows[accuracy_count]
                    stands.market_seq = seqs[d]
                    stands.event_time = now
                    stands.signal = n
                    stands.regime = scope
                    stands.accuracy = tracker.accuracy
                    stands.outcomes = tracker.known
                    stands.weight = state.trackers[n, decides].weight
                    stands.retired = state.trackers[n, decides].retired
                    accuracy_count += 1
                    if change != UNCHANGED:
                        written = retirement_rows[retirement_count]
                        written.market_seq = seqs[d]
                        written.event_time = now
                        written.signal = n
                        written.regime = scope
                        written.returned = 1 if change == decay.RETURNED else 0
                        written.accuracy = tracker.accuracy
                        written.outcomes = tracker.known
                        retirement_count += 1
        for scope in range(scopes if is_changed else 0):
            weight_times[weight_count, 0] = seqs[d]
            weight_times[weight_count, 1] = now
            weight_times[weight_count, 2] = scope
            for n in range(signals):
                decides = decay.scope_of(state.trackers, n, scope, params.tracker)
                weight_rows[weight_count, n] = state.trackers[n, decides].weight
            weight_count += 1
        for s in range(symbols):
            health = state.health[s]
            slot = health.days % windows.counts.shape[2]
            health.decisions += 1
            for f in range(watched.places.shape[0]):
                take_value(windows, s, f, slot, features[watched.places[f], d, s], watched, params.health)
            if is_day or health.judged == 0:
                report = health_rows[health_count]
                count = judge(
                    health, windows, s, is_day, params.decisions_a_day, watched, params.health,
                    report, verdict_rows, verdict_count,
                )  # fmt: skip
                report.market_seq = seqs[d]
                report.event_time = now
                for row in range(verdict_count, verdict_count + count):
                    verdict_rows[row].market_seq = seqs[d]
                    verdict_rows[row].event_time = now
                verdict_count += count
                health_count += 1
            seen = classify(
                features[places.momentum, d, s],
                features[places.volatility_day, d, s],
                features[places.volatility_month, d, s],
                params.regime,
            )
            regime = settle(state.regimes[s], seen, params.regime.confirm_bars)
            score, weight = combined(scores, d, s, state.trackers, regime, params.tracker)
            memory = state.convictions[s]
            is_remembered = memory.known >= minimum
            strength = abs(score)
            conviction = 0.0
            if weight > 0.0:
                if is_remembered and strength > 0.0:
                    conviction = percentile(strength, state.strengths, s, memory.known) * health.health / 100.0
                strength_memory.remember(memory, state.strengths, s, strength)
            volatility = features[places.volatility, d, s]
            atr = features[places.atr, d, s]
            volume = features[places.daily_volume, d, s]
            is_sized = not (math.isnan(volatility) or math.isnan(atr) or math.isnan(volume))
            halt = gate_halts[d, s]
            if halt == HALT_NONE:
                if not (is_warm and is_remembered and is_sized):
                    halt = HALT_WARM_UP
                elif health.halted == 1:
                    halt = HALT_HEALTH
                elif weight == 0.0:
                    halt = HALT_SILENT
            forecast = forecasts[d, s]
            forecast.direction = 1 if score > 0.0 else (-1 if score < 0.0 else 0)
            forecast.conviction = conviction
            forecast.volatility = volatility * math.sqrt(float(params.decisions_a_day)) if is_sized else 0.0
            forecast.atr = atr if is_sized else 0.0
            forecast.daily_volume = volume * params.decisions_a_day if is_sized else 0.0
            forecast.regime = regime
            forecast.health = health.health
            forecast.halt = halt
    return health_count, verdict_count, accuracy_count, retirement_count, weight_count
