"""The played feed: everything in order, at its pace, standing still when told, and on again from any tick."""

import asyncio
import math
import time

from alphastrike.journal.inputs import MARKET_KINDS
from alphastrike.live.feeds import Pace, PlayedFeed
from alphastrike.live.inbox import FeedEnded, Inbox, Item, MarketEvent, TickEvent
from alphastrike.market.simulate import simulation
from alphastrike.model.units import MICROS_PER_HOUR, MICROS_PER_SECOND

TABLES = simulation(("BTCUSDT", "ETHUSDT"), 30, MICROS_PER_HOUR, seed=5).tables
COUNTS = {name: len(TABLES.columns[name]["event_time"]) for name in MARKET_KINDS}


async def everything(resume_after: int | None = None) -> list[Item]:
    inbox = Inbox(size=50)
    feeding = asyncio.create_task(PlayedFeed(TABLES, Pace(math.inf)).run(inbox, resume_after))
    items: list[Item] = []
    while not items or not isinstance(items[-1], FeedEnded):
        await inbox.wait()
        while stamped := inbox.pop():
            items.append(stamped.item)
        await asyncio.sleep(0)
    await feeding
    return items


def test_every_event_of_the_market_is_sent_once_inside_its_instant() -> None:
    items = asyncio.run(everything())
    tick = TABLES.start - TABLES.interval
    counts = dict.fromkeys(COUNTS, 0)
    for item in items[:-1]:
        if isinstance(item, TickEvent):
            tick += TABLES.interval
            assert item.event_time == tick
        else:
            assert isinstance(item, MarketEvent)
            assert tick < item.event_time <= tick + TABLES.interval
            counts[item.kind] += 1

    assert counts == COUNTS
    assert tick == TABLES.start + (TABLES.ticks - 1) * TABLES.interval
    assert items[-1] == FeedEnded("")


def test_a_resumed_feed_sends_the_rest() -> None:
    whole = asyncio.run(everything())
    for ticks in (0, 1, 511, 512, 719, 720):
        after = TABLES.start + (ticks - 1) * TABLES.interval
        rest = asyncio.run(everything(after if ticks else None))
        assert rest == whole[whole.index(TickEvent(after)) + 1 if ticks else 0 :]


def test_speed_is_a_multiple_of_real_time() -> None:
    async def scene() -> list[float]:
        pace = Pace(10 * 3600.0)  # an hour in a tenth of a second
        began = time.monotonic()
        reached = []
        for hour in range(4):
            await pace.until(hour * MICROS_PER_HOUR)
            reached.append(time.monotonic() - began)
        return reached

    for hour, reached in enumerate(asyncio.run(scene())):
        assert 0.1 * hour <= reached < 0.1 * hour + 0.09


def test_market_time_stands_still_while_it_is_held() -> None:
    async def scene() -> tuple[float, float]:
        pace = Pace(1.0)
        began = time.monotonic()
        await pace.until(0)
        waiting = asyncio.create_task(pace.until(MICROS_PER_SECOND // 10))
        with pace.held():
            await asyncio.sleep(0.3)
        await waiting
        reached = time.monotonic() - began
        await pace.until(MICROS_PER_SECOND // 5)
        return reached, time.monotonic() - began

    reached, later = asyncio.run(scene())
    assert reached >= 0.4
    assert later >= reached + 0.09, "what was held back is not caught up"


def test_a_feed_at_full_speed_stands_still_too() -> None:
    async def scene() -> bool:
        pace = Pace(math.inf)
        with pace.held():
            waiting = asyncio.create_task(pace.until(0))
            await asyncio.sleep(0.05)
            stood = not waiting.done()
        await waiting
        return stood

    assert asyncio.run(scene())
