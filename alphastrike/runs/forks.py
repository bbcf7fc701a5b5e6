"""A branch kept as a run: who answers its situations, and what stands in it though nobody was asked.

Before the situation at which it left its parent a branch is its parent. There its own calls stand in the place of the
parent's answer, after the time that answer took. What comes later is its mode's: asked again, or frozen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from alphastrike.config.settings import Settings
from alphastrike.engine.acts import Act
from alphastrike.engine.advice import HALTED, Answer
from alphastrike.engine.codes import HALT_ACCOUNT
from alphastrike.engine.history import AccountInputs, AccountRun, run_account
from alphastrike.engine.plans import Plan, Planned
from alphastrike.journal.codes import Change
from alphastrike.journal.manifest import Parent
from alphastrike.journal.reader import Run
from alphastrike.market.market import Market
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.model.progress import Progress, silent
from alphastrike.model.units import ALL_SYMBOLS, MICROS_PER_HOUR
from alphastrike.policy.guardian import GuardianParams, Rules
from alphastrike.policy.policies import Answered
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import NoAction, ToolCall, call_of
from alphastrike.runs.live_market import GivenAnswers
from alphastrike.runs.registry import open_run

ADAPTIVE: Final = "adaptive"
FROZEN: Final = "frozen"
WHAT_IF: Final = "what-if"
"""Who gave the calls at a fork, in the journal of the branch."""

Tables = Mapping[str, Any]
"""Records by kind."""

_OF_THE_ASKED: Final = ("situations", "situation_symbols", "advice", "tool_calls", "alerts")
"""Kinds with a row only where somebody was asked."""


@dataclass(frozen=True, slots=True)
class Cached:
    """A model of which only what it said before is known; where it said nothing, the guardian answers at once."""

    name: str
    said: Callable[[Situation], Answered | None]
    guardian: GuardianParams
    missed: list[int]
    """Situations that the guardian answered."""

    def answer(self, situation: Situation) -> Answered:
        """Return what the model said, or the guardian's calls under its own name."""
        known = self.said(situation)
        if known is not None:
            return known
        self.missed.append(situation.situation)
        stands_in = Rules(self.guardian)
        return Answered(stands_in.decide(situation), 0, policy=stands_in.name)


@dataclass(frozen=True, slots=True)
class Forked:
    """Answers a branch: as its parent was answered up to one situation, otherwise there, and then as its mode says."""

    name: str
    situation: int
    """Number of the situation at which the branch leaves."""
    calls: Answered
    before: Answer
    after: Answer | None
    """``None``: nobody is asked after the fork."""

    def answer(self, situation: Situation) -> Answered:
        """Return the answer to one of the branch's situations."""
        if situation.situation < self.situation:
            return self.before.answer(situation)
        if situation.situation == self.situation:
            return self.calls
        return _NOBODY if self.after is None else self.after.answer(situation)


_NOBODY: Final = Answered((NoAction(reason="nobody was asked"),), 0, policy="nobody")
"""Takes back what a trigger asked; no row of it is kept."""


@dataclass(frozen=True, slots=True)
class Branch:
    """How the account half of a branch is run."""

    answer: Answer
    standing: Plan = ()
    """Interventions that stand though nobody was asked."""
    asked_last: int | None = None
    """Situation after which nobody is asked; ``None`` when somebody always is."""

    def run(
        self,
        market: Market,
        inputs: AccountInputs,
        settings: Settings,
        *,
        acts: Sequence[tuple[int, Act]] = (),
        progress: Progress = silent,
    ) -> AccountRun:
        """Run the branch over the whole market."""
        done = run_account(market, inputs, settings, self.answer, acts=acts, standing=self.standing, progress=progress)
        if self.asked_last is None:
            return done
        last = self.asked_last
        tables = dict(done.tables)
        for name in _OF_THE_ASKED:
            tables[name] = tables[name][tables[name]["situation"] <= last]
        return replace(done, tables=tables, checkpoints=[one for one in done.checkpoints if one.situation <= last])


def branch(parent: Parent, asked: Answer, plan: Plan = (), *, later: Answer | None = None) -> Branch:
    """Return how a branch is run.

    Args:
        parent: where it left, and what it did there.
        asked: who answers wherever somebody is asked.
        plan: of the parent; what of it answers later situations stands in a frozen branch.
        later: who answers the branch's own situations, where that is not who answered its parent's.
    """
    if parent.mode != FROZEN:
        return Branch(_forked(parent, asked, later or asked))
    standing = tuple(entry for entry in plan if entry.situation > parent.situation)
    return Branch(_forked(parent, asked, None), standing, parent.situation)


def branch_of(
    root: Path, run: Run, settings: Settings, market: Market, asked: Callable[[Run], Answer]
) -> Branch | None:
    """Return how a recorded run is run again, when it is a branch.

    Args:
        root: the data root, for the parent of a frozen branch.
        run: any recorded run.
        settings: its settings.
        market: it was made on.
        asked: who answers a run's situations, were it none.

    Raises:
        DataError: it is frozen and its parent is not here, or is not the run that it left.
    """
    parent = run.manifest.parent
    if parent is None or parent.calls is None:
        return None
    answer = known_answers(asked(run), settings)
    plan = _plan_of_parent(root, run, parent, market, settings) if parent.mode == FROZEN else ()
    return branch(parent, answer, plan)


def is_frozen_branch(run: Run) -> bool:
    """Tell whether nobody was asked in a run after its fork, so that not all that stands in it was answered there."""
    return run.manifest.parent is not None and run.manifest.parent.mode == FROZEN


def known_answers(answer: Answer, settings: Settings) -> Answer:
    """Return who answers a branch where a run's policy did: of a model what it said, and the guardian beside it."""
    if not isinstance(answer, GivenAnswers):
        return answer
    given = answer.answers
    return Cached(answer.name, lambda situation: given.get(situation.situation), settings.policy.guardian, [])


def plan_of(tables: Tables, market: Market, settings: Settings) -> Plan:
    """Return what stood in an account: its interventions until each ended, and the halts for failed answers.

    Args:
        tables: records of the kinds ``interventions`` and ``advice``.
        market: the account's.
        settings: the account's.
    """
    rows = tables["interventions"]
    revoked = {int(row["intervention"]): int(row["event_time"]) for row in rows if row["change"] == Change.REVOKED}
    found = []
    for row in rows[rows["change"] == Change.APPLIED]:
        number = int(row["intervention"])
        # Revoked after a tick has closed, it no longer stands at the next one: expiry takes it away there.
        expires = revoked[number] + 1 if number in revoked else int(row["expires"])
        found.append(
            Planned(
                tick=_tick(market, row["event_time"]),
                tool=int(row["tool"]),
                symbol=int(row["symbol"]),
                value=float(row["value"]),
                expires=expires,
                number=number,
                situation=int(row["situation"]),
            )
        )
    halts_for = settings.policy.ttl_hours * MICROS_PER_HOUR
    for row in tables["advice"]:
        if str(row["policy"]) == HALTED and not row["late"]:
            time, situation = int(row["event_time"]), int(row["situation"])
            found.append(
                Planned(_tick(market, time), int(HALT_ACCOUNT), ALL_SYMBOLS, 0.0, time + halts_for, 0, situation)
            )
    return tuple(sorted(found, key=lambda entry: (entry.tick, entry.number)))


def stated_calls(calls: Sequence[ToolCall]) -> tuple[dict[str, Any], ...]:
    """Return calls as a manifest states them."""
    return tuple({"tool": call.code.name.lower(), **call.model_dump(exclude_none=True)} for call in calls)


def _forked(parent: Parent, asked: Answer, after: Answer | None) -> Answer:
    before = asked
    if parent.parent is not None and parent.parent.situation < parent.situation:
        # Its parent's own fork lies before this one, so that the parent was still asked there: it is adaptive.
        before = _forked(parent.parent, asked, asked)
    try:
        calls = tuple(call_of(fields) for fields in parent.calls or ())
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise DataError(f"the calls at the fork are none of the palette ({first}). Restore the manifest.") from None
    taken = Answered(calls, parent.latency or 0, policy=WHAT_IF)
    return Forked(asked.name, parent.situation, taken, before, after)


def _plan_of_parent(root: Path, run: Run, parent: Parent, market: Market, settings: Settings) -> Plan:
    try:
        origin = open_run(root, parent.run)
    except ConfigurationError:
        raise DataError(
            f"run {run.name!r} is a frozen branch of {parent.run!r} (digest {parent.digest}), which is not here: what "
            "stands in it is that run's. Put it back beside the branch."
        ) from None
    if origin.manifest.digest != parent.digest:
        raise DataError(
            f"run {run.name!r} is a frozen branch of {parent.run!r} with digest {parent.digest}; the run of that name "
            f"here has {origin.manifest.digest or 'none yet'}. Put the right one back, or make the branch again."
        )
    return plan_of({kind: origin.rows(kind) for kind in ("interventions", "advice")}, market, settings)


def _tick(market: Market, time: npt.NDArray[np.int64] | int) -> int:
    return int((int(time) - market.start) // market.interval)
