"""From a market's columns to the arrays the engine reads."""

from typing import Any

import numpy as np
import numpy.typing as npt

from alphastrike.market.columns import EVENT_TABLES, Columns, MarketTables, row_count
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

    candles = tables.columns["candles"]
    at = _cells(tables, candles)
    for field in ("open", "high", "low", "close", "volume"):
        flat[field][at] = candles[field]
    flat["flags"][at] |= int(BarFlag.CANDLE)

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

    numbered = [tick_of(tables, tables.columns[name]["event_time"]) for name in EVENT_TABLES[3:]]
    other_events = np.bincount(np.concatenate(numbered), minlength=tables.ticks).astype(np.int64)

    return Market(
        name=name,
        content_hash=content_hash,
        symbols=tables.symbols,
        start=tables.start,
        interval=tables.interval,
        bars=bars,
        other_events=other_events,
        series=_series(tables),
        instruments=instrument_records(tables.columns["instruments"], len(tables.symbols)),
        tiers=tier_records(tables.columns["margin_tiers"], len(tables.symbols)),
        externals=_externals(tables),
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


def _series(tables: MarketTables) -> dict[str, npt.NDArray[np.float64]]:
    """Return (T, S) of every series of which the market has anything."""
    candles = tables.columns["candles"]
    told = {
        "taker_buy_volume": ("candles", candles["taker_buy_volume"]),
        "trades": ("candles", np.where(candles["trades"] < 0, np.nan, candles["trades"])),
        "open_interest": ("open_interest", tables.columns["open_interest"]["open_interest"]),
        "long_short_ratio": ("long_short_ratio", tables.columns["long_short_ratio"]["ratio"]),
        **{name: ("book_tops", tables.columns["book_tops"][name]) for name in ("bid", "bid_size", "ask", "ask_size")},
    }
    made = {}
    for name, (table, values) in told.items():
        if not np.isnan(values).all():
            made[name] = _nothing(tables)
            made[name].reshape(-1)[_cells(tables, tables.columns[table])] = values
    return made | _liquidated(tables)


def _liquidated(tables: MarketTables) -> dict[str, npt.NDArray[np.float64]]:
    """Return the quote notional liquidated by side: both are numbers where either side was reported."""
    rows = tables.columns["liquidations"]
    if not row_count(rows):
        return {}
    at = _cells(tables, rows)
    made = {}
    for name, side in (("long_liquidated", 1), ("short_liquidated", -1)):
        made[name] = _nothing(tables)
        flat = made[name].reshape(-1)
        flat[at] = 0.0
        # One after another in the order of the rows, as a live run sums them: np.bincount may do otherwise.
        np.add.at(flat, at[rows["side"] == side], (rows["price"] * rows["quantity"])[rows["side"] == side])
    return made


def _externals(tables: MarketTables) -> dict[str, npt.NDArray[np.float64]]:
    """Return (T,) by name: the last value that became known in each instant."""
    rows = tables.columns["externals"]
    ticks = tick_of(tables, rows["event_time"])
    made = {}
    for name in sorted(set(rows["name"].tolist())):
        own = rows["name"] == name
        made[name] = np.full(tables.ticks, np.nan)
        made[name][ticks[own]] = rows["value"][own]
    return made


def _nothing(tables: MarketTables) -> npt.NDArray[np.float64]:
    return np.full((tables.ticks, len(tables.symbols)), np.nan)


def _cells(tables: MarketTables, columns: Columns) -> npt.NDArray[np.int64]:
    cells: npt.NDArray[np.int64] = tick_of(tables, columns["event_time"]) * len(tables.symbols) + columns["symbol"]
    return cells
