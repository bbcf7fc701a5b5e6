"""Where market events come from: a protocol, and the feed that plays a market from the disk.

A feed only puts raw facts into the inbox. A played feed waits: while the inbox is full, and while the policy thinks.
A wall-clock feed uses ``Inbox.offer`` and never waits for anybody.
"""

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from alphastrike.live.events import DATA_KINDS
from alphastrike.live.inbox import FeedEnded, Inbox, Item, MarketEvent, TickEvent
from alphastrike.market.building import instrument_records, tick_of, tier_records
from alphastrike.market.columns import MarketTables
from alphastrike.model.compiled import Records
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import MICROS_PER_SECOND

STRETCH: Final = 512
"""Ticks whose events are made at once."""


class Feed(Protocol):
    """A source of market events with the terms under which its symbols trade."""

    @property
    def symbols(self) -> SymbolTable:
        """The symbols, in the order in which the run numbers them."""
        ...

    @property
    def start(self) -> int:
        """Time of the first tick, microseconds UTC."""
        ...

    @property
    def interval(self) -> int:
        """Time between ticks, microseconds."""
        ...

    @property
    def instruments(self) -> Records:
        """(S,) of ``model.instrument.INSTRUMENT``."""
        ...

    @property
    def tiers(self) -> Records:
        """(S, TIERS_MAX) of ``model.instrument.TIER``."""
        ...

    @property
    def waits(self) -> bool:
        """Whether the market stands still while the policy thinks."""
        ...

    async def run(self, inbox: Inbox, resume_after: int | None) -> None:
        """Send events, each instant closed by its tick, beginning after the tick of that time; return at the end.

        A feed that breaks raises what broke it.
        """
        ...


class Pace:
    """How market time runs beside the wall clock: ``speed`` times as fast, and not at all while it is held."""

    def __init__(self, speed: float, clock: Callable[[], float] | None = None) -> None:
        self._speed = speed
        self._clock = clock or asyncio.get_running_loop().time
        self._held_at: float | None = None
        self._held_for = 0.0
        self._moving = asyncio.Event()
        self._moving.set()
        self._origin: tuple[int, float] | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let market time stand still inside the block."""
        self._held_at = self._clock()
        self._moving.clear()
        try:
            yield
        finally:
            self._held_for += self._clock() - self._held_at
            self._held_at = None
            self._moving.set()

    async def until(self, event_time: int) -> None:
        """Wait until it is this market time; the first call sets the beginning."""
        if math.isinf(self._speed):
            await self._moving.wait()
            return
        if self._origin is None:
            self._origin = event_time, self._clock() - self._held_for
        first, began = self._origin
        due = began + (event_time - first) / MICROS_PER_SECOND / self._speed
        while True:
            await self._moving.wait()
            left = due + self._held_for - self._clock()
            if left <= 0.0 and self._moving.is_set():
                return
            await asyncio.sleep(max(left, 0.0))


class PlayedFeed:
    """A market played from the disk: the events of each instant in their order, then its tick."""

    waits: Final = True

    def __init__(self, tables: MarketTables, pace: Pace) -> None:
        self._tables = tables
        self._pace = pace
        self.symbols = tables.symbols
        self.start = tables.start
        self.interval = tables.interval
        self.ticks = tables.ticks
        self.instruments: Records = instrument_records(tables.columns["instruments"], len(tables.symbols))
        self.tiers: Records = tier_records(tables.columns["margin_tiers"], len(tables.symbols))
        # One order for all events of an instant; stable, so that a symbol's own stay in the order of time.
        self._tables_by_tick = {name: _ByTick(name, tables) for name in DATA_KINDS}

    async def run(self, inbox: Inbox, resume_after: int | None = None) -> None:
        """Play from the beginning, or on after a tick that has been closed."""
        first = 0 if resume_after is None else (resume_after - self.start) // self.interval + 1
        for begin in range(first, self.ticks, STRETCH):
            for time, items in self.stretch(begin, min(begin + STRETCH, self.ticks)):
                await self._pace.until(time)
                await inbox.put(*items)
        await inbox.put(FeedEnded(""))

    def stretch(self, begin: int, end: int) -> Iterator[tuple[int, list[Item]]]:
        """Give the time and the events of every instant from tick ``begin`` up to, not including, ``end``."""
        kinds = [table.events(begin, end, self.symbols) for table in self._tables_by_tick.values()]
        for place in range(end - begin):
            time = self.start + (begin + place) * self.interval
            items: list[Item] = [event for events in kinds for event in events[place]]
            items.append(TickEvent(time))
            yield time, items


class _ByTick:
    """The rows of one kind, by the instant they belong to."""

    def __init__(self, name: str, tables: MarketTables) -> None:
        event_time, subject, *others = tables.columns[name].values()
        ticks = tick_of(tables, event_time)
        # Of external values the names of their series, which sort as texts.
        place = np.unique(subject.astype(str), return_inverse=True)[1] if subject.dtype == object else subject
        order = np.lexsort((event_time, place, ticks))
        self._name = name
        self._columns: list[npt.NDArray[Any]] = [values[order] for values in (event_time, subject, *others)]
        self._firsts = np.searchsorted(ticks[order], np.arange(tables.ticks + 1))

    def events(self, begin: int, end: int, symbols: SymbolTable) -> list[list[MarketEvent]]:
        """Return the events of every instant from ``begin`` up to, not including, ``end``."""
        first, last = int(self._firsts[begin]), int(self._firsts[end])
        times, subjects, *values = (column[first:last].tolist() for column in self._columns)
        made = [
            MarketEvent(self._name, time, subject if isinstance(subject, str) else symbols[subject], row)
            for time, subject, row in zip(times, subjects, zip(*values, strict=True), strict=True)
        ]
        bounds = (self._firsts[begin : end + 1] - first).tolist()
        return [made[one:other] for one, other in pairwise(bounds)]
