"""What the book of a simulated symbol shows, and whom it forces out."""

from typing import Final

import numpy as np
import numpy.typing as npt

from alphastrike.market.chance import stream
from alphastrike.market.characters import Character
from alphastrike.market.columns import Columns
from alphastrike.market.instruments import Instrument
from alphastrike.market.paths import Path
from alphastrike.market.prints import price_of

SPREAD_MAX: Final = 0.01
"""As a fraction of the price, in the wildest bar."""

TOUCH: Final = 2e-5
"""Usual size at the best bid and ask together, as a share of the day's turnover."""

LEAN_PER_HINT: Final = 0.20
LEAN_NOISE: Final = 0.30
LEAN_MAX: Final = 0.95
"""Of (bid size - ask size) / (bid size + ask size)."""

FORCED_SHARE: Final = 0.004
"""Of the bar's volume liquidated for each unit forced out."""

FORCED_SHARE_MAX: Final = 0.10
EVENTS_MAX: Final = 4
"""Liquidations of one symbol in one bar."""


def book_tops(seed: int, symbol: str, character: Character, terms: Instrument, path: Path, candles: Columns) -> Columns:
    """Return the best bid and ask at every close, without time and symbol.

    The spread widens and the sizes shrink with volatility. The close lies within the spread, so the last trade hit
    one side of it or the other.

    Args:
        seed: of the market.
        symbol: names the streams.
        character: spread and turnover.
        terms: tick and lot.
        path: of the symbol.
        candles: its candles.
    """
    bars = len(path.returns)
    wide, deep, lean = (stream(seed, f"{what} {symbol}").standard_normal(bars) for what in ("spread", "depth", "book"))
    excited = path.volatility / path.usual
    spread = np.minimum(character.spread * excited * np.exp(0.25 * wide), SPREAD_MAX)
    last = np.rint(candles["close"] / terms.tick)
    width = np.maximum(1.0, np.rint(spread * candles["close"] / terms.tick))
    below = np.floor((width + 1.0) * stream(seed, f"last side {symbol}").random(bars))
    bid = np.maximum(1.0, last - below)
    size = TOUCH * character.daily_volume / candles["close"] / np.sqrt(excited) * np.exp(0.4 * deep)
    tilt = np.clip(LEAN_PER_HINT * path.hints["book"] + LEAN_NOISE * lean, -LEAN_MAX, LEAN_MAX)
    bid_size, ask_size = (
        price_of(np.maximum(1.0, np.rint(0.5 * size * side / terms.lot)), terms.lot)
        for side in (1.0 + tilt, 1.0 - tilt)
    )
    return {
        "bid": price_of(bid, terms.tick),
        "bid_size": bid_size,
        "ask": price_of(bid + width, terms.tick),
        "ask_size": ask_size,
    }


def liquidations(
    seed: int, symbol: str, terms: Instrument, path: Path, candles: Columns, time: npt.NDArray[np.int64], interval: int
) -> Columns:
    """Return the liquidations of one symbol, without the symbol column: after strong moves only, sized by them.

    Longs go in a fall, between its open and its low, shorts in a rise. Each has a time of its own.

    Args:
        seed: of the market.
        symbol: names the streams.
        terms: tick and lot.
        path: of the symbol.
        candles: its candles.
        time: their closes, microseconds UTC.
        interval: of the bars, microseconds.
    """
    where, when, weights = (
        stream(seed, f"liquidation {what} {symbol}").random((len(time), EVENTS_MAX))
        for what in ("prices", "times", "sizes")
    )
    forced = np.abs(path.forced)
    count = np.where(forced > 0.0, np.minimum(EVENTS_MAX, 1.0 + np.floor(2.0 * forced)), 0.0).astype(np.int64)
    bar = np.repeat(np.arange(len(time)), count)
    number = np.arange(len(bar)) - np.repeat(np.cumsum(count) - count, count)
    used = np.arange(EVENTS_MAX) < count[:, None]
    weight = (0.2 + weights) * used
    lots = np.rint(candles["volume"] * np.minimum(FORCED_SHARE * forced, FORCED_SHARE_MAX) / terms.lot)
    share = weight[bar, number] / weight.sum(axis=1)[bar]
    side = np.sign(path.forced[bar]).astype(np.int64)
    far = np.where(side > 0, candles["low"][bar], candles["high"][bar])
    steps = np.rint((candles["open"][bar] + (far - candles["open"][bar]) * where[bar, number]) / terms.tick)
    # A slot of its own for each, so that no two of a bar share their time.
    part = (number + when[bar, number]) / count[bar]
    return {
        "event_time": time[bar] - interval + 1_000 * np.ceil(part * interval / 1_000 + 1e-9).astype(np.int64),
        "side": side,
        "price": price_of(steps, terms.tick),
        "quantity": price_of(np.maximum(1.0, np.rint(lots[bar] * share)), terms.lot),
    }
