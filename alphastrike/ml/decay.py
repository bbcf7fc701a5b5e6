"""The decay tracker: what signals predicted against what came, who is retired, and what each one's vote weighs.

One outcome a signal, symbol and horizon, without overlap, pooled over symbols: a hundred hourly outcomes of a
day-ahead opinion hold seven independent ones, and retire half of all signals by luck.
"""

import math
from typing import Annotated, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Le

from alphastrike.model.compiled import Records, step


class TrackerParams(NamedTuple):
    """How outcomes become accuracy, accuracy a weight, and when a signal is retired."""

    window: Annotated[int, Ge(10), Le(5_000)] = 500
    """Last outcomes of a signal that count, all symbols together."""
    outcomes_min: Annotated[int, Ge(1), Le(5_000)] = 20
    """With fewer, the prior's mean is the accuracy and nobody is retired."""
    prior_outcomes: Annotated[float, Ge(0.0), Le(100_000.0)] = 100.0
    """Weight of the prior, in outcomes."""
    prior_mean: Annotated[float, Ge(0.0), Le(1.0)] = 0.52
    """The accuracy of a signal about which nothing is known."""
    retire_below: Annotated[float, Ge(0.0), Le(1.0)] = 0.42
    """A signal whose accuracy falls below this no longer votes; it goes on predicting, on probation."""
    return_above: Annotated[float, Ge(0.0), Le(1.0)] = 0.48
    """It votes again once its accuracy exceeds this."""
    weigh_by_edge: bool = False
    """Weights (2 x edge)^2 with edge = accuracy - 0.5, zero without edge; otherwise all votes weigh the same."""
    count_payoff: bool = False
    """Accuracy is the share of |return| won, not the share of outcomes won."""


ARTICLE_RULE: Final = TrackerParams(
    window=100, prior_outcomes=0.0, retire_below=0.48, return_above=0.48, weigh_by_edge=True
)
"""The article's rule to the letter: raw accuracy over 100 outcomes, weight (2 x edge)^2, retired below 48 %."""

PENDING: Final = np.dtype((np.record, [("side", "f8"), ("price", "f8"), ("due", "i8")]))
"""An open prediction, one a signal and symbol: the score's sign, the price it was made at, and the number of
the decision that scores it; all zero for none."""

TRACKER: Final = np.dtype(
    (np.record, [("accuracy", "f8"), ("weight", "f8"), ("known", "i8"), ("next", "i8"), ("retired", "i8")])
)
"""One a signal. ``known`` outcomes in its ring, ``next`` the slot that the next one takes."""

UNCHANGED: Final = 0
RETIRED: Final = 1
RETURNED: Final = 2


@step
def outcome(pending: Records, number: int, price: float) -> float:
    """Score and clear an open prediction; return the return it would have earned, 0 for no outcome.

    ``number`` counts decisions since 1970, ``price`` is the decision bar's close (NaN when missing: void).
    """
    earned = 0.0
    if pending.due == number and not math.isnan(price):
        earned = pending.side * (price / pending.price - 1.0)
    pending.side = 0.0
    pending.price = 0.0
    pending.due = 0
    return earned + 0.0


@step
def predict(pending: Records, number: int, horizon: int, score: float, price: float) -> None:
    """Remember a prediction to be scored ``horizon`` decisions later; an abstention or a zero is none."""
    if math.isnan(score) or score == 0.0 or math.isnan(price):
        return
    pending.side = 1.0 if score > 0.0 else -1.0
    pending.price = price
    pending.due = number + horizon


@step
def remember(tracker: Records, ring: npt.NDArray[np.float64], signal: int, earned: float) -> None:
    """Put an outcome in the place of the oldest in ``ring[signal]``."""
    if earned == 0.0:
        return
    ring[signal, tracker.next] = earned
    tracker.next += 1
    if tracker.next == ring.shape[1]:
        tracker.next = 0
    if tracker.known < ring.shape[1]:
        tracker.known += 1


@step
def accuracy(known: int, ring: npt.NDArray[np.float64], signal: int, params: TrackerParams) -> float:
    """Return the posterior mean accuracy (0-1): outcomes over the prior, the prior alone while they are few."""
    if known < params.outcomes_min:
        return params.prior_mean
    won = 0.0
    whole = 0.0
    for i in range(known):
        earned = ring[signal, i]
        size = abs(earned) if params.count_payoff else 1.0
        whole += size
        if earned > 0.0:
            won += size
    share = won / whole
    return (known * share + params.prior_outcomes * params.prior_mean) / (known + params.prior_outcomes)


@step
def reconsider(tracker: Records, ring: npt.NDArray[np.float64], signal: int, params: TrackerParams) -> int:
    """Renew a signal's accuracy and weight; return whether it is now retired, or has returned."""
    change = UNCHANGED
    tracker.accuracy = accuracy(tracker.known, ring, signal, params)
    if tracker.known >= params.outcomes_min:
        if tracker.retired == 0 and tracker.accuracy < params.retire_below:
            tracker.retired = 1
            change = RETIRED
        elif tracker.retired == 1 and tracker.accuracy > params.return_above:
            tracker.retired = 0
            change = RETURNED
    tracker.weight = vote(tracker.accuracy, params.weigh_by_edge) if tracker.retired == 0 else 0.0
    return change


@step
def vote(accuracy_: float, weigh_by_edge: bool) -> float:
    """Return the weight of an active signal: 1, or (2 x edge)^2 with edge = accuracy - 0.5, 0 without edge."""
    if not weigh_by_edge:
        return 1.0
    edge = accuracy_ - 0.5
    return (2.0 * edge) * (2.0 * edge) if edge > 0.0 else 0.0
