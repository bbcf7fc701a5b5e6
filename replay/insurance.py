"""What a policy costs in ordinary weeks, and what it gives back in the worst: it is held as an insurance is."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from replay.effect import Integers, Reals
from replay.inference import Clustered, cluster_interval

WORST: Final = 0.1
"""Share of weeks that are the worst."""
DAYS_PER_WEEK: Final = 7
MONDAY: Final = 3
"""Days since 1970-01-01, a Thursday, count from the Monday before when this is added."""


@dataclass(frozen=True, slots=True)
class Insurance:
    """The effect in the control arm's worst tenth of weeks against all others, log equity a week, policy − control."""

    worst_weeks: int
    other_weeks: int
    control_in_worst: float
    """Mean log growth of the control arm in its worst weeks."""
    in_worst: float
    """Mean effect in those weeks: the cover, when positive."""
    in_others: float
    """Mean effect in all others: the premium, when negative; NaN when there are none."""
    in_worst_interval: Clustered | None
    """95 %, weeks as the independent observations; ``None`` under ten of them."""
    in_others_interval: Clustered | None

    def told(self) -> str:
        """Say it in one sentence, thousandths of equity."""
        weeks = f"{self.worst_weeks} week" + ("" if self.worst_weeks == 1 else "s")
        said = (
            f"In the {weeks} in which the bot alone did worst ({_thousandths(self.control_in_worst)} ‰ a week) the "
            f"policy moved {_thousandths(self.in_worst)} ‰ a week"
        )
        if not self.other_weeks:
            return f"{said}."
        return f"{said}, in the other {self.other_weeks:,} {_thousandths(self.in_others)} ‰."


def insurance(days: Integers, own: Reals, control: Reals) -> Insurance | None:
    """Split the effect of a policy by how the control arm did; ``None`` when an account was lost or nothing was seen.

    Weeks run from Monday to Sunday, UTC. The worst tenth is rounded up; of equal weeks the earlier are taken.

    Args:
        days: (n,) days since 1970-01-01.
        own: (n,) simple daily returns of the policy's arm.
        control: (n,) of the arm without it.
    """
    if not len(days) or np.min(own) <= -1.0 or np.min(control) <= -1.0:
        return None
    _, place = np.unique((days + MONDAY) // DAYS_PER_WEEK, return_inverse=True)
    alone: Reals = np.bincount(place, np.log1p(control)).astype(np.float64)
    effect: Reals = np.bincount(place, np.log1p(own)) - alone
    worst = np.sort(np.argsort(alone, kind="stable")[: math.ceil(WORST * len(alone))])
    others = np.setdiff1d(np.arange(len(alone)), worst)
    return Insurance(
        worst_weeks=len(worst),
        other_weeks=len(others),
        control_in_worst=float(np.mean(alone[worst])),
        in_worst=float(np.mean(effect[worst])),
        in_others=float(np.mean(effect[others])) if len(others) else math.nan,
        in_worst_interval=cluster_interval(effect[worst], worst),
        in_others_interval=cluster_interval(effect[others], others) if len(others) else None,
    )


def _thousandths(value: float) -> str:
    written = f"{1_000.0 * abs(value):,.2f}"
    sign = "" if not written.strip("0.,") else "−" if value < 0.0 else "+"
    return f"{sign}{written}"
