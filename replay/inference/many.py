"""Several policies at once: who looks at many will find one that looks good.

``arch`` does the resampling. It wants losses, so that growth goes in with its sign turned; its blocks are given, for
its own default ignores the series; and its tests of superior ability compare plain means, in which the arm that varies
most decides alone. Hansen's test is of studentised means, hence every difference is divided by its own error first.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np

from replay.effect import Reals
from replay.inference.blocks import Bootstrap, long_enough
from replay.inference.intervals import LEVEL, NOTHING, sum_error

SIZE: Final = round(1.0 - LEVEL, 10)


class Several(NamedTuple):
    """Several policies against one, on the same days."""

    benchmark: str
    arms: tuple[str, ...]
    """Those that differ from the benchmark on any day, in their order."""
    p: float
    """Of Hansen's SPA: how often the best of as many policies, none better than the benchmark, looks as good."""
    better: tuple[str, ...]
    """Found better by Romano and Wolf's StepM: a wrong name among them in at most 5 of 100 histories."""
    best: Mapping[str, float]
    """Every policy, the benchmark too: p of belonging to the set of the best. Below 0.05 it does not."""
    how: Bootstrap

    @property
    def confidence_set(self) -> tuple[str, ...]:
        """Those that cannot be told from the best: the true best is among them in 95 of 100 histories."""
        return tuple(name for name, p in self.best.items() if p > SIZE)


def several(growth: Mapping[str, Reals], benchmark: str, how: Bootstrap) -> Several | None:
    """Compare several policies with one of them.

    ``None`` when the run is too short for its blocks, the benchmark's account was lost, or nothing differs.

    Args:
        growth: daily log returns (days,) by policy, the benchmark's among them; minus infinity where an account was
            lost. A lost one is never better and never among the best.
        benchmark: its name.
        how: the resampling.
    """
    theirs = growth[benchmark]
    if not long_enough(len(theirs), how) or not np.all(np.isfinite(theirs)):
        return None
    differing = tuple(name for name, series in growth.items() if not np.array_equal(series, theirs))
    alive = {name: growth[name] - theirs for name in differing if np.all(np.isfinite(growth[name]))}
    if not differing:
        return None
    return Several(
        benchmark,
        differing,
        spa(alive, how) if alive else 1.0,
        stepm(alive, how) if alive else (),
        confidence_set(growth, how),
        how,
    )


def spa(differences: Mapping[str, Reals], how: Bootstrap) -> float:
    """Return the p-value of "no arm is better": Hansen (2005), "A Test for Superior Predictive Ability", consistent.

    Takes each arm's daily differences to the benchmark, (days,), more being better.
    """
    from arch.bootstrap import SPA

    losses = _losses(differences, how)
    if losses is None:
        return 1.0
    test = SPA(np.zeros(len(losses)), losses, _block(how), how.draws, studentize=True, seed=how.seed)
    test.compute()
    # Never zero: the recorded history is one of those that could have been drawn.
    return (float(test.pvalues["consistent"]) * how.draws + 1.0) / (how.draws + 1.0)


def stepm(differences: Mapping[str, Reals], how: Bootstrap) -> tuple[str, ...]:
    """Return the arms that are better, in their order; a false one is among them in at most 5 of 100 histories.

    After Romano and Wolf (2005), "Stepwise Multiple Testing as Formalized Data Snooping". Takes each arm's daily
    differences to the benchmark, (days,), more being better.
    """
    from arch.bootstrap import StepM

    losses = _losses(differences, how)
    if losses is None:
        return ()
    test = StepM(np.zeros(len(losses)), losses, SIZE, _block(how), how.draws, studentize=True, seed=how.seed)
    test.compute()
    moving = [name for name, series in differences.items() if np.ptp(series) > 0.0]
    return tuple(moving[place] for place in np.asarray(test.superior_models, dtype=np.int64))


def confidence_set(growth: Mapping[str, Reals], how: Bootstrap) -> dict[str, float]:
    """Return each arm's p-value of being among the best: Hansen, Lunde and Nason (2011), "The Model Confidence Set".

    Takes daily log returns (days,). Arms with the same returns share one fate; a lost account has 0.
    """
    alike: dict[bytes, list[str]] = {}
    for name, series in growth.items():
        if np.all(np.isfinite(series)):
            alike.setdefault(np.ascontiguousarray(series).tobytes(), []).append(name)
    found = dict.fromkeys(growth, 0.0)
    if len(alike) < 2:
        return found | {name: 1.0 for names in alike.values() for name in names}
    losses = -np.column_stack([growth[names[0]] for names in alike.values()])
    members = list(alike.values())
    for place, p in _eliminated(losses, how):
        found |= dict.fromkeys(members[place], p)
    return found


def benjamini_hochberg(p: Reals) -> Reals:
    """Return the q-values (n,) of p-values (n,), NaN staying NaN and not counted.

    The least share of false findings at which each would be one: the running minimum, from the largest down, of p n /
    rank (Benjamini and Hochberg, 1995, "Controlling the False Discovery Rate").
    """
    q = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def _eliminated(losses: Reals, how: Bootstrap) -> Iterator[tuple[int, float]]:
    """Yield the columns of (days, arms) losses in the order in which they leave the set, each with its p-value.

    The range statistic of the paper, on the draws that ``arch`` makes. Its own elimination is not used: where two pairs
    differ by as much, as they do when one arm is the mean of two others, it takes the better of a pair out as well.
    """
    from arch.bootstrap import StationaryBootstrap

    drawn = StationaryBootstrap(_block(how), np.arange(len(losses)), seed=how.seed)
    means = np.array([losses[taken[0]].mean(axis=0) for taken, _ in drawn.bootstrap(how.draws)])
    apart = np.subtract.outer(losses.mean(axis=0), losses.mean(axis=0))
    moved = means[:, :, None] - means[:, None, :] - apart
    variance = np.mean(moved**2, axis=0)
    # Two that differ by the same every day: nothing is left to chance.
    error = np.sqrt(np.where(variance > NOTHING * np.max(losses**2), variance, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num(apart / error, nan=0.0, posinf=np.inf, neginf=-np.inf)
        drawn_ratio = np.where(error > 0.0, moved / error, 0.0)
    left, p = list(range(losses.shape[1])), 0.0
    while len(left) > 1:
        own = ratio[left][:, left]
        largest = np.max(own)
        p = max(p, float(np.mean(np.max(drawn_ratio[:, left][:, :, left], axis=(1, 2)) > largest)))
        worst = left[int(np.argwhere(own == largest)[0][0])]
        left.remove(worst)
        yield worst, p
    yield left[0], 1.0


def _losses(differences: Mapping[str, Reals], how: Bootstrap) -> Reals | None:
    """Return (days, arms) differences, sign turned, each in its own standard error; arms that never differ left out."""
    moving = [series for series in differences.values() if np.ptp(series) > 0.0]
    if not moving:
        return None
    return -np.column_stack([series / sum_error(series, how) for series in moving])


def _block(how: Bootstrap) -> int:
    return max(1, round(how.block_days))
