"""Frozen arms: nobody is asked in the branch, what was answered to recorded situations stands."""

import numpy as np
import pytest

from alphastrike.engine.advice import AskedPolicy
from alphastrike.journal.codes import CallVerdict, Change
from alphastrike.model.errors import ConfigurationError
from alphastrike.policy.policies import Answered, NoLlm, Random
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import Advice, DisableShorts
from alphastrike.runs.model_calls import situations_of
from alphastrike.runs.recorder import recorded_settings
from alphastrike.runs.registry import market_of
from replay.compare import Arm, Comparison, first_difference
from replay.effect import Tables
from replay.frozen import FrozenAnswers, frozen_answers
from replay.rerun import compare, replayed
from reports.counterfactual import as_json
from tests.replay.runs import SEEDED, RecordedRuns

MOVED = ("equity", "fills", "trades", "orders", "interventions", "leverage", "funding_payments", "halts")


@pytest.fixture(scope="module")
def frozen(recorded: RecordedRuns) -> Comparison:
    run = recorded.open("guarded")
    return compare(recorded.root, run, ["no-llm", "recorded", SEEDED, "rules"], mode="frozen", threads=2)


def arm(comparison: Comparison, name: str) -> Arm:
    return next(each for each in comparison.arms if each.name == name)


@pytest.mark.parametrize("name", ["guarded", "slow", "late", "broken"])
def test_frozen_answers_as_recorded_give_the_run_again_bit_for_bit(recorded: RecordedRuns, name: str) -> None:
    comparison = compare(recorded.root, recorded.open(name), ["recorded"], mode="frozen")
    factual, again = comparison.arms
    for kind in MOVED:
        assert first_difference(_only(factual, kind), _only(again, kind)) == ""
    assert comparison.effects[0].identical


def test_asking_the_recorded_policy_what_it_was_asked_gives_the_whole_run_again(frozen: Comparison) -> None:
    assert first_difference(frozen.factual, arm(frozen, "rules (again)")) == ""


def test_every_recorded_situation_is_answered_and_no_other(frozen: Comparison) -> None:
    asked = frozen.factual.tables["situations"]
    for other in frozen.arms[1:]:
        assert np.array_equal(other.tables["situations"], asked)
        assert set(other.tables["advice"]["situation"]) <= set(asked["situation"])


def test_calls_carry_the_numbers_of_the_interventions_they_became(frozen: Comparison) -> None:
    made = arm(frozen, SEEDED).tables
    began = made["interventions"][made["interventions"]["change"] == Change.APPLIED]
    calls = made["tool_calls"][made["tool_calls"]["intervention"] > 0]
    assert len(calls) >= 5
    assert sorted(calls["intervention"]) == sorted(began["intervention"])
    by_number = {int(row["intervention"]): row for row in began}
    for call in calls:
        stood = by_number[int(call["intervention"])]
        assert (stood["tool"], stood["symbol"], stood["value"]) == (call["tool"], call["symbol"], call["value"])
        assert stood["event_time"] == call["event_time"]


def test_frozen_and_adaptive_agree_until_the_first_situation_that_was_not_recorded(
    recorded: RecordedRuns, frozen: Comparison
) -> None:
    adaptive = compare(recorded.root, recorded.open("guarded"), [SEEDED])
    one, other = (arm(each, SEEDED).tables["equity"] for each in (adaptive, frozen))
    first = np.flatnonzero(one["equity"] != other["equity"])[0]
    answered = arm(frozen, SEEDED).tables["interventions"]["event_time"][0]
    assert one["event_time"][first] > answered


def test_the_mode_stands_beside_every_number(frozen: Comparison) -> None:
    told = as_json(frozen)
    assert told["mode"] == "frozen"
    assert {effect["mode"] for effect in told["effects"]} == {"frozen"}


def test_threads_change_nothing(recorded: RecordedRuns, frozen: Comparison) -> None:
    run = recorded.open("guarded")
    alone = compare(recorded.root, run, ["no-llm", "recorded", SEEDED, "rules"], mode="frozen", threads=1)
    assert as_json(alone) == as_json(frozen)


def test_the_oracle_is_refused_where_it_would_be_asked_of_another_account(recorded: RecordedRuns) -> None:
    with pytest.raises(ConfigurationError, match="Choose --mode adaptive"):
        replayed(recorded.root, recorded.open("guarded"), ["oracle"], mode="frozen")


class Slow:
    """Answers after some hours."""

    name = "slow"

    def __init__(self, hours: int) -> None:
        self.hours = hours

    def decide(self, situation: Situation) -> Advice:
        return (DisableShorts(symbol=situation.focus, reason="in time or not"),)

    def answer(self, situation: Situation) -> Answered:
        return Answered(self.decide(situation), self.hours * 3_600_000_000)


class Silly:
    """Says nothing that stands."""

    name = "silly"

    def answer(self, _situation: Situation) -> Answered:
        return Answered((DisableShorts(symbol="NOPEUSDT", reason="unknown here"),), 0)


def answered(recorded: RecordedRuns, answer: object, name: str = "guarded") -> tuple[FrozenAnswers, Tables]:
    run = recorded.open(name)
    tables = {kind: run.rows(kind) for kind in ("situations", "situation_symbols", "interventions")}
    settings = recorded_settings(run)
    found = situations_of(tables, run.symbols, settings)
    return frozen_answers(answer, found, settings, market_of(recorded.root, run)), tables  # type: ignore[arg-type]


def test_an_answer_stands_from_when_it_came(recorded: RecordedRuns) -> None:
    at_once, _ = answered(recorded, Slow(0))
    later, _ = answered(recorded, Slow(0), "slow")
    assert len(at_once.plan) >= 10
    assert all(entry.expires > 0 for entry in (*at_once.plan, *later.plan))
    market = market_of(recorded.root, recorded.open("guarded"))
    for entry, row in zip(at_once.plan, at_once.tables["tool_calls"], strict=True):
        assert market.start + entry.tick * market.interval == row["event_time"]
        assert entry.expires - row["event_time"] == row["ttl_hours"] * 3_600_000_000


def test_a_late_answer_is_told_and_the_guardian_answers_at_the_deadline(recorded: RecordedRuns) -> None:
    late, tables = answered(recorded, Slow(48))
    advice = late.tables["advice"]
    assert set(advice["policy"][advice["late"] == 0]) == {"rules"}
    assert set(advice["policy"][advice["late"] == 1]) == {"slow"}
    acted = advice[advice["late"] == 0]
    deadlines = {int(row["situation"]): int(row["deadline"]) for row in tables["situations"]}
    assert all(int(row["event_time"]) >= deadlines[int(row["situation"])] for row in acted)


def test_an_answer_of_which_nothing_stands_is_replaced_by_the_guardians(recorded: RecordedRuns) -> None:
    silly, tables = answered(recorded, Silly())
    calls = silly.tables["tool_calls"]
    rejected = calls[calls["verdict"] == CallVerdict.REJECTED]
    assert len(rejected) == len(tables["situations"])
    assert set(silly.tables["advice"]["policy"]) == {"rules"}
    guardian, _ = answered(recorded, Slow(48))
    assert [entry[1:4] for entry in silly.plan] == [entry[1:4] for entry in guardian.plan]


def test_nothing_stands_where_nobody_acts(recorded: RecordedRuns) -> None:
    nobody, tables = answered(recorded, AskedPolicy(NoLlm()))
    assert nobody.plan == ()
    assert len(nobody.tables["advice"]) == len(tables["situations"])
    drawn, _ = answered(recorded, AskedPolicy(Random(3)))
    assert len(drawn.plan) > 0


def _only(arm: Arm, kind: str) -> Arm:
    return Arm(arm.name, arm.policy, {kind: arm.tables[kind]}, "")
