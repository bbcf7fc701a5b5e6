"""What the inputs of a simulated market know of its future: one line a source.

A hint is a hidden series of unit variance, known at the close of a bar and pushing the bars after it. What the market
emits at that time is the hint in the input's own range and units, under noise. So an input tells something, never
what it could not have known, and most hints lose their use as the market grows older.
"""

import math
from collections.abc import Mapping
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.market.chance import Reals, stream, wandering
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR


class Hint(NamedTuple):
    """How one source tells of the future."""

    strength: float
    """Expected daily move, in daily standard deviations, per unit of the hint when the market begins; negative where
    a high value precedes a fall."""
    memory_days: float
    """Time after which half of a change of the hint is left; 0 where it follows the calendar."""
    half_life_days: float = math.inf
    """Time over which the strength halves."""
    reverses_after_days: float = math.inf
    """Age of the market from which on the sign is the other one."""


COMMON_HINTS: Final[Mapping[str, Hint]] = {
    "fear_greed": Hint(-0.16, 3.0, half_life_days=240.0),
    "btc_dominance": Hint(-0.12, 2.0, half_life_days=150.0),
    "dxy": Hint(-0.12, 2.5),
    "spx": Hint(0.16, 2.0, half_life_days=180.0),
    "search_interest": Hint(0.13, 4.0, reverses_after_days=180.0),
    "stablecoin_supply": Hint(0.12, 4.0, half_life_days=300.0),
    "week": Hint(0.22, 0.0),
}
"""What is known of the common factor, in its standard deviations. ``week`` is the day of the week."""

OWN_HINTS: Final[Mapping[str, Hint]] = {
    "takers": Hint(0.13, 1.0, half_life_days=120.0),
    "book": Hint(0.30, 0.75, half_life_days=60.0),
    "crowd": Hint(-0.12, 3.0, half_life_days=240.0),
    "liquidations": Hint(0.20, 0.75),
    "open_interest": Hint(0.18, 3.0, half_life_days=180.0),
    "premium": Hint(-0.15, 3.0, half_life_days=300.0),
    "volume": Hint(0.14, 3.0, half_life_days=90.0),
}
"""What is known of one symbol's path, in the standard deviations of its whole return.

``takers``: their share of buyers. ``book``: its lean to the bid. ``crowd``: accounts long over short. ``liquidations``:
longs forced out less shorts: part of the forced move comes back. ``open_interest``: with rising interest the week's
trend goes on, with falling interest it turns. ``premium``: of the last price over the mark, and funding. ``volume``:
more of it on rising bars than on falling ones.
"""


def hidden(seed: int, purpose: str, memory_days: float, ticks: int, interval: int) -> Reals:
    """Return a hint's value at the close of every bar; it changes at most once an hour.

    Args:
        seed: of the market.
        purpose: names the stream, for instance ``takers BTCUSDT``.
        memory_days: time after which half of a change is left.
        ticks: number of bars.
        interval: of the bars, microseconds.
    """
    held = -(-MICROS_PER_HOUR // interval)
    steps = -(-ticks // held)
    half_life = memory_days * MICROS_PER_DAY / (held * interval)
    return np.repeat(wandering(stream(seed, f"hint {purpose}"), steps, half_life, 1.0), held)[:ticks]


def push(hint: Hint, values: Reals, interval: int, *, stationary: bool = False) -> Reals:
    """Return the expected move of every bar in the bar's standard deviations: the value known when it opened, at work.

    Args:
        hint: strength and its course.
        values: of the hint at the close of every bar.
        interval: of the bars, microseconds.
        stationary: the strength stays what it was at the beginning.
    """
    day = interval / MICROS_PER_DAY
    strength = strengths(hint, len(values), day, stationary=stationary) * np.sqrt(day)
    return np.concatenate([np.zeros(1), strength[1:] * values[:-1]])


def strengths(hint: Hint, ticks: int, day: float, *, stationary: bool = False) -> Reals:
    """Return the hint's strength in every bar; ``day`` is the bar's length in days."""
    if stationary:
        return np.full(ticks, hint.strength)
    age = np.arange(ticks) * day
    sign = np.where(age < hint.reverses_after_days, 1.0, -1.0)
    return np.asarray(hint.strength * sign * 2.0 ** (-age / hint.half_life_days))


def monday(opened: npt.NDArray[np.int64]) -> Reals:
    """Return the hint ``week`` for bars that open at those microseconds: a wave a week long, highest on Monday noon."""
    # 1970-01-01 was a Thursday; Monday noon came four and a half days later.
    phase = (opened / MICROS_PER_DAY - 4.5) / 7.0
    return np.asarray(np.sqrt(2.0) * np.cos(2.0 * np.pi * phase))


def remembered(impulses: Reals, memory_days: float, interval: int) -> Reals:
    """Return the sum of all impulses so far, each fading with the memory's half-life."""
    keep = 2.0 ** (-interval / (memory_days * MICROS_PER_DAY))
    return np.array(list(accumulate(impulses.tolist(), lambda value, impulse: keep * value + impulse)))
