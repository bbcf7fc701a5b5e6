"""Frozen arms: a policy answers the situations of the recorded run, and nobody is asked in the branch.

Its answers are judged as the engine judges them, and stand from the time they would have acted until they expire. What
the branch's own triggers would have said is not heard: the arm differs from the run by these answers alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.config.settings import Settings
from alphastrike.engine.advice import HALTED, NO_CALL, Answer, Calls
from alphastrike.engine.codes import HALT_ACCOUNT
from alphastrike.engine.plans import Plan, Planned
from alphastrike.journal.codes import CallVerdict, Change, Tool
from alphastrike.journal.kinds import KINDS
from alphastrike.market.market import Market
from alphastrike.model.units import ALL_SYMBOLS, MICROS_PER_HOUR
from alphastrike.policy.faults import Fault
from alphastrike.policy.guardian import Rules
from alphastrike.policy.interventions import Judged, effective_controls, judge_advice
from alphastrike.policy.policies import Answered, NoLlm
from alphastrike.policy.situation import LiveIntervention, Situation
from alphastrike.policy.tools import SEVERITIES, RejectedCall
from alphastrike.runs.model_facts import NOT_IN_TIME

Tables = dict[str, npt.NDArray[Any]]

ASKED_KINDS: Final = ("situations", "situation_symbols", "advice", "tool_calls", "alerts")
"""Kinds with rows only where somebody was asked: of a frozen arm, the recorded situations with its own answers."""


@dataclass(frozen=True, slots=True)
class FrozenAnswers:
    """What a policy said to recorded situations, and what stands by it."""

    plan: Plan
    tables: Tables
    """``advice``, ``tool_calls`` and ``alerts``, as an arm that was asked would have written them."""


def frozen_answers(
    answer: Answer, situations: Sequence[Situation], settings: Settings, market: Market, pins: Plan = ()
) -> FrozenAnswers:
    """Let a policy answer situations as recorded.

    Calls are judged against what stands by its own answers and by ``pins``, those of a person. Answers that would act
    beyond the market's end are left out, as they are of a run.
    """
    written = _Written(settings, market, pins)
    due = []
    for situation in situations:
        answered = answer.answer(situation)
        arrives = max(situation.event_time + answered.latency_us, situation.event_time)
        is_late = arrives > situation.deadline
        due.append((min(arrives, situation.deadline), situation.situation, situation, answered, is_late))
        if is_late:
            written.late(situation, answered.policy or answer.name, arrives)
    for time, _, situation, answered, is_late in sorted(due, key=lambda one: one[:2]):
        written.act(situation, answered, answer.name, time, is_late=is_late)
    return FrozenAnswers(tuple(sorted(written.plan, key=lambda entry: entry.tick)), written.tables())


def numbered(answers: Tables, made: Mapping[str, npt.NDArray[Any]]) -> Tables:
    """Return the answers' tables with the numbers that their interventions got when they came to stand.

    A call whose intervention found no free slot is rejected, as it is in a run.
    """
    calls = answers["tool_calls"].copy()
    began = made["interventions"][made["interventions"]["change"] == Change.APPLIED]
    stood = {
        (int(row["event_time"]), int(row["situation"]), int(row["tool"]), int(row["symbol"]), float(row["value"])): int(
            row["intervention"]
        )
        for row in began
    }
    for row in calls:
        if row["ttl_hours"] == 0:
            continue
        key = (row["event_time"], row["situation"], row["tool"], row["symbol"], row["value"])
        number = stood.get((int(key[0]), int(key[1]), int(key[2]), int(key[3]), float(key[4])), 0)
        row["intervention"] = number
        if number == 0:
            row["verdict"] = int(CallVerdict.REJECTED)
            row["rejection"] = f"{Fault.NO_SLOT}: no slot was free"
    return {**answers, "tool_calls": calls}


class _At(NamedTuple):
    """A tick."""

    tick: int
    seq: int
    time: int


class _Written:
    """What acted so far."""

    def __init__(self, settings: Settings, market: Market, pins: Plan) -> None:
        self._settings = settings
        self._market = market
        self._ttl = settings.policy.ttl_hours
        self._rows: dict[str, list[tuple[Any, ...]]] = {"advice": [], "tool_calls": [], "alerts": []}
        self.plan: list[Planned] = list(pins)

    def late(self, situation: Situation, name: str, time: int) -> None:
        """Journal an answer that came after its deadline."""
        if (at := self._at(time)) is not None:
            self._rows["advice"].append((*at[1:], situation.situation, name, situation.event_time, 0, 1, ""))

    def act(self, situation: Situation, answered: Answered, name: str, time: int, *, is_late: bool) -> None:
        """Let an answer act as ``engine.advice`` does: judged, or replaced by ``on_failure``."""
        at = self._at(time)
        if at is None:
            return
        tick, seq, now = at
        calls: Calls = answered.advice
        rejected: Calls = ()
        failure = answered.failed
        name = answered.policy or name
        if is_late:
            failure, calls = NOT_IN_TIME, ()
        elif failure:
            rejected = tuple(call for call in calls if isinstance(call, RejectedCall))
            calls = tuple(call for call in calls if not isinstance(call, RejectedCall))
        elif not answered.policy:
            verdicts = self._judged(calls, situation, at)
            if all(judged.verdict is CallVerdict.REJECTED for judged in verdicts):
                failure = f"{name} gave no call that stands: {verdicts[0].rejection}" if calls else NO_CALL
                rejected = tuple(
                    RejectedCall(judged.rejection, judged.tool, call.about, call.value, call.words)
                    for call, judged in zip(calls, verdicts, strict=True)
                )
        if failure and (is_late or not answered.policy):
            name, calls = self._fallback(situation)
        if name == HALTED:
            until = now + self._ttl * MICROS_PER_HOUR
            self.plan.append(Planned(tick, int(HALT_ACCOUNT), ALL_SYMBOLS, 0.0, until, 0, situation.situation))
        count = len(rejected) + len(calls)
        self._rows["advice"].append((seq, now, situation.situation, name, situation.event_time, count, 0, failure))
        verdicts = (
            *(self._judged((call,), situation, at)[0] for call in rejected),
            *self._judged(calls, situation, at),
        )
        for place, (call, judged) in enumerate(zip((*rejected, *calls), verdicts, strict=True)):
            self._rows["tool_calls"].append(
                (
                    seq, now, situation.situation, place, int(judged.tool), judged.symbol_id, judged.value,
                    judged.ttl_hours, int(judged.verdict), judged.rejection, call.words, 0,
                )
            )  # fmt: skip
            if judged.makes_intervention:
                expires = now + judged.ttl_hours * MICROS_PER_HOUR
                self.plan.append(
                    Planned(tick, int(judged.tool), judged.symbol_id, judged.value, expires, 0, situation.situation)
                )
            if judged.tool is Tool.SEND_ALERT and judged.verdict is not CallVerdict.REJECTED:
                severity = SEVERITIES[int(judged.value) - 1]
                self._rows["alerts"].append((seq, now, situation.situation, severity, call.words))

    def tables(self) -> Tables:
        """Return the rows in the order of their events."""
        return {
            name: np.array(sorted(rows, key=lambda row: row[0]), dtype=KINDS[name].record)
            for name, rows in self._rows.items()
        }

    def _at(self, time: int) -> _At | None:
        """Return the first tick at or after a time; ``None`` beyond the market's end."""
        tick = max(-((self._market.start - time) // self._market.interval), 0)
        if tick >= self._market.ticks:
            return None
        return _At(tick, int(self._market.tick_seq[tick]), self._market.start + tick * self._market.interval)

    def _judged(self, calls: Calls, situation: Situation, at: _At) -> tuple[Judged, ...]:
        live = [
            LiveIntervention(
                0,
                Tool(entry.tool),
                None if entry.symbol < 0 else situation.symbols[entry.symbol],
                entry.value,
                at.time,
                entry.expires,
            )
            for entry in self.plan
            if entry.tick <= at.tick and entry.expires > at.time and entry.tool != HALT_ACCOUNT
        ]
        controls = {symbol: effective_controls(situation.baseline, live, symbol) for symbol in situation.symbols}
        return judge_advice(calls, situation, controls, self._ttl)

    def _fallback(self, situation: Situation) -> tuple[str, Calls]:
        mode = self._settings.policy.on_failure
        if mode == "rules":
            guardian = Rules(self._settings.policy.guardian)
            return guardian.name, guardian.decide(situation)
        return f"on_failure:{mode}", NoLlm().decide(situation)
