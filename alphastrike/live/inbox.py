"""The one bounded queue of a live run, and what may lie in it.

Nothing of a person or a policy is ever dropped. A played feed waits while the inbox is full; a wall-clock feed
cannot, so there data that newer data has superseded makes room, and the loss is counted for an incident.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from alphastrike.journal.inputs import OperatorAct
from alphastrike.policy.policies import Answered

if TYPE_CHECKING:
    from alphastrike.policy.llm.conversation import Conversation

SIZE: Final = 4096
"""Items that fit before a played feed waits."""


HARD_SIZE: Final = 16 * SIZE
"""Market items beyond which a wall-clock feed loses even what nothing has superseded."""


_SUPERSEDED: Final = frozenset({"marks", "open_interest", "long_short_ratio", "book_tops"})
"""Kinds of which only the newest event of a symbol matters."""


class MarketEvent(NamedTuple):
    """One event of the market, as a feed sends it; nothing about it has been checked."""

    kind: str
    """Name of an input kind, one of ``journal.inputs.MARKET_KINDS``."""
    event_time: int
    """Microseconds UTC; of a candle, its close."""
    symbol: str
    """As the feed names it: it may be one that the run does not know. Of ``externals``, the name of the series."""
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
    touched: int = 0
    """Orders that the act sent, or interventions that it revoked: ``Stepped.touched``."""


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

    def answer(self, done: Done) -> None:
        """Tell whoever still waits that it is done."""
        if not self.reply.done():
            self.reply.set_result(done)

    def refuse(self, why: Exception) -> None:
        """Tell whoever still waits that it will not be done."""
        if not self.reply.done():
            self.reply.set_exception(why)
            # Nobody may be waiting, and that is no defect.
            self.reply.exception()


@dataclass(frozen=True, slots=True)
class AdviceArrived:
    """A policy that is not waited for has answered a situation."""

    situation: int
    answered: Answered
    latency_us: int
    """Measured, microseconds."""
    is_followed: bool = False
    """The situation is one of the account that follows, beside a shadow run."""
    talks: "tuple[Conversation, ...]" = ()
    """What a model was asked for it."""


class Stop(NamedTuple):
    """End the run: what has begun is finished, nothing new is begun."""

    reason: str


Item = MarketEvent | TickEvent | FeedEnded | FeedSilent | OperatorCommand | AdviceArrived | Stop


class Stamped(NamedTuple):
    """An item with the moment it came in, seconds of a monotonic clock."""

    item: Item
    at: float


class Inbox:
    """Two queues with one reader, in one event loop: what people and policies say overtakes market data."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._urgent: deque[Stamped] = deque()
        self._market: deque[Stamped] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._clock = asyncio.get_running_loop().time
        self._dropped = 0
        self._full_at = size
        self.last_from_feed = self._clock()
        """When the feed last sent anything, by the loop's clock."""

    def __len__(self) -> int:
        return len(self._urgent) + len(self._market)

    async def put(self, *items: Item) -> None:
        """Put items of a played feed in, in order, waiting for room as often as needed."""
        for item in items:
            while len(self._market) >= self._size:
                self._room.clear()
                await self._room.wait()
            self._append(item)

    def offer(self, item: Item) -> None:
        """Put an item of a wall-clock feed in, at once.

        When the inbox is full, what newer data has superseded gives way: an older mark, open interest, ratio or book
        top of the same symbol, the same event sent again. Where all of it matters the inbox grows beyond its size
        rather than make the journal poorer, up to ``HARD_SIZE``; then the new event is lost. Every loss is counted.
        Ticks are never lost.
        """
        if isinstance(item, MarketEvent) and len(self._market) >= self._full_at:
            self._drop_superseded()
        if isinstance(item, MarketEvent) and len(self._market) >= HARD_SIZE:
            self._dropped += 1
            return
        self._append(item)

    def send(self, item: Item) -> None:
        """Put in what is never dropped and never waits: a person's command, an advice, the order to stop."""
        self._urgent.append(Stamped(item, self._clock()))
        self._arrived.set()

    def pop(self) -> Stamped | None:
        """Return the next item, or ``None`` when there is none: first what people and policies say, then the market."""
        if self._urgent:
            return self._urgent.popleft()
        if not self._market:
            return None
        stamped = self._market.popleft()
        if len(self._market) < self._size:
            self._full_at = self._size
            self._room.set()
        return stamped

    def take_urgent(self) -> list[Item]:
        """Return all that people and policies have said."""
        urgent = [stamped.item for stamped in self._urgent]
        self._urgent.clear()
        return urgent

    async def wait(self) -> None:
        """Return once there is something to pop."""
        while not self:
            self._arrived.clear()
            await self._arrived.wait()

    def take_dropped(self) -> int:
        """Return how much was dropped since the last call."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def _append(self, item: Item) -> None:
        self.last_from_feed = self._clock()
        self._market.append(Stamped(item, self.last_from_feed))
        self._arrived.set()

    def _drop_superseded(self) -> None:
        newest: set[tuple[object, ...]] = set()
        kept: deque[Stamped] = deque()
        for stamped in reversed(self._market):
            key = _key(stamped.item)
            if key is not None and key in newest:
                self._dropped += 1
                continue
            if key is not None:
                newest.add(key)
            kept.appendleft(stamped)
        self._market = kept
        # Looked through again only once as much has come in as there was: a burst costs no more than its length.
        self._full_at = max(self._size, 2 * len(kept))


def _key(item: Item) -> tuple[object, ...] | None:
    """Return what a newer item supersedes this one by; ``None`` when nothing does."""
    if not isinstance(item, MarketEvent):
        return None
    if item.kind in _SUPERSEDED:
        return (item.kind, item.symbol)
    return tuple(item)
