"""One event of a feed: what it may hold, what tells it from another, and what it brings to an instant."""

import math
from dataclasses import dataclass, field
from typing import Any, Final

from alphastrike.journal.inputs import MARKET_KINDS
from alphastrike.journal.kinds import KINDS
from alphastrike.live.inbox import MarketEvent
from alphastrike.model.bars import BarFlag
from alphastrike.model.series import (
    ASK_SIZE,
    BID,
    LONG_LIQUIDATED,
    LONG_SHORT_RATIO,
    OPEN_INTEREST,
    SERIES,
    SHORT_LIQUIDATED,
    TAKER_BUY_VOLUME,
    TRADES,
)

DATA_KINDS: Final = MARKET_KINDS
"""Kinds of market events in their order inside an instant."""

FUNDING_RATE_MAX: Final = 1.0
"""A settlement of the whole notional: beyond it the number is something else."""

_ORDER: Final = {name: place for place, name in enumerate(DATA_KINDS)}
_MANY: Final = {"liquidations": 3, "externals": 1}
"""Kinds that may have several events of one time, and how many of their values tell these apart."""
_WIDTH: Final = {name: len(KINDS[name].columns) - 2 for name in DATA_KINDS}
_CANDLE, _MARK, _FUNDING, _ASSUMED = (
    int(flag) for flag in (BarFlag.CANDLE, BarFlag.MARK, BarFlag.FUNDING, BarFlag.FUNDING_ASSUMED)
)


@dataclass(slots=True)
class Accepted:
    """An event that belongs to an instant still open."""

    kind: str
    subject: int | str
    """Number of its symbol; of an external value, the name of its series."""
    event_time: int
    values: tuple[Any, ...]
    seq: int = 0
    """Its number in the journal, set by whoever journals it."""

    @property
    def row(self) -> tuple[Any, ...]:
        """The columns of its kind."""
        return (self.event_time, self.subject, *self.values)

    @property
    def key(self) -> tuple[Any, ...]:
        """What two events cannot both have, in an order that sorts an instant's events canonically."""
        told = self.values[: _MANY.get(self.kind, 0)]
        return (_ORDER[self.kind], self.subject, self.event_time, *told)


@dataclass(slots=True)
class Cell:
    """What one symbol brings to an instant."""

    prices: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0)
    mark: float = 0.0
    funding_rate: float = 0.0
    flags: int = 0
    series: list[float] = field(default_factory=lambda: [math.nan] * len(SERIES))

    @property
    def bar(self) -> tuple[Any, ...]:
        """One record of ``model.bars.BAR``."""
        return (*self.prices, self.mark, self.funding_rate, self.flags)

    def take(self, event: Accepted) -> None:
        """Take in an event of the symbol; events come in canonical order."""
        match event.kind:
            case "candles":
                *prices, self.series[TAKER_BUY_VOLUME], trades = event.values
                self.prices = tuple(prices)
                self.series[TRADES] = trades if trades >= 0 else math.nan
                self.flags |= _CANDLE
            case "marks":
                (self.mark,) = event.values
                self.flags |= _MARK
            case "funding":
                self.funding_rate, assumed = event.values
                self.flags = self.flags & ~_ASSUMED | _FUNDING | (_ASSUMED if assumed else 0)
            case "open_interest":
                self.series[OPEN_INTEREST] = event.values[0]
            case "long_short_ratio":
                (self.series[LONG_SHORT_RATIO],) = event.values
            case "book_tops":
                self.series[BID : ASK_SIZE + 1] = event.values
            case _:
                side, price, quantity = event.values
                if math.isnan(self.series[LONG_LIQUIDATED]):
                    self.series[LONG_LIQUIDATED] = self.series[SHORT_LIQUIDATED] = 0.0
                self.series[LONG_LIQUIDATED if side > 0 else SHORT_LIQUIDATED] += price * quantity


def stored(event: MarketEvent) -> tuple[Any, ...]:
    """Return the values in the types of their columns."""
    if event.kind == "candles":
        *prices, trades = event.values
        return (*prices, int(trades) if trades >= 0 else -1)
    if event.kind == "funding":
        rate, assumed = event.values
        return rate, int(assumed)
    if event.kind in {"liquidations", "externals"}:
        whole, *others = event.values
        return (int(whole), *others)
    return event.values


def fault_of(event: MarketEvent) -> str:
    """Return what no market has in a value that no gate looks at.

    The gateway judges prices and volume of candles, and whether a book is crossed, one-sided or wide.
    """
    assert len(event.values) == _WIDTH[event.kind], f"a feed sent {event}: another number of values"
    match event.kind:
        case "candles":
            volume, taker, trades = event.values[4:]
            if math.isinf(taker) or taker < 0.0 or taker > volume * (1.0 + 1e-9):
                return f"taker_buy_volume {taker:g} is not from 0 to the volume"
            if math.isinf(trades) or (not math.isnan(trades) and trades != math.floor(trades)):
                return f"trades {trades:g} is no count"
        case "marks":
            if not 0.0 < event.values[0] < math.inf:
                return "a mark price is positive and finite"
        case "funding":
            if not abs(event.values[0]) < FUNDING_RATE_MAX:
                return "a rate is finite and below a whole notional"
        case "open_interest":
            if not 0.0 <= event.values[0] < math.inf:
                return "open interest is finite and not negative"
        case "long_short_ratio":
            if not 0.0 < event.values[0] < math.inf:
                return "a ratio of accounts is positive and finite"
        case "book_tops":
            if not all(0.0 <= value < math.inf for value in event.values):
                return "prices and sizes of a book are finite and not negative"
        case "liquidations":
            side, price, quantity = event.values
            if side not in {1, -1}:
                return "the side of a liquidated position is 1 or -1"
            if not (0.0 < price < math.inf and 0.0 < quantity < math.inf):
                return "price and quantity are positive and finite"
        case _:
            stamp, value = event.values
            if not math.isfinite(value):
                return "a value is finite"
            if not -math.inf < stamp <= event.event_time or stamp != math.floor(stamp):
                return "a value is known at the moment it is about, or later"
    return ""
