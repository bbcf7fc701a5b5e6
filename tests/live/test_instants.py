"""The collector: whatever order events come in, instants and numbers are the market's own; nothing vanishes unsaid."""

import math
import random
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.journal.inputs import MARKET_KINDS, IncidentKind
from alphastrike.journal.kinds import KINDS
from alphastrike.journal.packing import Packing
from alphastrike.live.feeds import PlayedFeed
from alphastrike.live.inbox import MarketEvent, TickEvent
from alphastrike.live.instants import AHEAD_EVENTS_MAX, MISSING_MAX, Closed, Collector
from alphastrike.market.building import market_of
from alphastrike.market.market import Market
from alphastrike.market.simulate import simulation
from alphastrike.model.series import ASK_SIZE, BID, LONG_LIQUIDATED, SHORT_LIQUIDATED
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import MICROS_PER_HOUR
from tests.engine.instants import instant_at
from tests.live.feeds import candle

HOUR = MICROS_PER_HOUR
SYMBOLS = SymbolTable(("BTCUSDT", "ETHUSDT"))
START = 1_700_000_000 * 1_000_000 // HOUR * HOUR

TABLES = simulation(("BTCUSDT", "ETHUSDT", "SOLUSDT"), 4, HOUR, seed=5).tables
MARKET = market_of("small", "", TABLES)


def collector() -> Collector:
    return Collector(SYMBOLS, START, HOUR)


def played() -> list[list[MarketEvent]]:
    """The market's events by instant, as the feed sends them."""
    feed = PlayedFeed(TABLES, None)  # type: ignore[arg-type] # nothing is waited for here
    return [[item for item in items if isinstance(item, MarketEvent)] for _, items in feed.stretch(0, TABLES.ticks)]


@dataclass
class Collected:
    """A market collected again from its events."""

    closed: list[Closed]
    kinds: dict[int, tuple[str, int | str]]
    """Kind and symbol of every input by its seq."""


def collect(instants: list[list[MarketEvent]]) -> Collected:
    made = Collector(TABLES.symbols, TABLES.start, TABLES.interval)
    closed: list[Closed] = []
    kinds: dict[int, tuple[str, int | str]] = {}
    seq = 0
    number = 0
    for place, events in enumerate(instants):
        for event in (*made.take_ahead(), *events):
            if accepted := made.take(event):
                seq += 1
                accepted.seq = seq
                kinds[seq] = accepted.kind, accepted.subject
        seq += 1
        (tick,) = made.ticks_to(TABLES.start + place * HOUR)
        closed.append(made.close(tick, number))
        number = closed[-1].market_seq
    assert made.take_troubles() == []
    return Collected(closed, kinds)


def assert_is(collected: Collected, market: Market) -> None:
    for tick, closed in enumerate(collected.closed):
        instant = closed.instant
        assert instant.now == market.tick_times[tick]
        assert instant.bars.tobytes() == np.ascontiguousarray(market.bars[tick : tick + 1]).tobytes()
        expected = instant_at(market, tick)
        assert np.array_equal(instant.series, expected.series, equal_nan=True)
        assert instant.externals == expected.externals
        assert instant.other_events == market.other_events[tick]
        assert closed.market_seq == market.tick_seq[tick]


def test_a_played_market_is_collected_into_the_market_itself() -> None:
    assert_is(collect(played()), MARKET)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_in_which_events_of_an_instant_come_changes_nothing(seed: int) -> None:
    shuffled = played()
    for events in shuffled:
        random.Random(seed).shuffle(events)

    collected = collect(shuffled)

    assert_is(collected, MARKET)
    for closed in collected.closed:
        named = [(number, collected.kinds[seq]) for seq, number in sorted(closed.numbers.items(), key=itemgetter(1))]
        assert named == sorted(named, key=lambda one: (MARKET_KINDS.index(one[1][0]), one[1][1]))


def test_numbers_run_without_a_gap_from_tick_to_tick() -> None:
    before = 0
    for closed in collect(played()).closed:
        assert sorted(set(closed.numbers.values())) == list(range(before + 1, closed.market_seq))
        before = closed.market_seq


def test_events_that_come_before_their_time_wait_for_their_instant() -> None:
    early = played()
    for place in range(1, len(early), 2):
        early[place - 1] += early[place]
        early[place] = []

    assert_is(collect(early), MARKET)


def test_the_last_mark_of_an_instant_stands_whatever_came_first() -> None:
    made = collector()
    for seq, minute in enumerate((50, 10, 30), start=1):
        accepted = made.take(MarketEvent("marks", START - HOUR + minute * 60_000_000, "ETHUSDT", (100.0 + minute,)))
        assert accepted is not None
        accepted.seq = seq
    closed = made.close(START, 0)

    assert closed.instant.bars["mark"][0, 1] == 150.0
    assert set(closed.numbers.values()) == {1}
    assert closed.market_seq == 2


@pytest.mark.parametrize(
    ("event", "incident", "said"),
    [
        (candle("DOGEUSDT", START), IncidentKind.UNKNOWN_SYMBOL, "'DOGEUSDT'"),
        (candle("BTCUSDT", START - HOUR), IncidentKind.LATE, "is over"),
        (candle("BTCUSDT", START + 40 * HOUR), IncidentKind.EARLY, "next tick"),
        (candle("BTCUSDT", START - 1), IncidentKind.IMPOSSIBLE, "closes on a multiple"),
        (MarketEvent("funding", START, "BTCUSDT", (math.nan, 0)), IncidentKind.IMPOSSIBLE, "rate is finite"),
        (MarketEvent("funding", START, "BTCUSDT", (1.5, 0)), IncidentKind.IMPOSSIBLE, "below a whole notional"),
        (MarketEvent("marks", START, "BTCUSDT", (-1.0,)), IncidentKind.IMPOSSIBLE, "positive"),
        (MarketEvent("marks", START, "BTCUSDT", (math.inf,)), IncidentKind.IMPOSSIBLE, "finite"),
        (MarketEvent("open_interest", START, "BTCUSDT", (-5.0, 1.0)), IncidentKind.IMPOSSIBLE, "not negative"),
        (candle("BTCUSDT", START, volume=1.0, taker=2.0), IncidentKind.IMPOSSIBLE, "taker_buy_volume"),
        (MarketEvent("long_short_ratio", START, "BTCUSDT", (0.0,)), IncidentKind.IMPOSSIBLE, "positive"),
        (MarketEvent("long_short_ratio", START, "BTCUSDT", (math.nan,)), IncidentKind.IMPOSSIBLE, "finite"),
        (MarketEvent("book_tops", START, "BTCUSDT", (99.0, 1.0, math.nan, 1.0)), IncidentKind.IMPOSSIBLE, "finite"),
        (MarketEvent("book_tops", START, "BTCUSDT", (99.0, -1.0, 100.0, 1.0)), IncidentKind.IMPOSSIBLE, "not negative"),
        (MarketEvent("liquidations", START, "BTCUSDT", (0, 100.0, 1.0)), IncidentKind.IMPOSSIBLE, "is 1 or -1"),
        (MarketEvent("liquidations", START, "BTCUSDT", (1, 0.0, 1.0)), IncidentKind.IMPOSSIBLE, "positive"),
        (MarketEvent("liquidations", START, "BTCUSDT", (1, 100.0, math.inf)), IncidentKind.IMPOSSIBLE, "finite"),
        (MarketEvent("liquidations", START, "DOGEUSDT", (1, 100.0, 1.0)), IncidentKind.UNKNOWN_SYMBOL, "'DOGEUSDT'"),
        (MarketEvent("externals", START, "Fear & Greed", (START, 1.0)), IncidentKind.IMPOSSIBLE, "no name of a series"),
        (MarketEvent("externals", START, "a" * 41, (START, 1.0)), IncidentKind.IMPOSSIBLE, "no name of a series"),
        (MarketEvent("externals", START, "dxy", (START, math.nan)), IncidentKind.IMPOSSIBLE, "finite"),
        (MarketEvent("externals", START, "dxy", (START + 1, 1.0)), IncidentKind.IMPOSSIBLE, "or later"),
        (MarketEvent("externals", START, "dxy", (-math.inf, 1.0)), IncidentKind.IMPOSSIBLE, "or later"),
        (MarketEvent("externals", START - HOUR, "dxy", (START - HOUR, 1.0)), IncidentKind.LATE, "is over"),
    ],
)
def test_what_fits_no_instant_is_refused_and_said(event: MarketEvent, incident: IncidentKind, said: str) -> None:
    made = collector()

    assert made.take(event) is None

    (trouble,) = made.take_troubles()
    assert trouble.incident is incident
    assert said in trouble.detail
    assert made.open_events == 0


@pytest.mark.parametrize("price", [math.nan, -3.0, 0.0, math.inf])
def test_candle_prices_go_through_to_the_gateway_which_judges_them(price: float) -> None:
    made = collector()

    assert made.take(candle("BTCUSDT", START, price)) is not None
    assert made.take_troubles() == []


def test_a_repeat_is_dropped_and_a_contradiction_does_not_replace_what_stands() -> None:
    made = collector()
    assert made.take(candle("BTCUSDT", START, 100.0, taker=math.nan)) is not None
    assert made.take(candle("BTCUSDT", START, 100.0, taker=math.nan)) is None
    assert made.take(candle("BTCUSDT", START, 101.0)) is None

    assert [trouble.incident for trouble in made.take_troubles()] == [IncidentKind.REPEATED, IncidentKind.CONFLICTING]
    assert made.close(START, 0).instant.bars["close"][0, 0] == 100.0


def test_liquidations_of_one_time_stand_beside_each_other_and_one_sent_again_is_a_repeat() -> None:
    made = collector()
    rows = [(1, 100.0, 2.0), (-1, 100.0, 2.0), (1, 100.0, 3.0), (1, 101.0, 2.0)]
    for seq, row in enumerate(rows, start=1):
        accepted = made.take(MarketEvent("liquidations", START - 5, "ETHUSDT", row))
        assert accepted is not None
        accepted.seq = seq
    assert made.take(MarketEvent("liquidations", START - 5, "ETHUSDT", rows[0])) is None

    closed = made.close(START, 0)
    assert [trouble.incident for trouble in made.take_troubles()] == [IncidentKind.REPEATED]
    assert closed.instant.series[LONG_LIQUIDATED : SHORT_LIQUIDATED + 1, 0, 1].tolist() == [702.0, 200.0]
    assert np.isnan(closed.instant.series[LONG_LIQUIDATED, 0, 0]), "nothing was reported of the other symbol"
    assert closed.numbers == {2: 1, 1: 2, 3: 3, 4: 4}, "by side, price and quantity, whatever came first"


def test_an_external_series_that_nobody_announced_is_taken_and_its_last_value_stands() -> None:
    made = collector()
    told = [("zz", START - 9, 1.0), ("dxy", START - 7, 101.0), ("dxy", START - 8, 100.0), ("dxy", START - 7, 102.0)]
    stamps = [START - 9, START - 60, START - 90, START - 50]
    for seq, ((name, event_time, value), stamp) in enumerate(zip(told, stamps, strict=True), start=1):
        accepted = made.take(MarketEvent("externals", event_time, name, (stamp, value)))
        assert accepted is not None
        assert accepted.row == (event_time, name, stamp, value)
        accepted.seq = seq
    assert made.take(MarketEvent("externals", START - 9, "zz", (START - 9, 2.0))) is None

    closed = made.close(START, 0)
    assert [trouble.incident for trouble in made.take_troubles()] == [IncidentKind.CONFLICTING]
    assert closed.instant.externals == {"dxy": 102.0, "zz": 1.0}
    assert closed.numbers == {3: 1, 2: 2, 4: 3, 1: 4}
    assert (closed.instant.other_events, closed.market_seq) == (4, 5)


def test_a_crossed_book_goes_through_to_the_gateway_and_the_last_of_an_instant_stands() -> None:
    made = collector()
    assert made.take(MarketEvent("book_tops", START, "BTCUSDT", (101.0, 1.0, 100.0, 2.0))) is not None
    assert made.take(MarketEvent("book_tops", START - 1, "BTCUSDT", (99.0, 1.0, 100.0, 2.0))) is not None
    assert made.close(START, 0).instant.series[BID : ASK_SIZE + 1, 0, 0].tolist() == [101.0, 1.0, 100.0, 2.0]


@pytest.mark.parametrize("kind", MARKET_KINDS)
def test_an_instant_begun_before_a_restart_is_the_same_after_it(kind: str) -> None:
    """Every kind goes through the journal's own bytes and comes again from its feed."""
    packing = Packing(KINDS[kind])
    place, events = next(
        (place, own) for place, events in enumerate(played()) if (own := [one for one in events if one.kind == kind])
    )
    whole, resumed = (
        Collector(TABLES.symbols, TABLES.start, HOUR, TABLES.start + (place - 1) * HOUR) for _ in range(2)
    )
    for seq, event in enumerate(events, start=1):
        accepted = whole.take(event)
        assert accepted is not None
        accepted.seq = seq
        resumed.put_back(kind, packing.unpack_input(packing.pack_input(accepted.row)), seq)
    assert [resumed.take(event) for event in events] == [None] * len(events)
    assert resumed.take_troubles() == []

    before, after = (one.close(TABLES.start + place * HOUR, 7) for one in (whole, resumed))
    assert after.numbers == before.numbers
    assert after.instant.bars.tobytes() == before.instant.bars.tobytes()
    assert after.instant.series.tobytes() == before.instant.series.tobytes()
    assert after.instant.externals == before.instant.externals


def test_ten_thousand_troubles_of_one_sort_are_two_incidents() -> None:
    made = collector()
    for number in range(10_000):
        assert made.take(candle(f"S{number}USDT", START)) is None
    made.close(START, 0)

    first, others = made.take_troubles()
    assert "'S0USDT'" in first.detail
    assert "9999 more" in others.detail


def test_what_comes_early_is_bounded() -> None:
    made = collector()
    for number in range(AHEAD_EVENTS_MAX + 10):
        made.take(MarketEvent("marks", START + 1 + number, "BTCUSDT", (1.0,)))

    assert len(made.take_ahead()) == AHEAD_EVENTS_MAX
    assert made.take_troubles()[0].incident is IncidentKind.EARLY


@pytest.mark.parametrize(
    ("event_time", "ticks", "incident"),
    [
        (START, [START], None),
        (START - HOUR, [], IncidentKind.LATE),
        (START - 99 * HOUR, [], IncidentKind.LATE),
        (START + 1, [], IncidentKind.IMPOSSIBLE),
        (START + 2 * HOUR, [START, START + HOUR, START + 2 * HOUR], IncidentKind.MISSING_TICK),
        (START + (MISSING_MAX + 1) * HOUR, [], IncidentKind.EARLY),
    ],
)
def test_a_tick_closes_every_instant_up_to_it_or_none(
    event_time: int, ticks: list[int], incident: IncidentKind | None
) -> None:
    made = collector()

    assert made.ticks_to(event_time) == ticks
    assert [trouble.incident for trouble in made.take_troubles()] == ([] if incident is None else [incident])


def test_what_a_restarted_feed_sends_once_more_is_no_incident_but_a_second_time_is() -> None:
    made = collector()
    sent = candle("ETHUSDT", START, 7.0)
    before = collector()
    accepted = before.take(sent)
    assert accepted is not None

    made.put_back(accepted.kind, accepted.row, 41)
    assert made.take(sent) is None
    assert made.take_troubles() == []
    assert made.take(sent) is None
    assert [trouble.incident for trouble in made.take_troubles()] == [IncidentKind.REPEATED]
    assert made.close(START, 0).numbers == {41: 1}


real = st.floats(allow_nan=True, allow_infinity=True)
any_event = st.one_of(
    st.builds(
        MarketEvent,
        st.just("candles"),
        st.integers(START - 3 * HOUR, START + 20 * HOUR),
        st.sampled_from([*SYMBOLS, "X"]),
        st.tuples(*[real] * 7),
    ),
    st.builds(
        MarketEvent,
        st.sampled_from(["funding", "open_interest"]),
        st.integers(START - HOUR, START + HOUR),
        st.sampled_from(SYMBOLS),
        st.tuples(real, st.sampled_from([0, 1])),
    ),
    st.builds(
        MarketEvent,
        st.just("book_tops"),
        st.integers(START - HOUR, START + HOUR),
        st.sampled_from(SYMBOLS),
        st.tuples(*[real] * 4),
    ),
    st.builds(
        MarketEvent,
        st.just("liquidations"),
        st.integers(START - 2, START),
        st.sampled_from(SYMBOLS),
        st.tuples(st.sampled_from([1, -1]), st.sampled_from([5.0, math.nan]), st.sampled_from([1.0, 2.0])),
    ),
    st.builds(
        MarketEvent,
        st.just("externals"),
        st.integers(START - 2, START + HOUR),
        st.sampled_from(["dxy", "spx", "DXY", ""]),
        st.tuples(st.integers(START - 2, START), real),
    ),
)


@given(st.lists(any_event, max_size=30))
def test_every_event_is_accepted_waits_or_is_an_incident(events: list[MarketEvent]) -> None:
    made = collector()
    accepted = sum(made.take(event) is not None for event in events)
    waiting = len(made.take_ahead())
    told = made.take_troubles()
    closed = made.close(START, 0)
    more = [int(trouble.detail.split(": ")[1].split(" more")[0]) for trouble in made.take_troubles()]

    assert accepted + waiting + len(told) + sum(more) == len(events)
    assert closed.instant.events == closed.market_seq
    assert not np.isnan(closed.instant.bars["funding_rate"]).any()
    assert TickEvent(START).event_time == closed.instant.now
