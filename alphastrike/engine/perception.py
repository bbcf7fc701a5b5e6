"""The perception half: market events in, forecasts out; stages 2 to 5 in the order of the drawing.

    market bars -> gateway -> decision bars -> features -> validator -> signals -> tracker, ensemble, conviction

``Perception`` is fed any number of instants at a time: history feeds a whole market, live one instant. Both run
the same functions; what it needs of the past is a trailing window of decision bars and one state buffer.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from alphastrike.config.perception import PerceptionSettings
from alphastrike.engine.perception_state import StateShape, canonical_bytes, new_buffer, restored, views
from alphastrike.engine.perception_steps import (
    HEALTH_ROW,
    RETIREMENT,
    FeaturePlaces,
    Instants,
    Integers,
    PerceptionParams,
    Reals,
    conclude,
    observe,
)
from alphastrike.features.bars import CLOSE, COLUMNS, Bars
from alphastrike.features.declare import across_features, computed, feature_names, features
from alphastrike.features.windows import trailing_mean
from alphastrike.gateway.admission import GATE_ROW, ROWS_A_CANDLE, ROWS_A_TICK
from alphastrike.journal.kinds import KINDS
from alphastrike.market.market import Market
from alphastrike.ml.declare import Signal, signals
from alphastrike.model.compiled import Records
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.model.forecast import FORECAST
from alphastrike.model.progress import Progress, silent
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import MICROS_PER_MINUTE, MICROS_PER_SECOND
from alphastrike.validator.health import STATED

T = TypeVar("T")
R = TypeVar("R")

GATE_ROWS_AT_ONCE: Final = 65_536
"""Gate rows that the compiled fold writes before it returns to have them collected."""


@dataclass(frozen=True)
class Perceived:
    """What perception made of a stretch of T ticks, D decisions, S symbols, F features and N signals."""

    decision_ticks: Integers
    """(D,) tick of every decision."""
    decision_row: Integers
    """(T,) decision of every tick, -1 where none falls."""
    rejected: npt.NDArray[np.bool_]
    """(T, S) candles that the gateway refused."""
    forecasts: Records
    """(D, S) of ``model.forecast.FORECAST``."""
    feature_names: tuple[str, ...]
    features: Reals
    """(F, D, S), NaN while a window is not full."""
    signal_names: tuple[str, ...]
    scores: Reals
    """(N, D, S) in [-1, 1], NaN abstains."""
    rows: dict[str, Any]
    """By kind: records of ``gates``, ``health`` and ``retirements``; columns by name of ``weights``."""
    state: bytes
    """Canonical bytes of perception's state at the last tick."""


def perceive(
    market: Market, settings: PerceptionSettings, *, threads: int = 1, progress: Progress = silent
) -> Perceived:
    """Compute perception over a whole market. The result does not depend on ``threads``.

    Raises:
        ConfigurationError: the decision interval does not fit the market's interval.
        HaltError: a signal returned something that is not a score.
    """
    perception = Perception(market.symbols, market.interval, settings)
    instants = instants_of(market)
    if not np.any(instants.tick_times % settings.decision_interval == 0):
        raise ConfigurationError(
            f"no tick of market {market.name} falls on a decision every {settings.decision_interval_minutes} minutes. "
            "Choose another perception.decision_interval_minutes, or a longer market."
        )
    return perception.feed(instants, threads=threads, progress=progress)


def instants_of(market: Market, first: int = 0, last: int | None = None) -> Instants:
    """Return the market's rows from tick ``first`` up to, not including, ``last``."""
    rows = slice(first, last)
    none = np.empty((0, 0))
    return Instants(
        market.tick_times[rows],
        market.tick_seq[rows],
        market.bars[rows],
        *(
            market.series[name][rows] if name in market.series else none
            for name in ("taker_buy_volume", "trades", "open_interest")
        ),
    )


class Perception:
    """Perception between two events: its state and its trailing window of decision bars."""

    def __init__(self, symbols: SymbolTable, interval: int, settings: PerceptionSettings) -> None:
        if settings.decision_interval % interval != 0:
            raise ConfigurationError(
                f"decisions every {settings.decision_interval_minutes} minutes do not fit bars of "
                f"{interval / MICROS_PER_MINUTE:g} minutes. Choose a multiple for perception.decision_interval_minutes."
            )
        self._symbols = symbols
        self._features = tuple(features().values())
        self._across = tuple(across_features().values())
        self._names = feature_names()
        self._signals = tuple(signals().values())
        _check_inputs(self._signals, self._names)
        smooth = max(signal.smooth_bars for signal in self._signals)
        self.window_bars = max(made.window for made in self._features) + smooth - 1
        """Decision bars that every feature and score depends on, the current one included."""
        self._tail = smooth - 1
        self._params = PerceptionParams.of(settings, interval, self.window_bars)
        self._shape = StateShape.of(len(symbols), len(self._signals), settings)
        self._buffer = new_buffer(self._shape)
        self._window = np.empty((COLUMNS, len(symbols), 0))

    def checkpoint(self) -> tuple[bytes, Reals]:
        """Return state and trailing window (columns, S, at most ``window_bars`` - 1): all that a restart needs."""
        return canonical_bytes(self._buffer, self._shape), self._window.copy()

    def restore(self, state: bytes, window: Reals) -> None:
        """Go on from a checkpoint.

        Raises:
            DataError: it was made under other settings, symbols or signals.
        """
        if window.shape[:2] != self._window.shape[:2]:
            raise DataError(
                f"a checkpoint's window has {window.shape[:2]} columns and symbols, {self._window.shape[:2]} expected."
                " Record the run again."
            )
        self._buffer = restored(state, self._shape)
        self._window = window.copy()

    def feed(self, instants: Instants, *, threads: int = 1, progress: Progress = silent) -> Perceived:
        """Take the next instants in and return what became of them.

        Raises:
            HaltError: a signal returned something that is not a score; this object must not be used further.
        """
        instants = _sealed(instants)
        is_decision = instants.tick_times % self._params.decision_interval == 0
        decision_ticks = np.flatnonzero(is_decision).astype(np.int64)
        decisions = decision_ticks.shape[0]
        kept = self._window.shape[2]
        columns = np.full((*self._window.shape[:2], kept + decisions), np.nan)
        columns[:, :, :kept] = self._window
        rejected, gate_halts, gate_rows = self._gateway(instants, columns, decisions)

        times = instants.tick_times[decision_ticks]
        # Between decisions there is nothing to compute; smoothing needs the raw scores of the tail before a decision.
        first = max(kept - self._tail, 0) if decisions else kept
        with _pool(threads) as each:
            values = self._features_of(columns, first, each, progress)
            scores = self._scores_of(values, times, each)
        values = np.ascontiguousarray(values[:, values.shape[1] - decisions :])
        forecasts, rows = self._conclusions(
            times, instants.tick_seq[decision_ticks], gate_halts, columns[CLOSE, :, kept:], values, scores
        )
        self._window = columns[:, :, max(columns.shape[2] - self.window_bars + 1, 0) :].copy()
        return Perceived(
            decision_ticks=decision_ticks,
            decision_row=np.where(is_decision, np.cumsum(is_decision) - 1, -1).astype(np.int64),
            rejected=rejected,
            forecasts=forecasts,
            feature_names=self._names,
            features=values,
            signal_names=tuple(signal.name for signal in self._signals),
            scores=scores,
            rows={"gates": gate_rows, **rows},
            state=canonical_bytes(self._buffer, self._shape),
        )

    def _gateway(
        self, instants: Instants, columns: Reals, decisions: int
    ) -> tuple[npt.NDArray[np.bool_], Integers, Records]:
        """Run the gateway; fill the decision bars at the end of ``columns``."""
        state = views(self._buffer, self._shape)
        ticks, symbols = instants.bars.shape
        rejected = np.zeros((ticks, symbols), dtype=np.bool_)
        gate_halts = np.zeros((decisions, symbols), dtype=np.int64)
        room = symbols * (ROWS_A_CANDLE + ROWS_A_TICK)
        rows = np.zeros(min(max(GATE_ROWS_AT_ONCE, room), room * max(ticks, 1)), dtype=GATE_ROW)
        collected = [rows[:0].copy()]
        tick, decision, first_row = 0, 0, columns.shape[2] - decisions
        while tick < ticks:
            tick, decision, count = observe(
                instants, tick, self._params, state, rejected, columns, first_row, gate_halts, decision, rows
            )
            collected.append(rows[:count].copy())
        return rejected, gate_halts, np.concatenate(collected)

    def _features_of(self, columns: Reals, first: int, each: "Each", progress: Progress) -> Reals:
        """Return every feature (F, rows, S) from row ``first`` of the columns on."""
        rows = columns.shape[2] - first
        symbols = columns.shape[1]
        values = np.full((len(self._names), rows, symbols), np.nan)
        if rows == 0:
            return values

        def one_symbol(symbol: int) -> None:
            for place, made in enumerate(self._features):
                start = max(first - made.window + 1, 0)
                bars = Bars(*columns[:, symbol, start:])
                values[place, :, symbol] = computed(made, bars)[first - start :]

        for symbol, _ in enumerate(each(one_symbol, range(symbols))):
            progress("perceive", (symbol + 1) * rows, symbols * rows)
        for place, made in enumerate(self._across, start=len(self._features)):
            values[place] = made.compute(*(values[self._names.index(name)] for name in made.inputs))
        return values

    def _scores_of(self, values: Reals, times: Integers, each: "Each") -> Reals:
        """Return every score (N, decisions, S) from the features of those decisions and of the tail before them."""
        rows, symbols = values.shape[1:]
        decisions = times.shape[0]
        if decisions == 0:
            return np.empty((len(self._signals), 0, symbols))

        def place(flat: int) -> str:
            row, symbol = divmod(flat, symbols)
            ago = rows - decisions - row
            moment = datetime.fromtimestamp(int(times[max(-ago, 0)]) / MICROS_PER_SECOND, tz=UTC)
            before = f"{ago} bars before " if ago > 0 else ""
            return f"{self._symbols[symbol]} at the decision bar {before}{moment:%Y-%m-%d %H:%M} UTC"

        def one_signal(signal: Signal) -> Reals:
            inputs = tuple(values[self._names.index(name)].ravel() for name in signal.inputs)
            raw = signal.scores(inputs, place).reshape(rows, symbols)
            if signal.smooth_bars > 1:
                smoothed = [trailing_mean(np.ascontiguousarray(raw[:, s]), signal.smooth_bars) for s in range(symbols)]
                raw = np.stack(smoothed, axis=1)
            return raw[rows - decisions :]

        return np.stack(list(each(one_signal, self._signals)))

    def _conclusions(
        self,
        times: Integers,
        seqs: Integers,
        gate_halts: Integers,
        closes: Reals,
        values: Reals,
        scores: Reals,
    ) -> tuple[Records, dict[str, Any]]:
        """Run validator, regime, tracker, ensemble and conviction; return forecasts and journal rows by kind."""
        decisions, symbols = gate_halts.shape
        names = tuple(signal.name for signal in self._signals)
        days = decisions // self._params.decisions_a_day + 2
        forecasts = np.zeros((decisions, symbols), dtype=FORECAST)
        health = np.zeros((days * symbols), dtype=HEALTH_ROW)
        retirements = np.zeros(days * len(names), dtype=RETIREMENT)
        weight_times = np.zeros((days, 2), dtype=np.int64)
        weights = np.zeros((days, len(names)))
        healths, retired, changes = conclude(
            times,
            seqs,
            gate_halts,
            np.ascontiguousarray(closes),
            values,
            scores,
            np.array([signal.horizon_bars for signal in self._signals], dtype=np.int64),
            np.array([self._names.index(name) for name in STATED], dtype=np.int64),
            FeaturePlaces(
                volatility=self._names.index("volatility_168"),
                atr=self._names.index("atr_168"),
                daily_volume=self._names.index("volume_mean_168"),
                momentum=self._names.index("momentum_240"),
                volatility_day=self._names.index("volatility_24"),
                volatility_month=self._names.index("volatility_720"),
            ),
            self._params,
            views(self._buffer, self._shape),
            forecasts,
            health,
            retirements,
            weight_times,
            weights,
        )
        weight_columns = {
            "market_seq": weight_times[:changes, 0].copy(),
            "event_time": weight_times[:changes, 1].copy(),
            **{name: weights[:changes, n].copy() for n, name in enumerate(names)},
        }
        rows = {
            "health": health[:healths].copy(),
            "retirements": _named(retirements[:retired], names),
            "weights": weight_columns,
        }
        return forecasts, rows


Each = Callable[..., Iterator[Any]]
"""``map``, in this thread or several; results come in the order of the arguments."""


@contextmanager
def _pool(threads: int) -> Iterator[Each]:
    if threads <= 1:
        yield map
        return
    with ThreadPoolExecutor(max_workers=threads) as executor:
        yield executor.map


def _sealed(instants: Instants) -> Instants:
    """Return read-only views: one compiled version serves arrays that may and may not be written."""

    def seal(array: Any) -> Any:
        view = np.ascontiguousarray(array).view()
        view.flags.writeable = False
        return view

    return Instants(*(seal(array) for array in instants))


def _named(retirements: Records, names: tuple[str, ...]) -> Records:
    """Return retirements as rows of their kind: with the signal's name."""
    rows = np.zeros(retirements.shape[0], dtype=KINDS["retirements"].record)
    for field in ("market_seq", "event_time", "returned", "accuracy", "outcomes"):
        rows[field] = retirements[field]
    rows["name"] = [names[n] for n in retirements["signal"]]
    return rows


def _check_inputs(made: tuple[Signal, ...], names: tuple[str, ...]) -> None:
    for signal in made:
        for name in signal.inputs:
            if name not in names:
                raise ConfigurationError(
                    f"signal {signal.name} asks for the feature {name}, which does not exist. "
                    "Add a feature of that name, or rename the parameter."
                )
