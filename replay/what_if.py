"""What another answer to one situation would have been worth: the run forked there, and run on beside itself."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

from alphastrike.engine.acts import Act
from alphastrike.engine.advice import Answer, AskedPolicy
from alphastrike.engine.history import AccountRun
from alphastrike.engine.state import INTERVENTIONS
from alphastrike.journal.codes import Change
from alphastrike.journal.inputs import OperatorAct
from alphastrike.journal.manifest import Manifest, Parent
from alphastrike.journal.reader import Run
from alphastrike.model.compiled import Records
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.model.progress import Progress, silent
from alphastrike.policy.interventions import Judged
from alphastrike.policy.naming import policy_named
from alphastrike.policy.policies import Answered
from alphastrike.policy.settings import is_model
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import ToolCall
from alphastrike.runs.fork_recorder import branch_name, check_can_be_kept, record_branch
from alphastrike.runs.forks import ADAPTIVE, FROZEN, Cached, branch, known_answers, plan_of, stated_calls
from alphastrike.runs.live_market import GivenAnswers, acts_of
from alphastrike.runs.recorder import Others, is_shadow, listened_to, recorded_answer
from alphastrike.runs.transcript import Told, situation_named, transcript
from replay.branch import NEVER, run_branches
from replay.calls import calls_named, judged_calls
from replay.effect import Parts
from replay.ground import Ground, ground_of
from replay.horizons import HORIZONS, Horizon, ticks_ahead

if TYPE_CHECKING:
    from alphastrike.policy.llm.conversation import Conversation

Mode = Literal["adaptive", "frozen"]

TRAIL: Final = 240
"""Points of a drawn difference, at most."""


class Reading(NamedTuple):
    """Both paths at one horizon after the answer acted. Differences are branch − recorded."""

    horizon: Horizon
    time: int
    """Microseconds UTC."""
    recorded: float
    """Equity, quote."""
    branch: float
    """Equity, quote."""
    effect: float
    """Of log equity; NaN when an account was lost."""
    parts: Parts
    """Of the difference in quote; they add up to it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The branch in one mode."""

    mode: Mode
    readings: tuple[Reading, ...]
    """By horizon; those beyond the market's end are left out."""
    met_at: int | None
    """First time at which both held the same sides, exposure ÷ equity within 0.01, and the same controls; ``None`` when
    they do not meet before the run ends."""
    same_from: int | None
    """Time from which on the accounts differ in nothing that can matter."""
    situations: int
    """Asked in the branch after the fork."""
    by_guardian: int
    """Of those, answered by the guardian because the model's answer was not recorded."""
    interventions: int
    """Begun after the fork, the ones asked for included."""
    trail: tuple[tuple[int, float], ...]
    """(time, difference of log equity) from the fork to the end, evenly spaced."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """One situation answered otherwise."""

    run: str
    digest: str
    policy: str
    situation: Situation
    told: Told
    """What was answered in the run."""
    calls: tuple[ToolCall, ...]
    verdicts: tuple[Judged, ...]
    applied: int
    """When the calls act, microseconds UTC; horizons count from the tick that this is or follows."""
    outcomes: tuple[Outcome, ...]
    """The mode asked for first."""

    @property
    def outcome(self) -> Outcome:
        """The branch in the mode that was asked for."""
        return self.outcomes[0]


@dataclass(frozen=True, slots=True)
class Forked:
    """A situation answered otherwise, with what it takes to keep the branch as a run."""

    what_if: WhatIf
    parent: Parent
    ground: Ground
    account: AccountRun
    talks: "tuple[Conversation, ...]"

    def keep(self, root: Path, run: Run, name: str, progress: Progress = silent) -> Manifest:
        """Write the branch as a run of that name."""
        return record_branch(
            root, run, self.parent, self.ground.market, self.account, name=name, talks=self.talks, progress=progress
        )


def fork(
    root: Path,
    run: Run,
    number: int,
    tools: Sequence[str],
    *,
    mode: Mode | None = None,
    keep_as: str | None = "",
    others: Others = lambda _: {},
    progress: Progress = silent,
) -> tuple[Forked, str]:
    """Answer one situation of a recorded run otherwise and run on from there.

    Args:
        root: the data root.
        run: the recorded run.
        number: of the situation.
        tools: the calls, as typed.
        mode: how later situations are answered; by default ``adaptive``, of a model ``frozen``. Both are computed where
            the policy is deterministic.
        keep_as: what the branch will be called; empty for a name of its own, ``None`` when it will not be kept.
        others: makes a model's policy, which is asked in adaptive branches alone; it should hold recorded answers only.
        progress: told of each stage.

    Returns:
        What came of it, and the name under which it can be kept.

    Raises:
        ConfigurationError: no such situation, a call that is none or would be rejected, a name that cannot be used.
        DataError: the run is damaged, or this version does not reproduce it.
    """
    if is_shadow(run):
        raise ConfigurationError(
            f"{run.name!r} is a shadow run: no advice was applied in it. "
            f"`alphastrike replay {run.name} --policy POLICY` shows what applying a policy's would have been worth."
        )
    situation = situation_named(run, number)
    calls = calls_named(tools, situation)
    name = "" if keep_as is None else keep_as or branch_name(root, run, number, calls)
    if keep_as is not None:
        check_can_be_kept(root, run, name)
    ground = ground_of(root, run)
    settings = ground.settings
    verdicts = judged_calls(calls, situation, settings.policy.ttl_hours, INTERVENTIONS)
    equity = run.rows("equity")
    latency = _latency(run, ground, situation)
    parent = Parent(
        run=run.name,
        digest=run.manifest.digest,
        situation=number,
        seq=_seq(run, number),
        calls=stated_calls(calls),
        latency=latency,
        parent=run.manifest.parent,
    )
    asks_a_model = is_model(run.manifest.policy)
    chosen: Mode = mode or (FROZEN if asks_a_model else ADAPTIVE)
    other: Mode = ADAPTIVE if chosen == FROZEN else FROZEN
    branches = {}
    for each in (chosen,) if asks_a_model else (chosen, other):
        made = _Run.of(run, ground, parent.model_copy(update={"mode": each}), others, progress)
        _check_past(run, ground, equity, made, number)
        branches[each] = made
    applied = situation.event_time + latency
    what_if = WhatIf(
        run=run.name,
        digest=run.manifest.digest,
        policy=run.manifest.policy,
        situation=situation,
        told=transcript(run, number)[0],
        calls=calls,
        verdicts=verdicts,
        applied=applied,
        outcomes=tuple(_outcome(each, made, equity, ground, number, applied) for each, made in branches.items()),
    )
    first = branches[chosen]
    return Forked(what_if, first.parent, ground, first.account, first.talks), name


@dataclass(frozen=True, slots=True)
class _Run:
    """A branch as it was run."""

    parent: Parent
    account: AccountRun
    talks: "tuple[Conversation, ...]"
    missed: int

    @classmethod
    def of(cls, run: Run, ground: Ground, parent: Parent, others: Others, progress: Progress) -> "_Run":
        """Run the branch that leaves a run in this way."""
        settings = ground.settings
        asked = known_answers(recorded_answer(run, settings), settings)
        later, talks = None, None
        if parent.mode == ADAPTIVE and isinstance(asked, Cached):
            policy = policy_named(run.manifest.policy, guardian=settings.policy.guardian, others=others(settings))
            talks = listened_to(policy)
            later = _later(AskedPolicy(policy, settings.policy.latency_us), ground, is_cached=talks is not None)
        forked = branch(parent, asked, ground.plan, later=later)

        def told(_stage: str, done: int, total: int) -> None:
            progress(str(parent.mode), done, total)

        account = forked.run(
            ground.market, ground.inputs, settings, acts=_acts(run, ground, parent.situation), progress=told
        )
        missed = len(later.missed) if isinstance(later, Cached) else 0
        return cls(parent, account, tuple(talks or ()), missed)


def _later(asked: AskedPolicy, ground: Ground, *, is_cached: bool) -> Answer:
    """Return who answers the branch's own situations: of a model what was recorded, and the guardian beside it."""
    if not is_cached:
        return asked

    def said(situation: Situation) -> Answered | None:
        try:
            return asked.answer(situation)
        except ConfigurationError:
            return None

    return Cached(asked.name, said, ground.settings.policy.guardian, [])


def _check_past(run: Run, ground: Ground, equity: Records, made: _Run, number: int) -> None:
    """See that a branch has the run's own past: that the run itself is made again, the ground has seen."""
    past = slice(0, ground.forks[number].tick + 1)
    mine = made.account.tables["equity"]["equity"][past]
    if not np.array_equal(np.asarray(mine), np.asarray(equity["equity"][past])):
        raise DataError(
            f"this version does not reproduce run {run.name!r} up to situation {number}: a branch of it would differ "
            f"by more than the answer. `alphastrike verify {run.name}` says more; record it again to ask."
        )


def _latency(run: Run, ground: Ground, situation: Situation) -> int:
    """Return the market time that the recorded answer took, at most until its deadline."""
    longest = situation.deadline - situation.event_time
    given = recorded_answer(run, ground.settings)
    if isinstance(given, GivenAnswers):
        latency = given.answer(situation).latency_us
    else:
        latency = ground.settings.policy.latency_us
    return min(latency, longest)


def _seq(run: Run, number: int) -> int:
    """Return the number of the last event that run and branch share: the tick that asked."""
    table = run.table("situations")
    return int(table["seq"][table["situation"].to_pylist().index(number)].as_py())


def _acts(run: Run, ground: Ground, situation: int) -> tuple[tuple[int, Act], ...]:
    """Return what the operator did, but not his revocations of what a branch does not hold, or holds as revoked."""
    gone = {entry.number for entry in ground.plan if entry.situation >= situation}
    return tuple(
        (time, act) for time, act in acts_of(run) if act.act is not OperatorAct.REVOKE or act.number not in gone
    )


def _outcome(mode: Mode, made: _Run, equity: Records, ground: Ground, number: int, applied: int) -> Outcome:
    tables = made.account.tables
    own = tables["equity"]
    left = ground.forks[number]
    at = ticks_ahead(HORIZONS, ground.tick_of(applied), ground.market.interval, ground.market.ticks)
    readings = tuple(
        _reading(horizon, equity[tick], own[tick])
        for horizon, tick in zip(HORIZONS, at, strict=True)
        if tick is not None
    )
    plan = plan_of(tables, ground.market, ground.settings)
    beside = run_branches(ground, left, [ground.plan, plan], [ground.market.ticks - 1])
    ticks = np.unique(np.linspace(left.tick, ground.market.ticks - 1, TRAIL).astype(np.int64))
    begun = tables["interventions"]
    return Outcome(
        mode=mode,
        readings=readings,
        met_at=_time(ground, int(beside.met[1])),
        same_from=_time(ground, int(beside.same[1])),
        situations=int(np.sum(tables["situations"]["situation"] > number)),
        by_guardian=made.missed,
        interventions=int(
            np.sum((begun["change"] == Change.APPLIED) & (begun["event_time"] >= ground.time_of(left.tick)))
        ),
        trail=tuple(
            (int(equity["event_time"][tick]), _log_ratio(float(own["equity"][tick]), float(equity["equity"][tick])))
            for tick in ticks
        ),
    )


def _reading(horizon: Horizon, recorded: Records, branched: Records) -> Reading:
    one, other = float(recorded["equity"]), float(branched["equity"])
    return Reading(
        horizon=horizon,
        time=int(recorded["event_time"]),
        recorded=one,
        branch=other,
        effect=_log_ratio(other, one),
        parts=_parts(branched).minus(_parts(recorded)),
    )


def _parts(row: Records) -> Parts:
    costs = (-float(row[name]) for name in ("fees", "slippage", "funding", "liquidation"))
    return Parts(float(row["price_pnl"]), *costs)


def _log_ratio(one: float, other: float) -> float:
    return math.log(one / other) if one > 0.0 and other > 0.0 else math.nan


def _time(ground: Ground, tick: int) -> int | None:
    return None if tick == NEVER else ground.time_of(tick)
