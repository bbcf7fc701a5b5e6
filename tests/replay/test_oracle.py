"""The oracle: an arm that answers with hindsight, from forks of its own account."""

import math

import numpy as np
import pytest

from alphastrike.engine.advice import AskedPolicy
from alphastrike.engine.history import AccountRun, Checkpoint, run_account
from alphastrike.model.errors import ConfigurationError
from alphastrike.policy.actions import action_grid
from alphastrike.policy.naming import policy_named
from alphastrike.policy.tools import PaletteTool
from alphastrike.runs.model_calls import situations_of
from replay.cases import cases_of, intervention_at, label_of
from replay.decisions import suite_of
from replay.ground import Ground, ground_of
from replay.horizons import PRIMARY, SUITE_HORIZONS, ticks_ahead
from replay.oracle import ORACLE, Oracle, oracles
from tests.replay.runs import RecordedRuns


@pytest.fixture(scope="module")
def ground(recorded: RecordedRuns) -> Ground:
    return ground_of(recorded.root, recorded.open("guarded"))


def arm(ground: Ground, oracle: Oracle) -> AccountRun:
    asked = AskedPolicy(oracle, ground.settings.policy.latency_us)
    return run_account(ground.market, ground.inputs, ground.settings, asked)


@pytest.fixture(scope="module")
def done(ground: Ground) -> AccountRun:
    return arm(ground, Oracle(ground))


def test_every_answer_is_the_best_of_the_grid_a_week_ahead(ground: Ground, done: AccountRun) -> None:
    market = ground.market
    calls = {int(row["situation"]): row for row in done.tables["tool_calls"]}
    situations = situations_of(done.tables, market.symbols, ground.settings)
    assert len(situations) == len(calls) > 20
    checkpoints = {checkpoint.situation: checkpoint for checkpoint in done.checkpoints}
    ticks = [checkpoint.tick for checkpoint in done.checkpoints]
    alone = [each for each in situations if ticks.count(checkpoints[each.situation].tick) == 1]
    for situation in alone[::4]:
        start: Checkpoint = checkpoints[situation.situation]
        ahead = ticks_ahead((PRIMARY,), start.tick, market.interval, market.ticks)[0]
        stop = market.ticks if ahead is None else ahead + 1
        worth = {}
        for call in action_grid(situation, "tried"):
            plan, _ = intervention_at(ground, situation, call, start.tick)
            made = run_account(
                market, ground.inputs, ground.settings, None, start=start, standing=plan, until_tick=stop
            )
            worth[int(call.code), call.value] = float(made.tables["equity"]["equity"][-1])
        given = calls[situation.situation]
        assert worth[int(given["tool"]), float(given["value"])] == max(worth.values())


def test_it_answers_the_recorded_situations_where_nobody_is_asked_in_the_branch(
    recorded: RecordedRuns, ground: Ground
) -> None:
    run = recorded.open("guarded")
    suite = suite_of(run, ground)
    oracle = Oracle(ground)
    week = SUITE_HORIZONS.index(PRIMARY)
    agreed = 0
    for case, decision in zip(cases_of(run, ground), suite.decisions, strict=True):
        (call,) = oracle.answer(case.situation).advice
        assert isinstance(call, PaletteTool)
        given = decision.action(label_of(call.code, call.value))
        if given is not None and not math.isnan(given.advantage[week]):
            grid = [action.advantage[week] for action in decision.actions if action.label in suite.grid]
            assert given.advantage[week] == max(grid)
            agreed += 1
    assert agreed > 20


def test_its_reason_says_that_it_is_hindsight(done: AccountRun) -> None:
    assert all(str(row["reason"]).startswith("hindsight: +") for row in done.tables["tool_calls"])
    assert not any(done.tables["advice"]["failed"])


def test_one_oracle_begins_again_with_its_arm(ground: Ground, done: AccountRun) -> None:
    oracle = Oracle(ground)
    assert [arm(ground, oracle).state for _ in range(2)] == [done.state, done.state]


def test_it_answers_at_once_whatever_time_others_take(recorded: RecordedRuns) -> None:
    # Answers of this run's policy come after its deadline.
    late = ground_of(recorded.root, recorded.open("late"))
    advice = arm(late, Oracle(late)).tables["advice"]
    assert len(advice) > 20
    assert np.array_equal(advice["event_time"], advice["asked"])
    assert not advice["late"].any()
    assert set(advice["policy"]) == {ORACLE}


def test_what_it_gains_is_beyond_the_policies_that_cannot_look_ahead(ground: Ground, done: AccountRun) -> None:
    end = float(done.tables["equity"]["equity"][-1])
    for name in ("no-llm", "rules", "random:seed=1"):
        asked = AskedPolicy(policy_named(name))
        other = run_account(ground.market, ground.inputs, ground.settings, asked).tables["equity"]["equity"][-1]
        assert math.log(end / other) > 0.01


def test_it_is_named_as_policies_are(recorded: RecordedRuns) -> None:
    run = recorded.open("guarded")
    made = policy_named("oracle", others=oracles(recorded.root, run))
    assert isinstance(made, Oracle)
    assert made.name == "oracle"
    with pytest.raises(ConfigurationError, match="option 'seed' is unknown"):
        policy_named("oracle:seed=3", others=oracles(recorded.root, run))
