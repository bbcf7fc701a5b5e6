"""A market in memory: what the engine reads, whatever file or generator it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from alphastrike.model.bars import BarFlag
from alphastrike.model.compiled import Records
from alphastrike.model.symbols import SymbolTable


@dataclass(frozen=True)
class Market:
    """A dataset of exogenous events with its instruments; immutable, known by its content hash.

    T ticks, S symbols; tick ``t`` closes at ``start + t * interval`` (microseconds UTC).
    """

    name: str
    content_hash: str
    symbols: SymbolTable
    start: int
    interval: int
    bars: Records
    """(T, S) of ``model.bars.BAR``."""
    other_events: npt.NDArray[np.int64]
    """(T,) number of events of other kinds (open interest, ...) in each instant: they take numbers too."""
    series: Mapping[str, npt.NDArray[np.float64]]
    """(T, S) by name of ``model.series.SERIES``, NaN where nothing was reported in the instant; without those of which
    the market has nothing."""
    instruments: Records
    """(S,) of ``model.instrument.INSTRUMENT``."""
    tiers: Records
    """(S, TIERS_MAX) of ``model.instrument.TIER``."""
    externals: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    """(T,) by name of the external series: the value that became known in the instant, NaN where none did."""

    @property
    def ticks(self) -> int:
        """Number of ticks T."""
        return int(self.bars.shape[0])

    @cached_property
    def tick_times(self) -> npt.NDArray[np.int64]:
        """(T,) event time of every tick, microseconds UTC."""
        return self.start + self.interval * np.arange(self.ticks, dtype=np.int64)

    @cached_property
    def tick_seq(self) -> npt.NDArray[np.int64]:
        """(T,) ``market_seq`` of every tick; the first event of the market is number 1.

        Within an instant the numbers run over candles, marks, funding (each by symbol), other kinds, tick.
        """
        flags = self.bars["flags"]
        counted = sum(
            ((flags & bit) != 0).sum(axis=1, dtype=np.int64)
            for bit in (int(BarFlag.CANDLE), int(BarFlag.MARK), int(BarFlag.FUNDING))
        )
        return np.cumsum(counted + self.other_events + 1)
