"""A tuning study: which points were asked, who evaluates them, and what they came to, all in one database.

Any number of processes on any number of machines run ``Study.work``. One of them at a time holds the lock and asks; it
asks a batch only when the one before is complete. Points are evaluated under a lease: one whose worker was lost is
evaluated again, with the same result, and counted once.
"""

import json
import os
import socket
import time
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from alphastrike.model.errors import ConfigurationError
from experiments.asking import BATCH, Sampler, batch, directions, distributions
from experiments.leases import LOCK, Leases
from experiments.objective import Cut, Days, Trial
from experiments.space import SPACE, Knob

if TYPE_CHECKING:
    import optuna

Evaluate = Callable[[dict[str, float]], Trial]
"""Values a point: an ``Objective`` of the study's market, settings and policy."""

_FACTS: Final = "alphastrike"
_CONSTRAINTS: Final = "constraints"
"""Where Optuna keeps a trial's constraints; a positive one is violated."""
_WAIT_S: Final = 0.05
_WAIT_MAX_S: Final = 1.0
"""Waiting doubles up to this, so that a thousand workers without a point do not keep the database busy."""
_HOLDERS = count()


@dataclass(frozen=True)
class StudyFacts:
    """What a study is about: all of it decides which points are asked and what they are worth."""

    name: str
    market: str
    market_hash: str
    policy: str
    """Whose answers the thresholds are tuned for."""
    sampler: Sampler
    seed: int
    trials: int
    knobs: tuple[str, ...]
    first: dict[str, float]
    """The point as configured, tried first."""
    settings: str
    """Digest of everything that is configured."""
    calls_a_day_max: float
    cut: Cut
    points: int = 3
    """Values a knob in a grid."""
    sources: str = ""
    """Digest of the deciding sources."""
    at_once: int = BATCH
    """Points asked at once: so many workers have something to do."""
    run: str = ""
    """Whose recorded forecasts are read; empty: the market is perceived."""
    address: str = ""
    """Of run or market in an object store, where a worker elsewhere fetches it; empty: it is in the data root."""
    configured: dict[str, Any] = field(default_factory=dict)
    """All settings, as a manifest holds them: a worker elsewhere needs no more than the study's name."""

    def as_json(self) -> dict[str, Any]:
        """Return the facts as plain values."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, stated: dict[str, Any]) -> Self:
        """Return the facts from plain values."""
        how = stated["cut"]
        cut = Cut(tuple(Days(*fold) for fold in how["folds"]), how["gap"], Days(*how["holdout"]))
        return cls(**{**stated, "cut": cut, "knobs": tuple(stated["knobs"])})


@dataclass(frozen=True)
class Done:
    """A point that was evaluated, as the study keeps it."""

    place: int
    trial: Trial
    value: float | None
    """Mean over the folds, log growth a year; ``None``: no evidence."""


@dataclass(frozen=True)
class Study:
    """One study in its database."""

    facts: StudyFacts
    url: str

    @classmethod
    def create(cls, url: str, facts: StudyFacts, *, resume: bool = False) -> Self:
        """Begin a study, or go on with it.

        Raises:
            ConfigurationError: it is there already and is not to be resumed, or is another one.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        there = stated_facts(url, facts.name)
        if there is not None and not resume:
            raise ConfigurationError(
                f"study {facts.name!r} is there already. Pass --resume to go on, or another --name."
            )
        if there is not None:
            _check_same(there, facts)
            again = cls(facts, url)
            again._study.set_user_attr(_FACTS, facts.as_json())
            return again
        made = optuna.create_study(storage=_storage(url), study_name=facts.name, directions=directions(facts.sampler))
        made.set_user_attr(_FACTS, facts.as_json())
        study = cls(facts, url)
        study._leases().prepare()
        return study

    @classmethod
    def open(cls, url: str, name: str) -> Self:
        """Open a study.

        Raises:
            ConfigurationError: there is none of that name.
        """
        there = stated_facts(url, name)
        if there is None:
            raise ConfigurationError(f"there is no study {name!r} here. `alphastrike tune` makes one.")
        return cls(there, url)

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """What is searched, in the space's order."""
        return tuple(knob for knob in SPACE if knob.name in self.facts.knobs)

    def noted(self, key: str) -> Any:
        """Return what was noted in the study under a key; ``None`` for nothing."""
        return self._study.user_attrs.get(key)

    def note(self, key: str, value: Any) -> None:
        """Note something in the study, in plain values."""
        self._study.set_user_attr(key, value)

    def work(
        self,
        objective: Evaluate,
        *,
        stop: Callable[[], bool] = lambda: False,
        on_done: Callable[[Done], None] = lambda _: None,
        on_seen: Callable[[Mapping[int, float | None]], None] = lambda _: None,
        seconds: float | None = None,
    ) -> None:
        """Ask and evaluate until every point is done or ``stop`` says so.

        Args:
            objective: of this study's market, settings and policy.
            stop: asked between two points.
            on_done: told of every point that this worker evaluated.
            on_seen: told, whenever the study is looked at, the value of every point that anybody evaluated; ``None``
                for one without evidence or with too many interventions.
            seconds: of a lease; for tests.
        """
        leases = self._leases(seconds)
        wait = _WAIT_S
        while not stop():
            trials = self._trials()
            open_places = [place for place, trial in trials.items() if not trial.state.is_finished()]
            on_seen({place: _admitted_value(trial) for place, trial in trials.items() if place not in open_places})
            if not open_places and len(trials) >= self.facts.trials:
                return
            if not open_places and self._ask(leases):
                continue
            mine = _taken(leases, open_places)
            if mine is None:
                time.sleep(wait)
                wait = min(2.0 * wait, _WAIT_MAX_S)
                continue
            wait = _WAIT_S
            try:
                with leases.kept(f"point {mine}"):
                    found = objective({name: float(value) for name, value in trials[mine].params.items()})
                is_first = self._tell(trials[mine], found)
            except BaseException:
                # Who is interrupted and goes on need not wait for his own lease to run out.
                leases.release(f"point {mine}")
                raise
            if is_first:
                on_done(Done(mine, found, found.value(self.facts.cut)))

    def done(self) -> list[Done]:
        """Return every evaluated point in the order of asking."""
        found = []
        for place, trial in sorted(self._trials().items()):
            if trial.state.is_finished():
                read = _trial_from(trial.params, trial.user_attrs["told"])
                found.append(Done(place, read, read.value(self.facts.cut)))
        return found

    def _ask(self, leases: Leases) -> bool:
        """Ask the next batch; False when somebody else does."""
        if not leases.take(LOCK):
            return False
        try:
            trials = self._trials()
            if any(not trial.state.is_finished() for trial in trials.values()):
                return True
            number = len(trials) // self.facts.at_once
            begin = number * self.facts.at_once
            size = min(self.facts.at_once, self.facts.trials - begin)
            earlier = [trials[place] for place in sorted(trials) if place < begin]
            asked = batch(
                number,
                size,
                self.knobs,
                self.facts.sampler,
                self.facts.seed,
                earlier,
                self.facts.first,
                self.facts.points,
                self.facts.at_once,
            )
            for one in asked:
                # Of a batch whose asker was lost half way the first points are there.
                if one.place not in trials:
                    self._study.add_trial(_waiting(one.place, one.values, one.notes, self.knobs))
        finally:
            leases.release(LOCK)
        return True

    def _tell(self, trial: "optuna.trial.FrozenTrial", found: Trial) -> bool:
        """Keep what a point came to; False when another worker was faster."""
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        storage = self._study._storage
        value = found.value(self.facts.cut)
        over = found.calls_a_day - self.facts.calls_a_day_max
        try:
            storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
            storage.set_trial_user_attr(trial._trial_id, "told", _told(found))
            storage.set_trial_system_attr(trial._trial_id, _CONSTRAINTS, [over])
            if value is None:
                storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
            else:
                values = (value, found.max_drawdown)[: len(directions(self.facts.sampler))]
                storage.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, values)
        except UpdateFinishedTrialError:
            return False
        return True

    def _trials(self) -> dict[int, "optuna.trial.FrozenTrial"]:
        """Return the trials by place.

        An asker that slept longer than its lease may add points that another has added since: of two of one place the
        first counts, for whoever looks and whenever.
        """
        found: dict[int, optuna.trial.FrozenTrial] = {}
        for trial in self._study.get_trials(deepcopy=False):
            found.setdefault(int(trial.user_attrs["place"]), trial)
        return found

    @cached_property
    def _study(self) -> "optuna.Study":
        import optuna

        return optuna.load_study(study_name=self.facts.name, storage=_storage(self.url))

    def _leases(self, seconds: float | None = None) -> Leases:
        from sqlalchemy import create_engine

        holder = f"{socket.gethostname()}/{os.getpid()}/{next(_HOLDERS)}"
        own = Leases(create_engine(self.url, **_engine_kwargs(self.url)), self.facts.name, holder)
        return own if seconds is None else Leases(own.engine, own.study, own.holder, seconds)


def _taken(leases: Leases, open_places: Sequence[int]) -> int | None:
    """Take one of these points that nobody else has; ``None`` when all are taken.

    Only what is free is tried, and after the first each worker tries in an order of its own: a thousand that begin
    together would otherwise queue for one point after another.
    """
    held = leases.holders()
    free = [place for place in sorted(open_places) if f"point {place}" not in held]
    first, rest = free[:1], free[1:]
    own = zlib.crc32(leases.holder.encode()) % max(len(rest), 1)
    return next((place for place in (*first, *rest[own:], *rest[:own]) if leases.take(f"point {place}")), None)


def stated_facts(url: str, name: str) -> StudyFacts | None:
    """Return what a study in a database says that it is about; ``None`` when there is none of that name."""
    import optuna

    storage = _storage(url)
    names = {found.study_name: found for found in optuna.get_all_study_summaries(storage=storage)}
    if name not in names or _FACTS not in names[name].user_attrs:
        return None
    return StudyFacts.from_json(names[name].user_attrs[_FACTS])


@cache
def _storage(url: str) -> "optuna.storages.RDBStorage":
    """Open a database of studies.

    Raises:
        ConfigurationError: it is none, or cannot be reached; a password is not repeated.
    """
    import optuna
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    try:
        return optuna.storages.RDBStorage(url, engine_kwargs=_engine_kwargs(url))
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            "a database of studies is named as sqlite:///FILE or postgresql://USER@HOST:PORT/DATABASE. Check --storage."
        ) from None
    except (ImportError, SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise ConfigurationError(
            f"the database of studies {shown(url)} cannot be used ({_reason(error)}). Check --storage and its server."
        ) from None


def _engine_kwargs(url: str) -> dict[str, Any]:
    return {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {"pool_pre_ping": True}


def shown(url: str) -> str:
    """Return a database's address as it may be printed and kept: without its password."""
    from sqlalchemy.engine import make_url

    return make_url(url).render_as_string(hide_password=True)


def _reason(error: BaseException) -> str:
    """Return the first line of what the driver said."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _check_same(there: StudyFacts, wanted: StudyFacts) -> None:
    """A study that is gone on with may only have more trials."""
    for name, value in there.as_json().items():
        now = wanted.as_json()[name]
        if name != "trials" and now != value:
            raise ConfigurationError(
                f"study {there.name!r} was made with {name} {value!r}, now it is {now!r}: they would not be one study. "
                "Take another --name."
            )


def _admitted_value(trial: "optuna.trial.FrozenTrial") -> float | None:
    is_over = any(over > 0.0 for over in trial.system_attrs.get(_CONSTRAINTS, ()))
    return None if trial.values is None or is_over else float(trial.values[0])


def _waiting(
    place: int, values: dict[str, float], notes: dict[str, object], knobs: Sequence[Knob]
) -> "optuna.trial.FrozenTrial":
    from optuna.trial import TrialState, create_trial

    return create_trial(
        state=TrialState.WAITING,
        params=values,
        distributions=distributions(knobs),
        user_attrs={"place": place},
        system_attrs=notes,
    )


def _told(trial: Trial) -> dict[str, Any]:
    return {
        "differences": _packed(trial.differences),
        "asked": _packed(trial.asked.astype(np.float64)),
        "interventions": trial.interventions,
        "episodes": trial.episodes,
        "max_drawdown": trial.max_drawdown,
    }


def _trial_from(params: dict[str, Any], told: dict[str, Any]) -> Trial:
    return Trial(
        values={name: float(value) for name, value in params.items()},
        differences=_unpacked(told["differences"]),
        asked=_unpacked(told["asked"]).astype(np.int64),
        interventions=int(told["interventions"]),
        episodes=int(told["episodes"]),
        max_drawdown=float(told["max_drawdown"]),
    )


def _packed(series: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    return b64encode(zlib.compress(series.astype("<f8").tobytes())).decode()


def _unpacked(text: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.frombuffer(zlib.decompress(b64decode(text)), dtype="<f8").astype(np.float64)


def let_go(url: str) -> None:
    """Close a database of studies: what is open by now is closed, and opened again when it is asked for."""
    _storage(url).engine.dispose()
    _storage.cache_clear()
