"""Trailing windows over columns: the few loops that all features are made of.

Time runs along the last axis, oldest first; what lies before it (one row a symbol, or nothing) is kept. Every
function returns the shape it is given; value i depends only on the stated number of elements
that end with i, added in an order that does not depend on where the column begins. It is NaN when one of
them is NaN or lies before the column's start. Long sums and extremes go through blocks of ``BLOCK``
elements: a window of 720 costs 24 + 30 operations a value instead of 720.
"""

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from alphastrike.features.bars import Column
from alphastrike.model.compiled import entry, step

BLOCK: Final = 24


def before(column: Column, bars: int) -> Column:
    """Return the value of ``bars`` bars ago (window: bars + 1)."""
    shifted = _nothing(column.shape)
    shifted[..., bars:] = column[..., : max(column.shape[-1] - bars, 0)]
    return shifted


def ratio(above: Column, below: Column) -> Column:
    """Return above / below, NaN where below is not positive (window: 1)."""
    quotient = _nothing(above.shape)
    np.divide(above, below, out=quotient, where=below > 0.0)
    return quotient


def log_ratio(above: Column, below: Column) -> Column:
    """Return log(above / below), NaN where either is not positive (window: 1)."""
    return _by_row(_log, ratio(above, below))


def log_change(column: Column, bars: int) -> Column:
    """Return log(value / value of ``bars`` bars ago) of a positive column (window: bars + 1)."""
    return _by_row(_log_change, column, bars)


def trailing_sum(column: Column, bars: int) -> Column:
    """Return the sum of the last ``bars`` values."""
    return _by_row(_trailing_sum, column, bars, _inner(bars))


def trailing_mean(column: Column, bars: int) -> Column:
    """Return the mean of the last ``bars`` values."""
    return trailing_sum(column, bars) / bars


def trailing_max(column: Column, bars: int) -> Column:
    """Return the largest of the last ``bars`` values."""
    return _by_row(_trailing_max, column, bars, _inner(bars))


def trailing_min(column: Column, bars: int) -> Column:
    """Return the smallest of the last ``bars`` values."""
    return -trailing_max(-column, bars)


def deviation(column: Column, bars: int) -> Column:
    """Return the standard deviation of the last ``bars`` values around their mean (divisor bars - 1).

    By sums of squares: meant for columns whose mean is small against their spread, such as returns.
    """
    return _spread(trailing_sum(column, bars), trailing_sum(column * column, bars), bars)


def decaying_mean(column: Column, span: float, bars: int) -> Column:
    """Return the exponentially weighted mean of the last ``bars`` values, decay 1 - 2 / (span + 1) a bar.

    Cut off after ``bars`` (a multiple of ``BLOCK``), so that it is a pure function of a window.
    """
    assert bars % BLOCK == 0, f"a decaying mean needs a multiple of {BLOCK} bars, not {bars}"
    keep = 1.0 - 2.0 / (span + 1.0)
    weight = float(_by_row(_decaying_sum, np.ones(bars), bars, keep)[-1])
    return _by_row(_decaying_sum, column, bars, keep) / weight


def true_range(high: Column, low: Column, close: Column) -> Column:
    """Return the largest of high - low and the distances of both from the last close (window: 2).

    After Wilder (1978), "New Concepts in Technical Trading Systems".
    """
    last = before(close, 1)
    return np.maximum(high - low, np.maximum(np.abs(high - last), np.abs(low - last)))


def mean_of_others(panel: Column) -> Column:
    """Return, for each symbol of (rows, symbols), the mean of the others at the same row.

    Over those that have a value; NaN where the symbol has none or nobody else has one.
    """
    return _mean_of_others(_writable(np.ascontiguousarray(panel)))


def _nothing(shape: tuple[int, ...]) -> Column:
    # Twice as fast as np.full on what one live decision needs.
    missing = np.empty(shape)
    missing.fill(np.nan)
    return missing


def _spread(sums: Column, squares: Column, bars: int) -> Column:
    mean = sums / bars
    excess = squares - bars * (mean * mean)
    # Rounding can take a little too much; NaN stays NaN.
    np.maximum(excess, 0.0, out=excess)
    excess /= bars - 1
    return np.sqrt(excess, out=excess)


def _inner(bars: int) -> int:
    return BLOCK if bars > BLOCK and bars % BLOCK == 0 else bars


def _writable(column: Column) -> Column:
    """Return the column, copied if it must not be written: of such, a second version of everything is compiled."""
    return column if column.flags.writeable else column.copy()


def _by_row(compute: Callable[..., Column], column: Column, *arguments: float) -> Column:
    """Apply a compiled function of contiguous (rows, n) to a column of any leading shape."""
    rows = _writable(np.ascontiguousarray(column)).reshape(-1, column.shape[-1])
    return compute(rows, *arguments).reshape(column.shape)


@entry
def _log(rows: Column) -> Column:
    logs = np.empty(rows.shape)
    for r in range(rows.shape[0]):
        for i in range(rows.shape[1]):
            value = rows[r, i]
            logs[r, i] = math.log(value) if value > 0.0 else np.nan
    return logs


@entry
def _log_change(rows: Column, bars: int) -> Column:
    logs = np.full(rows.shape, np.nan)
    for r in range(rows.shape[0]):
        for i in range(bars, rows.shape[1]):
            last = rows[r, i - bars]
            quotient = rows[r, i] / last if last > 0.0 else 0.0
            if quotient > 0.0:
                logs[r, i] = math.log(quotient)
    return logs


@entry
def _trailing_sum(rows: Column, bars: int, inner: int) -> Column:
    sums = np.full(rows.shape, np.nan)
    blocks = np.full(rows.shape[1], np.nan)
    for r in range(rows.shape[0]):
        _strided_sum(rows[r], inner, 1, sums[r] if inner == bars else blocks)
        if inner != bars:
            _strided_sum(blocks, bars // inner, inner, sums[r])
    return sums


@entry
def _trailing_max(rows: Column, bars: int, inner: int) -> Column:
    largest = np.full(rows.shape, np.nan)
    blocks = np.full(rows.shape[1], np.nan)
    for r in range(rows.shape[0]):
        _strided_max(rows[r], inner, 1, largest[r] if inner == bars else blocks)
        if inner != bars:
            _strided_max(blocks, bars // inner, inner, largest[r])
    return largest


@entry
def _decaying_sum(rows: Column, bars: int, keep: float) -> Column:
    sums = np.full(rows.shape, np.nan)
    blocks = np.full(rows.shape[1], np.nan)
    for r in range(rows.shape[0]):
        _decaying(rows[r], BLOCK, 1, keep, blocks)
        _decaying(blocks, bars // BLOCK, BLOCK, keep, sums[r])
    return sums


# Terms outside, values inside: each value is added up in the same order as one by one, and many at a time. Over
# slices counted from 0, because an index that could be negative keeps the compiler from taking many at a time.


@step
def _strided_sum(column: Column, terms: int, stride: int, sums: Column) -> None:
    first = (terms - 1) * stride
    count = column.shape[0] - first
    full = sums[first:]
    for i in range(count):
        full[i] = 0.0
    for k in range(terms):
        part = column[first - k * stride :]
        for i in range(count):
            full[i] += part[i]


@step
def _strided_max(column: Column, terms: int, stride: int, largest: Column) -> None:
    first = (terms - 1) * stride
    count = column.shape[0] - first
    full = largest[first:]
    for i in range(count):
        full[i] = column[first + i]
    for k in range(1, terms):
        part = column[first - k * stride :]
        for i in range(count):
            value = part[i]
            top = full[i]
            full[i] = value if value > top or math.isnan(value) else top


@step
def _decaying(column: Column, terms: int, stride: int, keep: float, sums: Column) -> None:
    factor = 1.0
    for _ in range(stride):
        factor *= keep
    first = (terms - 1) * stride
    count = column.shape[0] - first
    full = sums[first:]
    for i in range(count):
        full[i] = 0.0
    weight = 1.0
    for k in range(terms):
        part = column[first - k * stride :]
        for i in range(count):
            full[i] += weight * part[i]
        weight *= factor


@entry
def _mean_of_others(panel: Column) -> Column:
    means = np.full(panel.shape, np.nan)
    for i in range(panel.shape[0]):
        for s in range(panel.shape[1]):
            if math.isnan(panel[i, s]):
                continue
            total = 0.0
            others = 0
            for other in range(panel.shape[1]):
                if other != s and not math.isnan(panel[i, other]):
                    total += panel[i, other]
                    others += 1
            if others > 0:
                means[i, s] = total / others
    return means
