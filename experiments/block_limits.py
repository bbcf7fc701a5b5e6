"""Critical values by blocks: what the validator's statistics come to when nothing drifts.

Textbook values take a feature's values for independent draws. They are not: windows overlap, bars depend on one
another, days resemble days. So whole blocks of days are drawn. The current window is one stretch of days as it
happened, the reference is put together from stretches of the same length drawn from the days before it, as far back as
a reference reaches: dependence up to that length stays, and so does the difference between weeks of the same quarter.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.validator.bins import BINS
from alphastrike.validator.cusum import ROUNDING

Reals = npt.NDArray[np.float64]

PLACES: Final = (2.0 * np.arange(BINS) + 1.0) / BINS - 1.0
"""Middles of the bins on the squashed scale."""
MIDDLES: Final = PLACES / np.sqrt(1.0 - PLACES * PLACES)
"""The same in scales from the centre."""


class Draws(NamedTuple):
    """The four statistics of n drawn pairs of windows, each (n,)."""

    psi: Reals
    ks: Reals
    cusum: Reals
    outliers: Reals


def drawn(
    counts: npt.NDArray[Any],
    values: Reals,
    draws: int,
    reference_days: int,
    current_days: int,
    generator: np.random.Generator,
    *,
    sigmas: float = 3.5,
    slack: float = 0.5,
) -> Draws:
    """Return the statistics of ``draws`` pairs of windows drawn by blocks from one symbol's history of a feature.

    Args:
        counts: (days, ``BINS``) values by bin.
        values: (days, decisions a day) the same values in scales from the centre, NaN where missing.
        draws: pairs.
        reference_days: length of the reference.
        current_days: length of the current window, and of the blocks.
        generator: of the draws.
        sigmas: deviation beyond which a value is an outlier.
        slack: of the cumulative sum.
    """
    days, decisions = values.shape
    blocks = -(-reference_days // current_days)
    current = generator.integers(reference_days, days - current_days + 1, draws)[:, None] + np.arange(current_days)
    starts = current[:, :1] - generator.integers(current_days, reference_days + 1, (draws, blocks))
    reference = (starts[:, :, None] + np.arange(current_days)).reshape(draws, -1)[:, :reference_days]
    now = counts[current].sum(axis=1)
    then = counts[reference].sum(axis=1)
    return Draws(
        psi_of(then, now),
        ks_of(then, now),
        cusum_of(counts, reference, current, decisions, slack),
        outliers_of(then, values[current[:, 0]], sigmas),
    )


def psi_of(then: npt.NDArray[Any], now: npt.NDArray[Any]) -> Reals:
    """Return the stability index of rows of counts (n, ``BINS``)."""
    p = (now + 0.5) / (now.sum(axis=1, keepdims=True) + 0.5 * BINS)
    q = (then + 0.5) / (then.sum(axis=1, keepdims=True) + 0.5 * BINS)
    index: Reals = ((p - q) * np.log(p / q)).sum(axis=1)
    return index


def ks_of(then: npt.NDArray[Any], now: npt.NDArray[Any]) -> Reals:
    """Return the Kolmogorov-Smirnov distance of rows of counts (n, ``BINS``)."""
    p = now.cumsum(axis=1) / now.sum(axis=1, keepdims=True)
    q = then.cumsum(axis=1) / then.sum(axis=1, keepdims=True)
    distance: Reals = np.abs(p - q).max(axis=1)
    return distance


def cusum_of(
    counts: npt.NDArray[Any],
    reference: npt.NDArray[np.int64],
    current: npt.NDArray[np.int64],
    decisions: int,
    slack: float,
) -> Reals:
    """Return the larger cumulative sum at the end of the current days; windows are rows of day numbers."""
    seen = counts.sum(axis=1)
    means = np.where(2 * seen >= decisions, counts @ PLACES / np.maximum(seen, 1), np.nan)
    then = means[reference]
    centre = np.nanmean(then, axis=1)
    spread = np.maximum(np.nanstd(then, axis=1, ddof=1), ROUNDING / np.sqrt(decisions))
    upper = np.zeros(len(reference))
    lower = np.zeros(len(reference))
    for day in range(current.shape[1]):
        surprise = (means[current[:, day]] - centre) / spread
        is_known = ~np.isnan(surprise)
        upper = np.where(is_known, np.maximum(upper + surprise - slack, 0.0), upper)
        lower = np.where(is_known, np.maximum(lower - surprise - slack, 0.0), lower)
    return np.maximum(upper, lower)


def outliers_of(then: npt.NDArray[Any], day: Reals, sigmas: float) -> Reals:
    """Return the share of outliers among a day's values (n, decisions), measured by a reference (n, ``BINS``)."""
    known = then.sum(axis=1)
    mean = then @ MIDDLES / known
    deviation = np.sqrt(np.maximum(then @ MIDDLES**2 / known - mean * mean, 0.0))
    near = np.clip(day, MIDDLES[0], MIDDLES[-1])
    out = np.abs(near - mean[:, None]) > sigmas * deviation[:, None]
    share: Reals = out.sum(axis=1) / np.maximum((~np.isnan(day)).sum(axis=1), 1)
    return share
