"""Decision bars made for a test."""

import numpy as np

from alphastrike.features.bars import Bars, Column

HOURS = 24.0 * 365.0
"""When the first bar closes, hours since the beginning of 1970: midnight before Friday, 1 January 1971."""


def walk(rows: int, seed: int = 1) -> Bars:
    """A random walk of decision bars in which every column is known."""
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, rows)))
    open_ = np.concatenate([[100.0], close[:-1]])
    spread = np.abs(random.normal(0.0, 0.004, (2, rows)))
    volume = random.lognormal(3.0, 1.0, rows)
    return Bars(
        open=open_,
        high=np.maximum(open_, close) * (1.0 + spread[0]),
        low=np.minimum(open_, close) * (1.0 - spread[1]),
        close=close,
        volume=volume,
        taker_buy_volume=volume * random.uniform(0.2, 0.8, rows),
        trades=np.floor(volume * 5.0),
        open_interest=1e4 * np.exp(np.cumsum(random.normal(0.0, 0.01, rows))),
        funding=np.where(np.arange(rows) % 8 == 0, random.normal(1e-4, 1e-4, rows), 0.0),
        market_bars=np.full(rows, 4.0),
        mark=close * (1.0 + random.normal(0.0, 3e-4, rows)),
        long_short_ratio=np.exp(random.normal(0.2, 0.2, rows)),
        bid=close * 0.9999,
        bid_size=random.lognormal(0.0, 1.0, rows),
        ask=close * 1.0001,
        ask_size=random.lognormal(0.0, 1.0, rows),
        long_liquidated=np.where(random.random(rows) < 0.2, random.lognormal(8.0, 1.0, rows), 0.0),
        short_liquidated=np.where(random.random(rows) < 0.2, random.lognormal(8.0, 1.0, rows), 0.0),
        closed=HOURS + np.arange(rows, dtype=np.float64),
    )


def flat(rows: int) -> Bars:
    """Bars in which nothing moves and nothing trades."""
    ones = np.full(rows, 100.0)
    none = np.zeros(rows)
    return Bars(
        ones, ones, ones, ones, none, none, none, ones, none, np.full(rows, 4.0),
        ones, ones, ones, ones, ones, ones, none, none, HOURS + np.arange(rows, dtype=np.float64),
    )  # fmt: skip


def part(bars: Bars, first: int, last: int | None = None) -> Bars:
    """The rows from ``first`` up to ``last``."""
    return Bars(*(column[first:last].copy() for column in bars))


def same(left: Column, right: Column) -> bool:
    """Whether two columns have the same bits, NaN being NaN."""
    return bool(np.array_equal(left, right, equal_nan=True))
