"""The perception half: market events in, forecasts out; stages 2 to 5 in the order of the drawing.

    market bars -> gateway -> decision bars -> features -> validator -> signals -> tracker, ensemble, conviction

``Perception`` is fed any number of instants at a time: history feeds a whole market, live one instant. Both run
the same functions; what it needs of the past is a trailing window of decision bars and one state buffer.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from alphastrike.config.perception import PerceptionSettings
from alphastrike.engine.conclusions import Conclusions, conclusions
from alphastrike.engine.perception_state import (
    PerceptionState,
    StateShape,
    canonical_bytes,
    new_buffer,
    restored,
    views,
)
from alphastrike.engine.perception_steps import Instants, Integers, PerceptionParams, Reals, observe
from alphastrike.engine.trailing import TrailingBars
from alphastrike.features.bars import CLOSE_PRICE, Bars
from alphastrike.features.declare import (
    across_features,
    computed,
    computed_across,
    computed_external,
    external_features,
    external_series,
    feature_names,
    features,
)
from alphastrike.features.windows import trailing_mean
from alphastrike.gateway.admission import GATE_ROW, ROWS_A_CANDLE, ROWS_A_TICK
from alphastrike.market.market import Market
from alphastrike.ml.declare import Signal, signals
from alphastrike.model.compiled import Records
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.progress import Progress, silent
from alphastrike.model.series import SERIES
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import MICROS_PER_MINUTE, MICROS_PER_SECOND

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
    gate_halts: Integers
    """(D, S) of ``model.forecast.PerceptionHalt``: halts of the gateway."""
    closes: Reals
    """(S, D) closes of the decision bars, NaN where missing."""
    forecasts: Records
    """(D, S) of ``model.forecast.FORECAST``."""
    feature_names: tuple[str, ...]
    features: Reals
    """(F, D, S), NaN while a window is not full."""
    signal_names: tuple[str, ...]
    scores: Reals
    """(N, D, S) in [-1, 1], NaN abstains."""
    rows: dict[str, Any]
    """By kind: records, and columns by name of ``weights``."""


@dataclass(frozen=True)
class PerceivedMarket(Perceived):
    """What perception made of a whole market."""

    state: bytes
    """Canonical bytes of perception's state at the last tick."""


def perceive(
    market: Market, settings: PerceptionSettings, *, threads: int = 1, progress: Progress = silent
) -> PerceivedMarket:
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
    perceived = perception.feed(instants, threads=threads, progress=progress)
    return PerceivedMarket(**vars(perceived), state=perception.state())


def conclude_again(
    market: Market, perceived: Perceived, settings: PerceptionSettings, voters: tuple[str, ...] | None = None
) -> Perceived:
    """Return the same market seen under other rules of validator, tracker, regime and conviction.

    Features and scores are taken over; what follows from them is computed anew.

    Args:
        market: that was perceived, whole.
        perceived: what was made of it.
        settings: that differ in ``health``, ``tracker``, ``regime`` and ``conviction`` only.
        voters: names of the signals that take part; ``None``: all of them.
    """
    perception = Perception(market.symbols, market.interval, settings, voters)
    places = [perceived.signal_names.index(name) for name in perception.signal_names]
    times = market.tick_times[perceived.decision_ticks]
    concluded = perception.conclude(
        times,
        market.tick_seq[perceived.decision_ticks],
        perceived.gate_halts,
        perceived.closes,
        perceived.features,
        perceived.scores[places],
    )
    kept = {field.name: getattr(perceived, field.name) for field in fields(Perceived)}
    kept |= {"signal_names": perception.signal_names, "scores": perceived.scores[places]}
    kept |= {"forecasts": concluded.forecasts, "rows": {"gates": perceived.rows["gates"], **concluded.rows}}
    return Perceived(**kept)


def instants_of(market: Market, first: int = 0, last: int | None = None) -> Instants:
    """Return the market's rows from tick ``first`` up to, not including, ``last``."""
    rows = slice(first, last)
    ticks = market.tick_times[rows]
    externals = _stacked(market.externals, external_series(), rows, (len(ticks),))
    return Instants(ticks, market.tick_seq[rows], market.bars[rows], series_of(market, rows), externals)


def series_of(market: Market, rows: slice) -> Reals:
    """Return the market's series (``model.series.SERIES``, T, S) at some of its ticks; of no size when it has none."""
    return _stacked(market.series, SERIES, rows, market.bars[rows].shape)


def decision_bars(market: Market, settings: PerceptionSettings) -> tuple[Reals, Reals]:
    """Return what the features of a market see: ``Bars`` (columns, S, D), and its external series (E, D)."""
    return Perception(market.symbols, market.interval, settings).decision_bars(instants_of(market))


class Perception:
    """Perception between two events: its state and its trailing window of decision bars."""

    def __init__(
        self,
        symbols: SymbolTable,
        interval: int,
        settings: PerceptionSettings,
        voters: tuple[str, ...] | None = None,
    ) -> None:
        """Begin; ``voters`` names the signals that take part, ``None`` for all.

        Raises:
            ConfigurationError: the decision interval is no multiple of ``interval`` (microseconds), or a signal asks
                for a feature that does not exist.
        """
        if settings.decision_interval % interval != 0:
            raise ConfigurationError(
                f"decisions every {settings.decision_interval_minutes} minutes do not fit bars of "
                f"{interval / MICROS_PER_MINUTE:g} minutes. Choose a multiple for perception.decision_interval_minutes."
            )
        self._symbols = symbols
        self._features = tuple(features().values())
        self._external = tuple(external_features().values())
        self._across = tuple(across_features().values())
        self._names = feature_names()
        self._places = {name: place for place, name in enumerate(self._names)}
        self._signals = tuple(made for made in signals().values() if voters is None or made.name in voters)
        self.signal_names = tuple(made.name for made in self._signals)
        _check_inputs(self._signals, self._names)
        smooth = max(made.smooth_bars for made in signals().values())
        longest = max([made.window for made in self._features] + [made.window for made in self._external])
        self.window_bars = longest + smooth - 1
        """Decision bars that every feature and score depends on, the current one included."""
        self._tail = smooth - 1
        self._params = PerceptionParams.of(settings, interval, self.window_bars)
        self._series = external_series()
        self._shape = StateShape.of(len(symbols), len(self._signals), len(self._series), settings)
        self._buffer = new_buffer(self._shape)
        self._state: PerceptionState = views(self._buffer, self._shape)
        self._trailing = TrailingBars(len(symbols), len(self._series), self.window_bars - 1)

    def state(self) -> bytes:
        """Return the canonical bytes of the state."""
        return canonical_bytes(self._buffer, self._shape)

    def checkpoint(self) -> tuple[bytes, bytes]:
        """Return state and trailing window: all that a restart needs."""
        return self.state(), self._trailing.to_bytes()

    def restore(self, state: bytes, window: bytes) -> None:
        """Go on from a checkpoint.

        Raises:
            DataError: it was made under other settings, symbols, features or signals.
        """
        self._trailing.take_bytes(window)
        self._buffer = restored(state, self._shape)
        self._state = views(self._buffer, self._shape)

    def feed(self, instants: Instants, *, threads: int = 1, progress: Progress = silent) -> Perceived:
        """Take the next instants in and return what became of them.

        Raises:
            HaltError: a signal returned something that is not a score; this object must not be used further.
        """
        instants = _sealed(instants)
        is_decision = instants.tick_times % self._params.decision_interval == 0
        decision_ticks = np.flatnonzero(is_decision).astype(np.int64)
        decisions = len(decision_ticks)
        self._trailing.make_room(decisions)
        rejected, gate_halts, gate_rows = self._gateway(instants, decisions)
        self._trailing.grow(decisions)

        times = instants.tick_times[decision_ticks]
        with _pool(threads) as each:
            values = self._features_of(decisions, each, progress)
            scores = self._scores_of(values, times, each)
        values = np.ascontiguousarray(values[:, values.shape[1] - decisions :])
        closes = self._trailing.columns(decisions)[CLOSE_PRICE].copy()
        concluded = self.conclude(times, instants.tick_seq[decision_ticks], gate_halts, closes, values, scores)
        self._trailing.forget()
        return Perceived(
            decision_ticks=decision_ticks,
            decision_row=np.where(is_decision, np.cumsum(is_decision) - 1, -1).astype(np.int64),
            rejected=rejected,
            gate_halts=gate_halts,
            closes=closes,
            forecasts=concluded.forecasts,
            feature_names=self._names,
            features=values,
            signal_names=self.signal_names,
            scores=scores,
            rows={"gates": gate_rows, **concluded.rows},
        )

    def decision_bars(self, instants: Instants) -> tuple[Reals, Reals]:
        """Take the next instants in and return the decision bars they made; this object must not be fed further."""
        instants = _sealed(instants)
        decisions = int((instants.tick_times % self._params.decision_interval == 0).sum())
        self._trailing.make_room(decisions)
        self._gateway(instants, decisions)
        self._trailing.grow(decisions)
        return self._trailing.columns(decisions), self._trailing.externals(decisions)

    def conclude(
        self, times: Integers, seqs: Integers, gate_halts: Integers, closes: Reals, values: Reals, scores: Reals
    ) -> Conclusions:
        """Run validator, tracker, regime, ensemble and conviction over the next D decisions."""
        return conclusions(
            times, seqs, gate_halts, closes, values, scores, self._signals, self._places, self._params, self._state
        )

    def _gateway(self, instants: Instants, decisions: int) -> tuple[npt.NDArray[np.bool_], Integers, Records]:
        """Run the gateway; fill the next decision bars."""
        ticks, symbols = instants.bars.shape
        rejected = np.zeros((ticks, symbols), dtype=np.bool_)
        gate_halts = np.zeros((decisions, symbols), dtype=np.int64)
        room = symbols * (ROWS_A_CANDLE + ROWS_A_TICK)
        rows = np.zeros(min(max(GATE_ROWS_AT_ONCE, room), room * max(ticks, 1)), dtype=GATE_ROW)
        collected = []
        tick, decision = 0, 0
        bars = self._trailing
        while tick < ticks:
            tick, decision, count = observe(
                instants, tick, self._params, self._state, rejected, bars.symbol_columns, bars.external_columns,
                bars.end, gate_halts, decision, rows,
            )  # fmt: skip
            collected.append(rows[:count].copy())
        return rejected, gate_halts, np.concatenate(collected) if collected else rows[:0]

    def _features_of(self, decisions: int, each: "Each", progress: Progress) -> Reals:
        """Return every feature (F, rows, S) of the last decisions and of the tail before them.

        Smoothing needs the raw scores of the tail; where no decision falls there is nothing to compute.
        """
        rows = min(decisions + self._tail, self._trailing.length) if decisions else 0
        values = np.full((len(self._names), rows, len(self._symbols)), np.nan)
        if rows == 0:
            return values
        own = len(self._features)

        def one_feature(place: int) -> None:
            if place < own:
                made = self._features[place]
                bars = Bars(*self._trailing.columns(rows + made.window - 1))
                values[place] = computed(made, bars)[:, -rows:].T
            else:
                outside = self._external[place - own]
                columns = dict(zip(self._series, self._trailing.externals(rows + outside.window - 1), strict=True))
                values[place] = computed_external(outside, columns)[-rows:, None]

        alone = own + len(self._external)
        for done, _ in enumerate(each(one_feature, range(alone)), start=1):
            progress("perceive", done * values[0].size // alone, values[0].size)
        read = values.view()
        read.flags.writeable = False
        for place, made in enumerate(self._across, start=alone):
            values[place] = computed_across(made, {name: read[self._places[name]] for name in made.inputs})
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

        scores = np.empty((len(self._signals), decisions, symbols))

        def one_signal(number: int) -> None:
            made = self._signals[number]
            inputs = tuple(values[self._places[name]].ravel() for name in made.inputs)
            raw = made.scores(inputs, place).reshape(rows, symbols)
            if made.smooth_bars > 1:
                raw = trailing_mean(raw.T, made.smooth_bars).T
            scores[number] = raw[rows - decisions :]

        for _ in each(one_signal, range(len(self._signals))):
            pass
        return scores


Each = Callable[..., Iterator[Any]]
"""``map``, in this thread or several; results come in the order of the arguments."""


@contextmanager
def _pool(threads: int) -> Iterator[Each]:
    if threads <= 1:
        yield map
        return
    with ThreadPoolExecutor(max_workers=threads) as executor:
        yield executor.map


def _stacked(known: Any, names: tuple[str, ...], rows: slice, shape: tuple[int, ...]) -> Reals:
    """Return the named arrays as one, NaN for those that are missing; of no size when all are."""
    if not any(name in known for name in names):
        return np.empty((0,) * (1 + len(shape)))
    stacked = np.full((len(names), *shape), np.nan)
    for place, name in enumerate(names):
        if name in known:
            stacked[place] = known[name][rows]
    return stacked


def _sealed(instants: Instants) -> Instants:
    """Return read-only views: one compiled version serves arrays that may and may not be written."""

    def seal(array: Any) -> Any:
        view = np.ascontiguousarray(array).view()
        view.flags.writeable = False
        return view

    return Instants(*(seal(array) for array in instants))


def _check_inputs(made: tuple[Signal, ...], names: tuple[str, ...]) -> None:
    for signal in made:
        for name in signal.inputs:
            if name not in names:
                raise ConfigurationError(
                    f"signal {signal.name} asks for the feature {name}, which does not exist. "
                    "Add a feature of that name, or rename the parameter."
                )
