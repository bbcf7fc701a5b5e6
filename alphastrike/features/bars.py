"""Decision bars: what the features see, built from the market bars that the gateway let in."""

import math
from typing import Annotated, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Le

from alphastrike.model.bars import BarFlag
from alphastrike.model.compiled import Records, step
from alphastrike.model.series import (
    ASK,
    ASK_SIZE,
    BID,
    BID_SIZE,
    LONG_LIQUIDATED,
    LONG_SHORT_RATIO,
    OPEN_INTEREST,
    SHORT_LIQUIDATED,
)
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR

Column = npt.NDArray[np.float64]

FUNDING: Final = int(BarFlag.FUNDING)
FUNDING_ASSUMED: Final = int(BarFlag.FUNDING_ASSUMED)
MARK: Final = int(BarFlag.MARK)


class Bars(NamedTuple):
    """Trailing decision bars of S symbols: float64 columns (S, n), time along the last axis, oldest first.

    NaN where missing. A bar is missing altogether when no market bar of it was accepted.
    """

    open: Column
    high: Column
    low: Column
    close: Column
    """Prices in quote per base."""
    volume: Column
    """Base units traded."""
    taker_buy_volume: Column
    """Of which by buyers who took liquidity; NaN unless every market bar of the decision bar has it."""
    trades: Column
    """Number of trades; NaN as above."""
    open_interest: Column
    """Base units open at the last report within the bar."""
    funding: Column
    """Sum of the rates settled within the bar, 0 when none was due; NaN while funding is unknown or assumed."""
    market_bars: Column
    """Accepted market bars behind the decision bar; 0 when it is missing."""
    mark: Column
    """The last mark price within the bar, quote per base."""
    long_short_ratio: Column
    """Long over short accounts at the last report within the bar."""
    bid: Column
    bid_size: Column
    ask: Column
    ask_size: Column
    """The last book top within the bar that the gateway let in: quote per base, base units."""
    long_liquidated: Column
    short_liquidated: Column
    """Quote notional of positions liquidated within the bar; NaN while none of the symbol was reported for a week."""
    closed: Column
    """When the bar closed, hours since the beginning of 1970 UTC: the calendar."""


COLUMNS: Final = len(Bars._fields)
_PLACES: Final = {name: place for place, name in enumerate(Bars._fields)}
OPEN_PRICE: Final = _PLACES["open"]
HIGH_PRICE: Final = _PLACES["high"]
LOW_PRICE: Final = _PLACES["low"]
CLOSE_PRICE: Final = _PLACES["close"]
VOLUME: Final = _PLACES["volume"]
TAKER_BUYS: Final = _PLACES["taker_buy_volume"]
TRADE_COUNT: Final = _PLACES["trades"]
INTEREST: Final = _PLACES["open_interest"]
FUNDING_SUM: Final = _PLACES["funding"]
MARKET_BARS: Final = _PLACES["market_bars"]
MARK_PRICE: Final = _PLACES["mark"]
ACCOUNTS_RATIO: Final = _PLACES["long_short_ratio"]
BOOK: Final = _PLACES["bid"]
"""Bid, its size, ask, its size: four columns from here."""
LONGS_LIQUIDATED: Final = _PLACES["long_liquidated"]
SHORTS_LIQUIDATED: Final = _PLACES["short_liquidated"]
CLOSED: Final = _PLACES["closed"]


class BarParams(NamedTuple):
    """How decision bars are built."""

    funding_unknown_hours: Annotated[int, Ge(1), Le(168)] = 24
    """Without a funding event for so long, funding is unknown rather than zero."""
    liquidations_unknown_days: Annotated[int, Ge(1), Le(365)] = 7
    """Without a liquidation of the symbol for so long, liquidations are unknown rather than none."""
    external_unknown_days: Annotated[int, Ge(1), Le(365)] = 5
    """Without a new value for so long, an external series is unknown: a long weekend is shorter."""


PARTIAL: Final = np.dtype(
    (
        np.record,
        [
            ("open", "f8"),
            ("high", "f8"),
            ("low", "f8"),
            ("close", "f8"),
            ("volume", "f8"),
            ("taker_buy_volume", "f8"),
            ("trades", "f8"),
            ("open_interest", "f8"),
            ("funding", "f8"),
            ("mark", "f8"),
            ("long_short_ratio", "f8"),
            ("bid", "f8"),
            ("bid_size", "f8"),
            ("ask", "f8"),
            ("ask_size", "f8"),
            ("long_liquidated", "f8"),
            ("short_liquidated", "f8"),
            ("bars", "i8"),
            ("taker_bars", "i8"),
            ("trades_bars", "i8"),
            ("funding_assumed", "i8"),
            ("funding_time", "i8"),
            ("liquidation_time", "i8"),
        ],
    )
)
"""The decision bar under construction, one a symbol. Zero means that nothing was reported: none of the fields that may
stay empty (mark, ratio, book, open interest) can be zero. ``funding_time`` and ``liquidation_time``, when each was
last known, outlive the bar."""

EXTERNAL: Final = np.dtype((np.record, [("value", "f8"), ("event_time", "i8")]))
"""The last known value of an external series and when it became known; all zero before the first."""


@step
def take_candle(partial: Records, bar: Records, taker_buy_volume: float, trades: float) -> None:
    """Add an accepted market bar; a NaN volume or count means that the market does not have it."""
    if partial.bars == 0:
        partial.open = bar.open
        partial.high = bar.high
        partial.low = bar.low
    if bar.high > partial.high:
        partial.high = bar.high
    if bar.low < partial.low:
        partial.low = bar.low
    partial.close = bar.close
    partial.volume += bar.volume
    partial.bars += 1
    if taker_buy_volume >= 0.0:
        partial.taker_buy_volume += taker_buy_volume
        partial.taker_bars += 1
    if trades >= 0.0:
        partial.trades += trades
        partial.trades_bars += 1


@step
def take_funding(partial: Records, flags: int, rate: float, event_time: int) -> None:
    """Add the instant's funding event, if there is one; an assumed rate says nothing about the crowd."""
    if flags & FUNDING_ASSUMED:
        partial.funding_assumed = 1
    elif flags & FUNDING:
        partial.funding += rate
        partial.funding_time = event_time


@step
def take_mark(partial: Records, flags: int, mark: float) -> None:
    """Keep the latest mark price, if there is one."""
    if flags & MARK:
        partial.mark = mark


@step
def take_series(partial: Records, series: Any, tick: int, symbol: int, event_time: int) -> None:
    """Keep what else was reported in this instant; ``series`` (``model.series.SERIES``, T, S), NaN for nothing."""
    open_interest = series[OPEN_INTEREST, tick, symbol]
    if open_interest > 0.0:
        partial.open_interest = open_interest
    ratio = series[LONG_SHORT_RATIO, tick, symbol]
    if ratio > 0.0:
        partial.long_short_ratio = ratio
    longs = series[LONG_LIQUIDATED, tick, symbol]
    shorts = series[SHORT_LIQUIDATED, tick, symbol]
    if longs >= 0.0 and shorts >= 0.0:
        partial.long_liquidated += longs
        partial.short_liquidated += shorts
        partial.liquidation_time = event_time


@step
def take_book_top(partial: Records, series: Any, tick: int, symbol: int) -> None:
    """Keep a book top that the gateway let in."""
    partial.bid = series[BID, tick, symbol]
    partial.bid_size = series[BID_SIZE, tick, symbol]
    partial.ask = series[ASK, tick, symbol]
    partial.ask_size = series[ASK_SIZE, tick, symbol]


@step
def take_external(external: Records, value: float, event_time: int) -> None:
    """Keep a value of an external series that became known in this instant; NaN for none."""
    if not math.isnan(value):
        external.value = value
        external.event_time = event_time


@step
def known_value(external: Records, now: int, params: BarParams) -> float:
    """Return the last known value of an external series; NaN before the first, and when it is too old."""
    age = now - external.event_time
    is_known = external.event_time > 0 and age <= params.external_unknown_days * MICROS_PER_DAY
    return float(external.value) if is_known else np.nan


@step
def close_bar(partial: Records, columns: Column, symbol: int, row: int, now: int, params: BarParams) -> None:
    """Write the decision bar that ends ``now`` into ``columns[:, symbol, row]`` and begin the next."""
    missing = np.nan
    has_bars = partial.bars > 0
    columns[OPEN_PRICE, symbol, row] = partial.open if has_bars else missing
    columns[HIGH_PRICE, symbol, row] = partial.high if has_bars else missing
    columns[LOW_PRICE, symbol, row] = partial.low if has_bars else missing
    columns[CLOSE_PRICE, symbol, row] = partial.close if has_bars else missing
    columns[VOLUME, symbol, row] = partial.volume if has_bars else missing
    has_taker = has_bars and partial.taker_bars == partial.bars
    columns[TAKER_BUYS, symbol, row] = partial.taker_buy_volume if has_taker else missing
    has_trades = has_bars and partial.trades_bars == partial.bars
    columns[TRADE_COUNT, symbol, row] = partial.trades if has_trades else missing
    columns[INTEREST, symbol, row] = partial.open_interest if partial.open_interest > 0.0 else missing
    is_known = (
        partial.funding_assumed == 0
        and partial.funding_time > 0
        and now - partial.funding_time <= params.funding_unknown_hours * MICROS_PER_HOUR
    )
    columns[FUNDING_SUM, symbol, row] = partial.funding if is_known else missing
    columns[MARKET_BARS, symbol, row] = float(partial.bars)
    columns[MARK_PRICE, symbol, row] = partial.mark if partial.mark > 0.0 else missing
    columns[ACCOUNTS_RATIO, symbol, row] = partial.long_short_ratio if partial.long_short_ratio > 0.0 else missing
    has_book = partial.bid > 0.0
    columns[BOOK, symbol, row] = partial.bid if has_book else missing
    columns[BOOK + 1, symbol, row] = partial.bid_size if has_book else missing
    columns[BOOK + 2, symbol, row] = partial.ask if has_book else missing
    columns[BOOK + 3, symbol, row] = partial.ask_size if has_book else missing
    last = partial.liquidation_time
    is_reported = last > 0 and now - last <= params.liquidations_unknown_days * MICROS_PER_DAY
    columns[LONGS_LIQUIDATED, symbol, row] = partial.long_liquidated if is_reported else missing
    columns[SHORTS_LIQUIDATED, symbol, row] = partial.short_liquidated if is_reported else missing
    columns[CLOSED, symbol, row] = now / MICROS_PER_HOUR if has_bars else missing
    partial.open = 0.0
    partial.high = 0.0
    partial.low = 0.0
    partial.close = 0.0
    partial.volume = 0.0
    partial.taker_buy_volume = 0.0
    partial.trades = 0.0
    partial.open_interest = 0.0
    partial.funding = 0.0
    partial.mark = 0.0
    partial.long_short_ratio = 0.0
    partial.bid = 0.0
    partial.bid_size = 0.0
    partial.ask = 0.0
    partial.ask_size = 0.0
    partial.long_liquidated = 0.0
    partial.short_liquidated = 0.0
    partial.bars = 0
    partial.taker_bars = 0
    partial.trades_bars = 0
    partial.funding_assumed = 0
