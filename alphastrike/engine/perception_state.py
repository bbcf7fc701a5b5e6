"""Perception's state: named records as views into one byte buffer, and the canonical bytes of it."""

import math
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.config.perception import PerceptionSettings
from alphastrike.features.bars import EXTERNAL, PARTIAL
from alphastrike.gateway.breaker import GATE_STATE
from alphastrike.ml.conviction import CONVICTION_STATE
from alphastrike.ml.decay import PENDING, SCOPES, TRACKER
from alphastrike.ml.regime import REGIME_STATE
from alphastrike.model.compiled import Records
from alphastrike.model.errors import DataError
from alphastrike.model.units import MICROS_PER_DAY
from alphastrike.validator.bins import BINS
from alphastrike.validator.health import DAY, HEALTH_STATE, WATCH, ring_days
from alphastrike.validator.stated import STATED

CLOCK: Final = np.dtype((np.record, [("event_time", "i8"), ("market_seq", "i8"), ("decisions", "i8")]))
"""The last tick seen, its number, and decisions made so far."""


class PerceptionState(NamedTuple):
    """Views into one buffer, for S symbols, N signals and E external series."""

    clock: Records
    """(1,) of ``CLOCK``."""
    gates: Records
    """(S,) of ``gateway.breaker.GATE_STATE``."""
    partials: Records
    """(S,) of ``features.bars.PARTIAL``."""
    externals: Records
    """(E,) of ``features.bars.EXTERNAL``."""
    health: Records
    """(S,) of ``validator.health.HEALTH_STATE``."""
    watches: Records
    day_counts: npt.NDArray[np.int16]
    days: Records
    tallies: npt.NDArray[np.int32]
    """The last four are ``validator.health.Windows``."""
    regimes: Records
    """(S,) of ``ml.regime.REGIME_STATE``."""
    trackers: Records
    """(N, ``ml.decay.SCOPES``) of ``ml.decay.TRACKER``."""
    pending: Records
    """(N, S) of ``ml.decay.PENDING``."""
    outcomes: npt.NDArray[np.float64]
    """(N, ``ml.decay.SCOPES``, tracker window): returns the signals' predictions earned, a ring each."""
    convictions: Records
    """(S,) of ``ml.conviction.CONVICTION_STATE``."""
    strengths: npt.NDArray[np.float64]
    """(S, conviction window): strengths of past decisions, a ring each."""


class StateShape(NamedTuple):
    """What decides the size of the state."""

    symbols: int
    signals: int
    externals: int
    outcomes: int
    strengths: int
    watched_days: int

    @classmethod
    def of(cls, symbols: int, signals: int, externals: int, settings: PerceptionSettings) -> "StateShape":
        """Return the shape under these settings."""
        strengths = settings.conviction.window_days * MICROS_PER_DAY // settings.decision_interval
        return cls(symbols, signals, externals, settings.tracker.window, strengths, ring_days(settings.health))

    def layout(self) -> list[tuple[np.dtype[Any], tuple[int, ...]]]:
        """Return type and shape of every field of ``PerceptionState``, in order."""
        real = np.dtype("f8")
        return [
            (CLOCK, (1,)),
            (GATE_STATE, (self.symbols,)),
            (PARTIAL, (self.symbols,)),
            (EXTERNAL, (self.externals,)),
            (HEALTH_STATE, (self.symbols,)),
            (WATCH, (self.symbols, len(STATED))),
            (np.dtype("i2"), (self.symbols, len(STATED), self.watched_days, BINS)),
            (DAY, (self.symbols, len(STATED), self.watched_days)),
            (np.dtype("i4"), (self.symbols, len(STATED), 2, BINS)),
            (REGIME_STATE, (self.symbols,)),
            (TRACKER, (self.signals, SCOPES)),
            (PENDING, (self.signals, self.symbols)),
            (real, (self.signals, SCOPES, self.outcomes)),
            (CONVICTION_STATE, (self.symbols,)),
            (real, (self.symbols, self.strengths)),
        ]

    def bytes(self) -> int:
        """Return the size of the buffer."""
        return sum(dtype.itemsize * math.prod(shape) for dtype, shape in self.layout())


def views(buffer: npt.NDArray[np.uint8], shape: StateShape) -> PerceptionState:
    """Look at a buffer through its records; writing to them writes to the buffer."""
    parts = []
    offset = 0
    for dtype, extent in shape.layout():
        size = dtype.itemsize * math.prod(extent)
        parts.append(buffer[offset : offset + size].view(dtype).reshape(extent))
        offset += size
    return PerceptionState(*parts)


def new_buffer(shape: StateShape) -> npt.NDArray[np.uint8]:
    """Return the state before the first event: all zero, and every signal with a whole vote."""
    buffer = np.zeros(shape.bytes(), dtype=np.uint8)
    views(buffer, shape).trackers["weight"] = 1.0
    return buffer


def restored(state: bytes, shape: StateShape) -> npt.NDArray[np.uint8]:
    """Return a writable buffer from a checkpoint's bytes.

    Raises:
        DataError: the bytes are not a state of this shape.
    """
    if len(state) != shape.bytes():
        raise DataError(
            f"a checkpoint of perception holds {len(state)} bytes, {shape.bytes()} expected for {shape.symbols} "
            f"symbols and {shape.signals} signals: other settings or another version made it. Record the run again."
        )
    return np.frombuffer(state, dtype=np.uint8).copy()


def canonical_bytes(buffer: npt.NDArray[np.uint8], shape: StateShape) -> bytes:
    """Return the state as bytes that are equal when, and only when, the states are: no -0.0, no NaN."""
    clean = buffer.copy()
    every: tuple[Any, ...] = views(clean, shape)
    for records in every:
        names = records.dtype.names
        for reals in [records] if names is None else [records[name] for name in names]:
            if reals.dtype.kind == "f":
                assert not np.isnan(reals).any(), "perception state holds a NaN"
                np.add(reals, 0.0, out=reals)
    return clean.tobytes()
