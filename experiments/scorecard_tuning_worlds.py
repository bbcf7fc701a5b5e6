"""Worlds in which the worth of every threshold is known: prices and opinions are made, what follows is the account's.

Forecasts are given, so that nothing is perceived; triggers, guardian, risk, orders and fills are the engine's own.
``noise`` is a fair game: nothing that follows from the past is worth more than anything else. ``losses`` has a warning:
a run of losses goes on once it is as long as ``Spells.warning``, and is made good when it ends before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.config.resolve import resolve
from alphastrike.config.settings import Settings
from alphastrike.engine.history import AccountInputs
from alphastrike.market.market import Market
from alphastrike.model.bars import BAR, BarFlag
from alphastrike.model.compiled import Records
from alphastrike.model.forecast import FORECAST
from alphastrike.model.instrument import INSTRUMENT, TIER, TIERS_MAX
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import MICROS_PER_HOUR
from experiments.tuning import Basis
from replay.effect import Reals

Chance = np.random.Generator
Sides = npt.NDArray[np.int64]

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT")
START: Final = 1_640_995_200_000_000
"""Midnight at which 2022 begins: the first bar closes an hour later."""
BLOCK_HOURS: Final = 2
"""From one decision to the next."""
BLOCKS_A_DAY: Final = 24 // BLOCK_HOURS
VOLUME: Final = 1e9
"""Base units an hour: no order of these accounts is large against it."""
PRICE: Final = 100.0

ALONE: Final = (
    "account.exit.stop_atr=0",
    "account.exit.hold_max_hours=24",
    "account.leverage.normal=1",
    "account.leverage.minimum=1",
    "account.leverage.maximum=1",
    "account.limits.daily_loss_max=1.0",
    "account.limits.drawdown_halt=0.95",
)
"""Nothing but the policy changes what is held."""
SMALL: Final = (*ALONE, "account.sizing.exposure_per_trade=0.05", "account.triggers.losses=4")
"""So little is held that the drag of its variance is nothing beside luck."""
FREE: Final = (*SMALL, "account.venue.half_spread=0.0", "account.venue.impact=0.0")
WARNED: Final = (
    *ALONE,
    "account.triggers.win_rate_below=0",
    "account.triggers.drawdown_above=1.0",
    "policy.guardian.loss_streak_multiplier=0.1",
)
"""As configured only runs of losses are asked about, from the fifth on, and size is cut to a tenth for a day."""

HOUR_VOLATILITY: Final = 0.006
STAYS: Final = 0.87
"""Probability that an opinion about nothing is the same at the next decision."""
CONVICTION: Final = (80.0, 100.0)
"""From where to where the conviction of such an opinion goes: from the entry floor up."""


BLUR: Final = 0.008
"""Hourly volatility beside the trades where they are blurred."""


class Course(NamedTuple):
    """What prices do, and what is thought of them."""

    returns: Reals
    """(hours, symbols) log returns, from the first decision on."""
    sides: Sides
    """(blocks, symbols) side that is held over a block, -1 or 1."""
    conviction: Reals
    """(blocks, symbols) points."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Worlds of one kind: one of every seed."""

    name: str
    draw: Callable[[Chance, int], Course]
    """Draws the course of so many days."""
    overrides: tuple[str, ...]
    days: int = 400
    fee: float = 0.0
    """Taker fee, a fraction of notional."""
    is_planted: bool = False
    """Whether a number of losses is worth more than all others."""


class Spells(NamedTuple):
    """How trades of one block each follow on one another."""

    warning: int = 10
    """A run of so many losses goes on."""
    bad: int = 10
    """Trades after the warning, mostly lost."""
    good: int = 10
    """Trades after a shorter run, mostly won."""
    calm: int = 12
    """Trades between, on average."""
    shortest: int = 3
    """Losses of the shortest false alarm; each length below the warning is alike likely."""
    true: float = 0.3
    """Share of runs that reach the warning."""
    sure: float = 0.85
    """Share of trades that go their spell's way."""
    calm_wins: float = 0.7
    size: float = 0.02
    """Log move of a trade."""
    noise: float = 0.002
    """Hourly volatility beside it."""


def noise(chance: Chance, days: int) -> Course:
    """Prices that are a fair game, and opinions about nothing."""
    # Less half the variance: the price is expected to stay where it is, not its logarithm.
    hours, blocks = (days * 24, len(SYMBOLS)), (days * BLOCKS_A_DAY, len(SYMBOLS))
    returns = chance.normal(-0.5 * HOUR_VOLATILITY**2, HOUR_VOLATILITY, hours)
    turns = chance.random(blocks) >= STAYS
    sides = np.where(np.cumsum(turns, axis=0) % 2 == 0, 1, -1)
    return Course(returns, sides.astype(np.int64), chance.uniform(*CONVICTION, blocks))


def losses(spells: Spells, chance: Chance, days: int) -> Course:
    """Opinions that turn with every block, right and wrong as ``spells`` says."""
    blocks = days * BLOCKS_A_DAY
    wins: list[bool] = []
    while len(wins) < blocks:
        wins += _episode(spells, chance)
    outcomes = np.where(wins[:blocks], spells.size, -spells.size)
    sides = np.where(np.arange(blocks) % 2 == 0, 1, -1).astype(np.int64)
    returns = np.repeat(sides * outcomes / BLOCK_HOURS, BLOCK_HOURS)
    returns = returns + chance.normal(0.0, spells.noise, len(returns))
    return Course(returns[:, None], sides[:, None], np.full((blocks, 1), CONVICTION[1]))


def _episode(spells: Spells, chance: Chance) -> list[bool]:
    """Return which trades win: a calm, a run of losses, and what follows on it."""
    # A calm has no memory, or a life of an intervention might fit the rhythm of episodes.
    calm = (chance.random(int(chance.geometric(1.0 / spells.calm))) < spells.calm_wins).tolist()
    if chance.random() < spells.true:
        after = (chance.random(spells.bad) >= spells.sure).tolist()
        return [*calm, True, *[False] * spells.warning, *after]
    run = int(chance.integers(spells.shortest, spells.warning))
    after = (chance.random(spells.good - 1) < spells.sure).tolist()
    return [*calm, True, *[False] * run, True, *after]


def basis_in(kind: Kind, seed: int) -> Basis:
    """Return the world of a seed as a study stands on it."""
    course = kind.draw(np.random.default_rng([seed, *kind.name.encode()]), kind.days)
    hours, symbols = course.returns.shape
    ends = np.arange(BLOCK_HOURS - 1, hours, BLOCK_HOURS)
    row = np.full(hours, -1, dtype=np.int64)
    row[ends] = np.arange(len(ends))
    forecasts = np.zeros(course.sides.shape, dtype=FORECAST)
    forecasts["direction"], forecasts["conviction"] = course.sides, course.conviction
    forecasts["volatility"], forecasts["atr"] = HOUR_VOLATILITY * 24**0.5, 1.0
    forecasts["daily_volume"], forecasts["health"] = 24.0 * VOLUME, 100.0
    inputs = AccountInputs(row, forecasts, np.zeros((hours, symbols), dtype=np.bool_))
    return Basis(_market(kind, course), inputs, _settings(kind.overrides), "")


def _market(kind: Kind, course: Course) -> Market:
    """Return the bars: the first block passes before anything is decided, and the course begins."""
    hours, symbols = course.returns.shape
    moved = np.zeros_like(course.returns)
    moved[BLOCK_HOURS:] = course.returns[: hours - BLOCK_HOURS]
    close = PRICE * np.exp(np.cumsum(moved, axis=0))
    bars = np.zeros((hours, symbols), dtype=BAR)
    bars["close"] = close
    bars["open"] = np.concatenate([np.full((1, symbols), PRICE), close[:-1]])
    bars["high"], bars["low"] = np.maximum(bars["open"], close), np.minimum(bars["open"], close)
    bars["volume"], bars["flags"] = VOLUME, int(BarFlag.CANDLE)
    tiers = np.zeros((symbols, TIERS_MAX), dtype=TIER)
    tiers["notional_floor"] = np.inf
    tiers[:, 0] = (0.0, 0.01, 0.0)
    return Market(
        name=kind.name,
        content_hash=blake2b(bars.tobytes(), digest_size=16).hexdigest(),
        symbols=SymbolTable(SYMBOLS[:symbols]),
        start=START + MICROS_PER_HOUR,
        interval=MICROS_PER_HOUR,
        bars=bars,
        other_events=np.zeros(hours, dtype=np.int64),
        series={},
        instruments=_instruments(symbols, kind.fee),
        tiers=tiers,
    )


def _instruments(symbols: int, fee: float) -> Records:
    """Return terms alike for all; ticks so small that rounding costs nothing."""
    terms = {"tick": 1e-6, "lot": 1e-6, "notional_min": 5.0, "liquidation_fee": 0.01, "leverage_max": 50.0}
    terms |= {"taker_fee": fee, "maker_fee": 0.4 * fee}
    made = np.zeros(symbols, dtype=INSTRUMENT)
    for name, value in terms.items():
        made[name] = value
    return made


@lru_cache(maxsize=8)
def _settings(overrides: tuple[str, ...]) -> Settings:
    return resolve(None, overrides)


NOISE: Final = Kind("noise", noise, FREE)
COSTLY: Final = Kind("noise at a cost", noise, SMALL, fee=5e-4)
LOSSES: Final = Kind("losses", partial(losses, Spells()), WARNED, fee=1e-4, is_planted=True)
HARDER: Final = Kind("losses, harder", partial(losses, Spells(noise=BLUR)), WARNED, days=260, fee=1e-4, is_planted=True)
