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
from alphastrike.model.forecast import RegimeScope

Rings = npt.NDArray[np.float64]
"""(N, ``SCOPES``, window): returns that predictions earned, a ring a signal and scope."""


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
    by_regime: bool = False
    """In a regime of which enough outcomes are known, those alone decide weight and retirement."""
    regime_outcomes_min: Annotated[int, Ge(1), Le(5_000)] = 100
    """What is enough."""


ARTICLE_RULE: Final = TrackerParams(
    window=100, prior_outcomes=0.0, retire_below=0.48, return_above=0.48, weigh_by_edge=True
)
"""The article's rule to the letter: raw accuracy over 100 outcomes, weight (2 x edge)^2, retired below 48 %."""

PENDING: Final = np.dtype((np.record, [("side", "f8"), ("price", "f8"), ("due", "i8"), ("regime", "i8")]))
"""An open prediction, one a signal and symbol: the score's sign, the price it was made at, the number of the
decision that scores it, and the regime it was made in; all zero for none."""

TRACKER: Final = np.dtype(
    (np.record, [("accuracy", "f8"), ("weight", "f8"), ("known", "i8"), ("next", "i8"), ("retired", "i8")])
)
"""One a signal and scope. ``known`` outcomes in its ring, ``next`` the slot that the next one takes."""

SCOPES: Final = len(RegimeScope)
"""What a signal is tracked over: scope 0 all regimes together, the others ``model.forecast.RegimeScope``."""

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
def predict(pending: Records, number: int, horizon: int, score: float, price: float, regime: int) -> None:
    """Remember a prediction to be scored ``horizon`` decisions later; an abstention or a zero is none."""
    pending.regime = 0
    if math.isnan(score) or score == 0.0 or math.isnan(price):
        return
    pending.regime = regime
    pending.side = 1.0 if score > 0.0 else -1.0
    pending.price = price
    pending.due = number + horizon


@step
def remember(tracker: Records, rings: Rings, signal: int, scope: int, earned: float) -> None:
    """Put an outcome in the place of the oldest in ``rings[signal, scope]``."""
    if earned == 0.0:
        return
    rings[signal, scope, tracker.next] = earned
    tracker.next += 1
    if tracker.next == rings.shape[2]:
        tracker.next = 0
    if tracker.known < rings.shape[2]:
        tracker.known += 1


@step
def accuracy(known: int, rings: Rings, signal: int, scope: int, prior_mean: float, params: TrackerParams) -> float:
    """Return the posterior mean accuracy (0-1): outcomes over the prior, the prior alone while they are few."""
    if known < params.outcomes_min:
        return prior_mean
    won = 0.0
    whole = 0.0
    for i in range(known):
        earned = rings[signal, scope, i]
        size = abs(earned) if params.count_payoff else 1.0
        whole += size
        if earned > 0.0:
            won += size
    share = won / whole
    return (known * share + params.prior_outcomes * prior_mean) / (known + params.prior_outcomes)


@step
def reconsider(
    tracker: Records, rings: Rings, signal: int, scope: int, prior_mean: float, params: TrackerParams
) -> int:
    """Renew a signal's accuracy and weight in a scope; return whether it is now retired there, or has returned.

    ``prior_mean`` is ``params.prior_mean`` for all regimes together, and that accuracy for one of them: a regime is
    believed to be like the others until its own outcomes say otherwise.
    """
    change = UNCHANGED
    tracker.accuracy = accuracy(tracker.known, rings, signal, scope, prior_mean, params)
    if tracker.known >= (params.outcomes_min if scope == 0 else params.regime_outcomes_min):
        if tracker.retired == 0 and tracker.accuracy < params.retire_below:
            tracker.retired = 1
            change = RETIRED
        elif tracker.retired == 1 and tracker.accuracy > params.return_above:
            tracker.retired = 0
            change = RETURNED
    tracker.weight = vote(tracker.accuracy, params.weigh_by_edge) if tracker.retired == 0 else 0.0
    return change


@step
def scope_of(trackers: Records, signal: int, regime: int, params: TrackerParams) -> int:
    """Return the scope whose tracker decides about a signal in a regime; ``trackers`` (N, ``SCOPES``)."""
    if params.by_regime and regime > 0 and trackers[signal, regime].known >= params.regime_outcomes_min:
        return regime
    return 0


@step
def vote(accuracy_: float, weigh_by_edge: bool) -> float:
    """Return the weight of an active signal: 1, or (2 x edge)^2 with edge = accuracy - 0.5, 0 without edge."""
    if not weigh_by_edge:
        return 1.0
    edge = accuracy_ - 0.5
    return (2.0 * edge) * (2.0 * edge) if edge > 0.0 else 0.0
