"""Frozen branches: the engine's own step under another plan, bit for bit, and nothing computed twice."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from alphastrike.engine.acts import Act
from alphastrike.engine.history import AccountRun, Checkpoint, run_account
from alphastrike.engine.lockstep import what_matters
from alphastrike.engine.plans import Plan, Planned
from alphastrike.engine.state import ACCOUNT
from alphastrike.journal.codes import Tool
from alphastrike.journal.inputs import OperatorAct
from alphastrike.model.errors import DataError
from alphastrike.model.units import ALL_SYMBOLS, MICROS_PER_DAY, MICROS_PER_HOUR
from replay.branch import NEVER, Fork, first_path, path_after, run_branches
from replay.ground import Ground, ground_of
from replay.horizons import HORIZONS, ticks_ahead
from tests.replay.runs import RecordedRuns


@pytest.fixture(scope="module")
def ground(recorded: RecordedRuns) -> Ground:
    return ground_of(recorded.root, recorded.open("guarded"))


def whole(ground: Ground, plan: Plan, fork: Fork | None = None) -> AccountRun:
    """Run a plan through the engine's loop over history, every table written."""
    start = None if fork is None else Checkpoint(0, fork.tick, 0, fork.state)
    return run_account(
        ground.market, ground.inputs, ground.settings, None, start=start, standing=plan, acts=ground.acts
    )


def lasts_beyond(ground: Ground, entry: Planned, hours: int) -> bool:
    return ground.tick_of(entry.expires) + hours < ground.market.ticks


@pytest.mark.parametrize("name", ["guarded", "slow", "late", "broken"])
def test_what_stood_in_the_run_gives_the_run_again(recorded: RecordedRuns, name: str) -> None:
    run = recorded.open(name)
    ground = ground_of(recorded.root, run)
    equity = run.rows("equity")
    ticks = range(ground.market.ticks)
    found = run_branches(ground, ground.beginning, [ground.plan], ticks).samples[0]
    assert len(ground.plan) > 10
    assert np.array_equal(found["equity"], equity["equity"])
    assert np.array_equal(found["price"], equity["price_pnl"])
    for part in ("fees", "slippage", "funding", "liquidation"):
        assert np.array_equal(found[part], 0.0 - equity[part])


def test_replacing_every_decision_by_itself_changes_nothing(recorded: RecordedRuns, ground: Ground) -> None:
    assert whole(ground, ground.plan).state == whole(ground, ground.plan, ground.beginning).state
    assert recorded.open("guarded").manifest.account_digest  # asked without latency, so its state is all there is
    equity = recorded.open("guarded").rows("equity")["equity"]
    last = ground.market.ticks - 1
    for fork in ground.forks.values():
        assert run_branches(ground, fork, [ground.plan], [last]).samples[0, 0]["equity"] == equity[last]


def test_a_branch_equals_a_full_replay_with_the_replaced_decision(ground: Ground) -> None:
    last = ground.market.ticks - 1
    for entry in ground.plan[::5]:
        plans: list[Plan] = [
            ground.plan,
            tuple(other for other in ground.plan if other != entry),
            tuple(
                other._replace(tool=int(Tool.DISABLE_ASSET), value=24.0) if other == entry else other
                for other in ground.plan
            ),
        ]
        found = run_branches(ground, ground.forks[entry.situation], plans, [last])
        for branch, plan in enumerate(plans):
            row = whole(ground, plan).tables["equity"][-1]
            assert found.samples[branch, 0]["equity"] == row["equity"]
            assert found.samples[branch, 0]["price"] == row["price_pnl"]


def test_parts_of_a_branch_add_up_to_its_equity(ground: Ground) -> None:
    found = run_branches(ground, ground.beginning, [ground.plan, ()], range(0, ground.market.ticks, 24)).samples
    total = sum(found[part] for part in ("price", "fees", "slippage", "funding", "liquidation"))
    assert np.allclose(ground.start_equity + total, found["equity"], rtol=0.0, atol=0.005)


def test_what_an_operator_did_recurs_in_every_branch(ground: Ground) -> None:
    middle = ground.plan[len(ground.plan) // 2]
    acts = (
        (ground.time_of(middle.tick), Act(OperatorAct.HALT)),
        (ground.time_of(middle.tick + 30), Act(OperatorAct.RESUME)),
        (ground.time_of(middle.tick + 60), Act(OperatorAct.FLATTEN)),
    )
    acted = replace(ground, acts=acts)
    last = ground.market.ticks - 1
    for plan in (ground.plan, ()):
        row = whole(acted, plan).tables["equity"][-1]
        assert run_branches(acted, ground.beginning, [plan], [last]).samples[0, 0]["equity"] == row["equity"]
        assert row["equity"] != whole(ground, plan).tables["equity"][-1]["equity"]


def test_what_an_operator_did_at_the_tick_of_a_fork_comes_after_it(ground: Ground) -> None:
    middle = ground.plan[len(ground.plan) // 2]
    acted = replace(ground, acts=((ground.time_of(middle.tick), Act(OperatorAct.HALT)),))
    fork = ground.forks[middle.situation]
    assert fork.tick == middle.tick
    last = ground.market.ticks - 1
    from_the_beginning = whole(acted, acted.plan).tables["equity"][-1]["equity"]
    assert whole(acted, acted.plan, fork).tables["equity"][-1]["equity"] == from_the_beginning
    assert run_branches(acted, fork, [acted.plan], [last]).samples[0, 0]["equity"] == from_the_beginning
    assert from_the_beginning != whole(ground, ground.plan).tables["equity"][-1]["equity"]


def test_an_intervention_that_never_binds_leaves_the_rest_uncomputed(ground: Ground) -> None:
    first = next(entry for entry in ground.plan if lasts_beyond(ground, entry, 48))
    harmless = first._replace(tool=int(Tool.ADJUST_LEVERAGE), symbol=ALL_SYMBOLS, value=10.0, number=0)
    last = ground.market.ticks - 1
    found = run_branches(ground, ground.forks[first.situation], [ground.plan, (*ground.plan, harmless)], [last])
    assert found.samples[1, 0] == found.samples[0, 0]
    assert 0 <= found.same[1] - ground.tick_of(harmless.expires) <= 1
    assert found.met[1] == first.tick


def test_a_binding_intervention_is_met_again_only_after_it_has_expired(ground: Ground) -> None:
    last = ground.market.ticks - 1
    for entry in ground.plan:
        others = tuple(other for other in ground.plan if other != entry)
        found = run_branches(ground, ground.forks[entry.situation], [others, ground.plan], [last])
        if found.samples[1, 0]["equity"] != found.samples[0, 0]["equity"]:
            assert found.same[1] == NEVER
        if found.met[1] != NEVER:
            assert found.met[1] >= entry.tick
        if found.same[1] != NEVER:
            assert found.samples[1, 0] == found.samples[0, 0]


def test_a_path_run_on_from_an_earlier_one_is_the_whole_path(ground: Ground) -> None:
    last = ground.market.ticks - 1
    at = [last // 2, last]
    keep = sorted({entry.tick for entry in ground.plan})
    path = first_path(ground, ground.plan, at, keep)
    plan = ground.plan
    for entry in ground.plan[::-3]:
        plan = tuple(other for other in plan if other != entry)
        path = path_after(ground, path, plan)
        alone = first_path(ground, plan, at, keep)
        assert np.array_equal(path.samples, alone.samples)
        matters = what_matters(len(ground.market.symbols)) != 0
        assert np.array_equal(path.kept[:, matters], alone.kept[:, matters])


def test_labels_of_the_account_are_all_that_may_differ() -> None:
    names = ACCOUNT.names or ()
    labels = {name for name, counts in zip(names, what_matters(2), strict=False) if not counts}
    assert labels == {"last_order", "last_trade", "last_situation", "last_intervention", "asked_now"}


def test_a_run_of_another_engine_is_refused(recorded: RecordedRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    run = recorded.open("guarded")
    rows = run.rows

    def changed(name: str) -> Any:
        found = rows(name)
        if name == "equity":
            found["equity"][-1] = np.nextafter(found["equity"][-1], np.inf)
        return found

    monkeypatch.setattr(run, "rows", changed)
    with pytest.raises(DataError, match=r"does not reproduce run 'guarded': equity at market event \d+ is .* now"):
        ground_of(recorded.root, run)


def test_horizons_beyond_the_end_are_censored() -> None:
    hour = MICROS_PER_HOUR
    assert ticks_ahead(HORIZONS, 10, hour, 100) == (11, 14, 22, 34, 82, None, 99)
    assert ticks_ahead(HORIZONS, 10, MICROS_PER_DAY, 100) == (11, 11, 11, 11, 13, 17, 99)
