"""Regret: how much better than what was answered the best action would have been, with and without hindsight.

Naive regret takes in every situation the action that turned out best, and is positive under noise alone: the greatest
of many values is great by luck too. What a policy could have known is less. The half-sample regret chooses for every
rule the one action that was best on average over half of the clusters of situations, and values it on the other half;
both ways round, over many random splits. Under noise its expectation is zero, and it is negative where the answers
were better than any fixed choice of an action by rule.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.journal.codes import Rule
from replay.horizons import SUITE_HORIZONS
from replay.inference.clusters import Clustered, cluster_error, cluster_interval, episode_sums

if TYPE_CHECKING:
    from replay.decisions import Decision

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SPLITS: Final = 200
"""Random splits into halves."""
SEED: Final = 20_240_101
"""Of the splits."""


class Choice(NamedTuple):
    """The action that was best on average over all situations of a rule."""

    rule: Rule
    label: str
    advantage: float
    """Mean over doing nothing, log equity, valued where it was chosen: too good for that."""
    share: float
    """Of the halves that held a situation of the rule, in how many it was the choice, 0 to 1."""
    situations: int


@dataclass(frozen=True, slots=True)
class Regret:
    """Mean regret at one horizon, log equity a situation. NaN without a situation that reaches so far."""

    horizon: str
    situations: int
    """Valued: those whose horizon lies within the market."""
    clusters: int
    naive: float
    """The best of each situation, chosen with hindsight; biased upwards."""
    in_sample: float
    """The best action by rule, chosen and valued on all situations; biased upwards, by less."""
    half_sample: float
    """The best action by rule, chosen on one half of the clusters and valued on the other."""
    half_sample_error: float
    """Standard error of ``half_sample`` over clusters, with the choices taken as given; NaN under two clusters."""
    half_sample_interval: Clustered | None
    """95 %, over clusters, likewise; ``None`` under ten of them: not enough evidence."""
    choices: tuple[Choice, ...]
    """By rule, in the order of the rules."""


def regrets(decisions: Sequence["Decision"], grid: Sequence[str]) -> tuple[Regret, ...]:
    """Return the regret of decisions by ``SUITE_HORIZONS``.

    Args:
        decisions: of one run, in order of time.
        grid: labels of the actions to choose from, ``no_action`` first. Where a situation does not admit the one that
            is chosen, nothing is done.
    """
    return tuple(_regret(decisions, grid, place) for place in range(len(SUITE_HORIZONS)))


@dataclass(frozen=True, slots=True)
class HalfSample:
    """A choice of one action by rule on one half, valued on the other."""

    gained: Reals
    """(n,) over what was chosen, log equity: the mean over all splits. Each value is of a choice made without it."""
    chosen: Integers
    """(rules, G) how often each action was the choice of a half that held a situation of the rule."""


def half_sample(
    values: Reals, chosen: Reals, rules: Integers, clusters: Integers, *, splits: int = SPLITS, seed: int = SEED
) -> HalfSample:
    """Choose the best action of each rule on one half of the clusters and value it on the other half, both ways.

    A split shuffles the clusters and takes the first half of them, rounded down. The choice of a half is the action
    of the greatest mean over its situations of that rule, of equal ones the first; a rule without a situation in the
    half is answered by the first action, which is none.

    Args:
        values: (n, G) each action's advantage in each situation, log equity; the first column is zero.
        chosen: (n,) the advantage of what was answered.
        rules: (n,) from 0.
        clusters: (n,) from 0: what depends on one another is in one half.
        splits: how many.
        seed: of the splits.
    """
    random = np.random.default_rng(seed)
    many = int(clusters.max(initial=-1)) + 1
    kinds = int(rules.max(initial=-1)) + 1
    gained = np.zeros(len(values))
    counts = np.zeros((kinds, values.shape[1]), dtype=np.int64)
    of_rule = [np.flatnonzero(rules == rule) for rule in range(kinds)]
    for _ in range(splits):
        is_first = np.zeros(many, dtype=bool)
        is_first[random.permutation(many)[: many // 2]] = True
        here = is_first[clusters]
        for half in (here, ~here):
            for rule, own in enumerate(of_rule):
                seen, others = own[half[own]], own[~half[own]]
                choice = _best(values[seen])
                counts[rule, choice] += len(seen) > 0
                gained[others] += values[others, choice] - chosen[others]
    return HalfSample(gained / splits, counts)


def _best(values: Reals) -> int:
    """Return the column of the greatest sum, the first of equal ones; 0 without rows."""
    # Added up row by row: a sum must not depend on how many rows NumPy adds at once.
    sums = np.add.accumulate(values, axis=0)[-1] if len(values) else np.zeros(values.shape[1])
    return int(np.argmax(sums))


def _regret(decisions: Sequence["Decision"], grid: Sequence[str], horizon: int) -> Regret:
    label = SUITE_HORIZONS[horizon].label
    valued = [each for each in decisions if not math.isnan(each.regret[horizon])]
    if not valued:
        return Regret(label, 0, 0, math.nan, math.nan, math.nan, math.nan, None, ())
    values = np.zeros((len(valued), len(grid)))
    chosen = np.zeros(len(valued))
    for row, each in enumerate(valued):
        for action in each.actions:
            if action.label in grid:
                values[row, grid.index(action.label)] = action.advantage[horizon]
            if action.is_chosen:
                chosen[row] = action.advantage[horizon]
    kinds = sorted({each.rule for each in valued})
    rules = np.array([kinds.index(each.rule) for each in valued])
    _, clusters = np.unique([each.cluster for each in valued], return_inverse=True)
    best = [_best(values[rules == rule]) for rule in range(len(kinds))]
    halves = half_sample(values, chosen, rules, clusters)
    sums, sizes = episode_sums(halves.gained, clusters)
    return Regret(
        horizon=label,
        situations=len(valued),
        clusters=int(clusters.max()) + 1,
        naive=float(np.mean([each.regret[horizon] for each in valued])),
        in_sample=float(np.mean(values[np.arange(len(valued)), np.array(best)[rules]] - chosen)),
        half_sample=float(np.mean(halves.gained)),
        half_sample_error=float(cluster_error(sums, sizes)) if len(sums) > 1 else math.nan,
        half_sample_interval=cluster_interval(halves.gained, clusters),
        choices=tuple(
            Choice(
                kind,
                grid[best[place]],
                float(np.mean(values[rules == place, best[place]])),
                float(halves.chosen[place, best[place]] / max(1, halves.chosen[place].sum())),
                int(np.sum(rules == place)),
            )
            for place, kind in enumerate(kinds)
        ),
    )
