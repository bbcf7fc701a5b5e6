"""The one bounded queue of a live run, and what may lie in it.

Nothing of a person or a policy is ever dropped. A played feed waits while the inbox is full; a wall-clock feed
cannot, so there data that newer data has superseded makes room, and the loss is counted for an incident.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from alphastrike.journal.inputs import OperatorAct
from alphastrike.policy.policies import Answered

SIZE: Final = 4096
"""Items that fit before a played feed waits."""


class MarketEvent(NamedTuple):
    """One event of the market, as a feed sends it; nothing about it has been checked."""

    kind: str
    """Name of an input kind: ``candles``, ``marks``, ``funding``, ``open_interest``."""
    event_time: int
    """Microseconds UTC; of a candle, its close."""
    symbol: str
    """As the feed names it: it may be one that the run does not know."""
    values: tuple[float, ...]
    """The kind's remaining columns, in their order."""


class TickEvent(NamedTuple):
    """A feed says that an instant is over."""

    event_time: int


class FeedEnded(NamedTuple):
    """A feed has no more to send."""

    reason: str
    """Empty when it came to its end; else what broke it, as a sentence."""


class FeedSilent(NamedTuple):
    """Nothing has come from a wall-clock feed for longer than it may be silent."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Done:
    """What a person is told once the act is durable."""

    seq: int
    """The act's own number in the journal."""
    market_seq: int
    """Of the last tick before it: the act takes effect right after that one."""
    event_time: int
    """Of that tick, microseconds UTC."""
    changed: int
    """Derived rows that followed: none when the act changed nothing, as a second halt."""


@dataclass(slots=True, eq=False)
class OperatorCommand:
    """What a person orders; ``await command.reply`` returns once it is journaled, carried out and on the disk.

    Make it inside the event loop. An act that the engine refuses sets an ``AlphaStrikeError`` on the reply.
    """

    act: OperatorAct
    author: str
    """Who orders it: the login name."""
    symbol: int = -1
    """-1 for the whole account."""
    number: int = 0
    """Of the intervention to revoke; 0 for every live one."""
    detail: str = ""
    """Further words for the journal."""
    reply: "asyncio.Future[Done]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass(frozen=True, slots=True)
class AdviceArrived:
    """A policy that is not waited for has answered a situation."""

    situation: int
    answered: Answered
    latency_us: int
    """Measured, microseconds."""


class Stop(NamedTuple):
    """End the run: what has begun is finished, nothing new is begun."""

    reason: str


Item = MarketEvent | TickEvent | FeedEnded | FeedSilent | OperatorCommand | AdviceArrived | Stop


class Stamped(NamedTuple):
    """An item with the moment it came in, seconds of a monotonic clock."""

    item: Item
    at: float


class Inbox:
    """A queue with one reader and any number of writers, all in one event loop."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._items: deque[Stamped] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._clock = asyncio.get_running_loop().time
        self.dropped = 0
        """Superseded market data that gave way since the count was last taken."""
        self.last_from_feed = self._clock()
        """When the feed last sent anything, by the loop's clock."""

    def __len__(self) -> int:
        return len(self._items)

    async def put(self, item: Item) -> None:
        """Put an item of a played feed in, waiting for room."""
        while len(self._items) >= self._size:
            self._room.clear()
            await self._room.wait()
        self._from_feed(item)

    async def put_all(self, items: Sequence[Item]) -> None:
        """Put items of a played feed in, in order, waiting for room as often as needed."""
        done = 0
        while done < len(items):
            free = self._size - len(self._items)
            if free <= 0:
                self._room.clear()
                await self._room.wait()
                continue
            for item in items[done : done + free]:
                self._from_feed(item)
            done += free

    def offer(self, item: Item) -> None:
        """Put an item of a wall-clock feed in, at once.

        When the inbox is full, everything in it that newer data of the same kind and symbol has superseded is dropped
        and counted. Candles and funding of different times are never superseded, nor are ticks; so a burst of facts
        that all matter makes the inbox longer, rather than the journal poorer.
        """
        if len(self._items) >= self._size and isinstance(item, MarketEvent):
            self._drop_superseded()
        self._from_feed(item)

    def send(self, item: Item) -> None:
        """Put in what is never dropped and never waits: a person's command, an advice, the order to stop."""
        self._items.append(Stamped(item, self._clock()))
        self._arrived.set()

    async def take(self, most: int) -> list[Stamped]:
        """Return the oldest items, at least one and at most so many, waiting for the first."""
        while not self._items:
            self._arrived.clear()
            await self._arrived.wait()
        return self.take_now(most)

    def take_now(self, most: int) -> list[Stamped]:
        """Return what is there, at most so many items, without waiting."""
        taken = [self._items.popleft() for _ in range(min(most, len(self._items)))]
        if len(self._items) < self._size:
            self._room.set()
        return taken

    def take_dropped(self) -> int:
        """Return how much was dropped since the last call."""
        dropped, self.dropped = self.dropped, 0
        return dropped

    def _from_feed(self, item: Item) -> None:
        self.last_from_feed = self._clock()
        self._items.append(Stamped(item, self.last_from_feed))
        self._arrived.set()

    def _drop_superseded(self) -> None:
        newest: set[tuple[object, ...]] = set()
        kept: deque[Stamped] = deque()
        for stamped in reversed(self._items):
            key = _key(stamped.item)
            if key is not None and key in newest:
                self.dropped += 1
                continue
            if key is not None:
                newest.add(key)
            kept.appendleft(stamped)
        self._items = kept


def _key(item: Item) -> tuple[object, ...] | None:
    """Return what a newer item supersedes this one by; ``None`` when nothing does."""
    if not isinstance(item, MarketEvent):
        return None
    if item.kind in {"marks", "open_interest"}:
        return (item.kind, item.symbol)
    return tuple(item)
