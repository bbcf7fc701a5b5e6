"""A study as tables for a terminal, sentences beside them, and JSON."""

import math
from dataclasses import asdict
from typing import Any, Final

from experiments.gates import Gate
from experiments.objective import Trial
from experiments.space import Knob
from experiments.study import Done
from experiments.tuned import Tuned
from replay.inference import Interval
from reports import numerals
from reports.text_table import TextTable

SHOWN: Final = 5
"""Points in the tables of a terminal."""
CONFIGURED: Final = "configured"


def tables(it: Tuned, shown: int = SHOWN) -> list[TextTable]:
    """Return the tables to print, in order."""
    best = it.ranked[:shown]
    folds = [f"fold {number + 1}" for number in range(len(it.facts.cut.folds))]
    headers = ["", "value", *folds, "calls a day", "drawdown", "episodes"]
    rows = [_row(it, f"point {done.place}", done.trial) for done in best]
    points = TextTable(
        f"Growth of log equity a year against no-llm, by fold: the best {len(best)} of {it.seen} points"
        if best
        else "Growth of log equity a year against no-llm, by fold",
        headers,
        [_row(it, CONFIGURED, it.configured), *rows],
    )
    shares = dict(it.importance)
    knobs = TextTable(
        "What differs from the configuration",
        ["", CONFIGURED, *(f"point {done.place}" for done in best), "matters"],
        [
            [
                knob.name,
                knob_value(knob, it.facts.first[knob.name]),
                *(_changed(it, knob, done) for done in best),
                numerals.percent(shares.get(knob.name, math.nan), 0),
            ]
            for knob in it.knobs
        ],
    )
    return [points, knobs] if best else [points]


def gate_table(gates: tuple[Gate, ...]) -> TextTable:
    """Return the gates as a table."""
    rows = [[gate.name, gate.standing, gate.found, gate.asked] for gate in gates]
    return TextTable("Gates before promotion", ["", "", "found", "asked"], rows)


def headline(it: Tuned) -> str:
    """Return the finding in one sentence."""
    if it.best is None:
        return (
            f"no evidence: in {it.seen} points {it.facts.policy} was asked too seldom to tell thresholds apart. Take a "
            "longer market, or one in which more happens."
        )
    interval = it.evidence.headline
    value = numerals.number(it.evidence.stitched, 4, signed=True)
    if interval is None:
        return (
            f"chosen fold by fold from its past alone, tuning came to {value} a year against no-llm; too little "
            "happened for an interval."
        )
    low, high = (numerals.number(edge, 4, signed=True) for edge in (interval.low, interval.high))
    judged = (
        "better than asking nobody"
        if interval.low > 0.0
        else "worse than asking nobody"
        if interval.high < 0.0
        else "not to be told from asking nobody"
    )
    return (
        f"chosen fold by fold from its past alone, tuning came to {value} a year against no-llm, 95 % [{low}, {high}]: "
        f"{judged}."
    )


def notes(it: Tuned) -> list[str]:
    """Return what must stand beside the tables, a sentence or two each."""
    facts, how = it.facts, it.evidence.bootstrap
    begin, end = facts.cut.folds[0].begin, facts.cut.folds[-1].end
    held = "no trial has seen them" if it.opened is None else f"opened for point {it.opened.place}"
    told = [
        f"Tuned for the answers of {facts.policy} ({facts.sampler}, seed {facts.seed}); they need not suit another's.",
        f"Folds: days {begin} to {end} in {len(facts.cut.folds)}, chosen from what ends {facts.cut.gap} days before.",
        f"Days {facts.cut.holdout.begin} to {facts.cut.holdout.end} are held out: {held}.",
    ]
    if it.best is not None:
        without = sum(done.value is None for done in it.evidence.trials)
        told.append(
            f"The best value is the best of {it.seen} and flatters; the headline is of choices that did not know "
            f"their fold. Points without evidence: {without}; interventions a day admitted: at most "
            f"{facts.calls_a_day_max:g}."
        )
        told.append(
            "No other point lies near the best one."
            if math.isnan(it.plateau)
            else f"Of the points near the best one {numerals.percent(it.plateau, 0)} are worth at least nine tenths of "
            "it."
        )
        if it.evidence.headline is not None:
            told.append(
                f"Interval: stationary bootstrap, {how.draws:,} draws, blocks of {how.block_days:.3g} days, seed "
                f"{how.seed}."
            )
    told.append(
        f"Market {facts.market} ({facts.market_hash[:12]}), settings {facts.settings[:12]}"
        + (f", forecasts of run {facts.run}." if facts.run else ".")
    )
    return told


def as_json(it: Tuned) -> dict[str, Any]:
    """Return everything for programs: growth of log equity a year, fractions as fractions."""
    best = it.best
    return {
        "study": it.facts.name,
        "market": it.facts.market,
        "market_hash": it.facts.market_hash,
        "run": it.facts.run or None,
        "policy": it.facts.policy,
        "sampler": it.facts.sampler,
        "seed": it.facts.seed,
        "trials": it.seen,
        "knobs": list(it.facts.knobs),
        "cut": asdict(it.facts.cut),
        "configured": {"values": it.facts.first, **_figures(it, it.configured)},
        "best": None if best is None else best.place,
        "points": [
            {"place": done.place, "values": done.trial.values, **_figures(it, done.trial)}
            for done in it.evidence.trials
        ],
        "stitched": {
            "value": it.evidence.stitched,
            "interval": None if it.evidence.headline is None else _interval(it.evidence.headline),
            "steps": [
                {"fold": list(step.fold), "place": step.place, "past": step.past, "value": step.value}
                for step in it.evidence.walk.steps
            ],
        },
        "plateau_share": it.plateau,
        "importance": dict(it.importance),
        "gates": [asdict(gate) for gate in it.gates],
        "headline": headline(it),
        "holdout_opened": None if it.opened is None else it.opened._asdict(),
    }


def knob_value(knob: Knob, value: float) -> str:
    """Write a value of a knob."""
    digits = 0 if knob.is_whole else len(f"{knob.step:.10f}".rstrip("0").split(".")[1])
    return numerals.number(value, digits)


def _row(it: Tuned, name: str, trial: Trial) -> list[str]:
    value = trial.value(it.facts.cut)
    return [
        name,
        numerals.number(math.nan if value is None else value, 4, signed=True),
        *(numerals.number(each, 4, signed=True) for each in trial.fold_values(it.facts.cut)),
        numerals.number(trial.calls_a_day, 3),
        numerals.percent(-trial.max_drawdown),
        numerals.number(trial.episodes, 0),
    ]


def _changed(it: Tuned, knob: Knob, done: Done) -> str:
    value = done.trial.values[knob.name]
    return "=" if value == it.facts.first[knob.name] else knob_value(knob, value)


def _figures(it: Tuned, trial: Trial) -> dict[str, Any]:
    return {
        "value": trial.value(it.facts.cut),
        "folds": list(trial.fold_values(it.facts.cut)),
        "calls_a_day": trial.calls_a_day,
        "max_drawdown": trial.max_drawdown,
        "interventions": trial.interventions,
        "episodes": trial.episodes,
    }


def _interval(interval: Interval) -> dict[str, Any]:
    return asdict(interval)
