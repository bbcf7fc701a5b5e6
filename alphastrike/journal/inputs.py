"""Input kinds: facts from outside, written before the engine acts on them."""

from enum import IntEnum

from alphastrike.journal.kinds import Role, kind
from alphastrike.model.units import (
    Base,
    Count,
    Flag,
    Fraction,
    Identity,
    Micros,
    Quote,
    QuotePerBase,
    SymbolId,
    Text,
)


class OperatorAct(IntEnum):
    """What a person told the engine to do."""

    HALT = 1
    RESUME = 2
    REVOKE = 3
    FLATTEN = 4
    OVERRIDE = 5


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


@kind("ticks", Role.INPUT)
class Tick:
    """The end of an instant: everything that looks across symbols happens here."""

    event_time: Micros


@kind("llm_answers", Role.INPUT)
class LlmAnswer:
    """What a model answered to one situation, whole."""

    event_time: Micros
    key: Text
    answer: Text
    latency: Micros
    tokens: Count
    error: Text


@kind("operator", Role.INPUT)
class Operator:
    """A person's command."""

    event_time: Micros
    act: OperatorAct
    symbol: SymbolId
    number: Identity
    """The intervention to revoke; 0 for every live one, and where the act needs none."""
    author: Text
    detail: Text


@kind("incidents", Role.INPUT)
class Incident:
    """Something that befell the process, not the market."""

    event_time: Micros
    incident: IncidentKind
    detail: Text
