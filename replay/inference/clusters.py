"""Episodes as the unit of evidence: interventions that overlap are one observation, never several."""

from typing import Final, NamedTuple

import numpy as np

from replay.effect import Integers, Reals
from replay.inference.intervals import Interval
from replay.inference.student import NORMAL_95, quantile_95, two_sided_p

EPISODES_MIN: Final = 10
POWER_RATIO: Final = 2.80
"""Effect over standard error that is found in 80 of 100 histories at 5 % two-sided: 1.96 + 0.84."""


class Clustered(NamedTuple):
    """The mean effect of an intervention on this history, episodes taken as the independent observations."""

    mean: float
    """Of all values, in their unit."""
    low: float
    high: float
    p: float
    """Two-sided, of no effect at all."""
    episodes: int


def cluster_interval(values: Reals, episodes: Integers) -> Clustered | None:
    """Interval of the mean of (n,) values, of which those of one (n,) episode number may depend on one another.

    The error is that of a ratio, the sum of episode sums over the number of values: squared deviations of episode sums
    from what their size explains, with the correction G / (G - 1) for G episodes, and Student's t with G - 1 degrees
    of freedom (Cameron and Miller, 2015, "A Practitioner's Guide to Cluster-Robust Inference"). Values that are NaN are
    not defined and left out. ``None`` under ten episodes.
    """
    sums, sizes = episode_sums(values, episodes)
    count = len(sums)
    if count < EPISODES_MIN:
        return None
    mean = float(np.sum(sums) / np.sum(sizes))
    error = float(cluster_error(sums, sizes))
    half = quantile_95(count - 1.0) * error
    p = two_sided_p(mean / error, count - 1) if error > 0.0 else float(mean == 0.0)
    return Clustered(mean, mean - half, mean + half, p, count)


def episode_sums(values: Reals, episodes: Integers) -> tuple[Reals, Reals]:
    """Return the sum and the number of the defined values of each episode that has any, in the order of its number."""
    known = ~np.isnan(values)
    _, place = np.unique(episodes[known], return_inverse=True)
    sums: Reals = np.bincount(place, weights=values[known]).astype(np.float64)
    return sums, np.bincount(place).astype(np.float64)


def cluster_error(sums: Reals, sizes: Reals) -> float:
    """Return the cluster-robust standard error of the mean of all values."""
    count, total = len(sums), float(np.sum(sizes))
    scores = sums - np.sum(sums) / total * sizes
    return float(np.sqrt(count / (count - 1.0) * np.sum(scores * scores)) / total)


def episodes_needed(estimate: float, interval: Interval, episodes: int) -> int | None:
    """Episodes in all after which an effect of this size would be called in 80 of 100 histories.

    The standard error falls with the square root of the number of episodes; an approximation. ``None`` when
    the effect is zero.
    """
    error = (interval.high - interval.low) / 2.0 / NORMAL_95
    if estimate == 0.0 or error == 0.0:
        return None
    return int(np.ceil(episodes * (POWER_RATIO * error / abs(estimate)) ** 2))
