"""What the decay tracker made of each signal in the course of a run: accuracy, weight, and when it was retired."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from alphastrike.journal.reader import Run
from alphastrike.model.compiled import Records
from alphastrike.model.forecast import RegimeScope
from alphastrike.runs.signals import CATEGORIES, Standing, standings
from replay.effect import Integers, Reals
from reports import numerals
from reports.decimate import decimated

POINTS_A_LINE: Final = 240
WIDTH: Final = 1000.0
HEIGHT: Final = 100.0


@dataclass(frozen=True, slots=True)
class Trace:
    """One signal over the run; paths in a box of 1000 by 100."""

    name: str
    category: str
    state: str
    accuracy_told: str
    outcomes_told: str
    weight_told: str
    accuracy: str
    """Path of its accuracy."""
    weight: str
    """Path around the area under its weight."""
    retired: list[tuple[float, float]]
    """Where it was on probation: left edge and width."""


@dataclass(frozen=True, slots=True)
class Traces:
    """All signals of a run on the same scales."""

    rows: list[Trace]
    begin: str
    end: str
    low: str
    high: str
    """Ends of the scale of accuracy."""
    half: float
    """Where on it one half lies, from the top."""
    weight_high: str
    """Upper end of the scale of weights, which begins at zero."""
    voted: int
    categories: int


def traces(run: Run) -> Traces | None:
    """Return how the signals of a run stood, day by day; ``None`` when it holds no such day."""
    tracked = run.rows("accuracies")
    tracked = tracked[tracked["regime"] == RegimeScope.ALL]
    if not len(tracked):
        return None
    times = np.unique(tracked["event_time"])
    first, last = int(times[0]), int(times[-1])
    low, high = float(min(tracked["accuracy"].min(), 0.5)), float(max(tracked["accuracy"].max(), 0.5))
    weight_high = float(tracked["weight"].max())
    stood = standings(run)
    box = _Box(first, last, low, high, weight_high or 1.0)
    return Traces(
        rows=[
            box.trace(each, tracked[tracked["name"] == each.name])
            for each in stood.signals
            if each.regime == RegimeScope.ALL.name.lower()
        ],
        begin=numerals.day(first),
        end=numerals.day(last),
        low=numerals.percent(low),
        high=numerals.percent(high),
        half=round(float(box.down(np.array([0.5]))[0]), 1),
        weight_high=numerals.number(weight_high, 3),
        voted=len(stood.voted),
        categories=CATEGORIES,
    )


@dataclass(frozen=True, slots=True)
class _Box:
    """The scales that all signals share."""

    first: int
    last: int
    low: float
    high: float
    weight_high: float

    def across(self, times: Integers) -> Reals:
        return WIDTH * (times - self.first) / max(self.last - self.first, 1)

    def down(self, accuracies: Reals) -> Reals:
        return HEIGHT - 1.0 - (HEIGHT - 2.0) * (accuracies - self.low) / ((self.high - self.low) or 1.0)

    def trace(self, standing: Standing, days: Records) -> Trace:
        category = standing.category.replace("_", " ")
        times, accuracies = days["event_time"], np.asarray(days["accuracy"], dtype=np.float64)
        if standing.scores == 0:
            return Trace(standing.name, category, standing.state, "–", "–", "–", "", "", [])
        kept = decimated(accuracies, POINTS_A_LINE)
        line = zip(self.across(times[kept]), self.down(accuracies[kept]), strict=True)
        return Trace(
            name=standing.name,
            category=category,
            state=standing.state,
            accuracy_told=numerals.percent(standing.accuracy) if standing.outcomes > 0 else "–",
            outcomes_told=numerals.number(standing.outcomes, 0),
            weight_told=numerals.number(standing.weight, 3),
            accuracy="M" + " ".join(f"{x:.1f},{y:.1f}" for x, y in line),
            weight=self._area(times, np.asarray(days["weight"], dtype=np.float64)),
            retired=self._stretches(times, np.asarray(days["retired"], dtype=np.bool_)),
        )

    def _area(self, times: Integers, weights: Reals) -> str:
        """Draw the area under steps that change where the weight does."""
        changes = np.flatnonzero(np.diff(weights, prepend=np.nan) != 0.0)
        # A rule that moves every weight every day is drawn by fewer steps.
        changes = changes[decimated(weights[changes], POINTS_A_LINE)]
        edges = self.across(times[changes])
        heights = HEIGHT * (1.0 - weights[changes] / self.weight_high)
        steps = " ".join(f"H{x:.1f} V{y:.1f}" for x, y in zip(edges, heights, strict=True))
        return f"M0,{HEIGHT:.0f} {steps} H{WIDTH:.0f} V{HEIGHT:.0f} Z"

    def _stretches(self, times: Integers, retired: np.ndarray) -> list[tuple[float, float]]:
        change = np.flatnonzero(np.diff(retired.astype(np.int8), prepend=0, append=0))
        edges = self.across(np.append(times, self.last))
        return [
            (round(float(edges[begin]), 1), round(float(edges[end] - edges[begin]), 1))
            for begin, end in change.reshape(-1, 2)
        ]
