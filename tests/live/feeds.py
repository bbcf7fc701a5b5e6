"""Feeds for tests: real asyncio producers, well behaved or not."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from alphastrike.live.inbox import FeedEnded, Inbox, Item, MarketEvent, TickEvent
from alphastrike.market.building import instrument_records, tier_records
from alphastrike.market.columns import MarketTables

Script = Callable[[Inbox], Awaitable[None]]


class ScriptedFeed:
    """Sends what a script sends, on the terms of a market; ``waits`` as it is told."""

    def __init__(self, tables: MarketTables, script: Script, *, waits: bool = False) -> None:
        self.symbols = tables.symbols
        self.start = tables.start
        self.interval = tables.interval
        self.instruments: Any = instrument_records(tables.columns["instruments"], len(tables.symbols))
        self.tiers: Any = tier_records(tables.columns["margin_tiers"], len(tables.symbols))
        self.waits = waits
        self.resumed_after: int | None = None
        self._script = script

    async def run(self, inbox: Inbox, resume_after: int | None) -> None:
        self.resumed_after = resume_after
        await self._script(inbox)


def sends(*items: Item, every_s: float = 0.0, ends: bool = True) -> Script:
    """A script that offers items as a wall-clock feed does, and ends."""

    async def script(inbox: Inbox) -> None:
        for item in items:
            inbox.offer(item)
            await asyncio.sleep(every_s)
        if ends:
            inbox.offer(FeedEnded(""))
        else:
            await asyncio.Event().wait()

    return script


def candle(symbol: str, at: int, price: float = 100.0, volume: float = 10.0, taker: float = 4.0) -> MarketEvent:
    """A bar whose four prices are one."""
    return MarketEvent("candles", at, symbol, (price, price, price, price, volume, taker, 7))


def instant(symbols: Sequence[str], at: int, price: float = 100.0) -> list[Item]:
    """A candle of every symbol, and the tick."""
    return [*(candle(symbol, at, price) for symbol in symbols), TickEvent(at)]
