"""What other histories share with the one they are drawn from: clustered volatility, symbols that move together.

Measured on hourly log returns of the closes, or on the market's own bars where these are longer.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.market.market import Market
from alphastrike.model.bars import BarFlag
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR

Reals = npt.NDArray[np.float64]

LAGS: Final = (("1 h", MICROS_PER_HOUR), ("24 h", MICROS_PER_DAY), ("7 d", 7 * MICROS_PER_DAY))


class Likeness(NamedTuple):
    """The character of a market in a few numbers; NaN where it is too short or too coarse for one."""

    clustering: tuple[float, ...]
    """Autocorrelation of absolute returns at ``LAGS``, mean over the symbols."""
    correlation: float
    """Of returns, mean over all pairs of symbols; NaN for one symbol."""
    volatility: float
    """Standard deviation of returns scaled to a day, mean over the symbols."""


def likeness(market: Market) -> Likeness:
    """Measure a market."""
    period = max(MICROS_PER_HOUR, market.interval)
    moves = _returns(market, period)
    sizes = np.abs(moves)
    return Likeness(
        clustering=tuple(_autocorrelation(sizes, lag // period if lag % period == 0 else 0) for _, lag in LAGS),
        correlation=_correlation(moves),
        volatility=_mean(np.sqrt(_means(_centred(moves) ** 2) * (MICROS_PER_DAY / period))),
    )


def _returns(market: Market, period: int) -> Reals:
    """Return (S, n) log returns from one end of a period to the next, NaN where a close is missing."""
    bars = market.bars[market.tick_times % period == 0]
    closes = bars["close"]
    known = (bars["flags"] & int(BarFlag.CANDLE) != 0) & np.isfinite(closes) & (closes > 0.0)
    logs = np.log(np.where(known, closes, 1.0))
    moves = np.diff(np.where(known, logs, np.nan), axis=0)
    return np.ascontiguousarray(moves.T)


def _autocorrelation(values: Reals, lag: int) -> float:
    """Return the autocorrelation of (S, n) at a lag of so many steps, mean over S; NaN at a lag of none."""
    if not 0 < lag < values.shape[1] - 1:
        return float("nan")
    centred = _centred(values)
    together = _means(centred[:, lag:] * centred[:, :-lag])
    alone = _means(centred**2)
    return _mean(together / np.where(alone > 0.0, alone, np.nan))


def _correlation(values: Reals) -> float:
    centred = _centred(values)
    found = []
    for one in range(len(values)):
        for other in range(one + 1, len(values)):
            both = np.isfinite(centred[one]) & np.isfinite(centred[other])
            pair = centred[[one, other]][:, both]
            norm = float(np.sqrt(np.sum(pair[0] ** 2) * np.sum(pair[1] ** 2)))
            found.append(float(np.sum(pair[0] * pair[1])) / norm if norm > 0.0 else float("nan"))
    return _mean(np.array(found))


def _centred(values: Reals) -> Reals:
    return np.asarray(values - _means(values)[:, None])


def _means(values: Reals) -> Reals:
    """Return the mean of every row over what is known of it, NaN for nothing."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _mean(values: Reals) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
