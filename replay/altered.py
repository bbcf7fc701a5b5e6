"""Markets changed on purpose: another future, a later beginning, other symbols."""

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from alphastrike.market.market import Market
from alphastrike.model.bars import BarFlag
from alphastrike.model.compiled import Records
from alphastrike.model.symbols import SymbolTable

Reals = npt.NDArray[np.float64]

CANDLE: Final = int(BarFlag.CANDLE)
PRICES: Final = ("open", "high", "low", "close")
QUOTED: Final = ("bid", "ask")
OF_VOLUME: Final = ("taker_buy_volume",)
COUNTED: Final = ("trades",)
JUMP: Final = 0.3
"""Largest share by which prices jump behind the cut."""
LOST: Final = 0.03
"""Share of the candles, and of the reports of other kinds, that are missing behind the cut."""


def later(market: Market, first: int) -> Market:
    """Return the market as if it had begun with tick ``first``."""
    return replace(
        market,
        start=int(market.tick_times[first]),
        bars=market.bars[first:],
        other_events=market.other_events[first:],
        series={name: values[first:] for name, values in market.series.items()},
        externals={name: values[first:] for name, values in market.externals.items()},
    )


def picked(market: Market, symbols: tuple[int, ...]) -> Market:
    """Return the market with these symbols only, in this order."""
    chosen = list(symbols)
    return replace(
        market,
        symbols=SymbolTable(market.symbols[symbol] for symbol in symbols),
        bars=np.ascontiguousarray(market.bars[:, chosen]),
        series={name: np.ascontiguousarray(values[:, chosen]) for name, values in market.series.items()},
        instruments=market.instruments[chosen],
        tiers=market.tiers[chosen],
    )


def other_future(market: Market, cut: int, seed: int) -> Market:
    """Return the market with everything after tick ``cut`` replaced, and nothing up to it.

    The bars behind the cut come in another order, after a jump in price, some of them missing; volumes, funding, the
    series and the external series are reshuffled and resized, each within what is possible for it, so that a signal
    that is sound on the market is sound on this one.
    """
    random = np.random.default_rng(seed)
    behind = slice(cut + 1, None)
    size = market.bars[behind].shape
    order = random.permutation(size[0])
    of_volume = random.lognormal(0.3, 0.5, size)
    bars = market.bars.copy()
    shuffled = bars[behind][order]
    old = shuffled["open"].copy()
    _reprice(shuffled, _last_closes(market, cut), random)
    shuffled["volume"] *= of_volume
    shuffled["funding_rate"] *= -random.lognormal(0.0, 0.5, size)
    is_lost = (random.random(size) < LOST) & (shuffled["flags"] & CANDLE != 0)
    for name in (*PRICES, "volume"):
        shuffled[name][is_lost] = 0.0
    shuffled["flags"][is_lost] &= ~CANDLE
    bars[behind] = shuffled

    is_kept = random.random(size) >= LOST
    moved = np.where((old > 0.0) & (shuffled["open"] > 0.0), shuffled["open"] / np.where(old > 0.0, old, 1.0), 1.0)
    series = {}
    for name, values in market.series.items():
        changed = values.copy()
        later_values = values[behind][order]
        factor = of_volume if name in OF_VOLUME else moved if name in QUOTED else random.lognormal(0.2, 0.5, size)
        later_values = later_values * factor
        if name in COUNTED:
            later_values = np.ceil(later_values)
        changed[behind] = np.where(is_kept, later_values, np.nan)
        series[name] = changed
    externals = {name: _mirrored(values, cut, order) for name, values in market.externals.items()}
    return replace(market, bars=bars, series=series, externals=externals)


def _reprice(bars: Records, last: Reals, random: np.random.Generator) -> None:
    """Give bars (n, S) in a new order prices that follow one another from ``last`` (S,), after a jump."""
    is_sound = (bars["flags"] & CANDLE != 0) & np.all(
        [np.isfinite(bars[name]) & (bars[name] > 0.0) for name in PRICES], 0
    )
    open_ = np.where(is_sound, bars["open"], 1.0)
    growth = np.where(is_sound, bars["close"], 1.0) / open_
    jump = random.choice([-1.0, 1.0], last.shape) * random.uniform(0.3 * JUMP, JUMP, last.shape)
    path = last * (1.0 + jump) * np.cumprod(growth, axis=0)
    begun = path / growth
    for name in PRICES:
        bars[name] = np.where(is_sound, bars[name] / open_ * begun, bars[name])
    bars["mark"] = np.where(bars["mark"] > 0.0, np.where(is_sound, bars["mark"] / open_, 1.0) * begun, bars["mark"])


def _last_closes(market: Market, cut: int) -> Reals:
    """Return each symbol's last known close at ``cut``, or its first later one (S,)."""
    closes = np.ones(len(market.symbols))
    for symbol in range(len(closes)):
        column = market.bars["close"][:, symbol]
        known = np.flatnonzero(np.isfinite(column) & (column > 0.0))
        if len(known):
            closes[symbol] = column[known[max(int(np.searchsorted(known, cut, side="right")) - 1, 0)]]
    return closes


def _mirrored(values: Reals, cut: int, order: npt.NDArray[np.int64]) -> Reals:
    """Reshuffle an external series behind the cut and turn it upside down within its own range."""
    changed = values.copy()
    known = values[~np.isnan(values)]
    if len(known):
        changed[cut + 1 :] = known.min() + known.max() - values[cut + 1 :][order]
    return changed
