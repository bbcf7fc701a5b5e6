"""Trailing windows over one column: the few loops that all features are made of.

Every function returns as many values as it is given; value i depends only on the stated number of elements
that end with i, added in an order that does not depend on where the column begins. It is NaN when one of
them is NaN or lies before the column's start. Long sums and extremes go through blocks of ``BLOCK``
elements: a window of 720 costs 24 + 30 operations a value instead of 720.
"""

import math
from typing import Final

import numpy as np

from alphastrike.features.bars import Column
from alphastrike.model.compiled import entry

BLOCK: Final = 24


def before(column: Column, bars: int) -> Column:
    """Return the value of ``bars`` bars ago (window: bars + 1)."""
    shifted = np.full(column.shape[0], np.nan)
    shifted[bars:] = column[: max(column.shape[0] - bars, 0)]
    return shifted


def ratio(above: Column, below: Column) -> Column:
    """Return above / below, NaN where below is not positive (window: 1)."""
    quotient = np.full(above.shape[0], np.nan)
    np.divide(above, below, out=quotient, where=below > 0.0)
    return quotient


def log_ratio(above: Column, below: Column) -> Column:
    """Return log(above / below), NaN where either is not positive (window: 1)."""
    return _log(ratio(above, below))


def log_change(column: Column, bars: int) -> Column:
    """Return log(value / value of ``bars`` bars ago) of a positive column (window: bars + 1)."""
    return log_ratio(column, before(column, bars))


def trailing_sum(column: Column, bars: int) -> Column:
    """Return the sum of the last ``bars`` values."""
    inner = _inner(bars)
    block = _strided_sum(column, inner, 1)
    return block if inner == bars else _strided_sum(block, bars // inner, inner)


def trailing_mean(column: Column, bars: int) -> Column:
    """Return the mean of the last ``bars`` values."""
    return trailing_sum(column, bars) / bars


def trailing_max(column: Column, bars: int) -> Column:
    """Return the largest of the last ``bars`` values."""
    inner = _inner(bars)
    block = _strided_max(column, inner, 1)
    return block if inner == bars else _strided_max(block, bars // inner, inner)


def trailing_min(column: Column, bars: int) -> Column:
    """Return the smallest of the last ``bars`` values."""
    return -trailing_max(-column, bars)


def deviation(column: Column, bars: int) -> Column:
    """Return the standard deviation of the last ``bars`` values around their mean (divisor bars - 1).

    By sums of squares: meant for columns whose mean is small against their spread, such as returns.
    """
    mean = trailing_mean(column, bars)
    excess = trailing_sum(column * column, bars) - bars * (mean * mean)
    return np.sqrt(np.where(excess < 0.0, 0.0, excess) / (bars - 1))


def decaying_mean(column: Column, span: float, bars: int) -> Column:
    """Return the exponentially weighted mean of the last ``bars`` values, decay 1 - 2 / (span + 1) a bar.

    Cut off after ``bars`` (a multiple of ``BLOCK``), so that it is a pure function of a window.
    """
    assert bars % BLOCK == 0, f"a decaying mean needs a multiple of {BLOCK} bars, not {bars}"
    keep = 1.0 - 2.0 / (span + 1.0)
    ones = np.ones(bars)
    weight = float(_decaying(_decaying(ones, BLOCK, 1, keep), bars // BLOCK, BLOCK, keep)[-1])
    return _decaying(_decaying(column, BLOCK, 1, keep), bars // BLOCK, BLOCK, keep) / weight


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
    return _mean_of_others(np.ascontiguousarray(panel))


def _inner(bars: int) -> int:
    return BLOCK if bars > BLOCK and bars % BLOCK == 0 else bars


@entry
def _log(column: Column) -> Column:
    logs = np.empty(column.shape[0])
    for i in range(column.shape[0]):
        value = column[i]
        logs[i] = math.log(value) if value > 0.0 else np.nan
    return logs


@entry
def _strided_sum(column: Column, terms: int, stride: int) -> Column:
    sums = np.full(column.shape[0], np.nan)
    for i in range((terms - 1) * stride, column.shape[0]):
        total = 0.0
        for k in range(terms):
            total += column[i - k * stride]
        sums[i] = total
    return sums


@entry
def _strided_max(column: Column, terms: int, stride: int) -> Column:
    largest = np.full(column.shape[0], np.nan)
    for i in range((terms - 1) * stride, column.shape[0]):
        top = column[i]
        for k in range(1, terms):
            value = column[i - k * stride]
            if value > top or math.isnan(value):
                top = value
            if math.isnan(top):
                break
        largest[i] = top
    return largest


@entry
def _decaying(column: Column, terms: int, stride: int, keep: float) -> Column:
    factor = 1.0
    for _ in range(stride):
        factor *= keep
    sums = np.full(column.shape[0], np.nan)
    for i in range((terms - 1) * stride, column.shape[0]):
        total = 0.0
        weight = 1.0
        for k in range(terms):
            total += weight * column[i - k * stride]
            weight *= factor
        sums[i] = total
    return sums


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
