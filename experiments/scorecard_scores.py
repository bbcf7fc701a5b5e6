"""What a scorecard counts: how often intervals hold the truth, cry wolf, and find what is there."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from experiments.scorecard_worlds import Outcome, Reach
from replay.inference import EPISODES_MIN, LEVEL

COVERAGE: Final = (0.93, 0.97)
"""Where the coverage of a 95 % interval is to lie, within its Monte Carlo error."""
TRUTH_ERROR_MAX: Final = 0.1
"""Monte Carlo error of a true effect, in half-widths of the intervals that are held against it."""
NORMAL_95: Final = 1.96


class Share(NamedTuple):
    """A share of some worlds with its Monte Carlo error."""

    value: float
    error: float
    """Standard error for a share counted in so many worlds, with two added on each side (Agresti and Coull, 1998)."""
    worlds: int

    @classmethod
    def of(cls, hits: int, worlds: int) -> "Share":
        """Return hits ÷ worlds; NaN of none."""
        if not worlds:
            return cls(float("nan"), float("nan"), 0)
        likely = (hits + 2.0) / (worlds + 4.0)
        return cls(hits / worlds, float(np.sqrt(likely * (1.0 - likely) / worlds)), worlds)

    def is_within(self, low: float, high: float) -> bool:
        """Tell whether the share lies between the two, give or take 1.96 of its errors."""
        reach = NORMAL_95 * self.error
        return low - reach <= self.value <= high + reach


class Mean(NamedTuple):
    """A mean over worlds with its Monte Carlo error."""

    value: float
    error: float
    worlds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Mean":
        """Return the mean; its error is the standard deviation ÷ √worlds."""
        if len(values) < 2:
            return cls(float("nan"), float("nan"), len(values))
        return cls(float(np.mean(values)), float(np.std(values, ddof=1)) / len(values) ** 0.5, len(values))


class Beside(NamedTuple):
    """Another interval in the same worlds."""

    covered: Share
    called: Share
    """Worlds whose interval leaves zero out."""


class Score(NamedTuple):
    """One contest over all worlds of a generator."""

    truth: Mean
    """True effect; zero without error where the arms are exchangeable."""
    seen: Mean
    """Mean effect in the worlds with an interval; less the truth it is the bias."""
    spread: float
    """Standard deviation of the effect from world to world."""
    half_width: float
    """Of the median interval."""
    episodes: float
    """Of the median world."""
    days_that_count: float
    """Of the median world with an interval."""
    covered: Share
    """Worlds whose interval holds the truth."""
    above: Share
    """Worlds whose interval lies wholly above the truth."""
    below: Share
    better: Share
    """Worlds whose interval lies wholly above zero; under the null these are false."""
    worse: Share
    silent: Share
    """Of all worlds, those without an interval: too few episodes, or too little that moved."""
    percentile: "Beside"
    student: "Beside"

    @property
    def called(self) -> Share:
        """Worlds whose interval leaves zero out: under the null, false positives."""
        return Share.of(round((self.better.value + self.worse.value) * self.better.worlds), self.better.worlds)

    @property
    def truth_error(self) -> float:
        """Monte Carlo error of the truth in half-widths of the median interval."""
        return self.truth.error / self.half_width

    @property
    def width_ratio(self) -> float:
        """Half-width over 1.96 standard deviations between worlds: 1 where intervals are as wide as luck is large."""
        return self.half_width / (NORMAL_95 * self.spread)

    @property
    def bias(self) -> Mean:
        """Mean effect less the truth, with the error of both."""
        error = float(np.hypot(self.seen.error, self.truth.error))
        return Mean(self.seen.value - self.truth.value, error, self.seen.worlds)


def score(outcomes: Sequence[Outcome], truth: Mean) -> Score:
    """Hold the intervals of one contest, a world each, against the truth."""
    told = [each for each in outcomes if each.has_interval]
    count = len(told)
    effects = [each.effect for each in told]
    above = sum(each.printed.low > truth.value for each in told)
    below = sum(each.printed.high < truth.value for each in told)
    widths = [(each.printed.high - each.printed.low) / 2.0 for each in told]
    return Score(
        truth=truth,
        seen=Mean.of(effects),
        spread=float(np.std(effects, ddof=1)) if count > 1 else float("nan"),
        half_width=float(np.median(widths)) if told else float("nan"),
        episodes=float(np.median([each.episodes for each in outcomes])),
        days_that_count=float(np.median([each.days_that_count for each in told])) if told else float("nan"),
        covered=Share.of(count - above - below, count),
        above=Share.of(above, count),
        below=Share.of(below, count),
        better=Share.of(sum(each.printed.low > 0.0 for each in told), count),
        worse=Share.of(sum(each.printed.high < 0.0 for each in told), count),
        silent=Share.of(len(outcomes) - count, len(outcomes)),
        percentile=_beside([each.percentile for each in told], truth.value),
        student=_beside([each.student for each in told], truth.value),
    )


def _beside(reaches: Sequence[Reach], truth: float) -> Beside:
    holding = sum(each.holds(truth) for each in reaches)
    called = sum(not each.holds(0.0) for each in reaches)
    return Beside(Share.of(holding, len(reaches)), Share.of(called, len(reaches)))


def truth_of(outcomes: Sequence[Outcome]) -> Mean:
    """Return the mean effect over the worlds in which enough happened for an interval to be printed."""
    return Mean.of([each.effect for each in outcomes if each.episodes >= EPISODES_MIN])


NULL: Final = Mean(0.0, 0.0, 0)
"""The truth of exchangeable arms."""


def keeps_coverage(scored: Score) -> bool:
    """Tell whether the coverage is what it is to be, within its Monte Carlo error."""
    return scored.covered.is_within(*COVERAGE)


def keeps_level(scored: Score) -> bool:
    """Tell whether under the null one world in twenty is called, within its Monte Carlo error."""
    return scored.called.is_within(1.0 - LEVEL, 1.0 - LEVEL)
