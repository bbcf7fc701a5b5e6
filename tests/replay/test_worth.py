"""What each intervention was worth: against full replays through the engine's loop, and what must hold of any run."""

from collections.abc import Mapping
from dataclasses import replace
from math import fsum, isnan, log

import numpy as np
import pytest

from alphastrike.engine.history import run_account
from alphastrike.engine.plans import Plan, Planned
from alphastrike.journal.codes import Change, Tool
from alphastrike.journal.reader import Run
from alphastrike.model.compiled import Records
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.units import MICROS_PER_DAY
from replay.effect import Parts, active_times
from replay.ground import Ground, ground_of
from replay.horizons import HORIZONS, PRIMARY, ticks_ahead
from replay.participation import shares_of_volume
from replay.worth import PLACEBO, Worth, Worths, worths, worths_of
from tests.replay.runs import RecordedRuns

AT_PRIMARY = HORIZONS.index(PRIMARY)


@pytest.fixture(scope="module")
def run(recorded: RecordedRuns) -> Run:
    return recorded.open("guarded")


@pytest.fixture(scope="module")
def ground(recorded: RecordedRuns, run: Run) -> Ground:
    return ground_of(recorded.root, run)


@pytest.fixture(scope="module")
def found(ground: Ground, run: Run) -> Worths:
    return worths(ground, run, pairs=2, threads=2)


def replayed(ground: Ground, plan: Plan) -> Mapping[str, Records]:
    """Every table of the run under a plan, through the engine's loop over history."""
    done = run_account(ground.market, ground.inputs, ground.settings, None, standing=plan, acts=ground.acts)
    return done.tables


def planned(ground: Ground, worth: Worth) -> Planned:
    return next(entry for entry in ground.plan if entry.number == worth.number)


def effects(ground: Ground, entry: Planned, plan: Plan, reference: Plan) -> list[float]:
    """Log equity under one plan - under another, at the horizons after an intervention."""
    mine, theirs = (replayed(ground, each)["equity"]["equity"] for each in (plan, reference))
    ticks = ticks_ahead(HORIZONS, entry.tick, ground.market.interval, ground.market.ticks)
    return [float("nan") if tick is None else log(mine[tick] / theirs[tick]) for tick in ticks]


def some(found: Worths) -> list[Worth]:
    """Interventions that moved something, one that moved nothing, and the last."""
    moving = [worth for worth in found.interventions if worth.leave_one_out.effect[-1] != 0.0]
    still = [worth for worth in found.interventions if worth.leave_one_out.effect[-1] == 0.0]
    return [*moving[::6], still[0], found.interventions[-1]]


def test_every_intervention_of_the_policy_is_valued_once(found: Worths, run: Run) -> None:
    applied = run.rows("interventions")
    applied = applied[applied["change"] == Change.APPLIED]
    spells = active_times({"interventions": run.rows("interventions")})
    assert [worth.number for worth in found.interventions] == applied["intervention"].tolist()
    for worth, row in zip(found.interventions, applied, strict=True):
        assert (worth.tool, worth.value, worth.situation) == (row["tool"], row["value"], row["situation"])
        assert (worth.applied, worth.expires) == spells[worth.number]
        assert worth.is_redundant == (row["before"] == row["after"])
        assert worth.asked <= worth.applied
    assert sorted({worth.episode for worth in found.interventions}) == list(range(1 + found.interventions[-1].episode))


def test_left_out_added_and_replaced_by_a_harmless_one(ground: Ground, found: Worths) -> None:
    for worth in some(found):
        entry = planned(ground, worth)
        without = tuple(other for other in ground.plan if other is not entry)
        harmless = entry._replace(
            tool=int(Tool.ADJUST_POSITION_SIZE), value=PLACEBO, expires=worth.applied + MICROS_PER_DAY
        )
        placebo = tuple(harmless if other is entry else other for other in ground.plan)
        for curve, plan, reference in (
            (worth.leave_one_out, ground.plan, without),
            (worth.add_one_in, (entry,), ()),
            (worth.placebo, placebo, without),
        ):
            assert curve.effect == pytest.approx(effects(ground, entry, plan, reference), abs=1e-13, nan_ok=True)


def test_one_that_never_bound_was_worth_exactly_nothing(found: Worths) -> None:
    still = [worth for worth in found.interventions if worth.same_from is not None]
    assert len(still) >= 2
    for worth in still:
        assert {effect for effect in worth.leave_one_out.effect if not isnan(effect)} == {0.0}
        assert worth.parts == pytest.approx(Parts(*[0.0] * 5)) or worth.is_censored
        assert worth.interval is None
        assert worth.reconverged_at is not None
        assert worth.reconverged_at <= worth.same_from  # type: ignore[operator]
    for worth in found.interventions:
        if worth.same_from is None and worth.expires < found.interventions[-1].applied:
            assert worth.leave_one_out.effect[-1] != 0.0


def test_parts_add_up_to_the_difference_of_equity_to_the_cent(ground: Ground, found: Worths) -> None:
    for worth in some(found):
        entry = planned(ground, worth)
        at = ticks_ahead((PRIMARY,), entry.tick, ground.market.interval, ground.market.ticks)[0]
        if at is None:
            assert all(isnan(part) for part in worth.parts)
            continue
        without = replayed(ground, tuple(other for other in ground.plan if other is not entry))["equity"]
        recorded = replayed(ground, ground.plan)["equity"]
        assert worth.parts.total == pytest.approx(recorded["equity"][at] - without["equity"][at], abs=0.005)
        assert worth.parts.fees == pytest.approx(without["fees"][at] - recorded["fees"][at], abs=1e-9)
        assert worth.parts.price == pytest.approx(recorded["price_pnl"][at] - without["price_pnl"][at], abs=1e-9)


def test_horizons_beyond_the_end_are_censored_never_shortened(ground: Ground, found: Worths) -> None:
    end = ground.time_of(ground.market.ticks - 1)
    censored = 0
    for worth in found.interventions:
        for curve in (worth.leave_one_out, worth.add_one_in, worth.placebo):
            for horizon, effect in zip(HORIZONS, curve.effect, strict=True):
                beyond = horizon.micros is not None and worth.applied + horizon.micros > end
                assert isnan(effect) == beyond
                censored += beyond
        assert worth.is_censored == (worth.applied + (PRIMARY.micros or 0) > end)
        assert not (worth.is_censored and worth.interval)
    assert censored > 0


def test_the_whole_is_recorded_against_nothing_and_the_remainders_say_what_is_missing(
    ground: Ground, run: Run, found: Worths
) -> None:
    nothing = float(replayed(ground, ())["equity"]["equity"][-1])
    whole = log(float(run.rows("equity")["equity"][-1]) / nothing)
    assert found.attribution.total == pytest.approx(whole, abs=1e-13)
    assert fsum(worth.shapley for worth in found.interventions) == pytest.approx(whole, abs=1e-13)
    left_out = fsum(worth.leave_one_out.effect[-1] for worth in found.interventions)
    added = fsum(worth.add_one_in.effect[-1] for worth in found.interventions)
    assert whole + found.left_out_remainder == pytest.approx(left_out, abs=1e-13)
    assert whole + found.added_remainder == pytest.approx(added, abs=1e-13)
    for groups in (found.by_trigger, found.by_tool, found.by_symbol):
        assert fsum(share.part for share in groups) == pytest.approx(whole, abs=1e-13)
    assert {share.label for share in found.by_tool} == {worth.tool.name.lower() for worth in found.interventions}
    assert {share.label for share in found.by_trigger} == {worth.rule.name.lower() for worth in found.interventions}


def test_alone_in_a_run_left_out_added_and_shapley_are_one(ground: Ground, run: Run, found: Worths) -> None:
    moving = [worth for worth in found.interventions if worth.add_one_in.effect[-1] != 0.0]
    for worth in moving[:2]:
        [alone] = worths(replace(ground, plan=(planned(ground, worth),)), run).interventions
        assert alone.leave_one_out.effect == pytest.approx(alone.add_one_in.effect, abs=1e-15, nan_ok=True)
        assert alone.shapley == alone.leave_one_out.effect[-1]
        assert alone.shapley_error == 0.0


def test_threads_change_no_bit(ground: Ground, run: Run, found: Worths) -> None:
    assert repr(worths(ground, run, pairs=2, threads=1)) == repr(found)


def test_one_intervention_can_be_valued_without_the_others(ground: Ground, run: Run, found: Worths) -> None:
    chosen = found.interventions[len(found.interventions) // 2]
    [alone] = worths_of(ground, run, [chosen.number])
    assert isnan(alone.shapley)
    assert repr(replace(alone, shapley=0.0, shapley_error=0.0)) == repr(replace(chosen, shapley=0.0, shapley_error=0.0))
    with pytest.raises(ConfigurationError, match="has no intervention 9999"):
        worths_of(ground, run, [9999])


def test_the_largest_order_is_looked_for_on_both_paths(ground: Ground, run: Run, found: Worths) -> None:
    assert max(worth.participation for worth in found.interventions) > 0.0
    for worth in some(found):
        entry = planned(ground, worth)
        at = ticks_ahead((PRIMARY,), entry.tick, ground.market.interval, ground.market.ticks)[0]
        until = ground.time_of(ground.market.ticks - 1 if at is None else at)
        largest = 0.0
        for plan in (ground.plan, tuple(other for other in ground.plan if other is not entry)):
            tables = {
                kind: rows[(rows["event_time"] > worth.applied) & (rows["event_time"] <= until)]
                for kind, rows in replayed(ground, plan).items()
                if kind in ("orders", "fills")
            }
            largest = float(np.max(shares_of_volume(tables, ground.market), initial=largest))
        assert worth.participation == largest


def test_answers_that_come_late_are_counted_from_when_they_acted(recorded: RecordedRuns) -> None:
    run = recorded.open("slow")
    ground = ground_of(recorded.root, run)
    found = worths_of(ground, run, [entry.number for entry in ground.plan[:3]])
    for worth in found:
        assert worth.applied > worth.asked
        entry = planned(ground, worth)
        without = tuple(other for other in ground.plan if other is not entry)
        expected = effects(ground, entry, ground.plan, without)
        assert worth.leave_one_out.effect == pytest.approx(expected, abs=1e-13, nan_ok=True)
