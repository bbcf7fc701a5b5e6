"""Choosing the best of many by its past, and how much the choosing flatters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from experiments.book import Book
from experiments.evidence import sharpe_draws
from experiments.folds import Fold
from replay.effect import sharpe
from replay.inference import LEVEL, Bootstrap


class Choice(NamedTuple):
    """Which candidate stood best before a fold, and how it then did."""

    fold: Fold
    place: int | None
    """Of the chosen one among the candidates; ``None`` when none has traded yet."""
    name: str
    before: float
    """Sharpe ratio from the first day on which anything may trade to the fold; NaN for none."""
    within: float
    """Sharpe ratio in the fold."""


@dataclass(frozen=True, slots=True)
class Flattery:
    """What having looked at so many candidates is worth by itself."""

    trials: int
    chosen_before: float
    """Mean over folds of the chosen ones' Sharpe ratio before it."""
    hindsight_name: str
    hindsight: float
    """Sharpe ratio over all folds of the candidate that turned out best there."""
    noise_mean: float
    """Of the best of as many candidates without any edge over the same days: its Sharpe ratio on average."""
    noise_high: float
    """… and the one that it exceeds in 1 of 20 histories."""


def choices(candidates: Sequence[Book], folds: Sequence[Fold], first: int) -> tuple[Choice, ...]:
    """Choose for every fold the candidate with the highest Sharpe ratio on days [first, fold.begin); ties by order.

    A candidate whose equity never moved has no Sharpe ratio and is not chosen.
    """
    made = []
    for fold in folds:
        before = np.array([sharpe(book.returns[first : fold.begin]) for book in candidates])
        if len(before) == 0 or np.all(np.isnan(before)):
            made.append(Choice(fold, None, "", float("nan"), float("nan")))
            continue
        place = int(np.nanargmax(before))
        chosen = candidates[place]
        within = sharpe(chosen.returns[fold.begin : fold.end])
        made.append(Choice(fold, place, chosen.name, float(before[place]), within))
    return tuple(made)


def flattery(candidates: Sequence[Book], made: Sequence[Choice], how: Bootstrap) -> Flattery:
    """Say what the best one in hindsight shows over all folds, and what the best of so many worthless ones would.

    Each candidate's Sharpe ratio on days drawn again is taken relative to its own on the days as they were: that
    is a candidate without edge, correlated with the others as they are (the idea of White, 2000, "A Reality Check
    for Data Snooping").
    """
    tested = [book.returns[made[0].fold.begin : made[-1].fold.end] for book in candidates]
    shown = np.array([sharpe(returns) for returns in tested])
    traded = np.flatnonzero(~np.isnan(shown))
    before = [choice.before for choice in made if choice.place is not None]
    if not len(traded):
        return Flattery(len(candidates), float("nan"), "", float("nan"), float("nan"), float("nan"))
    best = int(traded[np.argmax(shown[traded])])
    noise = np.full(how.draws, -np.inf)
    for place in traded:
        noise = np.maximum(noise, sharpe_draws(tested[place], how) - shown[place])
    return Flattery(
        trials=len(candidates),
        chosen_before=float(np.mean(before)) if before else float("nan"),
        hindsight_name=candidates[best].name,
        hindsight=float(shown[best]),
        noise_mean=float(np.nanmean(noise)),
        noise_high=float(np.nanquantile(noise, LEVEL)),
    )
