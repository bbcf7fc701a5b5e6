"""From single events, in whatever order a feed sends them, to instants in canonical order.

An event belongs to the instant of the first tick that does not lie before it. What cannot belong to an instant still
to come is refused and becomes an incident; nothing is dropped in silence. No clock and no journal here: the writer
journals what is accepted and closes an instant when its tick comes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from alphastrike.engine.stepping import Instant
from alphastrike.journal.inputs import IncidentKind
from alphastrike.live.events import DATA_KINDS, Accepted, Cell, fault_of, stored
from alphastrike.live.inbox import MarketEvent
from alphastrike.model.bars import BAR
from alphastrike.model.external import is_external_name
from alphastrike.model.symbols import SymbolTable

AHEAD_MAX: Final = 16
"""Instants ahead of the open one of which events are kept."""
AHEAD_EVENTS_MAX: Final = 65_536

MISSING_MAX: Final = 10_000
"""Ticks that a feed may pass over at once."""

_OTHER: Final = frozenset(DATA_KINDS[3:])
"""The kinds of which every event takes a number, not every symbol."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something of a feed that was refused, or a burst of it summed up."""

    incident: IncidentKind
    detail: str


@dataclass(frozen=True, slots=True)
class Closed:
    """An instant that is over."""

    instant: Instant
    numbers: Mapping[int, int]
    """``market_seq`` of each of its events by ``seq``. Marks and funding of one symbol share one, the last stands."""
    market_seq: int
    """Of its tick."""


class _RefusedError(Exception):
    """An event that cannot belong to an instant still to come."""

    def __init__(self, incident: IncidentKind, about: str, why: str) -> None:
        super().__init__(why)
        self.incident = incident
        self.about = about
        """What a burst of the same trouble is about."""
        self.why = why


class Collector:
    """The instants still open, in memory of one run."""

    def __init__(self, symbols: SymbolTable, start: int, interval: int, last: int | None = None) -> None:
        """Wait for the first instant, or for the one after the tick ``last``; times in microseconds UTC."""
        self._symbols = {name: place for place, name in enumerate(symbols)}
        self._interval = interval
        self._start = start
        self._last = start - interval if last is None else last
        self._events: dict[tuple[Any, ...], Accepted] = {}
        self._sent_before: set[tuple[Any, ...]] = set()
        self._ahead: list[MarketEvent] = []
        self._troubles: list[Trouble] = []
        self._repeated: dict[tuple[IncidentKind, str], int] = {}

    @property
    def next_tick(self) -> int:
        """Time of the tick that closes the open instant."""
        return self._last + self._interval

    @property
    def open_events(self) -> int:
        """Events that were accepted and wait for their tick."""
        return len(self._events)

    def go_on_after(self, tick: int) -> None:
        """Wait for the instant after the tick of that time: a restart begins there."""
        self._last = tick

    def take(self, event: MarketEvent) -> Accepted | None:
        """Return the event as it is to be journaled now; ``None`` when it waits for its instant, or is refused."""
        try:
            return self._accepted(event)
        except _RefusedError as refused:
            self._trouble(refused.incident, refused.about, f"{_shown(event)}: {refused.why}")
            return None

    def _accepted(self, event: MarketEvent) -> Accepted | None:
        subject = self._subject(event)
        about = f"{event.kind} {event.symbol}"
        if fault := fault_of(event):
            raise _RefusedError(IncidentKind.IMPOSSIBLE, about, fault)
        tick = self._tick_of(event.event_time)
        if tick <= self._last:
            raise _RefusedError(IncidentKind.LATE, about, f"the instant until {self._last} is over")
        if event.kind == "candles" and tick != event.event_time:
            why = f"a candle closes on a multiple of {self._interval} after {self._start}"
            raise _RefusedError(IncidentKind.IMPOSSIBLE, about, why)
        if tick > self.next_tick:
            if tick > self.next_tick + AHEAD_MAX * self._interval or len(self._ahead) >= AHEAD_EVENTS_MAX:
                raise _RefusedError(IncidentKind.EARLY, about, f"the next tick is at {self.next_tick}")
            self._ahead.append(event)
            return None
        accepted = Accepted(event.kind, subject, event.event_time, stored(event))
        key = accepted.key
        standing = self._events.setdefault(key, accepted)
        if standing is accepted:
            return accepted
        if not _same(standing.values, accepted.values):
            raise _RefusedError(IncidentKind.CONFLICTING, about, f"{standing.values} stands")
        if key in self._sent_before:
            self._sent_before.discard(key)
            return None
        raise _RefusedError(IncidentKind.REPEATED, about, "sent again")

    def _subject(self, event: MarketEvent) -> int | str:
        if event.kind == "externals":
            if not is_external_name(event.symbol):
                raise _RefusedError(IncidentKind.IMPOSSIBLE, event.kind, "no name of a series")
            return event.symbol
        symbol = self._symbols.get(event.symbol)
        if symbol is None:
            # Not about the symbol: ten thousand unknown ones are one burst.
            raise _RefusedError(IncidentKind.UNKNOWN_SYMBOL, event.kind, "the run does not know it")
        return symbol

    def take_ahead(self) -> list[MarketEvent]:
        """Return what came before its time, to be taken again now that an instant has been closed."""
        ahead, self._ahead = self._ahead, []
        return ahead

    def put_back(self, kind: str, row: tuple[Any, ...], seq: int) -> None:
        """Take in an event of the journal after a restart; its feed sends it once more."""
        event_time, subject, *values = row
        event = Accepted(kind, subject, event_time, tuple(values), seq)
        self._events[event.key] = event
        self._sent_before.add(event.key)

    def ticks_to(self, event_time: int) -> list[int]:
        """Return the ticks that a feed's tick closes, oldest first: none when it is refused, more when it skipped."""
        if event_time <= self._last:
            self._trouble(IncidentKind.LATE, "tick", f"tick at {event_time}: the tick at {self._last} is over")
            return []
        missing, off = divmod(event_time - self.next_tick, self._interval)
        if off:
            self._trouble(
                IncidentKind.IMPOSSIBLE, "tick", f"tick at {event_time}: not on the interval {self._interval}"
            )
            return []
        if missing > MISSING_MAX:
            self._trouble(IncidentKind.EARLY, "tick", f"tick at {event_time}: the next one is at {self.next_tick}")
            return []
        if missing:
            self._trouble(IncidentKind.MISSING_TICK, "tick", f"{missing} before the one at {event_time}")
        return list(range(self.next_tick, event_time + 1, self._interval))

    def close(self, tick: int, market_seq: int) -> Closed:
        """Close the open instant; ``market_seq`` is that of the tick before.

        The numbers run over candles, marks, funding (each by symbol), other kinds (by symbol or series, time and
        what else tells them apart), tick: as in ``Market.tick_seq``.
        """
        assert tick == self.next_tick, "instants are closed in order"
        self._last = tick
        events = sorted(self._events.values(), key=lambda event: event.key)
        self._events = {}
        self._sent_before.clear()
        cells = [Cell() for _ in self._symbols]
        externals: dict[str, float] = {}
        numbers: dict[int, int] = {}
        number, cell, others = market_seq, None, 0
        for event in events:
            place = (event.kind, event.subject)
            if place != cell or event.kind in _OTHER:
                number += 1
            cell = place
            numbers[event.seq] = number
            others += event.kind in _OTHER
            if isinstance(event.subject, str):
                externals[event.subject] = event.values[1]
            else:
                cells[event.subject].take(event)
        self._sum_up()
        instant = Instant(
            now=tick,
            bars=np.array([[cell.bar for cell in cells]], dtype=BAR),
            series=np.array([cell.series for cell in cells]).T[:, None, :].copy(),
            externals=externals,
            other_events=others,
        )
        return Closed(instant, numbers, number + 1)

    def take_troubles(self) -> list[Trouble]:
        """Return what was refused since the last call: the first of its sort at once, the others as one at the tick."""
        troubles, self._troubles = self._troubles, []
        return troubles

    def _tick_of(self, event_time: int) -> int:
        return self._start - (self._start - event_time) // self._interval * self._interval

    def _trouble(self, incident: IncidentKind, about: str, detail: str) -> None:
        # A feed gone wild may send ten thousand of them in one instant.
        more = self._repeated.get((incident, about))
        self._repeated[incident, about] = 0 if more is None else more + 1
        if more is None:
            self._troubles.append(Trouble(incident, detail))

    def _sum_up(self) -> None:
        for (incident, about), more in self._repeated.items():
            if more:
                self._troubles.append(Trouble(incident, f"{about}: {more} more in this instant"))
        self._repeated.clear()


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(one, other, strict=True))


def _shown(event: MarketEvent) -> str:
    values = ", ".join(f"{value:g}" for value in event.values)
    return f"{event.kind} {event.symbol[:40]!r} at {event.event_time} ({values})"
