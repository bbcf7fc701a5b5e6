"""Faults and changes put into a simulated market on purpose, from one tick on: what a validator has to find.

Begin with ``simulation(..., stationary=True)``, which has nothing to find, and change one symbol of it. The other
symbols, the tables of instruments and everything before the tick stay bit for bit what they were.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from alphastrike.market.chance import Reals
from alphastrike.market.characters import terms_of
from alphastrike.market.columns import TABLES, Columns, canonical
from alphastrike.market.prints import on_ticks, price_of
from alphastrike.market.simulate import Simulation
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.units import MICROS_PER_DAY

Rows = npt.NDArray[np.int64]


def mean_shift(made: Simulation, symbol: str, tick: int, deviations_a_day: float) -> Simulation:
    """Return the market with a drift in one symbol's price from a tick on.

    Args:
        made: the market.
        symbol: whose price drifts, as the market spells it.
        tick: the first bar that drifts, from 1.
        deviations_a_day: added to the log return of a day, in the symbol's usual daily standard deviations.

    Raises:
        ConfigurationError: the market does not have that symbol or tick.
    """
    place = _place(made, symbol, tick)
    bars_per_day = MICROS_PER_DAY / made.tables.interval
    usual_day = made.paths[place].usual * np.sqrt(bars_per_day)
    return _moved(made, place, tick, 1.0, deviations_a_day * usual_day / bars_per_day)


def variance_multiplied(made: Simulation, symbol: str, tick: int, multiple: float = 2.0) -> Simulation:
    """Return the market with the variance of one symbol's returns multiplied from a tick on, ranges included.

    Volume, positioning and liquidated quantities stay what they were. Arguments and errors as for :func:`mean_shift`.
    """
    return _moved(made, _place(made, symbol, tick), tick, float(np.sqrt(multiple)), 0.0)


def level_shift(
    made: Simulation, symbol: str, tick: int, table: str, columns: tuple[str, ...], multiple: float
) -> Simulation:
    """Return the market with some columns of one symbol multiplied from a tick on, as by a change of units.

    For instance ``("candles", ("volume", "taker_buy_volume"))`` by 1000, or ``("funding", ("rate",))`` by 3. Other
    arguments and errors as for :func:`mean_shift`.
    """
    place = _place(made, symbol, tick)
    old = made.tables.columns[table]
    rows = _rows(made, old, place, tick)
    changed = {name: values.copy() for name, values in old.items()}
    for name in columns:
        changed[name][rows] = changed[name][rows] * multiple
    return _with(made, {table: changed})


def stuck_feed(made: Simulation, symbol: str, tick: int) -> Simulation:
    """Return the market in which a feed repeats itself: every value of one symbol stays what it was before the tick.

    Rows keep coming on time. Nothing is liquidated any more. Arguments and errors as for :func:`mean_shift`.
    """
    place = _place(made, symbol, tick)
    tables: dict[str, Columns] = {}
    for table, old in made.tables.columns.items():
        if not {"event_time", "symbol"} <= set(old):
            continue
        rows = _rows(made, old, place, tick)
        if table == "liquidations":
            tables[table] = {name: np.delete(values, rows) for name, values in old.items()}
            continue
        before = np.flatnonzero((old["symbol"] == place) & (old["event_time"] < _first(made, tick)))
        tables[table] = {
            name: values
            if name in ("event_time", "symbol") or not len(before)
            else _put(values, rows, values[before[-1]])
            for name, values in old.items()
        }
    return _with(made, tables)


def _moved(made: Simulation, place: int, tick: int, scale: float, shift: float) -> Simulation:
    """Return the market with one symbol's log returns from a tick on multiplied, then shifted; all prices follow."""
    size = terms_of(made.tables.symbols[place]).tick
    columns = made.tables.columns
    bars = np.flatnonzero(columns["candles"]["symbol"] == place)
    opened, high, low, close = (columns["candles"][name][bars] for name in ("open", "high", "low", "close"))
    moves = np.diff(np.log(close))[tick - 1 :] * scale + shift
    new_close = np.append(close[:tick], price_of(on_ticks(close[tick - 1] * np.exp(np.cumsum(moves)), size), size))
    new_opened = np.append(opened[:tick], new_close[tick - 1 : -1])
    upper, lower = np.maximum(new_opened, new_close), np.minimum(new_opened, new_close)
    up, down = np.log(high / np.maximum(opened, close)), np.log(low / np.minimum(opened, close))
    new_high = np.maximum(upper, price_of(on_ticks(upper * np.exp(up * scale), size), size))
    new_low = np.minimum(lower, price_of(on_ticks(lower * np.exp(down * scale), size), size))
    new_high[:tick], new_low[:tick] = high[:tick], low[:tick]
    candles = dict(columns["candles"])
    for name, values in (("open", new_opened), ("high", new_high), ("low", new_low), ("close", new_close)):
        candles[name] = _put(candles[name], bars, values)
    tables: dict[str, Columns] = {"candles": candles}
    ratio = new_close / close
    for table, names in (
        ("marks", ("price",)),
        ("open_interest", ("open_interest_quote",)),
        ("book_tops", ("bid", "ask")),
    ):
        rows = _rows(made, columns[table], place, tick)
        at = _ticks(made, columns[table], rows)
        changed = dict(columns[table])
        for name in names:
            prices = changed[name][rows] * ratio[at]
            on_grid = prices if name == "open_interest_quote" else price_of(on_ticks(prices, size), size)
            changed[name] = _put(changed[name], rows, on_grid)
        if table == "book_tops":
            # A rounded book may have lost its spread.
            wider = price_of(on_ticks(changed["bid"][rows], size) + 1.0, size)
            changed["ask"] = _put(changed["ask"], rows, np.maximum(changed["ask"][rows], wider))
        tables[table] = changed
    forced = columns["liquidations"]
    rows = _rows(made, forced, place, tick)
    at = _ticks(made, forced, rows)
    # At the same place between the bar's low and high as before.
    height = (forced["price"][rows] - low[at]) / np.maximum(high[at] - low[at], size)
    prices = price_of(on_ticks(new_low[at] + height * (new_high[at] - new_low[at]), size), size)
    tables["liquidations"] = {**forced, "price": _put(forced["price"], rows, prices)}
    return _with(made, tables)


def _place(made: Simulation, symbol: str, tick: int) -> int:
    if symbol not in made.tables.symbols:
        raise ConfigurationError(f"symbol {symbol!r} is not in the market. Choose of {', '.join(made.tables.symbols)}.")
    if not 1 <= tick < made.tables.ticks:
        raise ConfigurationError(f"tick must be from 1 to {made.tables.ticks - 1:,}, was {tick:,}.")
    return list(made.tables.symbols).index(symbol)


def _first(made: Simulation, tick: int) -> int:
    """Return the first microsecond of the tick's instant."""
    return made.tables.start + (tick - 1) * made.tables.interval + 1


def _rows(made: Simulation, columns: Columns, place: int, tick: int) -> Rows:
    """Return the symbol's rows from the tick's instant on."""
    return np.flatnonzero((columns["symbol"] == place) & (columns["event_time"] >= _first(made, tick)))


def _ticks(made: Simulation, columns: Columns, rows: Rows) -> Rows:
    """Return the tick of the instant that each row belongs to."""
    return np.asarray(-((made.tables.start - columns["event_time"][rows]) // made.tables.interval))


def _put(values: npt.NDArray[Any], rows: Rows, new: Reals | Any) -> npt.NDArray[Any]:
    changed = values.copy()
    changed[rows] = new
    return changed


def _with(made: Simulation, tables: dict[str, Columns]) -> Simulation:
    columns = {name: canonical(name, tables[name]) if name in tables else made.tables.columns[name] for name in TABLES}
    return replace(made, tables=replace(made.tables, columns=columns))
