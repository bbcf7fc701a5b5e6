"""A curve of mean effects with a band that holds at all horizons at once."""

from typing import Final, NamedTuple

import numpy as np

from replay.effect import Integers, Reals
from replay.inference.blocks import DRAWS, SEED
from replay.inference.clusters import EPISODES_MIN, cluster_error, episode_sums
from replay.inference.intervals import LEVEL
from replay.inference.student import quantile_95

STILL: Final = 1e-12
"""An error below this share of the largest effect is rounding: at that horizon nothing varies."""


class Band(NamedTuple):
    """(H,) each, in the unit of the values; NaN where nothing is defined, edges also where episodes are too few."""

    mean: Reals
    low: Reals
    high: Reals
    episodes: Integers
    """Episodes that have a defined value at that horizon."""


def simultaneous_band(values: Reals, episodes: Integers, draws: int = DRAWS, seed: int = SEED) -> Band:
    """Mean of (n, H) effects at each horizon, NaN where censored, with a 95 % band for the whole curve.

    Half a width is one number, the same at all horizons, times each horizon's cluster-robust error: the 95 % quantile
    of the largest |t| among them (sup-t; Montiel Olea and Plagborg-Moller, 2019, "Simultaneous Confidence Bands"). Its
    distribution is drawn by flipping the signs of whole episodes, every t in its own flipped error (wild cluster
    bootstrap; Cameron, Gelbach and Miller, 2008). Never less than Student's t of a single horizon. Edges are NaN where
    fewer than ten episodes reach.

    Args:
        values: (n, H), an intervention a row.
        episodes: (n,) number of the episode that each belongs to.
        draws: sign patterns.
        seed: of the signs.
    """
    horizons = values.shape[1]
    mean, error = np.full(horizons, np.nan), np.full(horizons, np.nan)
    count = np.zeros(horizons, dtype=np.int64)
    numbers, place = np.unique(episodes, return_inverse=True)
    scores, sizes = np.zeros((len(numbers), horizons)), np.zeros((len(numbers), horizons))
    for h in range(horizons):
        known = ~np.isnan(values[:, h])
        if not known.any():
            continue
        sums, members = episode_sums(values[:, h], episodes)
        count[h], mean[h] = len(sums), float(np.sum(sums) / np.sum(members))
        if count[h] < EPISODES_MIN:
            continue
        error[h] = cluster_error(sums, members)
        sizes[:, h] = np.bincount(place[known], minlength=len(numbers))
        scores[:, h] = np.bincount(place[known], values[known, h], len(numbers)) - mean[h] * sizes[:, h]
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    varies = error > STILL * largest
    if not varies.any():
        return Band(mean, np.where(error >= 0.0, mean, np.nan), np.where(error >= 0.0, mean, np.nan), count)
    width = _largest_t(scores[:, varies], sizes[:, varies], count[varies], draws, seed)
    half = max(width, quantile_95(float(np.min(count[varies])) - 1.0)) * np.where(varies, error, 0.0 * error)
    return Band(mean, mean - half, mean + half, count)


def _largest_t(scores: Reals, sizes: Reals, count: Integers, draws: int, seed: int) -> float:
    """Return the 95 % quantile of the largest |t| over horizons when whole episodes change signs at random."""
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), (draws, len(scores)))
    total = sizes.sum(axis=0)
    means = signs @ scores / total
    # (w s - m z)^2 summed over episodes, multiplied out: w^2 is 1.
    squares = (scores**2).sum(axis=0) - 2.0 * means * (signs @ (scores * sizes)) + means**2 * (sizes**2).sum(axis=0)
    errors = np.sqrt(np.maximum(squares, 0.0) * count / (count - 1.0)) / total
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.abs(means) / errors
    # All episodes but for rounding of one sign and size: no error is left to measure by.
    ratios[np.isnan(ratios)] = np.inf
    return float(np.quantile(np.max(ratios, axis=1), LEVEL, method="higher"))
