"""Which points a study tries: batch after batch, each a function of the seed, its number, and all that came before.

A batch is asked of a sampler that is made for it, over the complete trials of all earlier batches in the order of
their places. So the same seed asks the same points on any number of workers, and an asker that takes over from one
that was lost asks what that one would have.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

import numpy as np

from alphastrike.model.errors import ConfigurationError
from experiments.space import Knob

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

Sampler = Literal["tpe", "nsga2", "random", "grid"]
SAMPLERS: Final[tuple[str, ...]] = get_args(Sampler)
BATCH: Final = 8
"""Points asked at once. Part of a study's identity: another size asks other points."""
STARTUP: Final = 24
"""Random points before TPE begins to learn from them."""
GRID_MAX: Final = 20_000
"""Points of a grid beyond which it is refused."""


class Asked(NamedTuple):
    """One point to try."""

    place: int
    """From 0, in the order of asking."""
    values: dict[str, float]
    notes: dict[str, object]
    """What the sampler has to remember of it."""


def batch(
    number: int,
    size: int,
    knobs: Sequence[Knob],
    sampler: Sampler,
    seed: int,
    done: Sequence["FrozenTrial"],
    first: Mapping[str, float],
    points: int,
    at_once: int = BATCH,
) -> tuple[Asked, ...]:
    """Return the points of a batch.

    Args:
        number: of the batch, from 0.
        size: points in it; fewer when the study ends within.
        knobs: what is searched.
        sampler: how.
        seed: of the study.
        done: all trials of earlier batches, in order of place.
        first: the point tried first of all: what is configured.
        points: values a knob in a grid.
        at_once: points in every batch before it.
    """
    import optuna

    begin = number * at_once
    places = range(begin, begin + size)
    if sampler == "grid":
        grid = list(itertools.islice(_grid(knobs, points), begin, begin + size))
        return tuple(Asked(place, values, {}) for place, values in zip(places, grid, strict=False))
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(directions=directions(sampler), sampler=_sampler(sampler, seed, number))
    study.add_trials(done)
    found = []
    for place in places:
        if place == 0:
            study.enqueue_trial(dict(first))
        trial = study.ask(distributions(knobs))
        frozen = study.get_trials(deepcopy=False)[trial.number]
        values = {knob.name: knob.nearest(float(frozen.params[knob.name])) for knob in knobs}
        found.append(Asked(place, values, dict(frozen.system_attrs)))
    return tuple(found)


def directions(sampler: Sampler) -> tuple[Literal["maximize", "minimize"], ...]:
    """Return what becomes of a trial's numbers: growth is wanted, and beside it, by NSGA-II, little drawdown."""
    return ("maximize", "minimize") if sampler == "nsga2" else ("maximize",)


def distributions(knobs: Sequence[Knob]) -> dict[str, "BaseDistribution"]:
    """Return the knobs as the study's distributions."""
    from optuna.distributions import FloatDistribution, IntDistribution

    return {
        knob.name: IntDistribution(int(knob.low), int(knob.high), step=int(knob.step))
        if knob.is_whole
        else FloatDistribution(knob.low, knob.high, step=knob.step)
        for knob in knobs
    }


def grid_size(knobs: Sequence[Knob], points: int) -> int:
    """Return how many points a grid has.

    Raises:
        ConfigurationError: more than ``GRID_MAX``.
    """
    size = int(np.prod([len(_places(knob, points)) for knob in knobs], dtype=np.float64))
    if size > GRID_MAX:
        raise ConfigurationError(
            f"a grid of {points} values over {len(knobs)} knobs has {size:,} points, at most {GRID_MAX:,} are tried. "
            "Choose fewer knobs with --only, or fewer --points."
        )
    return size


def _grid(knobs: Sequence[Knob], points: int) -> "itertools.chain[dict[str, float]]":
    names = [knob.name for knob in knobs]
    columns = [[knob.at(place) for place in _places(knob, points)] for knob in knobs]
    return itertools.chain(dict(zip(names, row, strict=True)) for row in itertools.product(*columns))


def _places(knob: Knob, points: int) -> list[int]:
    """Return evenly spread places of a knob, both ends among them."""
    return sorted({round(share * knob.steps) for share in np.linspace(0.0, 1.0, max(points, 2))})


def _sampler(name: Sampler, seed: int, number: int) -> "BaseSampler":
    import optuna

    own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    match name:
        case "tpe":
            return optuna.samplers.TPESampler(seed=own, multivariate=True, constant_liar=True, n_startup_trials=STARTUP)
        case "nsga2":
            return optuna.samplers.NSGAIISampler(seed=own, population_size=BATCH * 3)
        case "random":
            return optuna.samplers.RandomSampler(seed=own)
        case _:
            raise AssertionError(f"{name} is asked without a sampler")
