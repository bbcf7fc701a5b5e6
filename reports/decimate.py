"""Fewer points that look the same: each bucket keeps its first, last, lowest and highest."""

from itertools import pairwise

import numpy as np

from replay.effect import Integers, Reals

POINTS_MAX = 4_000


def decimated(values: Reals, points_max: int = POINTS_MAX) -> Integers:
    """Return rising row numbers, at most ``points_max`` of them, that keep every extreme of a series.

    Rows are cut into points_max / 4 buckets of equal length; of each the first, the last, the lowest and the
    highest row stay. A short series stays whole.
    """
    rows = len(values)
    if rows <= points_max:
        return np.arange(rows, dtype=np.int64)
    edges = np.linspace(0, rows, points_max // 4 + 1).astype(np.int64)
    kept = []
    for first, end in pairwise(edges):
        bucket = values[first:end]
        kept += [first, first + int(np.argmin(bucket)), first + int(np.argmax(bucket)), end - 1]
    return np.unique(np.array(kept, dtype=np.int64))
