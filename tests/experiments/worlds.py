"""Worlds whose answer is known: a random walk of prices, and opinions made of its future or of nothing."""

from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt

from alphastrike.config.resolve import resolve
from alphastrike.config.settings import Settings
from alphastrike.engine.perception import PerceivedMarket, perceive
from alphastrike.market.market import Market
from alphastrike.ml.declare import signals
from tests.engine.markets import market_of, walk_bars
from tests.engine.worlds import instruments, margin_tiers

DAYS = 250
SYMBOLS = 2
BARS_A_DAY = 96
AHEAD = 24
"""Decisions that an informed opinion sees ahead."""
QUICK = (
    "perception.conviction.window_days=20",
    "perception.conviction.minimum_days=5",
    "account.limits.drawdown_halt=0.9",
)
FREE = (*QUICK, "account.venue.half_spread=0.0", "account.venue.impact=0.0")


def settings(*overrides: str) -> Settings:
    return resolve(None, overrides)


@cache
def market(seed: int, days: int = DAYS, *, fees: bool = True) -> Market:
    """A random walk: no price tells anything about the next one."""
    bars = walk_bars(days * BARS_A_DAY, SYMBOLS, seed)
    bars["volume"] *= 1e6
    if not fees:
        bars["funding_rate"] = 0.0
    terms = {} if fees else {"taker_fee": 0.0, "maker_fee": 0.0}
    made = market_of(bars)
    return replace(made, instruments=instruments(SYMBOLS, **terms), tiers=margin_tiers(SYMBOLS))


@cache
def perceived(of: int, days: int = DAYS, *, fees: bool = True) -> PerceivedMarket:
    return perceive(market(of, days, fees=fees), settings(*QUICK).perception)


def carriers(count: int) -> tuple[str, ...]:
    """Names of signals whose scores a world replaces; all others abstain in it."""
    return tuple(signals())[:count]


def noise(seed: int, like: PerceivedMarket) -> npt.NDArray[np.float64]:
    """An opinion (D, S) about nothing, that changes its mind every day or two."""
    random = np.random.default_rng([seed, 77])
    decisions, symbols = like.forecasts.shape
    shocks = random.normal(0.0, 1.0, (decisions, symbols))
    walked = np.zeros_like(shocks)
    for d in range(1, decisions):
        walked[d] = 0.97 * walked[d - 1] + shocks[d]
    return np.asarray(np.clip(walked / 12.0, -1.0, 1.0))


def informed(like: PerceivedMarket, strength: float, seed: int) -> npt.NDArray[np.float64]:
    """An opinion (D, S) that knows something of the return over the next ``AHEAD`` decisions."""
    closes = like.closes.T
    ahead = np.zeros_like(closes)
    ahead[:-AHEAD] = closes[AHEAD:] / closes[:-AHEAD] - 1.0
    known = strength * ahead / np.std(ahead) / 3.0
    return np.clip(known + noise(seed, like), -1.0, 1.0)


def with_scores(like: PerceivedMarket, *scores: npt.NDArray[np.float64]) -> PerceivedMarket:
    """The same market with these opinions under the names of the first ``carriers``, the rest silent."""
    opinions = np.full_like(like.scores, np.nan)
    for name, own in zip(carriers(len(scores)), scores, strict=True):
        opinions[like.signal_names.index(name)] = own
    return replace(like, scores=opinions)
