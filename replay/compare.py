"""Arms beside one another: what each came to, and what changed against the run as it was recorded.

Arms share every bit of perception, so the difference between two of them is the policies' doing, to the
last bit, on this history.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from alphastrike.model.compiled import Records
from alphastrike.model.units import MICROS_PER_DAY
from alphastrike.runs.model_facts import ModelFacts
from replay.answers import AnsweredSituation, answers
from replay.effect import Metrics, Parts, Reals, Tables, active_times, episodes, metrics, returns, sampled
from replay.inference import (
    BLOCK_DAYS,
    EPISODES_MIN,
    Bootstrap,
    Interval,
    bootstrap_for,
    growth_interval,
    sharpe_interval,
)
from replay.origin import Origin

NO_LLM = "no-llm"

Mode = Literal["adaptive", "frozen"]
ADAPTIVE: Final = "adaptive"
"""Every arm answers its own situations."""
FROZEN: Final = "frozen"
"""Every arm answers the recorded situations, its answers stand until they expire, and nobody is asked in the branch."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One policy over one market."""

    name: str
    """As given on the command line; the policy's own spelling."""
    policy: str
    tables: Tables
    digest: str
    """Of the account's state at the last tick, 32 hex digits. Perception is the recorded run's in every arm."""
    is_factual: bool = False
    model: ModelFacts | None = None
    """How the model did that answered; ``None`` where none was asked."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What changed with another policy: counterfactual - factual, always in this direction."""

    arm: str
    factual: str
    differences: dict[str, float]
    """By field of ``Metrics``."""
    parts: Parts
    episodes: int
    """Of both arms' interventions together."""
    growth: Interval | None
    """Of the difference in log growth; ``None`` with too few episodes, in too short a run, or when an
    account was lost: then no interval is printed."""
    sharpe: Interval | None
    identical: bool
    """Equity is the same at every tick."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The factual arm first, then the others in the order asked for."""

    origin: Origin
    arms: tuple[Arm, ...]
    metrics: tuple[Metrics, ...]
    effects: tuple[Effect, ...]
    """One for every arm but the first."""
    answers: dict[str, list[AnsweredSituation]]
    """By arm."""
    bootstrap: Bootstrap
    mode: Mode = ADAPTIVE
    """Of every arm but the factual one, which is the run as recorded."""

    @property
    def factual(self) -> Arm:
        """The run as recorded."""
        return self.arms[0]


def comparison(
    origin: Origin, arms: list[Arm], bootstrap: Bootstrap | None = None, mode: Mode = ADAPTIVE
) -> Comparison:
    """Measure arms that have been run. The first is the factual one; the others are compared with it."""
    factual, *others = arms
    assert factual.is_factual and not any(arm.is_factual for arm in others), "the first arm is the factual one"
    how = bootstrap or _bootstrap_for(arms, origin.start_equity)
    measured = tuple(metrics(arm.tables, origin.start_equity) for arm in arms)
    no_llm = next((arm.tables for arm in arms if NO_LLM in (arm.name, arm.policy)), None)
    return Comparison(
        origin=origin,
        arms=tuple(arms),
        metrics=measured,
        effects=tuple(
            _effect(factual, arm, measured[0], own, origin.start_equity, how)
            for arm, own in zip(others, measured[1:], strict=True)
        ),
        answers={
            arm.name: answers(arm.tables, origin.symbols, None if arm.tables is no_llm else no_llm) for arm in arms
        },
        bootstrap=how,
        mode=mode,
    )


def _same_rows(one: Records, other: Records) -> bool:
    if one.dtype.names != other.dtype.names or len(one) != len(other):
        return False
    return all(_same_column(np.asarray(one[name]), np.asarray(other[name])) for name in one.dtype.names)


def _same_column(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    if one.dtype == np.float64 and other.dtype == np.float64:
        # Compared as bits: NaN equals itself, and -0.0 is not 0.0.
        one, other = (np.ascontiguousarray(column).view(np.int64) for column in (one, other))
    return bool(np.array_equal(one, other))


def _effect(
    factual: Arm, arm: Arm, of_factual: Metrics, own: Metrics, start_equity: float, bootstrap: Bootstrap
) -> Effect:
    theirs, mine = _paired_daily(factual.tables, arm.tables, start_equity)
    together = len(episodes([factual.tables, arm.tables]))
    enough = together >= EPISODES_MIN
    return Effect(
        arm=arm.name,
        factual=factual.name,
        differences=own.difference(of_factual),
        parts=own.parts.minus(of_factual.parts),
        episodes=together,
        growth=growth_interval(mine, theirs, bootstrap) if enough else None,
        sharpe=sharpe_interval(mine, theirs, bootstrap) if enough else None,
        identical=_same_rows(factual.tables["equity"], arm.tables["equity"]),
    )


def _paired_daily(one: Tables, other: Tables, start_equity: float) -> tuple[Reals, Reals]:
    """Daily returns of both arms. Arms over one market share its ticks, so their days are the same."""
    days, values = sampled(one["equity"], start_equity, MICROS_PER_DAY)
    other_days, other_values = sampled(other["equity"], start_equity, MICROS_PER_DAY)
    assert np.array_equal(days, other_days), "two arms of one market have equity on different days"
    return returns(values), returns(other_values)


def _bootstrap_for(arms: list[Arm], start_equity: float) -> Bootstrap:
    """Blocks as long as the paired differences need, at least three days and the median intervention."""
    lengths = [spell.end - spell.begin for arm in arms for spell in active_times(arm.tables).values()]
    floor = max(BLOCK_DAYS, float(np.median(lengths)) / MICROS_PER_DAY if lengths else 0.0)
    factual, *others = arms
    judged = [arm for arm in others if len(episodes([factual.tables, arm.tables])) >= EPISODES_MIN]
    if not judged:
        return Bootstrap(block_days=floor)
    pairs = (_paired_daily(factual.tables, arm.tables, start_equity) for arm in judged)
    return bootstrap_for([mine - theirs for theirs, mine in pairs], floor)


def first_difference(one: Arm, other: Arm) -> str:
    """Name the first table in stage order in which two arms differ, or the digest; empty when they are equal bits."""
    for name, rows in one.tables.items():
        if not _same_rows(rows, other.tables[name]):
            return f"{name} differ ({len(rows):,} rows recorded, {len(other.tables[name]):,} now)"
    return "" if one.digest == other.digest else "the account's state at the last tick differs"
