"""From a simulated path to what a venue would print: candles, marks, settlements and open interest of one symbol."""

from typing import Final

import numpy as np
import numpy.typing as npt

from alphastrike.market.chance import Reals, stream, wandering
from alphastrike.market.characters import Character
from alphastrike.market.columns import Columns
from alphastrike.market.instruments import Instrument
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR

SETTLEMENT: Final = 8 * MICROS_PER_HOUR
TREND_DAYS: Final = 3
"""The return over so many days is the trend that funding and open interest follow."""

FUNDING_BASE: Final = 0.0001
FUNDING_PER_TREND: Final = 0.00015
"""Rate of a settlement added for each standard deviation of trend: crowded longs pay."""

FUNDING_MAX: Final = 0.003
BASIS_DEVIATION: Final = 0.0002
"""Standard deviation of mark against close, as a fraction."""


def prints(
    seed: int,
    symbol: str,
    character: Character,
    terms: Instrument,
    returns: Reals,
    volatility: Reals,
    season: Reals,
    interval: int,
    begin: int,
) -> dict[str, Columns]:
    """Return the event tables of one symbol, without the symbol column.

    Args:
        seed: of the market.
        symbol: names the streams.
        character: level and turnover.
        terms: tick and lot.
        returns: log return of every bar.
        volatility: standard deviation expected of it.
        season: the volatility's multiple by hour and weekday.
        interval: microseconds.
        begin: opening of the first bar, microseconds UTC.
    """
    time = begin + interval * np.arange(1, len(returns) + 1, dtype=np.int64)
    candles = _candles(seed, symbol, character, terms, returns, volatility, season, interval)
    trend = _trend(returns, volatility, interval)
    close = candles["close"]
    return {
        "candles": {"event_time": time, **candles},
        "marks": {"event_time": time, "price": _marks(seed, symbol, close, terms, interval)},
        "funding": _funding(seed, symbol, trend, time, begin),
        "open_interest": _open_interest(seed, symbol, character, trend, close, time),
    }


def _candles(
    seed: int,
    symbol: str,
    character: Character,
    terms: Instrument,
    returns: Reals,
    volatility: Reals,
    season: Reals,
    interval: int,
) -> Columns:
    path = np.cumsum(returns)
    steps = _on_ticks(character.price * np.exp(path), terms.tick)
    close = _price(steps, terms.tick)
    opened = np.concatenate([_price(_on_ticks(np.array([character.price]), terms.tick), terms.tick), close[:-1]])
    generator = stream(seed, f"ranges {symbol}")
    # Extremes of a Brownian bridge from open to close: exact, and one draw each.
    across = np.log(close / opened)
    spread = 2.0 * volatility * volatility
    above = 0.5 * (across + np.sqrt(across * across - spread * np.log1p(-generator.random(len(returns)))))
    below = 0.5 * (across - np.sqrt(across * across - spread * np.log1p(-generator.random(len(returns)))))
    high = _price(_on_ticks(opened * np.exp(above), terms.tick), terms.tick)
    low = _price(_on_ticks(opened * np.exp(below), terms.tick), terms.tick)
    candles = {
        "open": opened,
        "high": np.maximum(high, np.maximum(opened, close)),
        "low": np.minimum(low, np.minimum(opened, close)),
        "close": close,
    }
    return candles | _turnover(seed, symbol, character, terms, close, returns, volatility, season, interval)


def _turnover(
    seed: int,
    symbol: str,
    character: Character,
    terms: Instrument,
    close: Reals,
    returns: Reals,
    volatility: Reals,
    season: Reals,
    interval: int,
) -> dict[str, npt.NDArray[np.float64] | npt.NDArray[np.int64]]:
    """Return volume (base), taker-buy volume (base) and trades: more when the price moves, and in busy hours."""
    bars = len(returns)
    day = interval / MICROS_PER_DAY
    generator = stream(seed, f"turnover {symbol}")
    surprise = np.abs(returns) / volatility
    mood = wandering(generator, bars, 2.0 / day, 0.35) + 0.30 * generator.standard_normal(bars)
    excited = (volatility / season) / np.mean(volatility / season)
    pace = season**1.5 * excited * (0.5 + 0.6 * np.minimum(surprise, 8.0)) * np.exp(mood)
    quote = character.daily_volume * day * pace
    lots = np.maximum(1.0, np.rint(quote / close / terms.lot))
    share = 0.5 + 0.14 * returns / (np.abs(returns) + volatility) + 0.03 * generator.standard_normal(bars)
    bought = np.rint(lots * np.clip(share, 0.05, 0.95))
    trade = character.trade * np.exp(0.2 * generator.standard_normal(bars))
    return {
        "volume": _price(lots, terms.lot),
        "taker_buy_volume": _price(bought, terms.lot),
        "trades": np.maximum(1.0, np.rint(quote / trade)).astype(np.int64),
    }


def _marks(seed: int, symbol: str, close: Reals, terms: Instrument, interval: int) -> Reals:
    basis = wandering(stream(seed, f"basis {symbol}"), len(close), 2.0 * MICROS_PER_HOUR / interval, BASIS_DEVIATION)
    return _price(_on_ticks(close * (1.0 + basis), terms.tick), terms.tick)


def _funding(seed: int, symbol: str, trend: Reals, time: npt.NDArray[np.int64], begin: int) -> Columns:
    times = np.arange((begin // SETTLEMENT + 1) * SETTLEMENT, int(time[-1]) + 1, SETTLEMENT, dtype=np.int64)
    known = np.maximum(np.searchsorted(time, times, side="right") - 1, 0)
    noise = stream(seed, f"funding {symbol}").standard_normal(len(times))
    rate = FUNDING_BASE + FUNDING_PER_TREND * trend[known] + 0.00004 * noise
    rate = np.rint(np.clip(rate, -FUNDING_MAX, FUNDING_MAX) * 1e8) / 1e8
    return {"event_time": times, "rate": rate, "assumed": np.zeros(len(times), np.int64)}


def _open_interest(
    seed: int, symbol: str, character: Character, trend: Reals, close: Reals, time: npt.NDArray[np.int64]
) -> Columns:
    hourly = np.flatnonzero(time % MICROS_PER_HOUR == 0)
    mood = wandering(stream(seed, f"open interest {symbol}"), len(hourly), 120.0, 0.15)
    level = 0.3 * character.daily_volume / character.price
    interest = np.rint(level * np.exp(mood + 0.05 * np.clip(trend[hourly], -3.0, 3.0)) * 1e3) / 1e3
    return {
        "event_time": time[hourly],
        "open_interest": interest,
        "open_interest_quote": np.rint(interest * close[hourly] * 1e2) / 1e2,
    }


def _trend(returns: Reals, volatility: Reals, interval: int) -> Reals:
    """Return the log return over the last ``TREND_DAYS`` in standard deviations; shorter at the beginning."""
    window = TREND_DAYS * MICROS_PER_DAY // interval
    path = np.concatenate([[0.0], np.cumsum(returns)])
    first = np.maximum(np.arange(1, len(path)) - window, 0)
    usual = float(np.sqrt(np.mean(volatility * volatility) * window))
    return np.asarray((path[1:] - path[first]) / usual)


def _on_ticks(price: Reals, tick: float) -> Reals:
    return np.maximum(1.0, np.rint(price / tick))


def _price(steps: Reals, tick: float) -> Reals:
    """Return whole numbers of ticks (or lots) as the nearest float of their decimal value."""
    inverse = np.rint(1.0 / tick)
    return np.asarray(steps / inverse if inverse >= 1.0 else steps * np.rint(tick))
