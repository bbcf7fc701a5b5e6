"""A tuning study as an entry for MLflow: the study above, its points nested in it."""

import hashlib
import json
from itertools import count, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from experiments.gates import Gate
from experiments.objective import Trial
from experiments.study import Done, StudyFacts
from experiments.tracked_plots import best_so_far, plots
from experiments.tracking import Dataset, Entry
from experiments.walking import admitted

if TYPE_CHECKING:
    import pyarrow as pa

    from experiments.tuned import Tuned

EXPERIMENT: Final = "tune"
NOTE: Final = "mlflow.note.content"
"""What MLflow shows as a run's description."""


def study_key(facts: StudyFacts) -> str:
    """Return what makes it this study: its name and all that decides it, but not how many points it is to have."""
    decides = {name: value for name, value in facts.as_json().items() if name != "trials"}
    digest = hashlib.blake2b(json.dumps(decides, sort_keys=True).encode(), digest_size=8).hexdigest()
    return f"study {facts.name} {digest}"


def study_entry(it: "Tuned", *, headline: str, document: bytes, page: Path, command: str) -> Entry:
    """Return a study as an entry.

    Args:
        it: the study.
        headline: what it found, in one sentence.
        document: all its numbers as JSON.
        page: its HTML page.
        command: makes it again.
    """
    facts = it.facts
    return Entry(
        name=facts.name,
        params={
            "policy": facts.policy,
            "sampler": facts.sampler,
            "seed": facts.seed,
            "knobs": ", ".join(facts.knobs),
            "folds": len(facts.cut.folds),
            "gap_days": facts.cut.gap,
            "holdout_days": facts.cut.holdout.end - facts.cut.holdout.begin,
            "calls_a_day_max": facts.calls_a_day_max,
            "at_once": facts.at_once,
            "market": facts.market,
            "market_hash": facts.market_hash,
            "run": facts.run,
            "settings": facts.settings,
            **{f"configured/{name}": value for name, value in facts.first.items()},
        },
        metrics=_found(it),
        series={"best_so_far": best_so_far(_without_gap(it.evidence.trials), facts.calls_a_day_max)},
        tags={
            NOTE: f"{headline}\n\n`{command}`",
            "headline": headline,
            "command": command,
            "kind": "study",
            **gate_tags(it.gates),
        },
        datasets=(Dataset(facts.market, facts.market_hash),),
        artifacts=(page,),
        files={"study.json": document, **plots(it)},
        tables={"trials": trials_table(it), "daily_differences": differences_table(it)},
        children=tuple(_point(it, done) for done in it.evidence.trials),
    )


def gate_tags(gates: tuple[Gate, ...]) -> dict[str, str]:
    """Return how each gate stands, with what was found."""
    return {f"gate/{gate.name}": f"{gate.standing}: {gate.found}" for gate in gates}


def trials_table(it: "Tuned") -> "pa.Table":
    """Return a row a point: its knobs, value, value on every fold, and how it went."""
    import pyarrow as pa

    trials = it.evidence.trials
    folds = np.array([done.trial.fold_values(it.facts.cut) for done in trials]).reshape(len(trials), -1)
    return pa.table(
        {
            "point": [done.place for done in trials],
            **{knob.name: [float(done.trial.values[knob.name]) for done in trials] for knob in it.knobs},
            "value": pa.array([done.value for done in trials], pa.float64()),
            **{f"fold_{number + 1}": folds[:, number] for number in range(folds.shape[1])},
            "calls_a_day": [done.trial.calls_a_day for done in trials],
            "max_drawdown": [done.trial.max_drawdown for done in trials],
            "interventions": [done.trial.interventions for done in trials],
            "episodes": [done.trial.episodes for done in trials],
        }
    )


def differences_table(it: "Tuned") -> "pa.Table":
    """Return a row a point and day: log growth of the day against no-llm, and how often the policy was asked."""
    import pyarrow as pa

    trials, days = it.evidence.trials, it.facts.cut.seen
    return pa.table(
        {
            "point": np.repeat([done.place for done in trials], days).astype(np.int32),
            "day": np.tile(np.arange(days, dtype=np.int32), len(trials)),
            "difference": np.concatenate([[], *(done.trial.differences for done in trials)]),
            "asked": np.concatenate([[], *(done.trial.asked for done in trials)]).astype(np.int32),
        }
    )


def _found(it: "Tuned") -> dict[str, float | None]:
    evidence, best = it.evidence, it.best
    interval, deflated, overfitting = evidence.headline, evidence.deflated, evidence.overfitting
    return {
        "headline": evidence.stitched,
        "headline_low": None if interval is None else interval.low,
        "headline_high": None if interval is None else interval.high,
        "points": it.seen,
        "points_without_evidence": sum(done.value is None for done in evidence.trials),
        "configured_value": it.configured.value(it.facts.cut),
        "best_point": None if best is None else best.place,
        "best_value": None if best is None else best.value,
        "best_episodes": None if best is None else best.trial.episodes,
        "plateau_share": it.plateau,
        "overfitting_probability": None if overfitting is None else overfitting.probability,
        "deflated_sharpe": None if deflated is None else deflated.probability,
        "effective_trials": None if deflated is None else deflated.effective,
        "superior_ability_p": evidence.spa,
        **{f"importance/{name}": share for name, share in it.importance},
    }


def _without_gap(trials: tuple[Done, ...]) -> list[Done]:
    """Return the points up to the first one that is still missing: what comes later may change with it."""
    places = {done.place: done for done in trials}
    return [places[place] for place in takewhile(places.__contains__, count())]


def _point(it: "Tuned", done: Done) -> Entry:
    return Entry(
        name=f"point {done.place}",
        params={name: done.trial.values[name] for name in it.facts.knobs},
        metrics={"value": done.value, **_measured(it, done.trial)},
        tags={"kind": "point", "admitted": _standing(it, done)},
    )


def _standing(it: "Tuned", done: Done) -> str:
    if done.value is None:
        return "no evidence"
    return "yes" if admitted([done], it.facts.calls_a_day_max) else "too many interventions"


def _measured(it: "Tuned", trial: Trial) -> dict[str, float]:
    return {
        **{f"fold_{number}": value for number, value in enumerate(trial.fold_values(it.facts.cut), start=1)},
        "calls_a_day": trial.calls_a_day,
        "max_drawdown": trial.max_drawdown,
        "interventions": trial.interventions,
        "episodes": trial.episodes,
    }
