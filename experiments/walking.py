"""What tuning would have come to: for every fold the point its past prefers, valued on days not used to choose it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from experiments.objective import Cut, Days
from experiments.space import Knob
from experiments.study import Done
from replay.effect import Reals

NEAR: Final = 0.15
"""Two points are neighbours when no knob differs by more than this share of its range."""
PLATEAU: Final = 0.10
"""A neighbour stands on the winner's plateau when its value is within this share of the winner's."""


@dataclass(frozen=True)
class Step:
    """One fold of the walk."""

    fold: Days
    place: int | None
    """Of the point chosen from the past; ``None``: none was worth more than nothing there, so nobody is asked."""
    past: float
    """What it had been worth, log growth a year; NaN when there was no evidence."""
    value: float
    """What it came to on the fold, log growth a year; 0 when nobody is asked."""


@dataclass(frozen=True)
class Walk:
    """All folds after one another."""

    steps: tuple[Step, ...]
    differences: Reals
    """(days of all folds,) log growth of the day against no-llm."""


def walk(trials: Sequence[Done], how: Cut, calls_a_day_max: float) -> Walk:
    """Choose for each fold from the days up to ``how.gap`` before it, and stitch what the choices came to.

    Only points that were asked often enough in that past, and not too often, can be chosen; of equal ones the first.
    """
    steps, days = [], []
    for number, fold in enumerate(how.folds):
        past = how.past_of(number)
        admitted = [
            done for done in trials if done.trial.has_evidence(past) and done.trial.calls_a_day <= calls_a_day_max
        ]
        best = max(admitted, key=lambda done: done.trial.growth(past), default=None)
        worth = float("nan") if best is None else best.trial.growth(past)
        if best is None or worth <= 0.0:
            steps.append(Step(fold, None, worth, 0.0))
            days.append(np.zeros(fold.end - fold.begin))
            continue
        steps.append(Step(fold, best.place, worth, best.trial.growth(fold)))
        days.append(best.trial.differences[fold.begin : fold.end])
    return Walk(tuple(steps), np.concatenate(days))


def admitted(trials: Sequence[Done], calls_a_day_max: float) -> list[Done]:
    """Return the points with evidence that ask for no more interventions than allowed, in order of asking."""
    return [done for done in trials if done.value is not None and done.trial.calls_a_day <= calls_a_day_max]


def winner(trials: Sequence[Done], calls_a_day_max: float) -> Done | None:
    """Return the admitted point of the greatest value, the first of equal ones; ``None`` without any."""
    return max(admitted(trials, calls_a_day_max), key=lambda done: done.value or 0.0, default=None)


def plateau_share(trials: Sequence[Done], best: Done, knobs: Sequence[Knob]) -> float:
    """Return the share of the winner's neighbours that are worth nearly as much; NaN without a neighbour.

    A winner that stands alone on a needle owes its value to luck more likely than one among its like.
    """
    assert best.value is not None, "a winner has a value"
    near = [
        done
        for done in trials
        if done.place != best.place
        and done.value is not None
        and all(
            abs(done.trial.values[knob.name] - best.trial.values[knob.name]) <= NEAR * (knob.high - knob.low)
            for knob in knobs
        )
    ]
    if not near:
        return float("nan")
    return float(np.mean([done.value is not None and done.value >= best.value * (1.0 - PLATEAU) for done in near]))
