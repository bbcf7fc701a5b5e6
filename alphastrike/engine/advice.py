"""From an unanswered situation to interventions: ask, wait for the latency, judge, apply, journal."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from alphastrike.config.settings import Settings
from alphastrike.engine.control import apply_intervention, settle_situation
from alphastrike.engine.halting import halt_for_failed_policy
from alphastrike.engine.outputs import REDUCED, Out
from alphastrike.engine.situations import report
from alphastrike.engine.state import INTERVENTIONS, State
from alphastrike.journal.codes import CallVerdict, Tool
from alphastrike.journal.kinds import KINDS
from alphastrike.model.compiled import Records
from alphastrike.model.controls import Controls
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.policy.faults import Fault
from alphastrike.policy.guardian import Rules
from alphastrike.policy.interventions import Judged, judge_advice
from alphastrike.policy.policies import Answered, NoLlm, Policy, ask
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import SEVERITIES, RejectedCall, ToolCall

Rows = npt.NDArray[Any]

HALTED: Final = "on_failure:halt"
"""Stands as the policy of an advice that ``on_failure = halt`` gave."""


NO_CALL: Final = "the answer holds no call"

Calls = tuple[ToolCall | RejectedCall, ...]


class Answer(Protocol):
    """Whoever answers the situations of a run: a policy, or a recording of one."""

    @property
    def name(self) -> str:
        """The policy's name in the journal."""
        ...

    def answer(self, situation: Situation) -> Answered:
        """Return the answer with the market time it takes."""
        ...


@dataclass(frozen=True, slots=True)
class AskedPolicy:
    """A policy that answers after the configured latency."""

    policy: Policy
    latency_us: int = 0

    @property
    def name(self) -> str:
        """The policy's name."""
        return self.policy.name

    def answer(self, situation: Situation) -> Answered:
        """Ask the policy."""
        return ask(self.policy, situation, self.latency_us)


class Due(NamedTuple):
    """An answer on its way; ordered by when it acts, then by situation."""

    time: int
    situation: int
    scope: int
    rule: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A situation that was asked, and what was answered."""

    situation: Situation
    answered: Answered | None
    """``None`` while whoever answers is still thinking."""
    asked: int
    is_late: bool


class Advisor:
    """The policy's side of one account: what was asked, what is on its way, what came of it."""

    def __init__(
        self,
        settings: Settings,
        symbols: SymbolTable,
        answer: Answer,
        state: State,
        params: Records,
        out: Out,
        detail: int,
        *,
        shadow: bool = False,
        waits: bool = True,
    ) -> None:
        """Take the policy's part for an account.

        Args:
            settings: the run's.
            symbols: the run's symbol table.
            answer: whoever answers.
            state: the account's state.
            params: its packed parameters.
            out: where compiled code writes its rows.
            detail: ``outputs.FULL`` or ``outputs.REDUCED``.
            shadow: journal every advice and apply none.
            waits: the market stands still while the policy thinks. Otherwise only ``take_answer`` answers.
        """
        self._settings = settings
        self._symbols = symbols
        self._answer = answer
        self._state = state
        self._params = params
        self._out = out
        self._detail = detail
        self._shadow = shadow
        self._waits = waits
        self._waiting: dict[Due, Waiting] = {}
        self._late: list[tuple[int, Waiting]] = []
        self._overdue: dict[int, Waiting] = {}
        self._asked: set[int] = set()
        self._reported: dict[int, Situation] = {}
        self._rows: dict[str, list[Any]] = {name: [] for name in ("advice", "tool_calls", "alerts")}
        self._parts: dict[str, list[Rows]] = {name: [] for name in ("situations", "situation_symbols")}

    def unasked(self) -> list[int]:
        """Return the numbers of the situations in the state that nobody has been asked about yet."""
        open_now = self._state.triggers["situation"]
        return sorted(int(number) for number in open_now[open_now != 0] if int(number) not in self._asked)

    @property
    def in_flight(self) -> tuple[Situation, ...]:
        """Situations that were asked and are not answered yet, as they were shown."""
        return tuple(self._waiting[due].situation for due in sorted(self._waiting))

    def remember(self, situations: Iterable[Situation]) -> None:
        """Take situations that were asked before a fork: they are asked again as they were shown then."""
        self._reported.update((situation.situation, situation) for situation in situations)

    def ask_all(self) -> list[Situation]:
        """Ask the policy about every situation that waits for it, in the order of their numbers; return them."""
        asked_now = []
        open_now = self._state.triggers["situation"]
        places = {int(open_now[scope, rule]): (int(scope), int(rule)) for scope, rule in np.argwhere(open_now)}
        for number in self.unasked():
            scope, rule = places[number]
            if number in self._reported:
                situation = self._reported.pop(number)
            else:
                situation, row, lines = report(self._state, self._settings, scope, rule, self._symbols)
                self._parts["situations"].append(row)
                self._parts["situation_symbols"].append(lines)
            self._asked.add(number)
            asked_now.append(situation)
            asked = int(self._state.triggers[scope, rule].asked)
            unanswered = Waiting(situation, None, asked, is_late=True)
            self._waiting[Due(situation.deadline, number, scope, rule)] = unanswered
            if self._waits:
                self.take_answer(number, self._answer.answer(situation))
        return asked_now

    def take_answer(self, number: int, answered: Answered) -> None:
        """Take the answer to a situation that was asked; it acts at its own time, or is late."""
        due = next((due for due in self._waiting if due.situation == number), None)
        waiting = self._overdue.pop(number, None) if due is None else self._waiting.pop(due)
        assert waiting is not None, f"situation {number} was not asked, or is answered already"
        arrives = max(waiting.asked + answered.latency_us, waiting.situation.event_time)
        is_late = arrives > waiting.situation.deadline
        given = Waiting(waiting.situation, answered, waiting.asked, is_late)
        if is_late:
            self._late.append((arrives, given))
        if due is not None:
            self._waiting[due._replace(time=min(arrives, waiting.situation.deadline))] = given

    @property
    def is_idle(self) -> bool:
        """Whether no answer is on its way: only then does the account's state say everything."""
        return not self._waiting and not self._late and not self._overdue

    def next_due(self) -> int | None:
        """Return the time of the next answer to act on, or ``None``."""
        times = [due.time for due in self._waiting] + [time for time, _ in self._late]
        return min(times, default=None)

    def apply_due(self, now: int) -> None:
        """Let every answer due at or before ``now`` act, in order of time and situation."""
        for due in sorted(self._waiting):
            if due.time <= now:
                self._apply(due, self._waiting.pop(due), now)
        come = sorted(
            (one for one in self._late if one[0] <= now), key=lambda one: (one[0], one[1].situation.situation)
        )
        for time, waiting in come:
            self._late.remove((time, waiting))
            number = waiting.situation.situation
            assert waiting.answered is not None
            name = waiting.answered.policy or self._answer.name
            self._row("advice", now, number, name, waiting.asked, 0, 1, "")

    def drained(self) -> dict[str, Rows]:
        """Return the rows written since the last time, and forget them."""
        tables = self.tables()
        for written in (*self._parts.values(), *self._rows.values()):
            written.clear()
        return tables

    def tables(self) -> dict[str, Rows]:
        """Return the rows of every kind that the advisor writes."""
        tables: dict[str, Rows] = {}
        for name, parts in self._parts.items():
            tables[name] = np.concatenate(parts) if parts else np.zeros(0, dtype=KINDS[name].record)
        for name, rows in self._rows.items():
            tables[name] = np.array(rows, dtype=KINDS[name].record)
        return tables

    def _apply(self, due: Due, waiting: Waiting, now: int) -> None:
        situation = waiting.situation
        answered = waiting.answered
        if answered is None:
            self._overdue[situation.situation] = waiting
            answered = Answered((), 0)
        name = answered.policy or self._answer.name
        calls: Calls = answered.advice
        rejected: Calls = ()
        failure = answered.failed
        if waiting.is_late:
            failure, calls = "no answer before the deadline", ()
        elif failure:
            rejected = tuple(call for call in calls if isinstance(call, RejectedCall))
            calls = tuple(call for call in calls if not isinstance(call, RejectedCall))
        elif not answered.policy:
            failure, rejected = self._all_rejected(calls, situation)
        if failure and (waiting.is_late or not answered.policy):
            name, calls = self._fallback(situation)
        if name == HALTED and not self._shadow:
            until = now + self._settings.policy.ttl_hours * MICROS_PER_HOUR
            halt_for_failed_policy(self._state, until, self._out, self._detail)
        settle_situation(self._state, due.scope, due.rule)
        self._row("advice", now, situation.situation, name, waiting.asked, len(rejected) + len(calls), 0, failure)
        # What a failed answer said is journaled before the calls that stand in for it, and takes none of their places.
        verdicts = (*(self._judged((call,), situation)[0] for call in rejected), *self._judged(calls, situation))
        for place, (call, judged) in enumerate(zip((*rejected, *calls), verdicts, strict=True)):
            self._take(situation, place, call, judged, now)

    def _judged(self, calls: Calls, situation: Situation) -> tuple[Judged, ...]:
        """Judge the calls of one answer against the controls of this moment."""
        leverage = float(self._state.account[0].leverage)
        return judge_advice(calls, situation, self._controls(), self._settings.policy.ttl_hours, leverage=leverage)

    def _all_rejected(self, calls: Calls, situation: Situation) -> tuple[str, Calls]:
        """Return why no call of an answer stands, with its calls as rejected; nothing when one does."""
        verdicts = self._judged(calls, situation)
        if any(judged.verdict is not CallVerdict.REJECTED for judged in verdicts):
            return "", ()
        cause = f"{self._answer.name} gave no call that stands: {verdicts[0].rejection}" if calls else NO_CALL
        rejected = tuple(
            RejectedCall(judged.rejection, judged.tool, call.about, call.value, call.words)
            for call, judged in zip(calls, verdicts, strict=True)
        )
        return cause, rejected

    def _fallback(self, situation: Situation) -> tuple[str, Calls]:
        mode = self._settings.policy.on_failure
        if mode == "rules":
            guardian = Rules(self._settings.policy.guardian)
            return guardian.name, guardian.decide(situation)
        return f"on_failure:{mode}", NoLlm().decide(situation)

    def _take(self, situation: Situation, place: int, call: Any, judged: Judged, now: int) -> None:
        """Apply one judged call and journal it."""
        number = 0
        if judged.makes_intervention and not self._shadow:
            expires = now + judged.ttl_hours * MICROS_PER_HOUR
            number = apply_intervention(
                self._state, self._params, situation.situation, int(judged.tool), judged.symbol_id, judged.value,
                expires, self._out, self._detail,
            )  # fmt: skip
        verdict, rejection = judged.verdict, judged.rejection
        if judged.makes_intervention and number == 0 and not self._shadow:
            verdict, rejection = CallVerdict.REJECTED, f"{Fault.NO_SLOT}: {INTERVENTIONS} interventions are live"
        self._row(
            "tool_calls", now, situation.situation, place, int(judged.tool), judged.symbol_id, judged.value,
            judged.ttl_hours, int(verdict), rejection, call.words, number,
        )  # fmt: skip
        if judged.tool is Tool.SEND_ALERT and verdict is not CallVerdict.REJECTED:
            self._row("alerts", now, situation.situation, SEVERITIES[int(judged.value) - 1], call.words)

    def _controls(self) -> dict[str, Controls]:
        """Return the effective controls of every symbol as they are now."""
        cap = float(self._state.account[0].leverage_cap)
        return {
            name: Controls(
                float(symbol.conviction_floor),
                float(symbol.size_multiplier),
                cap,
                bool(symbol.shorts_allowed),
                bool(symbol.asset_enabled),
            )
            for name, symbol in zip(self._symbols, self._state.symbols, strict=True)
        }

    def _row(self, kind: str, now: int, *fields: Any) -> None:
        if self._detail != REDUCED:
            self._rows[kind].append((int(self._state.account[0].market_seq), now, *fields))
