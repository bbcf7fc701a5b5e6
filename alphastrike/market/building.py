"""From a market's columns to the arrays the engine reads."""

from typing import Any

import numpy as np
import numpy.typing as npt

from alphastrike.market.columns import Columns, MarketTables
from alphastrike.market.market import Market
from alphastrike.model.bars import BAR, BarFlag
from alphastrike.model.instrument import INSTRUMENT, TIER, TIERS_MAX


def market_of(name: str, content_hash: str, tables: MarketTables) -> Market:
    """Return the market in memory.

    An event between two ticks belongs to the instant of the next tick. ``series`` holds values where an event
    fell and NaN elsewhere (the last one where several fall into one instant); nothing is carried forward.
    """
    shape = (tables.ticks, len(tables.symbols))
    bars = np.zeros(shape, dtype=BAR)
    flat = bars.reshape(-1)
    series = {name: np.full(shape, np.nan) for name in ("taker_buy_volume", "trades", "open_interest")}

    candles = tables.columns["candles"]
    at = _cells(tables, candles)
    for field in ("open", "high", "low", "close", "volume"):
        flat[field][at] = candles[field]
    flat["flags"][at] |= int(BarFlag.CANDLE)
    series["taker_buy_volume"].reshape(-1)[at] = candles["taker_buy_volume"]
    series["trades"].reshape(-1)[at] = np.where(candles["trades"] < 0, np.nan, candles["trades"])

    marks = tables.columns["marks"]
    at = _cells(tables, marks)
    flat["mark"][at] = marks["price"]
    flat["flags"][at] |= int(BarFlag.MARK)

    funding = tables.columns["funding"]
    at = _cells(tables, funding)
    flat["funding_rate"][at] = funding["rate"]
    flat["flags"][at] |= np.where(
        funding["assumed"] != 0, int(BarFlag.FUNDING | BarFlag.FUNDING_ASSUMED), int(BarFlag.FUNDING)
    )

    interest = tables.columns["open_interest"]
    series["open_interest"].reshape(-1)[_cells(tables, interest)] = interest["open_interest"]
    other_events = np.bincount(tick_of(tables, interest["event_time"]), minlength=tables.ticks).astype(np.int64)

    return Market(
        name=name,
        content_hash=content_hash,
        symbols=tables.symbols,
        start=tables.start,
        interval=tables.interval,
        bars=bars,
        other_events=other_events,
        series=series,
        instruments=instrument_records(tables.columns["instruments"], len(tables.symbols)),
        tiers=tier_records(tables.columns["margin_tiers"], len(tables.symbols)),
    )


def tick_of(tables: MarketTables, event_time: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the tick whose instant each event belongs to: the first that does not close before it."""
    return -((tables.start - event_time) // tables.interval)


def instrument_records(columns: Columns, symbols: int) -> npt.NDArray[Any]:
    """Return the (symbols,) instrument records of the table's rows."""
    records = np.zeros(symbols, dtype=INSTRUMENT)
    for field in INSTRUMENT.names or ():
        records[field][columns["symbol"]] = columns[field]
    return records


def tier_records(columns: Columns, symbols: int) -> npt.NDArray[Any]:
    """Return the (symbols, TIERS_MAX) margin tiers; unused rows have an infinite floor."""
    records = np.zeros((symbols, TIERS_MAX), dtype=TIER)
    records["notional_floor"] = np.inf
    for symbol in range(symbols):
        rows = np.flatnonzero(columns["symbol"] == symbol)
        for field in TIER.names or ():
            records[field][symbol, : len(rows)] = columns[field][rows]
    return records


def _cells(tables: MarketTables, columns: Columns) -> npt.NDArray[np.int64]:
    cells: npt.NDArray[np.int64] = tick_of(tables, columns["event_time"]) * len(tables.symbols) + columns["symbol"]
    return cells
