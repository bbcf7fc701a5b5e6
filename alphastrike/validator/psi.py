"""The population stability index: how differently two windows fill the same bins."""

import math

from alphastrike.model.compiled import step
from alphastrike.validator.bins import BINS, Counts


@step
def stability_index(reference: Counts, current: Counts) -> float:
    """Return sum (p - q) log(p / q) over the bins: 0 for equal shares, symmetric, without upper bound.

    Shares are of counts with half a value added to every bin (Jeffreys' prior), so that an empty bin is rare and
    not impossible. Both windows must hold a value. After Siddiqi (2006), "Credit Risk Scorecards", who reads 0.25
    as a shift of consequence; it is the symmetric divergence of Kullback and Leibler (1951).
    """
    known = 0.0
    seen = 0.0
    for b in range(BINS):
        known += reference[b]
        seen += current[b]
    index = 0.0
    for b in range(BINS):
        p = (current[b] + 0.5) / (seen + 0.5 * BINS)
        q = (reference[b] + 0.5) / (known + 0.5 * BINS)
        index += (p - q) * math.log(p / q)
    return index
