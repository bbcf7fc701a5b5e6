"""Policies that need a run: the recording, which answers every situation as it was answered then."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from alphastrike.journal.codes import CallVerdict, Rule, Tool
from alphastrike.journal.reader import Run
from alphastrike.model.compiled import Records
from alphastrike.model.errors import DataError
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import MICROS_PER_SECOND
from alphastrike.policy.faults import Fault
from alphastrike.policy.policies import Answered
from alphastrike.policy.recorded_answers import key_of
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import Advice, RejectedCall, ToolCall, call_from
from replay.effect import Tables

RECORDED = "recorded"


class Moment(NamedTuple):
    """What makes a situation the same one in another arm."""

    market_seq: int
    rule: Rule
    symbol: str | None


@dataclass(frozen=True)
class Recorded:
    """Answers as the run did, after the time the run's policy took; rejected calls come back as rejected."""

    run: str
    """Name of the run, for the one line of an error."""
    answers: Mapping[Moment, Answered]

    name: str = RECORDED

    @classmethod
    def of(cls, run: Run) -> "Recorded":
        """Read the answers of a run."""
        kinds = ("situations", "advice", "tool_calls")
        latencies = {}
        for row in run.rows("llm_answers"):
            number, is_followed = key_of(str(row["key"]))
            if not is_followed:
                latencies[number] = int(row["latency"])
        return cls(run.name, recorded_answers({kind: run.rows(kind) for kind in kinds}, run.symbols, latencies))

    def answer(self, situation: Situation) -> Answered:
        """Return the recorded answer.

        Raises:
            DataError: the run was never asked this.
        """
        moment = Moment(situation.market_seq, situation.rule, situation.symbol)
        if moment not in self.answers:
            where = situation.symbol or "account"
            raise DataError(
                f"run {self.run!r} holds no answer to {situation.rule.name.lower()} of {where} at market event "
                f"{situation.market_seq} ({situation.event_time / MICROS_PER_SECOND:.0f} s): it was made with another "
                f"version, or under another policy. `alphastrike verify {self.run}` names the first difference."
            )
        return self.answers[moment]

    def decide(self, situation: Situation) -> Advice:
        """Return the recorded calls that were no rejections, for a policy that speaks through this one."""
        return tuple(call for call in self.answer(situation).advice if not isinstance(call, RejectedCall))


def recorded_answers(
    tables: Tables, symbols: SymbolTable, latencies: Mapping[int, int] = MappingProxyType({})
) -> dict[Moment, Answered]:
    """Build the answers from the tables ``situations``, ``advice`` and ``tool_calls`` of a run.

    ``latencies`` are those that were measured, microseconds by situation: of two answers that act at one tick, the
    one that came first acts first.
    """
    acted: dict[int, Records] = {}
    late: dict[int, Records] = {}
    for row in tables["advice"]:
        (late if row["late"] else acted)[int(row["situation"])] = row
    calls = defaultdict(list)
    for row in tables["tool_calls"]:
        calls[int(row["situation"])].append(row)
    answers = {}
    for report in tables["situations"]:
        number = int(report["situation"])
        moment = Moment(int(report["market_seq"]), Rule(int(report["rule"])), symbols.name_of(int(report["symbol"])))
        answer = _answered(report, acted.get(number), late.get(number), calls[number], symbols)
        measured = latencies.get(number)
        answers[moment] = answer if measured is None else replace(answer, latency_us=measured)
    return answers


def _answered(
    report: Records, acted: Records | None, late: Records | None, calls: list[Records], symbols: SymbolTable
) -> Answered:
    if late is not None:
        # It comes after its deadline again, and ``on_failure`` answers again: only the delay is the recording's.
        return Answered((), int(late["event_time"] - late["asked"]), policy=str(late["policy"]))
    deadline = int(report["deadline"])
    if acted is None:
        # The run ended before anything answered; so does this one.
        return Answered((), deadline - int(report["event_time"]))
    # Advice acts at the first tick after it came, which may lie beyond the deadline it kept.
    came = min(int(acted["event_time"]), max(deadline, int(acted["asked"])))
    return Answered(
        tuple(_call(row, symbols, failed=bool(acted["failed"])) for row in calls),
        came - int(acted["asked"]),
        failed=str(acted["failed"]),
        policy=str(acted["policy"]),
    )


def _call(row: Records, symbols: SymbolTable, *, failed: bool) -> ToolCall | RejectedCall:
    tool = Tool(int(row["tool"]))
    about = symbols.name_of(int(row["symbol"]))
    rejection = str(row["rejection"])
    # One too many, or one without a free slot, was a sound call; the engine finds so again. What a failed answer
    # said stands beside the calls of whoever answered instead, and is not judged with them.
    sound = rejection.startswith(Fault.NO_SLOT) or (rejection.startswith(Fault.TOO_MANY) and not failed)
    if row["verdict"] == CallVerdict.REJECTED and not sound:
        return RejectedCall(rejection, tool, about, float(row["value"]), str(row["reason"]))
    return call_from(tool, about, float(row["value"]), str(row["reason"]), int(row["ttl_hours"]) or None)
