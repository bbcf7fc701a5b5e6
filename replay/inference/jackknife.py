"""Whether one week, or one episode, drives everything."""

from typing import NamedTuple

import numpy as np

from replay.effect import Integers, Reals

DAYS_PER_WEEK = 7
MONDAY = 3
"""Days since 1970-01-01, a Thursday, count from the Monday before when this is added."""


class Jackknife(NamedTuple):
    """The whole effect with any one week left out."""

    total: float
    """Of all weeks, log equity."""
    worst_week: int
    """First day (since 1970-01-01) of the week, Monday to Sunday UTC, without which the effect changes most."""
    without_it: float
    """The effect without that week."""
    low: float
    """Least effect that remains when any one week is left out."""
    high: float
    weeks: int
    largest_episode_share: float
    """Of the largest episode in the sum of all episodes' absolute effects, 0 to 1; NaN without any."""

    @property
    def changes_sign(self) -> bool:
        """Whether there is a week without which the effect points the other way, or is nothing."""
        return self.low <= 0.0 <= self.high and self.total != 0.0


def jackknife(days: Integers, differences: Reals, episode_sums: Reals) -> Jackknife:
    """Leave out each calendar week in turn (Quenouille, 1956; a week for an observation).

    Args:
        days: (n,) days since 1970-01-01, at least one.
        differences: (n,) paired difference of that day, log equity.
        episode_sums: effect of each episode; signs are not used.
    """
    weeks, place = np.unique((days + MONDAY) // DAYS_PER_WEEK, return_inverse=True)
    by_week = np.bincount(place, differences)
    total = float(np.sum(differences))
    worst = int(np.argmax(np.abs(by_week)))
    # Summed anew rather than subtracted: with one week only, exactly nothing remains.
    remains = np.array([float(np.sum(np.delete(by_week, week))) for week in range(len(weeks))])
    sizes = np.abs(episode_sums)
    whole = float(np.sum(sizes))
    return Jackknife(
        total=total,
        worst_week=int(weeks[worst]) * DAYS_PER_WEEK - MONDAY,
        without_it=float(remains[worst]),
        low=float(np.min(remains)),
        high=float(np.max(remains)),
        weeks=len(weeks),
        largest_episode_share=float(np.max(sizes)) / whole if whole > 0.0 else float("nan"),
    )
