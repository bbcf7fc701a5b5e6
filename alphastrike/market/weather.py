"""What moves all symbols of a simulated market together: regimes, volatility, crashes, hints, and a fading momentum.

Rates are per day and scaled to the bar, so that a market looks alike at every interval. Nothing depends on the
market's length: a longer one begins as the shorter one.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.market.chance import Reals, clustered, stream, student
from alphastrike.market.hints import COMMON_HINTS, hidden, monday, push
from alphastrike.model.forecast import Regime
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR

FACTOR_VOLATILITY: Final = 0.026
"""Standard deviation of the common factor's daily return before the regime's multiple."""

MOMENTUM_HALF_LIFE_DAYS: Final = 120.0
"""Time over which the predictability of the factor by its last day halves: the signal that decays."""

MOMENTUM: Final = 0.12
"""Expected daily move, in daily standard deviations, per unit of normalised momentum, when the market begins."""

MOMENTUM_MEMORY_DAYS: Final = 1.0
BURST_HALF_LIFE_DAYS: Final = 1.5
CRASH_EVERY_DAYS: Final = 180
CRASH_CALM_DOWN_DAYS: Final = 3.0
JUMPS_PER_DAY: Final = 0.08
JUMP_DEVIATION: Final = 0.018

USUAL_CLIMATE: Final = 0.98
"""Multiple of the volatility that prevails on average over the regimes' stays, crashes included."""

USUAL_BURST: Final = 0.92
"""Mean of the volatility's multiple by clustering and season together; the root of its mean square is 1."""


class Climate(NamedTuple):
    """How the factor behaves in one regime."""

    drift: float
    """Expected log return a day."""
    volatility: float
    """Multiple of ``FACTOR_VOLATILITY``."""
    days: float
    """Mean stay."""
    then: tuple[tuple[Regime, float], ...]
    """Where to, with what probability."""


CLIMATES: Final = {
    Regime.TREND_UP: Climate(
        0.0050, 0.85, 14.0, ((Regime.RANGE, 0.45), (Regime.TREND_DOWN, 0.35), (Regime.HIGH_VOLATILITY, 0.20))
    ),
    Regime.TREND_DOWN: Climate(
        -0.0046, 1.10, 11.0, ((Regime.RANGE, 0.35), (Regime.TREND_UP, 0.45), (Regime.HIGH_VOLATILITY, 0.20))
    ),
    Regime.RANGE: Climate(
        0.0, 0.70, 10.0, ((Regime.TREND_UP, 0.50), (Regime.TREND_DOWN, 0.40), (Regime.HIGH_VOLATILITY, 0.10))
    ),
    Regime.HIGH_VOLATILITY: Climate(
        0.0, 1.85, 5.0, ((Regime.TREND_UP, 0.40), (Regime.TREND_DOWN, 0.40), (Regime.RANGE, 0.20))
    ),
}


@dataclass(frozen=True)
class Weather:
    """The common factor, bar by bar; all arrays have shape (ticks,)."""

    regimes: npt.NDArray[np.int64]
    """``model.forecast.Regime``."""
    returns: Reals
    """Log return of the factor over the bar."""
    volatility: Reals
    """Standard deviation expected of the bar's return before jumps."""
    season: Reals
    """Multiple of the volatility by hour and weekday; its mean square is 1."""
    crashes: npt.NDArray[np.int64]
    """Ticks in which a crash begins."""
    usual: float
    """Volatility of a bar that is neither calm nor wild."""
    hints: Mapping[str, Reals]
    """What is known at the close of every bar, by source of ``COMMON_HINTS``."""
    pushes: Reals
    """Part of ``returns`` that the hints foretold."""


def weather(seed: int, ticks: int, interval: int, begin: int, *, stationary: bool = False) -> Weather:
    """Return the common factor of a simulated market.

    Args:
        seed: of the market.
        ticks: number of bars.
        interval: of the bars, microseconds.
        begin: opening of the first bar, microseconds UTC.
        stationary: one range without end: no other regime, no crash, and what tells of the future keeps its strength.
            Volatility clusters and jumps come as ever.
    """
    day = interval / MICROS_PER_DAY
    crash_at, crash_length, crash_depth = _crashes(seed, 0 if stationary else ticks, interval)
    regimes = np.full(ticks, int(Regime.RANGE)) if stationary else _regimes(seed, ticks, day)
    for at, length in zip(crash_at, crash_length, strict=True):
        regimes[at : at + length + round(CRASH_CALM_DOWN_DAYS / day)] = Regime.HIGH_VOLATILITY
    season = _season(ticks, interval, begin)
    shocks = student(stream(seed, "factor shocks"), ticks)
    multiples = np.array([CLIMATES[Regime(code)].volatility if code else 1.0 for code in range(5)])
    burst = clustered(shocks * shocks, BURST_HALF_LIFE_DAYS / day)
    volatility = FACTOR_VOLATILITY * np.sqrt(day) * multiples[regimes] * np.sqrt(burst) * season
    drifts = np.array([CLIMATES[Regime(code)].drift if code else 0.0 for code in range(5)])
    hints = _hints(seed, ticks, interval, begin)
    pushes = volatility * sum(
        push(COMMON_HINTS[source], hints[source], interval, stationary=stationary) for source in hints
    )
    returns = drifts[regimes] * day + pushes
    returns += volatility * _with_momentum(shocks, day, math.inf if stationary else MOMENTUM_HALF_LIFE_DAYS)
    returns += jumps(seed, "factor", ticks, JUMPS_PER_DAY * day, JUMP_DEVIATION)
    for at, length, depth in zip(crash_at, crash_length, crash_depth, strict=True):
        # A fall that gathers pace and ends at its fastest.
        weights = np.arange(1, length + 1, dtype=np.float64)
        returns[at : at + length] -= (depth * weights / weights.sum())[: ticks - at]
    climate = CLIMATES[Regime.RANGE].volatility if stationary else USUAL_CLIMATE
    usual = FACTOR_VOLATILITY * np.sqrt(day) * climate * USUAL_BURST
    return Weather(regimes, returns, volatility, season, crash_at, float(usual), hints, pushes)


def jumps(seed: int, whose: str, ticks: int, rate: float, deviation: float) -> Reals:
    """Return jumps by bar, zero in most; falls are half as large again as rises."""
    falls = stream(seed, f"{whose} jumps").random(ticks) < rate
    sizes = stream(seed, f"{whose} jump sizes").standard_normal(ticks) * deviation
    sizes = np.where(sizes < 0.0, sizes * 1.2, sizes * 0.8)
    return np.where(falls, sizes, 0.0)


def stays(generator: np.random.Generator, ticks: int, day: float, mean_days: float) -> npt.NDArray[np.int64]:
    """Return the ticks at which a state ends whose stays are exponential, at least a day, until the market ends."""
    ends: list[int] = []
    at = 0
    while at < ticks:
        at += max(1, round(max(1.0, float(generator.exponential(mean_days))) / day))
        ends.append(min(at, ticks))
    return np.array(ends, dtype=np.int64)


def _regimes(seed: int, ticks: int, day: float) -> npt.NDArray[np.int64]:
    generator = stream(seed, "regimes")
    regimes = np.empty(ticks, dtype=np.int64)
    state = Regime.RANGE
    at = 0
    while at < ticks:
        climate = CLIMATES[state]
        length = max(1, round(max(1.0, float(generator.exponential(climate.days))) / day))
        regimes[at : at + length] = state
        at += length
        draw = float(generator.random())
        for following, probability in climate.then:
            state = following
            draw -= probability
            if draw < 0.0:
                break
    return regimes


def _crashes(seed: int, ticks: int, interval: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Reals]:
    """Return tick, length in bars and depth (log) of every crash: one in each stretch of ``CRASH_EVERY_DAYS``."""
    stretch = CRASH_EVERY_DAYS * MICROS_PER_DAY // interval
    count = -(-ticks // stretch)
    place, hours, depth = stream(seed, "crashes").random((count, 3)).T
    at = ((np.arange(count) + 0.2 + 0.6 * place) * stretch).astype(np.int64)
    lengths = np.maximum(1, np.rint((4.0 + 8.0 * hours) * MICROS_PER_HOUR / interval)).astype(np.int64)
    begun = at < ticks
    return at[begun], lengths[begun], (0.12 + 0.08 * depth)[begun]


def _hints(seed: int, ticks: int, interval: int, begin: int) -> dict[str, Reals]:
    hints = {
        source: hidden(seed, source, hint.memory_days, ticks, interval)
        for source, hint in COMMON_HINTS.items()
        if source != "week"
    }
    opened = begin + interval * np.arange(1, ticks + 1, dtype=np.int64)
    # Like the others it is what is known at a bar's close and pushes the next one: the place in the week that follows.
    return hints | {"week": monday(opened)}


def _season(ticks: int, interval: int, begin: int) -> Reals:
    """Return the volatility's multiple: highest when America opens, lowest in its night and on weekends."""
    opened = begin + interval * np.arange(ticks, dtype=np.int64)
    hour = (opened % MICROS_PER_DAY) / MICROS_PER_HOUR
    # 1970-01-01 was a Thursday; Monday is 0.
    weekday = (opened // MICROS_PER_DAY + 3) % 7
    shape = 1.0 + 0.35 * np.cos(2.0 * np.pi * (hour - 15.0) / 24.0)
    shape = np.where(weekday >= 5, 0.75 * shape, shape)
    return np.asarray(shape / np.sqrt((1.0 + 0.35**2 / 2.0) * (5.0 + 2.0 * 0.75**2) / 7.0))


def _with_momentum(shocks: Reals, day: float, half_life_days: float) -> Reals:
    """Return the shocks with the push of the last day's shocks added, fading over the market's life."""
    remember = 1.0 - 2.0 ** (-day / MOMENTUM_MEMORY_DAYS)
    unit = np.sqrt(remember / (2.0 - remember))
    strengths = MOMENTUM * np.sqrt(day) * 2.0 ** (-np.arange(len(shocks)) * day / half_life_days)
    momentum = 0.0
    moved = []
    for shock, strength in zip(shocks.tolist(), (strengths / unit).tolist(), strict=True):
        push = strength * momentum
        limit = 2.5 * strength * unit
        move = shock + (limit if push > limit else -limit if push < -limit else push)
        momentum += remember * (move - momentum)
        moved.append(move)
    return np.array(moved)
