"""Days drawn again in blocks: other histories made of this one.

The stationary bootstrap of Politis and Romano (1994), "The Stationary Bootstrap": blocks of geometric length, wrapped
around the end. It resamples days of the *paired* series, both arms at once, so that what they share cancels. It holds
every decision fixed: it asks how much of a difference is due to which days happened to come, not what the triggers
would have done on other days.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from replay.effect import Integers, Reals

DRAWS: Final = 2_000
BLOCK_DAYS: Final = 3.0
"""The least mean block of a comparison of runs: positions outlive the intervention that changed them. Longer
blocks than a difference needs leave fewer of them, and intervals that are wider than they promise."""
SEED: Final = 1
BLOCKS_MIN: Final = 8
"""Fewer mean blocks than this in the run: resampling them says nothing, and no interval is printed."""

ESTIMATED_FROM: Final = 16
"""Fewer steps than this say nothing about how long they depend on one another."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How the days are resampled; part of every report, because it is part of the result."""

    draws: int = DRAWS
    block_days: float = BLOCK_DAYS
    seed: int = SEED


@lru_cache(maxsize=1)
def stationary_blocks(days: int, how: Bootstrap) -> Integers:
    """Return (draws, days) day numbers: each row a resampled history.

    A row goes on to the next day, round the end, with probability 1 - 1/block_days, and jumps to a uniformly
    drawn day otherwise. The same seed gives the same rows: every arm of a comparison is resampled alike.
    """
    generator = np.random.default_rng(how.seed)
    jumps = generator.random((how.draws, days)) < 1.0 / how.block_days
    jumps[:, 0] = True
    landings = generator.integers(0, days, (how.draws, days))
    place = np.arange(days)
    last_jump = np.maximum.accumulate(np.where(jumps, place, 0), axis=1)
    begun_at = np.take_along_axis(landings, last_jump, axis=1)
    return np.asarray((begun_at + place - last_jump) % days, dtype=np.int64)


def long_enough(days: int, how: Bootstrap) -> bool:
    """Tell whether there are enough blocks in so many days."""
    return days >= BLOCKS_MIN * how.block_days


def block_days(series: Sequence[Reals], floor: float) -> float:
    """Return the mean block length, in steps of the series, that suits most of them.

    The median of what each needs for the variance of its mean (Politis and White, 2004, "Automatic Block-Length
    Selection for the Dependent Bootstrap", with the correction of Patton, Politis and White, 2009; computed by
    ``arch.bootstrap.optimal_block_length``): on few days single estimates are noise. A series that never moves needs
    none and is not counted. At least ``floor``, which is for how long days are tied to one another for certain, and
    at most what leaves ``BLOCKS_MIN`` blocks: too few blocks make an interval narrow, not wide.

    Args:
        series: (days,) each, all equally long; paired differences, or returns.
        floor: the median intervention, or the longest holding period, in days.
    """
    needed = [_needed(each) for each in series if len(each) and np.ptp(each) > 0.0]
    suits = max(1.0, floor, float(np.median(needed)) if needed else 1.0)
    return max(1.0, min(suits, len(series[0]) / BLOCKS_MIN))


def bootstrap_for(series: Sequence[Reals], floor: float, draws: int = DRAWS, seed: int = SEED) -> Bootstrap:
    """Return how to resample several series alike: blocks of :func:`block_days`."""
    return Bootstrap(draws, block_days(series, floor), seed)


def _needed(series: Reals) -> float:
    if len(series) < ESTIMATED_FROM:
        return 1.0
    # Loads pandas and statsmodels: a second that only those pay who draw blocks.
    from arch.bootstrap import optimal_block_length

    with np.errstate(all="ignore"):
        length = float(optimal_block_length(series)["stationary"].iloc[0])
    return length if np.isfinite(length) else 1.0
