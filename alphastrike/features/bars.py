"""Decision bars: what the features see, built from the market bars that the gateway let in."""

from typing import Annotated, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Le

from alphastrike.model.bars import BarFlag
from alphastrike.model.compiled import Records, step
from alphastrike.model.units import MICROS_PER_HOUR

Column = npt.NDArray[np.float64]

FUNDING: Final = int(BarFlag.FUNDING)
FUNDING_ASSUMED: Final = int(BarFlag.FUNDING_ASSUMED)


class Bars(NamedTuple):
    """Trailing decision bars of one symbol: equally long float64 columns, oldest first, NaN where missing.

    A bar is missing altogether when no market bar of it was accepted.
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


COLUMNS: Final = len(Bars._fields)
OPEN, HIGH, LOW, CLOSE, VOLUME = 0, 1, 2, 3, 4
TAKER_BUY_VOLUME, TRADES, OPEN_INTEREST, FUNDING_SUM, MARKET_BARS = 5, 6, 7, 8, 9


class BarParams(NamedTuple):
    """How decision bars are built."""

    funding_unknown_hours: Annotated[int, Ge(1), Le(168)] = 24
    """Without a funding event for so long, funding is unknown rather than zero."""


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
            ("bars", "i8"),
            ("taker_bars", "i8"),
            ("trades_bars", "i8"),
            ("open_interest_seen", "i8"),
            ("funding_assumed", "i8"),
            ("funding_time", "i8"),
        ],
    )
)
"""The decision bar under construction, one a symbol; ``funding_time`` (last known rate) outlives the bar."""


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
def take_open_interest(partial: Records, open_interest: float) -> None:
    """Keep the latest open interest; NaN when none was reported in this instant."""
    if open_interest >= 0.0:
        partial.open_interest = open_interest
        partial.open_interest_seen = 1


@step
def close_bar(partial: Records, columns: Column, symbol: int, row: int, now: int, params: BarParams) -> None:
    """Write the decision bar that ends ``now`` into ``columns[:, symbol, row]`` and begin the next."""
    missing = np.nan
    has_bars = partial.bars > 0
    columns[OPEN, symbol, row] = partial.open if has_bars else missing
    columns[HIGH, symbol, row] = partial.high if has_bars else missing
    columns[LOW, symbol, row] = partial.low if has_bars else missing
    columns[CLOSE, symbol, row] = partial.close if has_bars else missing
    columns[VOLUME, symbol, row] = partial.volume if has_bars else missing
    has_taker = has_bars and partial.taker_bars == partial.bars
    columns[TAKER_BUY_VOLUME, symbol, row] = partial.taker_buy_volume if has_taker else missing
    has_trades = has_bars and partial.trades_bars == partial.bars
    columns[TRADES, symbol, row] = partial.trades if has_trades else missing
    columns[OPEN_INTEREST, symbol, row] = partial.open_interest if partial.open_interest_seen == 1 else missing
    is_known = (
        partial.funding_assumed == 0
        and partial.funding_time > 0
        and now - partial.funding_time <= params.funding_unknown_hours * MICROS_PER_HOUR
    )
    columns[FUNDING_SUM, symbol, row] = partial.funding if is_known else missing
    columns[MARKET_BARS, symbol, row] = float(partial.bars)
    partial.open = 0.0
    partial.high = 0.0
    partial.low = 0.0
    partial.close = 0.0
    partial.volume = 0.0
    partial.taker_buy_volume = 0.0
    partial.trades = 0.0
    partial.open_interest = 0.0
    partial.funding = 0.0
    partial.bars = 0
    partial.taker_bars = 0
    partial.trades_bars = 0
    partial.open_interest_seen = 0
    partial.funding_assumed = 0
