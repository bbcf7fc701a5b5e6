"""The Kolmogorov-Smirnov distance on bins: how far two windows' cumulative shares come apart."""

from alphastrike.model.compiled import step
from alphastrike.validator.bins import BINS, Counts


@step
def distance(reference: Counts, current: Counts) -> float:
    """Return the largest difference between the cumulative shares of two windows: 0 to 1.

    Both must hold a value. It is the two-sample statistic of Smirnov (1948) of values rounded to their bins; its
    textbook critical values hold for independent values and are not used.
    """
    known = 0.0
    seen = 0.0
    for b in range(BINS):
        known += reference[b]
        seen += current[b]
    below_then = 0.0
    below_now = 0.0
    largest = 0.0
    for b in range(BINS):
        below_then += reference[b]
        below_now += current[b]
        apart = abs(below_now / seen - below_then / known)
        if apart > largest:
            largest = apart
    return largest
