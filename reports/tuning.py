"""The page of a study: what was found, how every point did, and what promotion asks."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.tuned import Tuned
from replay.inference import Interval
from reports import numerals
from reports.axes import Place, held, places
from reports.forest import Estimate, Forest, forest
from reports.page import page_path, render, write_page
from reports.tuning_text import gate_table, headline, notes, tables


class Point(NamedTuple):
    """One point of the search in the figure, in percent from left and from top."""

    across: float
    down: float
    kind: str
    """``best``, ``first`` (as configured), or nothing."""
    told: str


class Scatter(NamedTuple):
    """Value against order of asking."""

    points: list[Point]
    levels: list[Place]
    """Round values, percent from top."""
    zero: float
    without: int
    """Points that are no evidence and have no place in it."""
    beyond: int
    """Points that the figure's edge holds back."""


class Share(NamedTuple):
    """How much a knob matters."""

    name: str
    width: float
    """Percent."""
    told: str


class Fold(NamedTuple):
    """One fold of the walk as a row of the forest."""

    name: str
    chosen: str
    value: str


def write_tuning(it: Tuned, out: Path, command: str) -> Path:
    """Write the page into a folder and return its path."""
    return write_page(page(it, command), page_path(out, f"tune-{it.facts.name}"))


def page(it: Tuned, command: str) -> str:
    """Render the page; ``command`` makes the study again."""
    rows, drawn = _walk(it)
    return render(
        "tuning.html",
        it=it,
        headline=headline(it),
        tables=tables(it),
        gates=gate_table(it.gates) if it.best is not None else None,
        notes=notes(it),
        command=command,
        scatter=scatter(it),
        walk=list(zip(rows, drawn.marks, strict=True)),
        forest=drawn,
        shares=[Share(name, round(100.0 * share, 2), numerals.percent(share, 0)) for name, share in it.importance],
    )


def scatter(it: Tuned) -> Scatter:
    """Place every point that has a value."""
    known = [(done, done.value) for done in it.evidence.trials if done.value is not None]
    scale = held(value for _, value in known)
    last = max((done.place for done in it.evidence.trials), default=0)
    points = []
    for done, value in known:
        is_best = it.best is not None and done.place == it.best.place
        kind = "best" if is_best else "first" if done.trial.values == it.facts.first else ""
        points.append(
            Point(
                across=round(1.0 + 98.0 * done.place / max(last, 1), 2),
                down=round(100.0 - float(np.clip(scale.place(value), 0.0, 100.0)), 2),
                kind=kind,
                told=f"point {done.place}: {numerals.number(value, 4, signed=True)}",
            )
        )
    levels = [level._replace(place=round(100.0 - level.place, 2)) for level in places(scale)]
    beyond = sum(not scale.low <= value <= scale.high for _, value in known)
    return Scatter(points, levels, round(100.0 - scale.place(0.0), 2), it.seen - len(known), beyond)


def _walk(it: Tuned) -> tuple[list[Fold], Forest]:
    """Return the folds and, last, all of them stitched together with their interval."""
    rows, estimates = [], []
    for number, step in enumerate(it.evidence.walk.steps, start=1):
        chosen = "nobody is asked" if step.place is None else f"point {step.place}"
        past = numerals.number(step.past, 4, signed=True)
        rows.append(
            Fold(
                f"fold {number}: days {step.fold.begin} to {step.fold.end}",
                f"{chosen}; before: {past}",
                numerals.number(step.value, 4, signed=True),
            )
        )
        estimates.append(Estimate(step.value, np.nan, np.nan, 0.0))
    whole = it.evidence.headline
    rows.append(Fold("all folds", _told(whole), numerals.number(it.evidence.stitched, 4, signed=True)))
    low, high = (np.nan, np.nan) if whole is None else (whole.low, whole.high)
    estimates.append(Estimate(it.evidence.stitched, low, high, 0.0))
    return rows, forest(estimates)


def _told(interval: Interval | None) -> str:
    if interval is None:
        return "no interval"
    low, high = (numerals.number(edge, 4, signed=True) for edge in (interval.low, interval.high))
    return f"95 % [{low}, {high}]"
