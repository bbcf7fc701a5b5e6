"""The interval over histories of a difference between two arms: studentised, because blocks are few.

A percentile of resampled sums promises 95 % and gives less: the resampled histories vary less than real ones would,
and with few blocks it is not known how much. So each resampled history is measured in its *own* standard error, by
the very formula that measures the recorded one, and the 95 % quantile of those ratios takes the place of 1.96: the
error of the error is then in the interval. Symmetric, as Hall (1988), "On Symmetric Bootstrap Confidence Intervals",
and for two arms Ledoit and Wolf (2008), "Robust Performance Hypothesis Testing with the Sharpe Ratio", have it; that
the same formula on both sides makes up for blocks that are not short against the series is shown by Goncalves and
Vogelsang (2011), "Block Bootstrap HAC Robust Tests: The Sophistication of the Naive Bootstrap". Where blocks
are few even that is too sure of itself, and the quantile is never taken below Student's with one degree of freedom
fewer than there are blocks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from replay.effect import DAYS_PER_YEAR, Integers, Reals
from replay.inference.blocks import DRAWS, SEED, Bootstrap, long_enough, stationary_blocks
from replay.inference.student import NORMAL_95, quantile_95

LEVEL: Final = 0.95
LABEL: Final = "over histories, decisions fixed"
WINDOW_LABEL: Final = "over hours of the window drawn again, decisions fixed"
WINDOW_BLOCK_HOURS: Final = 12.0
HOURS_PER_DAY: Final = 24.0
BLOCKS_ENOUGH: Final = 30
"""From so many blocks on the drawn quantile needs no support; below, it covers up to four points too little."""
ROWS_AT_ONCE: Final = 256
"""Resampled histories measured together: they stay in the processor's cache."""
NOTHING: Final = 1e-18
"""A variance below this share of the series' greatest square is rounding."""

Measure = Callable[[Integers], tuple[Reals, Reals]]
"""Takes (rows, days) day numbers; gives each row's estimate (rows,) and its influence series (rows, days), the sum of
whose deviations is the estimate's first-order deviation."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval of the stationary block bootstrap, in the unit of its estimate."""

    low: float
    high: float
    draws: int
    block_days: float
    """Mean block length."""
    seed: int
    days: int
    label: str = LABEL

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside."""
        return self.low > 0.0 or self.high < 0.0


def growth_interval(own: Reals, factual: Reals, how: Bootstrap) -> Interval | None:
    """Interval of the difference in log growth over the run: own - factual.

    Takes (days,) simple daily returns of both arms, aligned. ``None`` when an arm was lost (a log return is
    infinite), the run is too short for its blocks, or so little happened that most of it is missing from one
    resampled history in twenty.
    """
    if not long_enough(len(own), how) or np.min(own) <= -1.0 or np.min(factual) <= -1.0:
        return None
    return sum_interval(np.log1p(own) - np.log1p(factual), how)


def sum_interval(series: Reals, how: Bootstrap) -> Interval | None:
    """Interval of the sum of a (days,) series; ``None`` as in :func:`growth_interval`."""

    def measure(days: Integers) -> tuple[Reals, Reals]:
        drawn = series[days]
        return drawn.sum(axis=1), drawn

    return _studentised(measure, len(series), how)


def sum_error(series: Reals, how: Bootstrap) -> float:
    """Return the standard error of the sum of a (days,) series, as the resampling itself has it; 0 for a constant."""
    return float(_errors(series[None, :], _spectral_weights(len(series), how.block_days))[0])


def sharpe_interval(own: Reals, factual: Reals, how: Bootstrap) -> Interval | None:
    """Interval of the difference in the yearly Sharpe ratio: own - factual, both from the same resampled days.

    ``None`` when the run is too short or an arm's returns do not vary.
    """
    if not long_enough(len(own), how) or np.ptp(own) == 0.0 or np.ptp(factual) == 0.0:
        return None

    def measure(days: Integers) -> tuple[Reals, Reals]:
        (mine, moved), (theirs, moved_too) = (_sharpe_influence(returns[days]) for returns in (own, factual))
        return mine - theirs, moved - moved_too

    return _studentised(measure, len(own), how)


def own_sharpe_interval(returns: Reals, how: Bootstrap) -> Interval | None:
    """Interval of one arm's yearly Sharpe ratio; ``None`` as in :func:`sharpe_interval`."""
    if not long_enough(len(returns), how) or np.ptp(returns) == 0.0:
        return None
    return _studentised(lambda days: _sharpe_influence(returns[days]), len(returns), how)


def window_interval(differences: Reals, seed: int = SEED) -> Interval | None:
    """Interval of the sum of the hourly differences (hours,) of one intervention's window.

    Hours of a market are bound to one another for about half a day; blocks of 12 hours on average. It says how much of
    the effect hangs on single hours of this one window. It is no statement about interventions like this one.
    ``None`` when the window is too short for its blocks or nothing moved in it.

    Not studentised: where a few hours make the whole effect, some drawn windows hold next to none of them, and their
    own standard errors divide by next to nothing. Half the width is the 95 % quantile of how far drawn sums lie from
    the effect, widened by what Student's t with a degree of freedom fewer than there are blocks is over the normal.
    """
    how = Bootstrap(DRAWS, WINDOW_BLOCK_HOURS, seed)
    if not long_enough(len(differences), how) or np.any(np.isnan(differences)) or np.ptp(differences) == 0.0:
        return None
    effect = float(np.sum(differences))
    apart = np.abs(differences[stationary_blocks(len(differences), how)].sum(axis=1) - effect)
    widened = quantile_95(len(differences) / how.block_days - 1.0) / NORMAL_95
    half = widened * float(np.quantile(apart, LEVEL, method="higher"))
    days = round(len(differences) / HOURS_PER_DAY)
    block_days = WINDOW_BLOCK_HOURS / HOURS_PER_DAY
    return Interval(effect - half, effect + half, how.draws, block_days, how.seed, days, WINDOW_LABEL)


def _sharpe_influence(drawn: Reals) -> tuple[Reals, Reals]:
    """Return the yearly Sharpe ratio of each row and its influence series, / days (Lo, 2002; Ledoit and Wolf, 2008).

    With z = (r - mean) / spread the ratio moves by z - ratio (z^2 - 1) / 2 a day; NaN where nothing varies.
    """
    days = drawn.shape[1]
    centred = drawn - drawn.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = drawn.mean(axis=1) / spread
        z = centred / spread[:, None]
    moved = (z - ratio[:, None] * (z * z - 1.0) / 2.0) / days
    return ratio * DAYS_PER_YEAR**0.5, moved * DAYS_PER_YEAR**0.5


def _studentised(measure: Measure, days: int, how: Bootstrap) -> Interval | None:
    place = np.arange(days)[None, :]
    estimates, influence = measure(place)
    estimate = float(estimates[0])
    shape = _spectral_weights(days, how.block_days)
    error = float(_errors(influence, shape)[0])
    if error == 0.0:
        return Interval(estimate, estimate, how.draws, how.block_days, how.seed, days)
    drawn_days = stationary_blocks(days, how)
    ratios = np.empty(how.draws)
    for begin in range(0, how.draws, ROWS_AT_ONCE):
        rows = slice(begin, begin + ROWS_AT_ONCE)
        drawn, moved = measure(drawn_days[rows])
        errors = _errors(moved, shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios[rows] = np.abs(drawn - estimate) / errors
    # A history in which nothing happened has no error to be measured in: it may lie as far away as one likes.
    ratios[np.isnan(ratios)] = np.inf
    drawn_quantile = float(np.quantile(ratios, LEVEL, method="higher"))
    if not np.isfinite(drawn_quantile):
        return None
    blocks = days / how.block_days
    width = drawn_quantile if blocks >= BLOCKS_ENOUGH else max(drawn_quantile, quantile_95(blocks - 1.0))
    half = width * error
    return Interval(estimate - half, estimate + half, how.draws, how.block_days, how.seed, days)


def _spectral_weights(days: int, block_days: float) -> Reals:
    """Return by frequency what a series' squared Fourier coefficients weigh in the variance of its sum.

    The variance that the stationary bootstrap itself gives a sum has a closed form (Politis and Romano, 1994, lemma
    1): n (R(0) + 2 sum of w(i) R(i)) with circular autocovariances and w(i) = (1 - i/n) q^i + (i/n) q^(n - i),
    q = 1 - 1/block. In frequencies it is one weighted sum of squares, hence never negative.
    """
    lag = np.arange(days)
    stays = 1.0 - 1.0 / block_days
    kept = (1.0 - lag / days) * stays**lag + (lag / days) * stays ** (days - lag)
    kept[0] = 1.0
    weights = np.maximum(np.fft.rfft(kept).real, 0.0)
    weights[1:] *= 2.0
    if days % 2 == 0:
        weights[-1] /= 2.0
    # The mean is taken out: frequency zero counts for nothing.
    weights[0] = 0.0
    return np.asarray(weights / days)


def _errors(series: Reals, weights: Reals) -> Reals:
    """Return the standard error of the sum of each row of (rows, days)."""
    waves = np.fft.rfft(series, axis=1)
    variance = (waves.real**2 + waves.imag**2) @ weights
    largest = np.max(series * series, axis=1)
    return np.sqrt(np.where(variance > NOTHING * largest, variance, 0.0))
