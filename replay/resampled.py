"""A market drawn again from its own blocks: one of the other histories that the same forces could have made.

The stationary bootstrap of Politis and Romano (1994), "The Stationary Bootstrap", over whole instants: every symbol,
funding, marks, series and external series of a tick stay together. A block ends after midnight UTC with probability
one over the mean length in days, and the next begins at the same hour of another week, so that settlements, the hours
of a day and the days of a week keep their places. Its prices go on from the last close: what is drawn are returns.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from alphastrike.market.market import Market
from alphastrike.model.bars import BarFlag
from alphastrike.model.compiled import Records
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.units import MICROS_PER_DAY

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

BLOCK_DAYS: Final = 30.0
"""Mean length of a block, and the least allowed: shorter ones destroy the trends that a book lives on."""
BLOCKS_MIN: Final = 3
"""Fewer mean blocks than this in the market, and every world would be the market again."""
PRICES: Final = ("open", "high", "low", "close")
BASE_AMOUNTS: Final = ("taker_buy_volume", "bid_size", "ask_size")
"""Series in base units of the moment: resized so that they are worth the same money at the world's prices."""
SHARES: Final = 100.0
"""An external series that stays below this may be a percentage or an index of a fixed range."""
WANDERS_MAX: Final = 3.0
"""One that stays below ``SHARES`` and moves by more than this factor goes to and fro in its range."""


def drawn_rows(ticks: int, start: int, interval: int, block_days: float, generator: np.random.Generator) -> Integers:
    """Return (ticks,) which tick of the market stands behind each tick of a world.

    The market is a circle of whole weeks; what is over is left out at its ends, now more of it here, now there.

    Args:
        ticks: of the market, and of the world.
        start: time of tick 0, microseconds UTC.
        interval: between two ticks, microseconds.
        block_days: mean length of a block, at least ``BLOCK_DAYS``.
        generator: of this world alone.

    Raises:
        ConfigurationError: the blocks are too short to keep trends, or the market too short for the blocks.
    """
    check_blocks(ticks, interval, block_days)
    place = np.arange(ticks, dtype=np.int64)
    # A bar is stamped by its close: a block begins with the bar that opens at midnight.
    opens_a_day = (start + (place - 1) * interval) % MICROS_PER_DAY == 0
    a_week = 7 * MICROS_PER_DAY // interval
    weeks = ticks // a_week
    circle = weeks * a_week
    firsts = np.flatnonzero(opens_a_day[: ticks - circle + 1])
    first = int(firsts[generator.integers(0, len(firsts))]) if len(firsts) else 0
    begins = opens_a_day & (generator.random(ticks) < 1.0 / block_days)
    begins[0] = True
    moved = generator.integers(0, weeks, ticks) * a_week
    begun_at = np.maximum.accumulate(np.where(begins, place, 0))
    return np.asarray(first + (place + moved[begun_at] - first) % circle, dtype=np.int64)


def check_blocks(ticks: int, interval: int, block_days: float) -> None:
    """Refuse blocks that are too short, or too long for the market.

    Raises:
        ConfigurationError: says which, and what to choose.
    """
    if block_days < BLOCK_DAYS:
        raise ConfigurationError(
            f"blocks of {block_days:g} days on average are too short: shorter than {BLOCK_DAYS:g} they destroy the "
            "trends that a book lives on. Choose a longer --block-days."
        )
    days = ticks * interval / MICROS_PER_DAY
    if days < BLOCKS_MIN * block_days:
        raise ConfigurationError(
            f"a market of {days:.0f} days is too short for other histories: blocks of {block_days:g} days on average "
            f"need {BLOCKS_MIN * block_days:g}. Replay a longer run without --worlds, or record one."
        )


def resampled(market: Market, rows: Integers, is_sound: Flags | None = None, *, name: str = "") -> Market:
    """Return the market that has, at each of its ticks, what the original had at tick ``rows``.

    Within a block all prices of a symbol are multiplied by one number, so that bars, marks and books stay as they
    were to each other; then candles and books are rounded to the tick. Funding rates, ratios and counts stay as they
    are; amounts in base units are resized to be worth what they were. Open interest, and external series that
    are levels, go on from their last value as prices do.

    Args:
        market: the original.
        rows: (T,) of its ticks, as ``drawn_rows`` returns them.
        is_sound: (T, S) candles of the original that may be chained on; by default all with a positive close.
        name: of the world; its content hash follows from the market's and from the rows.
    """
    seams = np.flatnonzero(np.diff(rows, prepend=rows[0] - 2) != 1)
    closes, opens = _sound(market, is_sound)
    scales = _scales(closes, opens, rows, seams)
    digest = hashlib.blake2b(f"{market.content_hash} world ".encode() + rows.astype("<i8").tobytes(), digest_size=16)
    return replace(
        market,
        name=name or market.name,
        content_hash=digest.hexdigest(),
        bars=_bars(market, rows, scales),
        other_events=market.other_events[rows],
        series={kind: _series(kind, values, rows, seams, scales, market) for kind, values in market.series.items()},
        externals={kind: _external(values, rows, seams) for kind, values in market.externals.items()},
    )


def _bars(market: Market, rows: Integers, scales: Reals) -> Records:
    bars = np.ascontiguousarray(market.bars[rows])
    tick = market.instruments["tick"]
    for price in PRICES:
        bars[price] = _rounded(np.rint, bars[price], scales, tick)
    bars["mark"] = bars["mark"] * scales
    bars["volume"] = bars["volume"] / scales
    return bars


def _series(kind: str, values: Reals, rows: Integers, seams: Integers, scales: Reals, market: Market) -> Reals:
    drawn = values[rows]
    tick = market.instruments["tick"]
    match kind:
        case "open_interest":
            return drawn * _scales(values, values, rows, seams)
        case "bid":
            return _rounded(_down, drawn, scales, tick)
        case "ask":
            return _rounded(_up, drawn, scales, tick)
        case _ if kind in BASE_AMOUNTS:
            return drawn / scales
        case _:
            return drawn


def _external(values: Reals, rows: Integers, seams: Integers) -> Reals:
    if not is_level(values):
        return values[rows]
    column = values[:, None]
    scaled: Reals = (column[rows] * _scales(column, column, rows, seams))[:, 0]
    return scaled


def is_level(values: Reals) -> bool:
    """Tell whether an external series is a level, of which changes are drawn, rather than a place in a fixed range.

    A level is positive, and either leaves the range of percentages or stays within a factor of ``WANDERS_MAX``: an
    index of shares, an amount of money, a dominance. A mood that swings between 10 and 90 is none.
    """
    known = values[np.isfinite(values)]
    if not len(known) or known.min() <= 0.0:
        return False
    return bool(known.max() > SHARES or known.max() <= WANDERS_MAX * known.min())


def _sound(market: Market, is_sound: Flags | None) -> tuple[Reals, Reals]:
    """Return (T, S) closes and opens of the candles that may be chained on, NaN elsewhere."""
    bars = market.bars
    sound = (bars["flags"] & int(BarFlag.CANDLE) != 0) if is_sound is None else is_sound
    for price in ("open", "close"):
        sound = sound & np.isfinite(bars[price]) & (bars[price] > 0.0)
    return np.where(sound, bars["close"], np.nan), np.where(sound, bars["open"], np.nan)


def _scales(values: Reals, begun: Reals, rows: Integers, seams: Integers) -> Reals:
    """Return (T, N) by what each value of a world is multiplied to go on from the value before its block.

    Args:
        values: (T, N) of the original, NaN where nothing is known.
        begun: (T, N) what a value starts from where nothing was known before.
        rows: (T,) ticks of the original.
        seams: ticks of the world at which a block begins.
    """
    known = _last_known(values)
    level = _next_known(begun)[0]
    level = np.where(np.isfinite(level), level, 1.0)
    lengths = np.diff(seams, append=len(rows))
    found = np.empty((len(seams), values.shape[1]))
    for block, (seam, length) in enumerate(zip(seams.tolist(), lengths.tolist(), strict=True)):
        first, last = int(rows[seam]), int(rows[seam]) + length - 1
        before = known[first - 1] if first > 0 else np.full(values.shape[1], np.nan)
        start = np.where(np.isfinite(before), before, _next_known(begun[first : last + 1])[0])
        found[block] = np.where(np.isfinite(start), level / np.where(np.isfinite(start), start, 1.0), 1.0)
        ended = known[last]
        level = np.where(np.isfinite(ended) & np.isfinite(start), found[block] * ended, level)
    return np.repeat(found, lengths, axis=0)


def _last_known(values: Reals) -> Reals:
    """Return (T, N) the last finite value at or before each tick, NaN before the first."""
    ticks = np.arange(len(values))[:, None]
    at = np.maximum.accumulate(np.where(np.isfinite(values), ticks, -1), axis=0)
    return np.where(at >= 0, np.take_along_axis(values, np.maximum(at, 0), axis=0), np.nan)


def _next_known(values: Reals) -> Reals:
    """Return (T, N) the first finite value at or after each tick, NaN behind the last."""
    return _last_known(values[::-1])[::-1]


def _rounded(how: Callable[[Reals], Reals], prices: Reals, scales: Reals, tick: Reals) -> Reals:
    """Scale prices and round them to whole ticks, at least one; what is no price, or is not scaled, stays."""
    is_price = np.isfinite(prices) & (prices > 0.0) & (scales != 1.0)
    steps = np.maximum(how(np.where(is_price, prices, 1.0) * scales / tick), 1.0)
    return np.where(is_price, steps * tick, prices)


def _down(steps: Reals) -> Reals:
    return np.asarray(np.floor(steps + _EXACT))


def _up(steps: Reals) -> Reals:
    return np.asarray(np.ceil(steps - _EXACT))


_EXACT: Final = 1e-9
"""A price that is a whole number of ticks but for its last bits is not moved by one."""
