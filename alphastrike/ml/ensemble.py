"""Many scores, one view."""

import math

import numpy as np
import numpy.typing as npt

from alphastrike.ml.decay import TrackerParams, scope_of
from alphastrike.model.compiled import Records, step


@step
def combined(
    scores: npt.NDArray[np.float64], decision: int, symbol: int, trackers: Records, regime: int, params: TrackerParams
) -> tuple[float, float]:
    """Return the weighted mean of the voting signals in ``scores[:, decision, symbol]``, and their whole weight.

    ``trackers`` (N, scopes) holds a ``weight`` a signal and scope; the symbol's regime chooses the scope. NaN
    abstains. (0, 0) when nothing votes.
    """
    total = 0.0
    weight = 0.0
    for n in range(scores.shape[0]):
        score = scores[n, decision, symbol]
        share = trackers[n, scope_of(trackers, n, regime, params)].weight
        if share > 0.0 and not math.isnan(score):
            total += share * score
            weight += share
    return (total / weight, weight) if weight > 0.0 else (0.0, 0.0)
