"""Input kinds: facts from outside, written before the engine acts on them."""

from enum import IntEnum
from typing import Final

from alphastrike.journal.kinds import Role, kind
from alphastrike.model.units import (
    Base,
    Count,
    Flag,
    Fraction,
    Identity,
    Micros,
    Multiple,
    Quote,
    QuotePerBase,
    SeriesValue,
    SymbolId,
    Text,
)

MARKET_KINDS: Final = (
    "candles", "marks", "funding", "open_interest", "long_short_ratio", "book_tops", "liquidations", "externals",
)  # fmt: skip
"""Kinds of market events, in the order in which they come inside an instant."""

LATER_KINDS: Final = MARKET_KINDS[4:]
"""Those of them that markets of schema 1 do not have."""


class OperatorAct(IntEnum):
    """What a person told the engine to do."""

    HALT = 1
    RESUME = 2
    REVOKE = 3
    FLATTEN = 4
    OVERRIDE = 5
    PIN = 6
    """Hold a control where a person put it, for a time."""


class IncidentKind(IntEnum):
    """What befell the process around the engine."""

    BOOT = 1
    STOP = 2
    LOW_DISK = 3
    OVERFLOW = 4
    FEED_LOST = 5
    FEED_BACK = 6
    LATE = 7
    """An event or tick of an instant that is over."""
    EARLY = 8
    """An event or tick of an instant too far ahead."""
    REPEATED = 9
    """The same event again."""
    CONFLICTING = 10
    """An event that contradicts one that stands."""
    UNKNOWN_SYMBOL = 11
    IMPOSSIBLE = 12
    """A value that no market has, where no gate looks at it."""
    MISSING_TICK = 13
    """Instants that the feed passed over; they were closed empty."""


@kind("candles", Role.INPUT)
class Candle:
    """A bar that has closed; ``event_time`` is its close."""

    event_time: Micros
    symbol: SymbolId
    open: QuotePerBase
    high: QuotePerBase
    low: QuotePerBase
    close: QuotePerBase
    volume: Base
    taker_buy_volume: Base
    """NaN when the market does not have it."""
    trades: Count
    """-1 when the market does not have it."""


@kind("marks", Role.INPUT)
class Mark:
    """The venue's mark price."""

    event_time: Micros
    symbol: SymbolId
    price: QuotePerBase


@kind("funding", Role.INPUT)
class Funding:
    """A funding settlement: positive rates are paid by longs to shorts."""

    event_time: Micros
    symbol: SymbolId
    rate: Fraction
    assumed: Flag
    """1 when the rate was supplied by ``--funding-missing bound:RATE``."""


@kind("open_interest", Role.INPUT)
class OpenInterest:
    """Contracts open on the venue."""

    event_time: Micros
    symbol: SymbolId
    open_interest: Base
    open_interest_quote: Quote


@kind("long_short_ratio", Role.INPUT)
class LongShortRatio:
    """How the venue's accounts are positioned: accounts that are long for every one that is short."""

    event_time: Micros
    symbol: SymbolId
    ratio: Multiple
    """Positive; 1 when both are equally many."""


@kind("book_tops", Role.INPUT)
class BookTop:
    """The best bid and the best ask of the venue's book."""

    event_time: Micros
    symbol: SymbolId
    bid: QuotePerBase
    """0 when nobody bids."""
    bid_size: Base
    ask: QuotePerBase
    """0 when nobody asks."""
    ask_size: Base


@kind("liquidations", Role.INPUT)
class Liquidation:
    """The venue closed somebody's position by force."""

    event_time: Micros
    symbol: SymbolId
    side: Count
    """1 a long position was liquidated (a sale), -1 a short one (a purchase)."""
    price: QuotePerBase
    quantity: Base
    """Positive."""


@kind("externals", Role.INPUT)
class External:
    """A value of a named series from outside the venue, as fear and greed, at the moment it became known."""

    event_time: Micros
    """``stamp`` and the publication lag."""
    name: Text
    """Of the series, lower_snake_case."""
    stamp: Micros
    """The moment that the value is about."""
    value: SeriesValue


@kind("ticks", Role.INPUT)
class Tick:
    """The end of an instant: everything that looks across symbols happens here."""

    event_time: Micros


@kind("llm_answers", Role.INPUT)
class LlmAnswer:
    """What the engine was given as the answer to one situation, whole."""

    event_time: Micros
    key: Text
    """The situation's number; ``followed`` before it when it is one of the account that follows in a shadow run."""
    answer: Text
    latency: Micros
    tokens: Count
    """Of all calls, both ways."""
    error: Text
    samples: Count
    """Answers that were compared."""
    modal_share: Fraction
    """Share of them that said the same as the one taken."""
    entropy: Fraction
    """Of what they said, bits; 0 when all said the same."""


@kind("operator", Role.INPUT)
class Operator:
    """A person's command."""

    event_time: Micros
    act: OperatorAct
    symbol: SymbolId
    number: Identity
    """The intervention to revoke, 0 for every live one; hours of an override, 0 to end it; else 0."""
    author: Text
    detail: Text


@kind("incidents", Role.INPUT)
class Incident:
    """Something that befell the process, not the market."""

    event_time: Micros
    incident: IncidentKind
    detail: Text
