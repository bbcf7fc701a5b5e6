"""How often the interval over histories holds the truth on series whose truth is known.

``python -m experiments.coverage --worlds 1000`` prints the table of docs/statistics.md. The series are the daily
differences of two arms as they may be: independent, tied to one another, or exactly zero but for episodes. Whole
worlds, with perception and account, are the scorecard's.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np

from experiments.scorecard_scores import Share
from replay.effect import Reals
from replay.inference import BLOCK_DAYS, bootstrap_for, stationary_blocks
from replay.inference.intervals import sum_interval

Chance = np.random.Generator
TRUTH_WORLDS: Final = 40_000
SETTLED: Final = 100
"""Days before the first, after which an autoregression has forgotten how it began."""


class Kind(NamedTuple):
    """Series of one kind."""

    name: str
    days: int
    draw: Callable[[Chance, int], Reals]
    truth: float | None
    """Expected sum; ``None``: the mean of as many others as it takes."""


class Covered(NamedTuple):
    """How the intervals of one kind did."""

    kind: Kind
    share: Share
    above: float
    """Share of worlds whose interval lies wholly above the truth."""
    below: float
    percentile: Share
    """The same for percentiles of the same resampled sums."""
    silent: int
    """Worlds without an interval."""


def independent(chance: Chance, days: int) -> Reals:
    """Normal days."""
    return chance.normal(0.0, 0.01, days)


def tied(rho: float) -> Callable[[Chance, int], Reals]:
    """Each day rho of the day before, and a normal shock."""

    def draw(chance: Chance, days: int) -> Reals:
        shocks = chance.normal(0.0, 0.01, days + SETTLED)
        values = np.empty_like(shocks)
        value = 0.0
        for day, shock in enumerate(shocks):
            value = rho * value + shock
            values[day] = value
        return values[SETTLED:]

    return draw


def episodes(gap: float, length: float, mean: float, uneven: float = 0.0, crash: float = 0.0) -> Callable[..., Reals]:
    """Zero but for episodes that begin ``gap`` quiet days after the last and last ``length`` days on average.

    Inside, a day is ``mean`` and a Student shock of unit spread and 5 degrees of freedom, in hundredths; ``uneven`` is
    the spread of the logarithm of each episode's scale, and with probability ``crash`` an episode earns 3 % a day more.
    """

    def draw(chance: Chance, days: int) -> Reals:
        values = np.zeros(days)
        day = int(chance.exponential(gap))
        while day < days:
            lasts = 1 + int(chance.poisson(length - 1.0))
            scale = 0.01 * float(np.exp(chance.normal(0.0, uneven)))
            shocks = scale * (mean + chance.standard_t(5, lasts) * 0.6**0.5) + 0.03 * (chance.random() < crash)
            values[day : day + lasts] = shocks[: days - day]
            day += lasts + int(chance.exponential(gap))
        return values

    return draw


KINDS: Final = (
    Kind("independent days", 365, independent, 0.0),
    Kind("independent days", 60, independent, 0.0),
    Kind("autoregression, 0.3", 365, tied(0.3), 0.0),
    Kind("autoregression, 0.6", 365, tied(0.6), 0.0),
    Kind("autoregression, 0.6", 1_300, tied(0.6), 0.0),
    Kind("16 episodes of 3 days, no effect", 365, episodes(20, 3, 0.0), 0.0),
    Kind("16 episodes of 3 days, an effect", 365, episodes(20, 3, 0.5), None),
    Kind("… of very different size", 365, episodes(20, 3, 0.5, uneven=0.5), None),
    Kind("… of which one in seven earns it all", 365, episodes(20, 3, -0.1, crash=0.15), None),
    Kind("56 episodes of 3 days, an effect", 1_300, episodes(20, 3, 0.3), None),
    Kind("… of which one in seven earns it all", 1_300, episodes(20, 3, -0.1, crash=0.15), None),
)


def coverage(kind: Kind, worlds: int) -> Covered:
    """Count over so many series of a kind."""
    truth = kind.truth
    if truth is None:
        chance = np.random.default_rng(10)
        truth = float(np.mean([kind.draw(chance, kind.days).sum() for _ in range(TRUTH_WORLDS)]))
    chance = np.random.default_rng(11)
    held = above = below = held_by_percentiles = silent = 0
    for _ in range(worlds):
        series = kind.draw(chance, kind.days)
        how = bootstrap_for([series], BLOCK_DAYS)
        interval = sum_interval(series, how)
        if interval is None:
            silent += 1
            continue
        above += interval.low > truth
        below += interval.high < truth
        held += interval.low <= truth <= interval.high
        low, high = np.quantile(series[stationary_blocks(kind.days, how)].sum(axis=1), [0.025, 0.975])
        held_by_percentiles += bool(low <= truth <= high)
    told = worlds - silent
    return Covered(
        kind,
        Share.of(held, told),
        above / told,
        below / told,
        Share.of(held_by_percentiles, told),
        silent,
    )


def lines(worlds: int) -> Iterator[str]:
    """Yield the table in Markdown, a line as it is known."""
    yield "| differences | days | holds the truth | lies above it | lies below it | percentiles hold it |"
    yield "| --- | --: | --: | --: | --: | --: |"
    for kind in KINDS:
        found = coverage(kind, worlds)
        yield (
            f"| {kind.name} | {kind.days:,} | {100 * found.share.value:.1f} ± {100 * found.share.error:.1f} % "
            f"| {100 * found.above:.1f} % | {100 * found.below:.1f} % | {100 * found.percentile.value:.1f} % |"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=1_000, help="series of each kind")
    for line in lines(parser.parse_args().worlds):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
