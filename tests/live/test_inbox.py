"""The inbox: people overtake the market, a played feed waits, a wall-clock feed never does and loses what may go."""

import asyncio

import pytest

from alphastrike.journal.inputs import OperatorAct
from alphastrike.live.inbox import HARD_SIZE, Done, Inbox, Item, MarketEvent, OperatorCommand, Stop, TickEvent
from alphastrike.model.errors import TryAgainError
from tests.live.feeds import candle


def mark(at: int, symbol: str = "BTCUSDT") -> MarketEvent:
    return MarketEvent("marks", at, symbol, (float(at),))


def drained(inbox: Inbox) -> list[Item]:
    items = []
    while stamped := inbox.pop():
        items.append(stamped.item)
    return items


def test_market_data_keeps_its_order_and_people_overtake_it() -> None:
    async def scene() -> list[Item]:
        inbox = Inbox()
        inbox.offer(mark(1))
        inbox.offer(TickEvent(1))
        inbox.send(Stop("enough"))
        return drained(inbox)

    assert asyncio.run(scene()) == [Stop("enough"), mark(1), TickEvent(1)]


def test_a_played_feed_waits_for_room_and_loses_nothing() -> None:
    async def scene() -> tuple[int, list[Item]]:
        inbox = Inbox(size=10)
        feeding = asyncio.create_task(inbox.put(*(mark(at) for at in range(1000))))
        await asyncio.sleep(0)
        waited_at = len(inbox)
        got: list[Item] = []
        while len(got) < 1000:
            await inbox.wait()
            got += drained(inbox)
            await asyncio.sleep(0)
        await feeding
        return waited_at, got

    waited_at, got = asyncio.run(scene())
    assert waited_at == 10
    assert got == [mark(at) for at in range(1000)]


def test_a_full_inbox_of_a_wall_clock_feed_keeps_the_newest_mark_and_every_fact() -> None:
    async def scene() -> tuple[int, list[Item]]:
        inbox = Inbox(size=10)
        for at in range(30):
            inbox.offer(mark(at))
            inbox.offer(mark(at, "ETHUSDT"))
            inbox.offer(candle("BTCUSDT", at))
            inbox.offer(TickEvent(at))
        return inbox.take_dropped(), drained(inbox)

    dropped, kept = asyncio.run(scene())
    assert [item for item in kept if isinstance(item, TickEvent)] == [TickEvent(at) for at in range(30)]
    assert [item.event_time for item in kept if isinstance(item, MarketEvent) and item.kind == "candles"] == [
        *range(30)
    ]
    marks = [item for item in kept if isinstance(item, MarketEvent) and item.kind == "marks"]
    assert dropped > 0
    assert dropped + len(marks) == 60
    assert {mark(29), mark(29, "ETHUSDT")} <= set(marks)


@pytest.mark.parametrize(
    ("kind", "values", "is_superseded"),
    [
        ("open_interest", (5.0, 6.0), True),
        ("long_short_ratio", (1.5,), True),
        ("book_tops", (99.0, 1.0, 100.0, 1.0), True),
        ("funding", (0.0001, 0), False),
        ("liquidations", (1, 100.0, 2.0), False),
        ("externals", (7, 2.0), False),
    ],
)
def test_only_what_newer_data_replaces_gives_way(kind: str, values: tuple[float, ...], is_superseded: bool) -> None:
    async def scene() -> list[Item]:
        inbox = Inbox(size=10)
        for at in range(30):
            inbox.offer(MarketEvent(kind, at, "one", values))
        return drained(inbox)

    kept = asyncio.run(scene())
    assert kept[-1] == MarketEvent(kind, 29, "one", values)
    assert (len(kept) < 30) is is_superseded


def test_a_flood_of_facts_is_bounded_and_its_losses_are_counted() -> None:
    async def scene() -> tuple[int, int]:
        inbox = Inbox()
        for at in range(HARD_SIZE + 500):
            inbox.offer(candle("BTCUSDT", at))
        inbox.offer(TickEvent(0))
        return len(inbox), inbox.take_dropped()

    assert asyncio.run(scene()) == (HARD_SIZE + 1, 500)


def test_an_offer_never_waits_and_a_command_is_never_dropped() -> None:
    async def scene() -> int:
        inbox = Inbox(size=5)
        for at in range(50):
            inbox.offer(candle("BTCUSDT", at))
            inbox.send(OperatorCommand(OperatorAct.HALT, "ada"))
        return sum(isinstance(item, OperatorCommand) for item in drained(inbox))

    assert asyncio.run(scene()) == 50


def test_a_reply_is_given_once_whether_or_not_somebody_waits() -> None:
    async def scene() -> Done:
        command = OperatorCommand(OperatorAct.HALT, "ada")
        command.answer(Done(1, 2, 3, 4))
        command.refuse(TryAgainError("too late"))
        OperatorCommand(OperatorAct.HALT, "bob").refuse(TryAgainError("nobody hears this"))
        return await command.reply

    assert asyncio.run(scene()) == Done(1, 2, 3, 4)
