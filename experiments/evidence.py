"""How sure one may be of a stitched series of days: intervals for each row, paired, and for all rows together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from replay.effect import DAYS_PER_YEAR, Reals, sharpe
from replay.inference import (
    LEVEL,
    Bootstrap,
    Interval,
    block_days,
    growth_interval,
    long_enough,
    sharpe_interval,
    stationary_blocks,
)
from replay.inference.student import NORMAL_95, quantile_95

WEEK_DAYS: Final = 7.0


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
    if not long_enough(len(baseline), how):
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
    widened = quantile_95(blocks - 1.0) / NORMAL_95
    width = widened * float(np.quantile(np.max(deviations, axis=0), LEVEL))
    return {
        name: Band(estimates[name] - width * error, estimates[name] + width * error) for name, error in errors.items()
    }


def mean_block(series: Sequence[Reals], floor_days: float) -> float:
    """Return the mean block length (days) that suits most of the series.

    The median of what each needs: on few days single estimates are noise, and blocks too long leave too few to draw
    from, which makes intervals narrow. At least a week and ``floor_days`` (for how long a position may be held, over
    which days depend on one another), at most what leaves ``BLOCKS_MIN`` blocks.
    """
    return block_days(series, max(WEEK_DAYS, floor_days))
