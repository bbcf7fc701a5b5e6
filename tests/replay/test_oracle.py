"""The oracle: an arm that answers with hindsight, from forks of its own account."""

import math

import numpy as np
import pytest

from alphastrike.engine.advice import AskedPolicy
from alphastrike.engine.history import AccountRun, Checkpoint, run_account
from alphastrike.model.errors import ConfigurationError
from alphastrike.policy.actions import action_grid
from alphastrike.policy.naming import policy_named
from alphastrike.runs.model_calls import situations_of
from replay.cases import intervention_at
from replay.ground import Ground, ground_of
from replay.horizons import PRIMARY, ticks_ahead
from replay.oracle import HINDSIGHT, ORACLE, Oracle, oracles
from replay.rerun import compare
from replay.verdict import verdicts
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


def test_a_replay_calls_it_hindsight_wherever_it_shows(recorded: RecordedRuns, done: AccountRun) -> None:
    compared = compare(recorded.root, recorded.open("guarded"), ["oracle"])
    (arm,) = compared.arms[1:]
    assert arm.name == HINDSIGHT == compared.effects[0].arm
    assert np.array_equal(arm.tables["equity"], done.tables["equity"])
    assert all("upper bound" in verdict.headline for verdict in verdicts(compared))


def test_it_is_named_as_policies_are(recorded: RecordedRuns) -> None:
    run = recorded.open("guarded")
    made = policy_named("oracle", others=oracles(recorded.root, run))
    assert isinstance(made, Oracle)
    assert made.name == "oracle"
    with pytest.raises(ConfigurationError, match="option 'seed' is unknown"):
        policy_named("oracle:seed=3", others=oracles(recorded.root, run))
