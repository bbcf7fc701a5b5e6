"""Whole studies in worlds whose truth is known: how often noise is promoted, and how often what is planted is found.

A world a seed, a study on it as ``tune`` makes one, and its best point before every gate as ``promote`` puts it. What a
point is truly worth is its mean over other worlds of the same kind.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np

from alphastrike.model.progress import Progress, silent
from experiments.asking import STARTUP
from experiments.objective import CALLS_A_DAY_MAX, Objective, Trial, cut, days_of
from experiments.promotion import Judged, judge
from experiments.scorecard_scores import Mean, Share
from experiments.scorecard_tuning_worlds import COSTLY, HARDER, LOSSES, NOISE, Kind, Spells, basis_in
from experiments.space import SPACE
from experiments.study import Done, Study, let_go
from experiments.tuning import facts_of
from experiments.walking import walk
from replay.effect import DAYS_PER_YEAR

Result = TypeVar("Result")

SEEDS: Final = 100
POINTS: Final = 50
"""Of a study: as many as ``tune`` asks when nothing is said."""
FIRST_SEED: Final = 30_000
"""Of the worlds that studies are made on: nothing was chosen by looking at these or later ones."""
FIRST_OTHER: Final = 500_000
"""Of the worlds that tell the truth."""
OTHERS: Final = 4
"""Other worlds a study, in which its best point is run again."""
GRID_WORLDS: Final = 40
"""Other worlds in which every value of the planted knob is run."""
PLANTED: Final = "losses"
SIDE: Final = 0.3
"""Share of the seeds that inquiries beside the promised ones take."""
LEVEL: Final = 0.95


class Inquiry(NamedTuple):
    """Studies of one sort, a world each."""

    name: str
    kind: Kind
    knobs: tuple[str, ...] = ()
    """What is searched; empty: the whole space."""
    share: float = 1.0
    """Of the seeds."""
    is_fair: bool = False
    """Whether nothing is worth more than nothing in it: what is promoted is promoted falsely."""


NOISES: Final = (Inquiry("no costs", NOISE, is_fair=True), Inquiry("ordinary costs", COSTLY, share=SIDE))
PLANTS: Final = (
    Inquiry("losses alone", LOSSES, (PLANTED,)),
    Inquiry("the whole space", LOSSES, share=0.5),
    Inquiry("the whole space", HARDER, share=SIDE),
)


class Found(NamedTuple):
    """What one study came to."""

    seed: int
    point: dict[str, float]
    """The best; empty when none had evidence."""
    shown: float
    """Its value as the study shows it, log growth a year; NaN without one."""
    walked: float
    """The headline: what choosing by the past alone came to on the days after."""
    standing: tuple[tuple[str, str], ...]
    """By gate: passed, failed or open."""
    is_promoted: bool
    truth: float
    """Mean growth of the best point in other worlds, log growth a year; NaN without one."""
    blind: float
    """Mean growth here of the points that were drawn before anything was known."""
    luck: float
    """Root of the mean square of the same: how far from its worth a point may look."""
    drag: float
    """Half the yearly variance of what no-llm earns: what log growth gains where nothing is held."""

    @property
    def failed(self) -> tuple[str, ...]:
        """Gates that were looked at and not passed."""
        return tuple(name for name, standing in self.standing if standing == "failed")


class Grid(NamedTuple):
    """What each value of the planted knob is truly worth, all else as configured."""

    kind: str
    values: tuple[float, ...]
    worth: tuple[Mean, ...]
    """Log growth a year against no-llm."""
    best_in: tuple[int, ...]
    """In how many worlds each value was the best."""

    @property
    def optimum(self) -> float:
        """The value worth most."""
        return self.values[int(np.argmax([mean.value for mean in self.worth]))]

    def is_near(self, value: float) -> bool:
        """Tell whether a value lies within 10 % of the optimum's value, or one step of the knob where that is more."""
        step = self.values[1] - self.values[0]
        return abs(value - self.optimum) <= max(0.1 * self.optimum, step) + 1e-9


@dataclass(frozen=True, slots=True)
class Tally:
    """What the studies of one inquiry came to."""

    inquiry: Inquiry
    found: tuple[Found, ...]

    @property
    def promoted(self) -> tuple[Found, ...]:
        """Those that passed every gate."""
        return tuple(each for each in self.found if each.is_promoted)

    @property
    def is_planted(self) -> bool:
        """Whether its worlds have an optimum."""
        return self.inquiry.kind.is_planted

    @property
    def truth(self) -> Mean:
        """What the best points are worth in other worlds."""
        return Mean.of([each.truth for each in self.found if each.point])

    @property
    def shown(self) -> float:
        """Value of the median study's best point, as the study shows it."""
        return float(np.nanmedian([each.shown for each in self.found]))

    @property
    def gates(self) -> dict[str, int]:
        """By gate: studies that it stopped, alone or with others."""
        return dict(Counter(name for each in self.found for name in each.failed))

    @property
    def only(self) -> dict[str, int]:
        """By gate: studies that it alone stopped."""
        return dict(Counter(each.failed[0] for each in self.found if len(each.failed) == 1))

    def near(self, grid: Grid) -> Share:
        """Return the share of studies whose best point lies near the optimum."""
        hits = sum(bool(each.point) and grid.is_near(each.point[PLANTED]) for each in self.found)
        return Share.of(hits, len(self.found))

    def exact(self, grid: Grid) -> Share:
        """Return the share of studies whose best point has the optimum itself."""
        hits = sum(each.point.get(PLANTED) == grid.optimum for each in self.found)
        return Share.of(hits, len(self.found))


@dataclass(frozen=True, slots=True)
class Tunings:
    """All inquiries."""

    seeds: int
    points: int
    tallies: tuple[Tally, ...]
    grids: tuple[Grid, ...]

    def grid_of(self, kind: Kind) -> Grid:
        """Return the grid of a kind of worlds."""
        return next(grid for grid in self.grids if grid.kind == kind.name)


def tunings(
    inquiries: Sequence[Inquiry] = (*NOISES, *PLANTS),
    *,
    seeds: int = SEEDS,
    points: int = POINTS,
    grid_worlds: int = GRID_WORLDS,
    processes: int = 1,
    progress: Progress = silent,
) -> Tunings:
    """Make all studies, and the grids that they are held against.

    Args:
        inquiries: what is asked.
        seeds: studies of each; of some a share of it.
        points: of a study.
        grid_worlds: worlds in which every value of the planted knob is run, of each kind that has one.
        processes: that share the work; the result does not depend on it.
        progress: told of each inquiry under its name.
    """
    planted = list({each.kind.name: each.kind for each in inquiries if each.kind.is_planted}.values())
    tallies = []
    for inquiry in inquiries:
        several = range(FIRST_SEED, FIRST_SEED + max(1, round(seeds * inquiry.share)))
        stage = f"{inquiry.kind.name}: {inquiry.name}"
        found = each_seed(partial(studied, inquiry, points), several, processes, stage, progress)
        tallies.append(Tally(inquiry, tuple(found)))
    grids = []
    for kind in planted:
        several = range(FIRST_OTHER, FIRST_OTHER + grid_worlds)
        rows = each_seed(partial(_grid_row, kind), several, processes, f"{kind.name}: grid", progress)
        grids.append(_grid(kind, rows))
    return Tunings(seeds, points, tuple(tallies), tuple(grids))


def studied(inquiry: Inquiry, points: int, seed: int) -> Found:
    """Make the study of a seed on the world of that seed, and judge it."""
    basis = basis_in(inquiry.kind, seed)
    facts = facts_of(basis, name="tuned", seed=seed, trials=points, only=inquiry.knobs)
    objective = basis.objective(facts)
    with tempfile.TemporaryDirectory(prefix="scorecard-") as folder:
        url = f"sqlite:///{folder}/studies.db"
        study = Study.create(url, facts)
        study.work(objective)
        done, judged = study.done(), judge(study, basis)
        let_go(url)
    return _found(inquiry, seed, objective, done, judged)


def _found(inquiry: Inquiry, seed: int, objective: Objective, done: Sequence[Done], judged: Judged) -> Found:
    best = judged.best
    drawn = np.array([growth(each.trial) for each in done[:STARTUP]])
    stitched = walk(done, objective.how, CALLS_A_DAY_MAX).differences
    return Found(
        seed=seed,
        point={} if best is None else dict(best.trial.values),
        shown=float("nan") if best is None or best.value is None else best.value,
        walked=float(np.mean(stitched)) * DAYS_PER_YEAR,
        standing=tuple((gate.name, gate.standing) for gate in judged.gates),
        is_promoted=judged.best is not None and judged.is_through,
        truth=float("nan") if best is None else _truth(inquiry.kind, seed, best.trial.values),
        blind=float(np.mean(drawn)),
        luck=float(np.sqrt(np.mean(drawn**2))),
        drag=0.5 * float(np.mean(objective.nobody**2)) * DAYS_PER_YEAR,
    )


def growth(trial: Trial) -> float:
    """Return what a point came to on all days that it ran over, log growth a year."""
    return float(np.mean(trial.differences)) * DAYS_PER_YEAR


def _truth(kind: Kind, seed: int, values: dict[str, float]) -> float:
    """Return what a point comes to in worlds that its study knows nothing of."""
    first = FIRST_OTHER + 1_000 + (seed - FIRST_SEED) * OTHERS
    return float(np.mean([growth(_objective(kind, other)(values)) for other in range(first, first + OTHERS)]))


def _objective(kind: Kind, seed: int) -> Objective:
    basis = basis_in(kind, seed)
    return Objective(basis.market, basis.inputs, basis.settings, "rules", cut(days_of(basis.market), basis.settings))


def _grid_row(kind: Kind, seed: int) -> tuple[float, ...]:
    objective = _objective(kind, seed)
    return tuple(growth(objective({PLANTED: value})) for value in _values())


def _values() -> tuple[float, ...]:
    knob = next(knob for knob in SPACE if knob.name == PLANTED)
    return tuple(knob.at(place) for place in range(knob.steps + 1))


def _grid(kind: Kind, rows: Sequence[tuple[float, ...]]) -> Grid:
    columns = np.array(rows)
    best = np.bincount(columns.argmax(axis=1), minlength=columns.shape[1])
    return Grid(kind.name, _values(), tuple(Mean.of(column) for column in columns.T.tolist()), tuple(best.tolist()))


def each_seed(
    work: Callable[[int], Result], seeds: range, processes: int, stage: str, progress: Progress
) -> list[Result]:
    """Do the same for every seed, in order, whoever does it."""
    found = []
    for result in _results(work, seeds, processes):
        found.append(result)
        progress(stage, len(found), len(seeds))
    return found


def _results(work: Callable[[int], Result], seeds: range, processes: int) -> Iterator[Result]:
    if processes <= 1:
        yield from map(work, seeds)
        return
    with ProcessPoolExecutor(processes) as pool:
        try:
            yield from pool.map(work, seeds)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def exactly(hits: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share: Clopper and Pearson (1934), which holds it at least as often as it says."""
    from scipy.stats import beta

    tail = (1.0 - LEVEL) / 2.0
    low = float(beta.ppf(tail, hits, of - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1.0 - tail, hits + 1, of - hits)) if hits < of else 1.0
    return low, high


def figures_of(card: Tunings) -> dict[str, Any]:
    """Return everything as plain numbers, for the JSON file."""
    return {
        "seeds": card.seeds,
        "points": card.points,
        "warning": Spells().warning,
        "inquiries": [
            {
                "name": tally.inquiry.name,
                "worlds": tally.inquiry.kind.name,
                "knobs": list(tally.inquiry.knobs),
                "settings": list(tally.inquiry.kind.overrides),
                "days": tally.inquiry.kind.days,
                "studies": [each._asdict() | {"standing": dict(each.standing)} for each in tally.found],
            }
            for tally in card.tallies
        ],
        "grids": [
            {
                "worlds": grid.kind,
                "losses": list(grid.values),
                "worth": [mean._asdict() for mean in grid.worth],
                "best_in": list(grid.best_in),
            }
            for grid in card.grids
        ],
    }
