"""The situation suite: every action of every situation valued alone, exactly, and regret that noise does not feed."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from alphastrike.engine.history import Checkpoint, run_account
from alphastrike.engine.plans import Plan
from alphastrike.engine.state import restored, views
from alphastrike.journal.codes import Rule
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.policy.actions import action_grid
from replay.branch import Fork, run_branches
from replay.cases import CHOSEN, Case, cases_of, label_of
from replay.decisions import Suite, decision_of, log_advantage, suite_of
from replay.ground import Ground, ground_of
from replay.horizons import SUITE_HORIZONS, ticks_ahead
from replay.inference.clusters import cluster_error, episode_sums
from replay.regret import half_sample
from tests.replay.runs import RecordedRuns

NAMES = ("guarded", "slow", "broken")
SHORT = [place for place, horizon in enumerate(SUITE_HORIZONS) if horizon.micros is not None]


@pytest.fixture(scope="module")
def grounds(recorded: RecordedRuns) -> dict[str, Ground]:
    return {name: ground_of(recorded.root, recorded.open(name)) for name in NAMES}


@pytest.fixture(scope="module")
def suites(recorded: RecordedRuns, grounds: dict[str, Ground]) -> dict[str, Suite]:
    return {name: suite_of(recorded.open(name), grounds[name]) for name in NAMES}


@pytest.fixture(scope="module")
def cases(recorded: RecordedRuns, grounds: dict[str, Ground]) -> dict[str, list[Case]]:
    return {name: cases_of(recorded.open(name), grounds[name]) for name in NAMES}


def alone(ground: Ground, fork: Fork, plan: Plan) -> np.ndarray:
    """Equity by tick after the fork under one plan, through the engine's loop over history."""
    start = Checkpoint(0, fork.tick, 0, fork.state)
    made = run_account(ground.market, ground.inputs, ground.settings, None, start=start, standing=plan)
    equity: np.ndarray = made.tables["equity"]["equity"]
    return equity


@pytest.mark.parametrize("name", NAMES)
def test_an_action_is_worth_what_a_full_run_with_it_alone_gains_bit_for_bit(
    name: str, grounds: dict[str, Ground], suites: dict[str, Suite], cases: dict[str, list[Case]]
) -> None:
    ground = grounds[name]
    for decision, case in list(zip(suites[name].decisions, cases[name], strict=True))[::9]:
        nothing = alone(ground, case.fork, ())
        ticks = ticks_ahead(SUITE_HORIZONS, case.fork.tick, ground.market.interval, ground.market.ticks)
        for action in decision.actions:
            equity = alone(ground, case.fork, action.plan)
            for tick, value in zip(ticks, action.advantage, strict=True):
                if tick is None:
                    assert math.isnan(value)
                else:
                    row = tick - case.fork.tick - 1
                    assert value == log_advantage(equity[row], nothing[row])


@pytest.mark.parametrize("name", NAMES)
def test_what_does_nothing_is_worth_exactly_nothing(
    name: str, suites: dict[str, Suite], grounds: dict[str, Ground]
) -> None:
    assert len(suites[name].decisions) == len(grounds[name].forks) > 20
    for decision in suites[name].decisions:
        first = decision.actions[0]
        assert first.label == "no_action"
        assert all(value == 0.0 or math.isnan(value) for value in first.advantage)
        for action in decision.actions:
            assert math.isfinite(action.advantage[-1])


def test_an_action_that_never_binds_is_worth_exactly_nothing(
    grounds: dict[str, Ground], suites: dict[str, Suite], cases: dict[str, list[Case]]
) -> None:
    ground, idle, bound = grounds["guarded"], 0, 0
    for decision, case in list(zip(suites["guarded"].decisions, cases["guarded"], strict=True))[::11]:
        nothing = alone(ground, case.fork, ())
        for action in decision.actions[1:]:
            never_binds = bool(np.array_equal(alone(ground, case.fork, action.plan), nothing))
            is_nothing = all(value == 0.0 or math.isnan(value) for value in action.advantage)
            assert is_nothing or not never_binds
            idle += never_binds
            bound += not is_nothing
    assert idle > 10
    assert bound > 10


def test_replacing_an_answer_by_itself_changes_nothing(
    grounds: dict[str, Ground], cases: dict[str, list[Case]]
) -> None:
    ground = grounds["slow"]
    last = ground.market.ticks - 1
    for case in cases["slow"]:
        number = case.situation.situation
        own = next(action for action in case.actions if action.is_chosen)
        others = tuple(entry for entry in ground.plan if entry.situation != number)
        replaced = tuple(sorted((*others, *own.plan), key=lambda entry: entry.tick))
        if case.fork.tick < last:
            found = run_branches(ground, ground.forks[number], [ground.plan, replaced], [last]).samples["equity"]
            assert found[0, 0] == found[1, 0]


def test_the_answer_is_one_of_the_grid_where_it_says_the_same(suites: dict[str, Suite]) -> None:
    # The random policy draws from the grid; the guardian asks for other times than the grid does, here and there.
    assert all(decision.chosen != CHOSEN for decision in suites["slow"].decisions)
    assert len({decision.chosen for decision in suites["slow"].decisions}) > 5
    assert {decision.chosen for decision in suites["guarded"].decisions} == {
        CHOSEN,
        "adjust_position_size:multiplier=0.5",
    }
    for suite in suites.values():
        for decision in suite.decisions:
            assert [action.label for action in decision.actions if action.is_chosen] == [decision.chosen]


def test_every_action_of_the_stated_grid_is_tried(suites: dict[str, Suite], cases: dict[str, list[Case]]) -> None:
    for decision, case in zip(suites["guarded"].decisions, cases["guarded"], strict=True):
        labels = [label_of(call.code, call.value) for call in action_grid(case.situation, "stated")]
        assert [action.label for action in decision.actions if action.label != CHOSEN] == labels
    assert suites["guarded"].grid == tuple(labels)


def test_every_action_acts_when_the_answer_did(grounds: dict[str, Ground], suites: dict[str, Suite]) -> None:
    # Answers of the slow run take 90 minutes, so at hourly bars they act at the second tick.
    ground = grounds["slow"]
    for decision in suites["slow"].decisions:
        if decision.asked + 2 * MICROS_PER_HOUR < ground.time_of(ground.market.ticks - 1):
            acted = {entry.tick for action in decision.actions for entry in action.plan}
            assert acted == {ground.tick_of(decision.asked) + 2}


@pytest.mark.parametrize("name", NAMES)
def test_regret_is_the_best_less_the_chosen(name: str, suites: dict[str, Suite]) -> None:
    for decision in suites[name].decisions:
        chosen = decision.action(decision.chosen)
        assert chosen is not None
        for place in range(len(SUITE_HORIZONS)):
            best = decision.action(decision.best[place])
            if best is None:
                assert math.isnan(decision.regret[place])
                continue
            assert decision.regret[place] == best.advantage[place] - chosen.advantage[place] >= 0.0
            assert best.advantage[place] == max(action.advantage[place] for action in decision.actions)


def test_a_horizon_beyond_the_market_is_left_open_and_counted(
    suites: dict[str, Suite], grounds: dict[str, Ground]
) -> None:
    suite, ground = suites["guarded"], grounds["guarded"]
    end = ground.time_of(ground.market.ticks - 1)
    for place in SHORT:
        reach = SUITE_HORIZONS[place].micros
        assert reach is not None
        within = [decision for decision in suite.decisions if decision.asked + reach <= end]
        assert suite.regrets[place].situations == len(within) < len(suite.decisions) + (place == 0)
        assert all(math.isnan(each.regret[place]) == (each not in within) for each in suite.decisions)
    assert suite.regrets[-1].situations == len(suite.decisions)


def test_the_suite_does_not_depend_on_the_number_of_threads(
    recorded: RecordedRuns, suites: dict[str, Suite], grounds: dict[str, Ground]
) -> None:
    assert suite_of(recorded.open("guarded"), grounds["guarded"], threads=3) == suites["guarded"]


def test_one_situation_is_valued_as_among_all(
    recorded: RecordedRuns, suites: dict[str, Suite], grounds: dict[str, Ground]
) -> None:
    alone = decision_of(recorded.open("guarded"), grounds["guarded"], 5)
    # By itself it is in a cluster with nobody.
    assert replace(alone, cluster=0) == replace(suites["guarded"].decisions[4], cluster=0)
    with pytest.raises(ConfigurationError, match="no situation 999: there are 1 to"):
        decision_of(recorded.open("guarded"), grounds["guarded"], 999)


def test_a_missing_checkpoint_is_said(recorded: RecordedRuns, grounds: dict[str, Ground]) -> None:
    forks = {number: fork for number, fork in grounds["guarded"].forks.items() if number != 7}
    with pytest.raises(DataError, match="no checkpoint of its situation 7"):
        suite_of(recorded.open("guarded"), replace(grounds["guarded"], forks=forks))


def test_what_was_revoked_later_ends_in_the_branches_when_it_was_revoked(
    recorded: RecordedRuns, grounds: dict[str, Ground], cases: dict[str, list[Case]]
) -> None:
    ground = grounds["guarded"]
    symbols = len(ground.market.symbols)

    def ends(case: Case) -> dict[int, int]:
        live = views(restored(case.fork.state, symbols), symbols).interventions
        return {int(one["intervention"]): int(one["expires"]) for one in live if one["intervention"]}

    busy = next(case for case in cases["guarded"] if ends(case))
    number, expires = next(iter(ends(busy).items()))
    plan = tuple(
        entry._replace(expires=expires - MICROS_PER_HOUR) if entry.number == number else entry for entry in ground.plan
    )
    revoked = cases_of(recorded.open("guarded"), replace(ground, plan=plan))[busy.situation.situation - 1]
    assert ends(revoked) == {**ends(busy), number: expires - MICROS_PER_HOUR}


def test_situations_in_which_an_action_still_stands_are_one_cluster(suites: dict[str, Suite]) -> None:
    decisions = suites["guarded"].decisions
    for earlier, later in pairwise(decisions):
        until = max(
            entry.expires
            for each in decisions
            if each.asked <= earlier.asked
            for action in each.actions
            for entry in action.plan
        )
        assert later.cluster == earlier.cluster + (later.asked >= until)


def noise(generator: np.random.Generator, situations: int, actions: int) -> np.ndarray:
    """Advantages without any effect: one draw a cluster of three situations beside one of each."""
    shared = np.repeat(generator.normal(size=(situations // 3, actions)), 3, axis=0)
    values = shared + generator.normal(size=(situations, actions))
    values[:, 0] = 0.0
    made: np.ndarray = values
    return made


def test_under_noise_naive_regret_is_positive_and_half_sample_regret_is_none() -> None:
    generator = np.random.default_rng(7)
    clusters = np.repeat(np.arange(20), 3)
    naive, in_sample, corrected, errors = [], [], [], []
    for _ in range(150):
        values = noise(generator, 60, 12)
        rules = generator.integers(0, 3, 60)
        chosen = values[np.arange(60), generator.integers(0, 12, 60)]
        gained = half_sample(values, chosen, rules, clusters, splits=20).gained
        best = [int(np.argmax(values[rules == rule].mean(axis=0))) for rule in range(3)]
        naive.append(np.mean(values.max(axis=1) - chosen))
        in_sample.append(np.mean(values[np.arange(60), np.array(best)[rules]] - chosen))
        corrected.append(np.mean(gained))
        errors.append(cluster_error(*episode_sums(gained, clusters)))
    spread = float(np.std(corrected) / math.sqrt(len(corrected)))
    assert abs(np.mean(corrected)) < 3.0 * spread
    assert np.mean(naive) > 20.0 * spread
    assert np.mean(naive) > np.mean(in_sample) > 10.0 * spread
    # The error that is printed is of the size of what is seen over worlds, choices taken as given.
    assert 0.5 < np.mean(errors) / np.std(corrected) < 1.5


def test_half_sample_regret_finds_what_is_there() -> None:
    generator = np.random.default_rng(8)
    clusters = np.repeat(np.arange(30), 3)
    values = 0.3 * noise(generator, 90, 10)
    rules = np.repeat(np.arange(2), 45)
    values[:45, 4] += 1.0
    values[45:, 7] += 2.0
    found = half_sample(values, np.zeros(90), rules, clusters)
    assert found.gained[:45].mean() == pytest.approx(values[:45, 4].mean())
    assert found.gained[45:].mean() == pytest.approx(values[45:, 7].mean())
    assert found.chosen[0].argmax() == 4
    assert found.chosen[1].argmax() == 7


def test_a_rule_seen_in_one_half_only_is_answered_by_nothing_in_the_other() -> None:
    values = np.array([[0.0, 5.0], [0.0, 3.0], [0.0, 3.0]])
    found = half_sample(values, np.array([1.0, 0.0, 0.0]), np.array([0, 1, 1]), np.array([0, 1, 2]), splits=50)
    assert found.gained[0] == -1.0
    # The one situation of rule 0 is chosen on by itself and valued nowhere else.
    assert found.chosen[0].tolist() == [0, 50]


def test_a_lost_account_counts_as_a_cent() -> None:
    assert log_advantage(-5.0, 100.0) == math.log(0.01 / 100.0)
    assert log_advantage(0.0, -1.0) == 0.0


def test_choices_are_made_by_rule(suites: dict[str, Suite]) -> None:
    for regret in suites["guarded"].regrets:
        assert [choice.rule for choice in regret.choices] == sorted({each.rule for each in suites["guarded"].decisions})
        assert sum(choice.situations for choice in regret.choices) == regret.situations
        assert all(choice.label in suites["guarded"].grid and 0.0 <= choice.share <= 1.0 for choice in regret.choices)
        assert regret.naive >= regret.in_sample
        if regret.half_sample_interval is not None:
            assert regret.half_sample_interval.mean == pytest.approx(regret.half_sample)
        assert isinstance(regret.choices[0].rule, Rule)
