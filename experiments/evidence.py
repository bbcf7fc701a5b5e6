"""How sure one may be of a stitched series of days: intervals for each row, paired, and for all rows together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from scipy.stats import norm as normal
from scipy.stats import t as student

from replay.effect import DAYS_PER_YEAR, Reals, sharpe
from replay.inference import (
    BLOCK_DAYS,
    BLOCKS_MIN,
    LEVEL,
    Bootstrap,
    Interval,
    growth_interval,
    sharpe_interval,
    stationary_blocks,
)

SIGNIFICANT: Final = 2.0
"""Standard errors beyond which an autocorrelation is one (Politis and White, 2004, recommend 2 with log10)."""


class Paired(NamedTuple):
    """A row against the baseline, on the same days: row - baseline."""

    sharpe: float
    sharpe_interval: Interval | None
    growth: float
    """Of log equity, a year."""
    growth_interval: Interval | None
    identical: bool
    """Every daily return is the same."""


class Band(NamedTuple):
    """A 95 % interval that holds for all rows at once."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside."""
        return self.low > 0.0 or self.high < 0.0


def growth_a_year(returns: Reals) -> float:
    """Sum of log daily returns, a year of 365 days; minus infinity once the account was lost."""
    if np.min(returns) <= -1.0:
        return float("-inf")
    return float(np.sum(np.log1p(returns))) / len(returns) * DAYS_PER_YEAR


def sharpe_draws(returns: Reals, how: Bootstrap) -> Reals:
    """Return the yearly Sharpe ratio of each resampled history, (draws,); NaN where nothing varies."""
    drawn = returns[stationary_blocks(len(returns), how)]
    spread = drawn.std(axis=1, ddof=1)
    varies = spread > 0.0
    ratio = np.where(varies, drawn.mean(axis=1) / np.where(varies, spread, 1.0), np.nan)
    return np.asarray(ratio * DAYS_PER_YEAR**0.5)


def own_sharpe(returns: Reals, how: Bootstrap) -> Interval | None:
    """Interval of a row's own Sharpe ratio; ``None`` when there are too few days or nothing varies."""
    if not has_intervals(len(returns), how):
        return None
    drawn = sharpe_draws(returns, how)
    if np.any(np.isnan(drawn)):
        return None
    low, high = np.quantile(drawn, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
    return Interval(float(low), float(high), how.draws, how.block_days, how.seed, len(returns))


def paired(own: Reals, baseline: Reals, how: Bootstrap) -> Paired:
    """Compare a row with the baseline, day by day."""
    years = len(own) / DAYS_PER_YEAR
    growth = growth_interval(own, baseline, how)
    return Paired(
        sharpe=sharpe(own) - sharpe(baseline),
        sharpe_interval=sharpe_interval(own, baseline, how),
        growth=growth_a_year(own) - growth_a_year(baseline),
        growth_interval=replace(growth, low=growth.low / years, high=growth.high / years) if growth else None,
        identical=bool(np.array_equal(own, baseline)),
    )


def together(rows: Mapping[str, Reals], baseline: Reals, how: Bootstrap) -> dict[str, Band]:
    """Bands for the differences of the Sharpe ratio that hold for all rows at once in 95 of 100 histories.

    Half a width is the 95 % quantile over draws of the largest deviation among the rows, each in its own standard
    errors, times that row's standard error (the idea of Romano and Wolf, 2005, "Stepwise Multiple Testing as
    Formalized Data Snooping"; one step). It is widened by Student's t over the normal quantile with as many degrees of
    freedom as there are blocks but one: few blocks know their own spread badly. Rows that equal the baseline, or do
    not vary, have none.
    """
    if not has_intervals(len(baseline), how):
        return {}
    drawn_baseline, shown_baseline = sharpe_draws(baseline, how), sharpe(baseline)
    estimates, errors, deviations = {}, {}, []
    for name, returns in rows.items():
        drawn = sharpe_draws(returns, how) - drawn_baseline
        error = float(np.std(drawn))
        if not error > 0.0:
            continue
        estimates[name], errors[name] = sharpe(returns) - shown_baseline, error
        deviations.append(np.abs(drawn - estimates[name]) / error)
    if not deviations:
        return {}
    blocks = len(baseline) / how.block_days
    two_sided = (1.0 + LEVEL) / 2.0
    widened = float(student.ppf(two_sided, blocks - 1.0) / normal.ppf(two_sided))
    width = widened * float(np.quantile(np.max(deviations, axis=0), LEVEL))
    return {
        name: Band(estimates[name] - width * error, estimates[name] + width * error) for name, error in errors.items()
    }


def has_intervals(days: int, how: Bootstrap) -> bool:
    """Tell whether there are enough blocks in so many days."""
    return days >= BLOCKS_MIN * how.block_days


def mean_block(series: Sequence[Reals], floor_days: float) -> float:
    """Return the mean block length (days) that suits most of the series.

    The median of what each needs: on few days single estimates are noise, and blocks too long leave too few to draw
    from, which makes intervals narrow. At least a week and ``floor_days`` (for how long a position may be held, over
    which days depend on one another), at most what leaves ``BLOCKS_MIN`` blocks.
    """
    needed = float(np.median([optimal_block(each) for each in series]))
    return min(max(BLOCK_DAYS, floor_days, needed), len(series[0]) / BLOCKS_MIN)


def optimal_block(series: Reals) -> float:
    """Return the mean block length of the stationary bootstrap with the least error for the mean of a series.

    Politis and White (2004), "Automatic Block-Length Selection for the Dependent Bootstrap", with the correction of
    Patton, Politis and White (2009): (2 G^2 / D)^(1/3) n^(1/3), where G sums |k| R(k) and D = 2 (sum of R(k))^2
    over lags k, autocovariances R weighted by a flat-top kernel as wide as twice the last significant lag. 1 when
    nothing depends on anything.
    """
    n = len(series)
    centred = series - np.mean(series)
    variance = float(np.mean(centred**2))
    if n < 16 or not variance > 0.0:
        return 1.0
    run = max(5, int(np.ceil(np.sqrt(np.log10(n)))))
    lags = min(int(np.ceil(np.sqrt(n))) + run, n - 1)
    covariance = np.array([float(np.sum(centred[: n - k] * centred[k:])) / n for k in range(lags + 1)])
    is_small = np.abs(covariance[1:]) / variance < SIGNIFICANT * np.sqrt(np.log10(n) / n)
    last = next((lag for lag in range(lags - run + 1) if is_small[lag : lag + run].all()), lags)
    width = min(2 * max(last, 1), lags)
    k = np.arange(1, width + 1)
    kernel = np.minimum(1.0, 2.0 * (1.0 - k / width))
    weighted = kernel * covariance[1 : width + 1]
    spread = 2.0 * float(np.sum(k * weighted))
    density = covariance[0] + 2.0 * float(np.sum(weighted))
    if not density > 0.0:
        return 1.0
    length = float((spread**2 / density**2) ** (1.0 / 3.0) * n ** (1.0 / 3.0))
    return min(max(length, 1.0), float(np.ceil(min(3.0 * np.sqrt(n), n / 3.0))))
