"""The plain reading of every input that tells something: what a simple signal would make of it, by its own words."""

from typing import Final

import numpy as np
import numpy.typing as npt

from alphastrike.market.columns import Columns
from alphastrike.market.simulate import Simulation
from alphastrike.model.units import MICROS_PER_HOUR

Reals = npt.NDArray[np.float64]

OWN: Final = ("takers", "book", "crowd", "liquidations", "open_interest", "premium", "volume")
COMMON: Final = ("fear_greed", "btc_dominance", "dxy", "spx", "search_interest", "stablecoin_supply", "week")


def readings(made: Simulation, place: int) -> dict[str, Reals]:
    """Return each source's reading at every close of one symbol, hourly bars; NaN where too little is known.

    ``takers``: net share of a day's volume. ``book``: mean lean of eight hours. ``crowd``, ``btc_dominance``, ``dxy``,
    ``spx``, ``search_interest``, ``stablecoin_supply``: logarithm less its month's mean; ``fear_greed``: the level so.
    ``liquidations``: a day's longs less shorts as a share of turnover. ``open_interest``: week's change times week's
    return. ``premium``: a day's mean premium of the close over the mark. ``volume``: three days' signed share.
    ``week``: what the coming day of the week brought in the four weeks before.
    """
    own = _of_symbol(made, place)
    bars, book, forced = own["candles"], own["book_tops"], own["liquidations"]
    time, close, volume = bars["event_time"], bars["close"], bars["volume"]
    moves = np.diff(np.log(close), prepend=np.log(close[0]))
    lean = (book["bid_size"] - book["ask_size"]) / (book["bid_size"] + book["ask_size"])
    ticks = -((time[0] - forced["event_time"]) // MICROS_PER_HOUR)
    net = np.bincount(ticks, forced["price"] * forced["quantity"] * forced["side"], len(time)).astype(np.float64)
    interest = np.log(_last(own["open_interest"], "open_interest", time))
    day = _sum(moves, 24)
    found = {
        "takers": _sum(2.0 * bars["taker_buy_volume"] - volume, 24) / _sum(volume, 24),
        "book": _sum(lean, 8),
        "crowd": _less_month(np.log(_last(own["long_short_ratio"], "ratio", time))),
        "liquidations": _sum(net, 24) / _sum(close * volume, 24),
        "open_interest": _change(interest, 168) * _sum(moves, 168),
        "premium": _sum(close / own["marks"]["price"] - 1.0, 24),
        "volume": _sum(np.sign(moves) * volume, 72) / _sum(volume, 72),
        "week": sum((_before(day, hours) for hours in (144, 312, 480, 648)), np.zeros(len(time))),
    }
    said = made.tables.columns["externals"]
    for name in COMMON[:-1]:
        rows = said["name"] == name
        value = _last({"event_time": said["event_time"][rows], "value": said["value"][rows]}, "value", time)
        found[name] = _less_month(value if name == "fear_greed" else np.log(value))
    return found


def next_day(made: Simulation, place: int) -> Reals:
    """Return the log return of the 24 h after every close in standard deviations of the week before, at most 4."""
    close = _of_symbol(made, place)["candles"]["close"]
    moves = np.diff(np.log(close), prepend=np.log(close[0]))
    ahead = np.append(np.log(close[24:] / close[:-24]), np.full(24, np.nan))
    return np.clip(ahead / np.sqrt(_sum(moves * moves, 168) / 7.0), -4.0, 4.0)


def _of_symbol(made: Simulation, place: int) -> dict[str, Columns]:
    return {
        table: {name: values[columns["symbol"] == place] for name, values in columns.items()}
        for table, columns in made.tables.columns.items()
        if {"event_time", "symbol"} <= set(columns)
    }


def _last(columns: Columns, name: str, time: npt.NDArray[np.int64]) -> Reals:
    """Return the last value known at each time."""
    at = np.searchsorted(columns["event_time"], time, side="right") - 1
    return np.where(at >= 0, columns[name][np.maximum(at, 0)], np.nan)


def _sum(values: Reals, window: int) -> Reals:
    total = np.cumsum(np.nan_to_num(values))
    total[window:] -= total[:-window].copy()
    known = np.cumsum(np.isfinite(values))
    known[window:] -= known[:-window].copy()
    return np.where(known == window, total, np.nan)


def _change(values: Reals, window: int) -> Reals:
    return values - _before(values, window)


def _before(values: Reals, bars: int) -> Reals:
    return np.append(np.full(bars, np.nan), values[:-bars])


def _less_month(values: Reals) -> Reals:
    return values - _sum(values, 720) / 720.0
