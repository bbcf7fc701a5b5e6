"""Attribution over the interventions of real runs: the parts are the whole, whoever stands beside whom."""

from dataclasses import replace
from math import fsum, log
from pathlib import Path

import numpy as np
import pytest

from alphastrike.config.resolve import resolve
from alphastrike.engine.codes import HALT_ACCOUNT
from alphastrike.engine.history import run_account
from alphastrike.engine.plans import Plan
from alphastrike.journal.codes import Tool
from alphastrike.market.simulate import simulate_market
from alphastrike.model.units import ALL_SYMBOLS, MICROS_PER_HOUR
from alphastrike.runs.recorder import record
from alphastrike.runs.registry import open_run
from replay.attribution import grouped, log_equity, pins_of, players_of, shapley
from replay.ground import Ground, ground_of
from replay.shapley import EXACT_MAX
from replay.worth import worths
from tests.replay.runs import OFTEN, RecordedRuns


@pytest.fixture(scope="module")
def ground(recorded: RecordedRuns) -> Ground:
    return ground_of(recorded.root, recorded.open("guarded"))


def growth(ground: Ground, plan: Plan) -> float:
    """Log growth of the run under a plan, through the engine's loop over history."""
    done = run_account(ground.market, ground.inputs, ground.settings, None, standing=plan, acts=ground.acts)
    return log(float(done.tables["equity"]["equity"][-1]) / ground.start_equity)


@pytest.fixture(scope="module")
def binding(ground: Ground) -> Plan:
    """Interventions that each move something by themselves."""
    nothing = growth(ground, ())
    return tuple(entry for entry in ground.plan if growth(ground, (entry,)) != nothing)


def test_the_parts_add_up_to_what_the_recorded_plan_made_of_the_run(recorded: RecordedRuns, ground: Ground) -> None:
    found = shapley(ground, pairs=2)
    end = float(recorded.open("guarded").rows("equity")["equity"][-1])
    assert found.players == ground.plan
    assert len(found.players) > EXACT_MAX
    assert found.total == pytest.approx(log(end / ground.start_equity) - growth(ground, ()), abs=1e-14)
    assert found.total != 0.0
    assert fsum(found.parts) == pytest.approx(found.total, abs=1e-14)
    assert np.allclose(found.draws.sum(axis=1), found.total, rtol=0.0, atol=1e-14)


def test_few_interventions_are_attributed_exactly(ground: Ground, binding: Plan) -> None:
    one, two = binding[0], binding[-1]
    found = shapley(replace(ground, plan=(one, two)))
    nobody, first, second, both = (growth(ground, plan) for plan in ((), (one,), (two,), (one, two)))
    assert found.is_exact
    assert not found.errors.any()
    assert found.parts[0] == pytest.approx(((first - nobody) + (both - second)) / 2, abs=1e-14)
    assert found.parts[1] == pytest.approx(((second - nobody) + (both - first)) / 2, abs=1e-14)


def test_drawn_orders_find_what_all_coalitions_give(ground: Ground) -> None:
    few = replace(ground, plan=ground.plan[: EXACT_MAX + 2])
    drawn = shapley(few, pairs=40)
    fewer = replace(ground, plan=ground.plan[:EXACT_MAX])
    exact = shapley(fewer)
    assert not drawn.is_exact
    assert exact.is_exact
    # What comes last moves little of what came before: their parts differ by what they share with it.
    assert np.corrcoef(drawn.parts[:EXACT_MAX], exact.parts)[0, 1] > 0.9
    assert np.any(drawn.errors > 0.0)


def test_two_of_a_kind_get_the_same(ground: Ground, binding: Plan) -> None:
    entry = binding[0]
    twin = entry._replace(number=len(ground.plan) + 1)
    others = [other for other in ground.plan if other is not entry][:2]
    plan = tuple(sorted((entry, twin, *others), key=lambda each: (each.tick, each.number)))
    found = shapley(replace(ground, plan=plan))
    parts = dict(zip(plan, found.parts, strict=True))
    assert parts[entry] == pytest.approx(parts[twin], abs=1e-16)
    assert parts[entry] != 0.0


def test_an_intervention_that_cannot_bind_gets_exactly_nothing(ground: Ground, binding: Plan) -> None:
    first = ground.plan[0]
    harmless = first._replace(tool=int(Tool.ADJUST_LEVERAGE), symbol=ALL_SYMBOLS, value=10.0, number=0)
    assert first.tick < binding[1].tick
    for plan in ((harmless, *binding[1:4]), (harmless, *binding[1 : EXACT_MAX + 2])):
        found = shapley(replace(ground, plan=plan), pairs=2)
        assert found.parts[0] == 0.0
        assert found.errors[0] == 0.0
        assert found.total != 0.0


def test_pins_of_the_operator_stand_in_every_coalition(ground: Ground) -> None:
    pin, *rest = ground.plan[:5]
    plan = (pin._replace(situation=0, tool=int(Tool.DISABLE_ASSET), value=24.0), *rest)
    found = shapley(replace(ground, plan=plan))
    assert pins_of(plan) == plan[:1]
    assert found.players == players_of(plan) == tuple(rest)
    assert found.total == pytest.approx(growth(ground, plan) - growth(ground, plan[:1]), abs=1e-14)


def test_a_halt_for_a_failed_answer_is_a_player(tmp_path: Path) -> None:
    simulate_market(tmp_path, "short", ("BTCUSDT", "ETHUSDT"), 60, MICROS_PER_HOUR, 3)
    halting = resolve(None, (*OFTEN, "policy.on_failure=halt"))
    record(tmp_path, "short", "tests.replay.runs:Broken", name="halting", settings=halting)
    run = open_run(tmp_path, "halting")
    ground = ground_of(tmp_path, run)
    found = shapley(ground, pairs=2)
    assert {entry.tool for entry in found.players} == {HALT_ACCOUNT}
    end = float(run.rows("equity")["equity"][-1])
    assert found.total == pytest.approx(log(end / ground.start_equity) - growth(ground, ()), abs=1e-14)
    assert found.total != 0.0
    valued = worths(ground, run, pairs=2)
    assert valued.interventions == ()
    assert [share.label for share in valued.by_tool] == ["halt"]
    assert valued.left_out != 0.0


def test_nothing_to_attribute(ground: Ground) -> None:
    found = shapley(replace(ground, plan=()))
    assert (found.total, len(found.parts), found.players) == (0.0, 0, ())
    assert grouped(found, []) == ()


def test_threads_and_values_known_before_change_no_bit(ground: Ground) -> None:
    everybody = (1 << len(ground.plan)) - 1
    known = {1: growth(ground, ground.plan[:1]), everybody: growth(ground, ground.plan)}
    alone = shapley(ground, pairs=2)
    for found in (shapley(ground, pairs=2, threads=3), shapley(ground, pairs=2, known=known)):
        assert np.array_equal(found.draws, alone.draws)


def test_groups_add_up_with_the_error_of_their_sum(ground: Ground) -> None:
    found = shapley(ground, pairs=4)
    by_symbol = grouped(found, [str(entry.symbol) for entry in found.players])
    assert fsum(share.part for share in by_symbol) == pytest.approx(found.total, abs=1e-14)
    assert sum(share.interventions for share in by_symbol) == len(found.players)
    assert len(by_symbol) > 1
    [everything] = grouped(found, ["all"] * len(found.players))
    assert everything.part == pytest.approx(found.total, abs=1e-14)
    assert everything.error == pytest.approx(0.0, abs=1e-14)


def test_a_lost_account_counts_as_a_cent() -> None:
    assert log_equity([200.0, 0.0, -5.0], 100.0) == pytest.approx([log(2.0), log(0.0001), log(0.0001)])
