"""What choosing the best of many trials is worth by itself: deflated Sharpe ratio and probability of overfitting.

Both read the daily series of *every* trial, those that came to nothing too. Pruned trials have no whole series and take
no part in the second, but count in the first through ``looked_at``.
"""

from itertools import combinations
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from replay.effect import DAYS_PER_YEAR, Integers, Reals

ALIKE: Final = 0.5
"""Trials are joined while their groups correlate by more than this on average."""
EULER: Final = float(np.euler_gamma)
BLOCKS: Final = 16
"""Of CSCV: 12,870 ways of halving them."""
BLOCK_DAYS_MIN: Final = 5
"""Shorter blocks have no Sharpe ratio worth the name: fewer are cut."""
SPLITS_AT_ONCE: Final = 1_024
CONSTANT: Final = 1e-12
"""A spread below this share of the largest value is rounding."""


class Deflated(NamedTuple):
    """The best trial's Sharpe ratio against the best of as many trials without skill."""

    trial: int
    """Column of the best."""
    sharpe: float
    """Its yearly Sharpe ratio."""
    expected: float
    """… of the best of ``effective`` trials by chance alone."""
    probability: float
    """That the best one's true Sharpe ratio exceeds what chance gives, 0 to 1. Promise nothing under 0.95."""
    effective: int
    trials: int
    """Looked at, the pruned ones too."""
    days: int


class Overfitting(NamedTuple):
    """Combinatorially symmetric cross-validation."""

    probability: float
    """Of backtest overfitting: share of splits in which the best of one half is below the median of the other."""
    loss: float
    """Share of splits in which the chosen one's Sharpe ratio is negative in the other half."""
    slope: float
    """Of the chosen one's Sharpe ratio in the other half on that in its own: below zero the better it looked, the worse
    it did; NaN where nothing varies."""
    blocks: int
    splits: int
    trials: int


def deflated_sharpe(series: Reals, looked_at: int = 0) -> Deflated:
    """Deflate the Sharpe ratio of the best trial: Bailey and Lopez de Prado (2014), "The Deflated Sharpe Ratio".

    By chance the best of N independent trials shows sd x ((1 - g) q(1 - 1/N) + g q(1 - 1/(N e))), g Euler's constant, q
    the normal quantile, sd the spread of Sharpe ratios among trials: at least 1/sqrt(days), which is what it is
    without any skill. The error of the best one's ratio knows of skew and kurtosis. N is the number of groups of
    trials that go alike; a pruned trial, of which no series is known, counts as a group of its own.

    Takes (days, trials) daily returns, or daily differences to the baseline; at least 2 days. Days that depend on one
    another make it too sure.
    """
    days, trials = series.shape
    ratios = sharpes(series)
    groups = effective_trials(series)
    count = int(groups.max()) + 1
    effective = count + max(0, looked_at - trials)
    best = int(np.argmax(ratios))
    own = float(ratios[best])
    of_groups = sharpes(np.column_stack([series[:, groups == group].mean(axis=1) for group in range(count)]))
    spread = max(float(np.std(of_groups, ddof=1)) if count > 1 else 0.0, days**-0.5)
    normal = NormalDist()
    expected = 0.0
    if effective > 1:
        quantiles = normal.inv_cdf(1.0 - 1.0 / effective), normal.inv_cdf(1.0 - 1.0 / (effective * np.e))
        expected = spread * ((1.0 - EULER) * quantiles[0] + EULER * quantiles[1])
    centred = series[:, best] - series[:, best].mean()
    deviation = float(np.sqrt(np.mean(centred**2)))
    probability = 0.5
    if deviation > CONSTANT * float(np.max(np.abs(series[:, best]), initial=0.0)):
        skew, kurtosis = (float(np.mean((centred / deviation) ** power)) for power in (3, 4))
        # Never negative for what a sample can have; a sum of rounding may be.
        variance = max(1.0 - skew * own + (kurtosis - 1.0) / 4.0 * own**2, CONSTANT)
        probability = normal.cdf((own - expected) * ((days - 1.0) / variance) ** 0.5)
    year = DAYS_PER_YEAR**0.5
    return Deflated(best, own * year, expected * year, probability, effective, max(trials, looked_at), days)


def effective_trials(series: Reals) -> Integers:
    """Return the (trials,) group of each trial, from 0: trials that went alike were one.

    Groups are joined, the most alike first, while the mean correlation between their members is above one half. A
    search that circles around its best point tries the same thing again and again. Trials that never moved are one.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    _, trials = series.shape
    if trials == 1:
        return np.zeros(1, dtype=np.int64)
    still = _still(series)
    spread = np.where(still, 1.0, series.std(axis=0))
    z = np.where(still, 0.0, (series - series.mean(axis=0)) / spread)
    correlation = z.T @ z / len(series)
    correlation[np.ix_(still, still)] = 1.0
    apart = np.clip(1.0 - correlation, 0.0, 2.0)
    condensed = apart[np.triu_indices(trials, k=1)]
    groups = fcluster(linkage(condensed, "average"), 1.0 - ALIKE, "distance")
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def cscv(series: Reals, blocks: int = BLOCKS) -> Overfitting | None:
    """Estimate how probably the trial that looks best is no better than the median.

    Bailey, Borwein, Lopez de Prado and Zhu (2017), "The Probability of Backtest Overfitting": the days are cut into an
    even number of blocks; for every way of choosing half of them the best trial there, by Sharpe ratio, is ranked among
    all trials on the other half. Equal ones share their ranks; a rank at the median or below counts.

    Takes (days, trials) of complete trials. ``None`` with fewer than two trials, or too few days for four blocks.
    """
    days, trials = series.shape
    fitting = min(blocks, days // BLOCK_DAYS_MIN) // 2 * 2
    if trials < 2 or fitting < 4:
        return None
    place = np.arange(days) * fitting // days
    counts = np.bincount(place, minlength=fitting).astype(np.float64)
    begins = np.searchsorted(place, np.arange(fitting))
    scaled = series / max(float(np.max(np.abs(series))), np.finfo(np.float64).tiny)
    sums, squares = np.add.reduceat(scaled, begins), np.add.reduceat(scaled**2, begins)
    halves = np.array(list(combinations(range(fitting), fitting // 2)), dtype=np.int64)
    chosen_in = np.zeros((len(halves), fitting))
    np.put_along_axis(chosen_in, halves, 1.0, axis=1)
    ranks, inside, outside = np.empty(len(halves)), np.empty(len(halves)), np.empty(len(halves))
    for begin in range(0, len(halves), SPLITS_AT_ONCE):
        rows = slice(begin, begin + SPLITS_AT_ONCE)
        own = _of_blocks(chosen_in[rows], counts, sums, squares)
        other = _of_blocks(1.0 - chosen_in[rows], counts, sums, squares)
        best = np.argmax(own, axis=1)[:, None]
        inside[rows] = np.take_along_axis(own, best, axis=1)[:, 0]
        reached = np.take_along_axis(other, best, axis=1)
        outside[rows] = reached[:, 0]
        # Counted from below; a tie with itself is one half.
        ranks[rows] = np.sum(other < reached, axis=1) + (np.sum(other == reached, axis=1) + 1.0) / 2.0
    # The logit of rank / (trials + 1) is at most zero.
    probability = float(np.mean(ranks <= (trials + 1.0) / 2.0))
    varies = np.ptp(inside) > 0.0
    slope = float(np.polyfit(inside, outside, 1)[0]) if varies else float("nan")
    return Overfitting(probability, float(np.mean(outside < 0.0)), slope, fitting, len(halves), trials)


def sharpes(series: Reals) -> Reals:
    """Return the daily Sharpe ratio (trials,) of (days, trials); 0 for a trial that never moved."""
    still = _still(series)
    spread = np.where(still, 1.0, series.std(axis=0, ddof=1))
    return np.where(still, 0.0, series.mean(axis=0) / spread)


def _still(series: Reals) -> npt.NDArray[np.bool_]:
    """Tell which trials never moved."""
    return np.asarray(np.ptp(series, axis=0) <= CONSTANT * np.max(np.abs(series), axis=0))


def _of_blocks(taken: Reals, counts: Reals, sums: Reals, squares: Reals) -> Reals:
    """Return the daily Sharpe ratio (splits, trials) on the blocks taken (splits, blocks); 0 where nothing varies."""
    days = (taken @ counts)[:, None]
    mean = taken @ sums / days
    variance = (taken @ squares / days - mean**2) * days / (days - 1.0)
    moves = variance > CONSTANT * (taken @ squares / days)
    return np.where(moves, mean / np.sqrt(np.where(moves, variance, 1.0)), 0.0)
