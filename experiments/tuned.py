"""A study put together: what its trials amount to, beside what is configured."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from experiments.asking import distributions
from experiments.gates import Evidence, Gate, evidence, gates
from experiments.ledger import Count, count_trials
from experiments.objective import Objective, Trial
from experiments.space import Knob
from experiments.study import Done, Study, StudyFacts
from experiments.walking import admitted, plateau_share

OPENED: Final = "alphastrike holdout"
"""Under which a study notes that its hold-out was opened."""
PROMOTED: Final = "alphastrike promotions"
IMPORTANCE_MIN: Final = 10
"""Points with a value below which nothing is said of what mattered."""


class Opened(NamedTuple):
    """The hold-out of a study, once it was looked at."""

    place: int
    """Of the point it was opened for."""
    at: str
    """ISO 8601, UTC."""


@dataclass(frozen=True)
class Tuned:
    """What a study has come to so far."""

    facts: StudyFacts
    knobs: tuple[Knob, ...]
    evidence: Evidence
    configured: Trial
    """Exactly as configured, over the same days."""
    plateau: float
    """Share of the best point's neighbours worth nearly as much; NaN without a neighbour."""
    importance: tuple[tuple[str, float], ...]
    """Share of what set good points apart, by knob, the largest first; empty when there is too little to say."""
    gates: tuple[Gate, ...]
    opened: Opened | None
    seen: int
    """Points evaluated."""

    @property
    def best(self) -> Done | None:
        """Of all admitted points the one of the greatest value."""
        return self.evidence.best

    @property
    def ranked(self) -> list[Done]:
        """Points that may be chosen, the best first, of equal ones the first asked."""
        known = admitted(self.evidence.trials, self.facts.calls_a_day_max)
        return sorted(known, key=lambda done: (-(done.value or 0.0), done.place))


def tuned(study: Study, objective: Objective) -> Tuned:
    """Put together what a study has come to."""
    facts, done = study.facts, study.done()
    found = evidence(done, facts.cut, facts.calls_a_day_max)
    return Tuned(
        facts=facts,
        knobs=study.knobs,
        evidence=found,
        configured=objective({}),
        plateau=float("nan") if found.best is None else plateau_share(done, found.best, study.knobs),
        importance=importance(done, study.knobs, facts.seed),
        gates=gates(found, facts.cut),
        opened=opened(study),
        seen=len(done),
    )


def opened(study: Study) -> Opened | None:
    """Return for which point and when the hold-out was opened; ``None`` while it is closed."""
    stated: dict[str, Any] | None = study.noted(OPENED)
    return None if stated is None else Opened(int(stated["place"]), str(stated["at"]))


def importance(trials: Sequence[Done], knobs: Sequence[Knob], seed: int = 1) -> tuple[tuple[str, float], ...]:
    """Return which knobs set the better points apart.

    PED-ANOVA: Watanabe, Bansal and Hutter (2023), "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in
    Arbitrary Subspaces". It compares where the better tenth of the points lies with where all do.
    """
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    known = [done for done in trials if done.value is not None]
    if len(known) < IMPORTANCE_MIN or np.ptp([done.value or 0.0 for done in known]) == 0.0:
        return ()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=seed))
    spread = distributions(knobs)
    for done in known:
        params = {
            knob.name: int(done.trial.values[knob.name]) if knob.is_whole else done.trial.values[knob.name]
            for knob in knobs
        }
        study.add_trial(optuna.trial.create_trial(params=params, distributions=spread, value=done.value))
    shares = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    return tuple(sorted(((name, float(share)) for name, share in shares.items()), key=lambda each: -each[1]))


def enter(root: Path, study: Study) -> Count:
    """Enter every point that a study evaluated in the ledger of trials."""
    facts = study.facts
    subjects = [
        {
            "policy": facts.policy,
            "settings": facts.settings,
            "thresholds": ", ".join(f"{name} {value:g}" for name, value in sorted(done.trial.values.items())),
        }
        for done in study.done()
    ]
    return count_trials(root, "tune", facts.market_hash, subjects)
