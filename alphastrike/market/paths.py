"""One symbol's path through a simulated market: its return of every bar, and what is hidden behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from alphastrike.market.chance import Reals, clustered, stream, student
from alphastrike.market.characters import OWN_TREND, OWN_TREND_DAYS, Character
from alphastrike.market.hints import OWN_HINTS, hidden, push, remembered
from alphastrike.market.weather import BURST_HALF_LIFE_DAYS, Weather, jumps, stays
from alphastrike.model.units import MICROS_PER_DAY

OWN_JUMPS_PER_DAY: Final = 0.05
OWN_JUMP_DEVIATION: Final = 0.02

FORCING_MOVE: Final = 2.0
"""Usual volatilities of a bar that a move must exceed before positions are liquidated."""

FORCING_MAX: Final = 6.0
"""Usual volatilities beyond it at which everything weak is gone."""

FRAGILITY: Final = 0.6
"""Standard deviation of the logarithm of what the same move forces out: the part that the price does not tell."""

USUAL_FORCED: Final = 0.45
"""Root mean square over all bars of what is forced out."""

FORCED_DEVIATIONS_MAX: Final = 3.0
WEEK_DAYS: Final = 7
TREND_DEVIATIONS_MAX: Final = 2.0


@dataclass(frozen=True)
class Path:
    """A symbol, bar by bar; arrays of shape (ticks,)."""

    returns: Reals
    """Log return of the bar."""
    volatility: Reals
    """Standard deviation expected of it before jumps."""
    usual: float
    """Volatility of a bar that is neither calm nor wild."""
    forced: Reals
    """How much the bar liquidated, in its own units: positive longs, negative shorts, 0 in most."""
    hints: Mapping[str, Reals]
    """What is known at the close of every bar, by source of ``OWN_HINTS``."""
    pushes: Reals
    """Part of ``returns`` that its own hints foretold."""


def path(
    seed: int, symbol: str, character: Character, sky: Weather, interval: int, *, stationary: bool = False
) -> Path:
    """Return the path of one symbol under a common factor.

    Args:
        seed: of the market.
        symbol: names the streams.
        character: sensitivity and life of its own.
        sky: the common factor.
        interval: of the bars, microseconds.
        stationary: no trends of its own, and hints that keep their strength.
    """
    ticks, day = len(sky.returns), interval / MICROS_PER_DAY
    shocks = student(stream(seed, f"shocks {symbol}"), ticks)
    burst = clustered(shocks * shocks, BURST_HALF_LIFE_DAYS / day)
    # Half of the bursts are the market's: volatility is shared more widely than direction.
    shared = sky.volatility / sky.usual
    own = character.own_volatility * np.sqrt(day) * np.sqrt(0.5 * burst * sky.season**2 + 0.5 * shared**2)
    volatility = np.sqrt((character.sensitivity * sky.volatility) ** 2 + own**2)
    usual = float(np.hypot(character.sensitivity * sky.usual, character.own_volatility * np.sqrt(day)))
    returns = character.sensitivity * sky.returns + own * shocks - 0.5 * own * own
    returns += jumps(seed, symbol, ticks, OWN_JUMPS_PER_DAY * day, OWN_JUMP_DEVIATION)
    if not stationary:
        ends = stays(stream(seed, f"trends {symbol}"), ticks, day, OWN_TREND_DAYS)
        signs = stream(seed, f"trend signs {symbol}").integers(-1, 2, len(ends)).astype(np.float64)
        returns += np.repeat(signs * OWN_TREND * day, np.diff(ends, prepend=0))
    hints = {
        source: hidden(seed, f"{source} {symbol}", hint.memory_days, ticks, interval)
        for source, hint in OWN_HINTS.items()
        if source != "liquidations"
    }
    # What answers the price itself is made from the price before hints: the answers do not answer one another.
    forced = _forced(seed, symbol, returns, usual)
    memory = OWN_HINTS["liquidations"].memory_days
    swing = USUAL_FORCED * np.sqrt(memory / day / (2.0 * np.log(2.0)))
    limit = FORCED_DEVIATIONS_MAX
    hints["liquidations"] = np.clip(remembered(forced, memory, interval) / swing, -limit, limit)
    trend = np.clip(trend_of(returns, usual, WEEK_DAYS, interval), -TREND_DEVIATIONS_MAX, TREND_DEVIATIONS_MAX)
    at_work = hints | {"open_interest": hints["open_interest"] * trend}
    pushes = volatility * sum(
        push(OWN_HINTS[source], values, interval, stationary=stationary) for source, values in at_work.items()
    )
    return Path(returns + pushes, volatility, usual, forced, hints, pushes)


def trend_of(returns: Reals, usual: float, days: int, interval: int) -> Reals:
    """Return the log return over the last days at every close in standard deviations; shorter at the beginning."""
    window = days * MICROS_PER_DAY // interval
    travelled = np.concatenate([[0.0], np.cumsum(returns)])
    first = np.maximum(np.arange(1, len(travelled)) - window, 0)
    return np.asarray((travelled[1:] - travelled[first]) / (usual * np.sqrt(window)))


def _forced(seed: int, symbol: str, returns: Reals, usual: float) -> Reals:
    """Return what each bar's move liquidates: longs (positive) after a fall, shorts (negative) after a rise."""
    beyond = np.clip(np.abs(returns) / usual - FORCING_MOVE, 0.0, FORCING_MAX)
    fragility = np.exp(FRAGILITY * stream(seed, f"fragility {symbol}").standard_normal(len(returns)))
    return np.asarray(-np.sign(returns) * beyond * fragility)
