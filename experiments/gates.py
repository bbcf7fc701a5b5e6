"""What a tuned point has to pass before anything trades on it, each gate with what was found and what it asks.

Tuning looks at many points and keeps the best, so that the best looks good where nothing is. Every gate asks this in
another way; a point is promoted when it passes all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from experiments.objective import Cut, Trial
from experiments.overfit import Deflated, Overfitting, cscv, deflated_sharpe
from experiments.study import Done
from experiments.walking import Walk, admitted, walk, winner
from replay.effect import DAYS_PER_YEAR, Reals
from replay.inference import EPISODES_MIN, Bootstrap, Interval, bootstrap_for
from replay.inference.intervals import sum_interval
from replay.inference.many import spa

PBO_MAX: Final = 0.2
"""By luck alone one half's best falls below the other half's median as often as not. Bailey and others (2017) ask for
0.05 of whole strategies; points of one space are alike, which makes their ranks within it fickle."""
DEFLATED_MIN: Final = 0.95
SPA_MAX: Final = 0.05
FLOOR_DAYS: Final = 7.0
"""Days tied to one another for certain: interventions of the space live up to a week."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One question and its answer."""

    name: str
    passed: bool
    found: str
    asked: str
    is_open: bool = False
    """Nobody has looked yet."""

    @property
    def standing(self) -> str:
        """``passed``, ``failed`` or ``open``."""
        return "open" if self.is_open else "passed" if self.passed else "failed"


@dataclass(frozen=True)
class Evidence:
    """What a study's complete trials amount to, before the hold-out is opened."""

    trials: tuple[Done, ...]
    best: Done | None
    """``None``: no point has both evidence and few enough interventions."""
    walk: Walk
    headline: Interval | None
    """Of the stitched differences, log growth a year."""
    overfitting: Overfitting | None
    deflated: Deflated | None
    spa: float | None
    """p of "no point is better than no-llm"."""
    bootstrap: Bootstrap

    @property
    def stitched(self) -> float:
        """Mean of the stitched differences, log growth a year."""
        return float(np.mean(self.walk.differences)) * DAYS_PER_YEAR


def evidence(trials: Sequence[Done], how: Cut, calls_a_day_max: float) -> Evidence:
    """Weigh the trials of a study; every one that was looked at counts, those without evidence too."""
    walked = walk(trials, how, calls_a_day_max)
    known = admitted(trials, calls_a_day_max)
    series = np.column_stack([done.trial.differences for done in known]) if known else np.empty((how.seen, 0))
    resampling = bootstrap_for([walked.differences], FLOOR_DAYS)
    return Evidence(
        trials=tuple(trials),
        best=winner(trials, calls_a_day_max),
        walk=walked,
        headline=_a_year(walked.differences, resampling),
        overfitting=cscv(series),
        deflated=deflated_sharpe(series, len(trials)) if known else None,
        spa=spa({str(done.place): done.trial.differences for done in known}, resampling) if known else None,
        bootstrap=resampling,
    )


def gates(
    found: Evidence, how: Cut, fills: Mapping[str, float | None] | None = None, holdout: Trial | None = None
) -> tuple[Gate, ...]:
    """Return every gate in order.

    Args:
        found: what the trials amount to.
        how: how the market was cut.
        fills: value of the best point, log growth a year, by fill model; ``None`` while it was not run.
        holdout: the best point over the whole market; ``None`` while the hold-out is closed.
    """
    best = found.best
    if best is None:
        return (Gate("evidence", False, "no point was asked about often enough", "a point with evidence"),)
    return (
        Gate(
            "evidence",
            best.trial.episodes >= EPISODES_MIN,
            f"{best.trial.episodes} episodes of interventions",
            f"at least {EPISODES_MIN}",
        ),
        Gate(
            "walk-forward",
            found.headline is not None and found.headline.low > 0.0,
            _told(found.stitched, found.headline),
            "an interval above zero",
        ),
        Gate(
            "overfitting",
            found.overfitting is not None and found.overfitting.probability <= PBO_MAX,
            "too few trials or days"
            if found.overfitting is None
            else f"{found.overfitting.probability:.0%} of {found.overfitting.splits:,} splits".replace("%", " %"),
            f"at most {PBO_MAX:.0%}".replace("%", " %"),
        ),
        Gate(
            "deflated Sharpe",
            found.deflated is not None and found.deflated.probability >= DEFLATED_MIN,
            "no trial"
            if found.deflated is None
            else f"{found.deflated.probability:.3f}; the {found.deflated.trials} trials count as "
            f"{found.deflated.effective}",
            f"at least {DEFLATED_MIN}",
        ),
        Gate(
            "superior ability",
            found.spa is not None and found.spa <= SPA_MAX,
            "no trial" if found.spa is None else f"{_p(found.spa)} that no point beats no-llm",
            f"at most {SPA_MAX}",
        ),
        _fills(fills),
        _holdout(holdout, how),
    )


def _fills(values: Mapping[str, float | None] | None) -> Gate:
    asked = "above zero under every fill model"
    if values is None:
        return Gate("fill band", False, "not run", asked, is_open=True)
    told = ", ".join(f"{name} {'no evidence' if value is None else f'{value:+.4f}'}" for name, value in values.items())
    return Gate("fill band", all(value is not None and value > 0.0 for value in values.values()), told, asked)


def _holdout(trial: Trial | None, how: Cut) -> Gate:
    asked = "above zero"
    if trial is None:
        return Gate("hold-out", False, f"closed: {how.holdout.end - how.holdout.begin} days", asked, is_open=True)
    value = trial.growth(how.holdout)
    asked_there = int(trial.asked[how.holdout.begin : how.holdout.end].sum())
    return Gate("hold-out", value > 0.0, f"{value:+.4f} a year, asked {asked_there} times", asked)


def _a_year(series: Reals, how: Bootstrap) -> Interval | None:
    whole = sum_interval(series, how) if len(series) and np.ptp(series) > 0.0 else None
    if whole is None:
        return None
    scale = DAYS_PER_YEAR / len(series)
    return Interval(
        whole.low * scale, whole.high * scale, whole.draws, whole.block_days, whole.seed, whole.days, whole.label
    )


def _p(value: float) -> str:
    return "p below 0.001" if value < 0.001 else f"p {value:.3f}"


def _told(value: float, interval: Interval | None) -> str:
    if interval is None:
        return f"{value:+.4f} a year, too little happened for an interval"
    return f"{value:+.4f} a year, 95 % [{interval.low:+.4f}, {interval.high:+.4f}]".replace("-", "−")
