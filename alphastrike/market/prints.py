"""From a simulated path to what a venue would print: candles, marks, settlements and open interest of one symbol."""

from typing import Final

import numpy as np
import numpy.typing as npt

from alphastrike.market.chance import Reals, stream, wandering
from alphastrike.market.characters import Character
from alphastrike.market.columns import Columns
from alphastrike.market.instruments import Instrument
from alphastrike.market.paths import Path, trend_of
from alphastrike.market.weather import Weather
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR

SETTLEMENT: Final = 8 * MICROS_PER_HOUR
TREND_DAYS: Final = 3
"""The return over so many days is the trend that funding and open interest follow."""

FUNDING_BASE: Final = 0.0001
FUNDING_PER_TREND: Final = 0.00015
"""Rate of a settlement added for each standard deviation of trend: crowded longs pay."""

FUNDING_PER_HINT: Final = 0.00012
FUNDING_NOISE: Final = 0.00004
FUNDING_MAX: Final = 0.003
BASIS_DEVIATION: Final = 0.0002
"""Standard deviation of mark against close, as a fraction, before the hint."""

BASIS_PER_HINT: Final = 0.0001
SHARE_PER_HINT: Final = 0.018
"""Takers' share of buyers added to one half."""

VOLUME_PER_HINT: Final = 0.20
"""Of the logarithm, as are the next two; in bars that rise or fall by a standard deviation or more."""

INTEREST_PER_HINT: Final = 0.12
RATIO_PER_HINT: Final = 0.25


def candles(
    seed: int, symbol: str, character: Character, terms: Instrument, path: Path, sky: Weather, interval: int
) -> Columns:
    """Return the columns of ``candles`` without time and symbol.

    Args:
        seed: of the market.
        symbol: names the streams.
        character: level and turnover.
        terms: tick and lot.
        path: of the symbol.
        sky: of the market.
        interval: microseconds.
    """
    steps = on_ticks(character.price * np.exp(np.cumsum(path.returns)), terms.tick)
    close = price_of(steps, terms.tick)
    opened = np.concatenate([price_of(on_ticks(np.array([character.price]), terms.tick), terms.tick), close[:-1]])
    # Extremes of a Brownian bridge from open to close: exact, and one draw each.
    across = np.log(close / opened)
    spread = 2.0 * path.volatility * path.volatility
    up, down = (stream(seed, f"{side} {symbol}").random(len(close)) for side in ("highs", "lows"))
    above = 0.5 * (across + np.sqrt(across * across - spread * np.log1p(-up)))
    below = 0.5 * (across - np.sqrt(across * across - spread * np.log1p(-down)))
    high = price_of(on_ticks(opened * np.exp(above), terms.tick), terms.tick)
    low = price_of(on_ticks(opened * np.exp(below), terms.tick), terms.tick)
    return {
        "open": opened,
        "high": np.maximum(high, np.maximum(opened, close)),
        "low": np.minimum(low, np.minimum(opened, close)),
        "close": close,
        **_turnover(seed, symbol, character, terms, close, path, sky, interval),
    }


def _turnover(
    seed: int,
    symbol: str,
    character: Character,
    terms: Instrument,
    close: Reals,
    path: Path,
    sky: Weather,
    interval: int,
) -> dict[str, npt.NDArray[np.float64] | npt.NDArray[np.int64]]:
    """Return volume (base), taker-buy volume (base) and trades: more when the price moves, and in busy hours."""
    bars, day = len(close), interval / MICROS_PER_DAY
    lively, leaning, sized = (
        stream(seed, f"{what} {symbol}").standard_normal(bars) for what in ("volume", "takers", "trades")
    )
    surprise = np.abs(path.returns) / path.volatility
    mood = wandering(stream(seed, f"mood {symbol}"), bars, 2.0 / day, 0.35) + 0.30 * lively
    mood += VOLUME_PER_HINT * path.hints["volume"] * np.clip(path.returns / path.volatility, -1.0, 1.0)
    excited = path.volatility / sky.season / path.usual
    pace = sky.season**1.5 * excited * (0.5 + 0.6 * np.minimum(surprise, 8.0)) * np.exp(mood)
    quote = character.daily_volume * day * pace
    lots = np.maximum(1.0, np.rint(quote / close / terms.lot))
    share = 0.5 + 0.14 * path.returns / (np.abs(path.returns) + path.volatility) + 0.03 * leaning
    share += SHARE_PER_HINT * path.hints["takers"]
    bought = np.rint(lots * np.clip(share, 0.05, 0.95))
    trade = character.trade * np.exp(0.2 * sized)
    return {
        "volume": price_of(lots, terms.lot),
        "taker_buy_volume": price_of(bought, terms.lot),
        "trades": np.maximum(1.0, np.rint(quote / trade)).astype(np.int64),
    }


def marks(seed: int, symbol: str, terms: Instrument, path: Path, close: Reals, interval: int) -> Reals:
    """Return the mark price at every close; its distance from the close is the basis."""
    basis = wandering(stream(seed, f"basis {symbol}"), len(close), 2.0 * MICROS_PER_HOUR / interval, BASIS_DEVIATION)
    # Dear contracts trade above their mark.
    basis -= BASIS_PER_HINT * path.hints["premium"]
    return price_of(on_ticks(close * (1.0 + basis), terms.tick), terms.tick)


def funding(seed: int, symbol: str, path: Path, time: npt.NDArray[np.int64], begin: int, interval: int) -> Columns:
    """Return the settlements at 00, 08 and 16 UTC; ``time`` holds the closes, ``begin`` the first opening."""
    times = np.arange((begin // SETTLEMENT + 1) * SETTLEMENT, int(time[-1]) + 1, SETTLEMENT, dtype=np.int64)
    known = np.maximum(np.searchsorted(time, times, side="right") - 1, 0)
    trend = trend_of(path.returns, path.usual, TREND_DAYS, interval)
    noise = stream(seed, f"funding {symbol}").standard_normal(len(times))
    rate = FUNDING_BASE + FUNDING_PER_TREND * trend[known]
    rate += FUNDING_PER_HINT * path.hints["premium"][known] + FUNDING_NOISE * noise
    rate = np.rint(np.clip(rate, -FUNDING_MAX, FUNDING_MAX) * 1e8) / 1e8
    return {"event_time": times, "rate": rate, "assumed": np.zeros(len(times), np.int64)}


def open_interest(
    seed: int,
    symbol: str,
    character: Character,
    path: Path,
    close: Reals,
    time: npt.NDArray[np.int64],
    interval: int,
) -> Columns:
    """Return hourly open interest, base and quote; ``time`` holds the closes."""
    hourly = np.flatnonzero(time % MICROS_PER_HOUR == 0)
    trend = trend_of(path.returns, path.usual, TREND_DAYS, interval)[hourly]
    mood = wandering(stream(seed, f"open interest {symbol}"), len(hourly), 120.0, 0.05)
    mood += INTEREST_PER_HINT * path.hints["open_interest"][hourly] + 0.03 * np.clip(trend, -3.0, 3.0)
    interest = np.rint(0.3 * character.daily_volume / character.price * np.exp(mood) * 1e3) / 1e3
    return {
        "event_time": time[hourly],
        "open_interest": interest,
        "open_interest_quote": np.rint(interest * close[hourly] * 1e2) / 1e2,
    }


def long_short_ratio(seed: int, symbol: str, path: Path, time: npt.NDArray[np.int64]) -> Columns:
    """Return the hourly ratio of accounts, around 1.6 longs for a short; ``time`` holds the closes."""
    hourly = np.flatnonzero(time % MICROS_PER_HOUR == 0)
    mood = wandering(stream(seed, f"accounts {symbol}"), len(hourly), 480.0, 0.08)
    mood += RATIO_PER_HINT * path.hints["crowd"][hourly]
    mood += 0.03 * stream(seed, f"account noise {symbol}").standard_normal(len(hourly))
    return {"event_time": time[hourly], "ratio": np.rint(1.6 * np.exp(mood) * 1e4) / 1e4}


def on_ticks(price: Reals, tick: float) -> Reals:
    """Return prices as whole numbers of ticks, at least one."""
    return np.maximum(1.0, np.rint(price / tick))


def price_of(steps: Reals, tick: float) -> Reals:
    """Return whole numbers of ticks (or lots) as the nearest float of their decimal value."""
    inverse = np.rint(1.0 / tick)
    return np.asarray(steps / inverse if inverse >= 1.0 else steps * np.rint(tick))
