"""Whether triggers fire at the right times: counted on made moments, and on a recorded run held to full runs."""

import math

import numpy as np
import pytest

from alphastrike.engine.history import Checkpoint, run_account
from alphastrike.engine.plans import Plan, Planned
from alphastrike.journal.codes import Rule, Tool
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR
from replay.cases import cases_of
from replay.decisions import log_advantage
from replay.ground import Ground, ground_of
from replay.horizons import PRIMARY
from replay.trigger_quality import (
    LOOK_BACK_HOURS,
    NEAR_HOURS,
    Asking,
    Moment,
    TriggerQualities,
    qualities,
    trigger_quality,
    wilson,
)
from tests.replay.runs import RecordedRuns

HOUR = MICROS_PER_HOUR


def moment(hour: float, action: float, placebo: float = 0.001) -> Moment:
    return Moment(int(hour * HOUR), action, 100_000.0 * action, placebo)


def asking(hour: float, action: float | None, rule: Rule = Rule.DRAWDOWN, cluster: int = 0) -> Asking:
    return Asking(rule, cluster, int(hour * HOUR), None if action is None else moment(hour, action))


@pytest.fixture(scope="module")
def ground(recorded: RecordedRuns) -> Ground:
    return ground_of(recorded.root, recorded.open("guarded"))


@pytest.fixture(scope="module")
def measured(recorded: RecordedRuns, ground: Ground) -> TriggerQualities:
    return trigger_quality(recorded.open("guarded"), ground)


def test_an_alarm_is_right_when_acting_gains_more_than_a_placebo_moves() -> None:
    asked = [
        asking(0, 0.010, cluster=0),
        asking(100, 0.0005, cluster=1),  # gains less than a placebo moves
        asking(200, -0.020, cluster=2),
        asking(300, 0.002, Rule.LOSS_STREAK, cluster=3),
        asking(400, None, cluster=4),  # its horizon lies beyond the end
    ]
    found = qualities([Rule.DRAWDOWN] * 6 + [Rule.LOSS_STREAK], asked, [])
    drawdown = found.by_rule[Rule.DRAWDOWN]
    assert found.floor == 0.001
    assert (drawdown.fired, drawdown.asked, drawdown.valued, drawdown.needed, drawdown.false_alarms) == (6, 4, 3, 1, 2)
    assert drawdown.precision == pytest.approx(1 / 3)
    assert drawdown.false_alarm_cost == pytest.approx((0.020 - 0.0005) / 2)
    assert drawdown.false_alarm_cost_quote == pytest.approx(100_000 * (0.020 - 0.0005) / 2)
    assert found.by_rule[Rule.LOSS_STREAK].precision == 1.0
    assert math.isnan(found.by_rule[Rule.WIN_RATE].precision)
    assert math.isnan(found.by_rule[Rule.LOSS_STREAK].false_alarm_cost)
    assert (found.overall.valued, found.overall.needed) == (4, 2)


def test_recall_counts_the_moments_that_needed_acting_and_had_an_asking_near() -> None:
    grid = [moment(24 * day, 0.01 if day in (2, 5, 8) else -0.01) for day in range(12)]
    asked = [asking(24 * 2 + NEAR_HOURS, 0.01), asking(24 * 5 - NEAR_HOURS - 1, -0.01, Rule.WIN_RATE)]
    found = qualities([], asked, grid)
    assert (found.moments, found.moments_needed, found.base_rate) == (12, 3, 0.25)
    assert found.overall.recall == pytest.approx(1 / 3)
    assert found.by_rule[Rule.DRAWDOWN].recall == pytest.approx(1 / 3)
    assert found.by_rule[Rule.WIN_RATE].recall == 0.0
    assert found.by_rule[Rule.LOSS_STREAK].recall == 0.0
    assert math.isnan(qualities([], asked, []).overall.recall)


def test_lead_time_is_negative_when_the_trigger_came_after_the_first_moment_that_needed_it() -> None:
    grid = [moment(0, 0.01), moment(24, -0.01), moment(48, 0.01), moment(72, 0.01)]
    assert qualities([], [asking(60, 0.01)], grid).overall.lead_hours == -60.0
    assert qualities([], [asking(LOOK_BACK_HOURS + 20, 0.01)], grid).overall.lead_hours == 48 - LOOK_BACK_HOURS - 20
    assert qualities([], [asking(0, 0.01)], grid).overall.lead_hours == 0.0
    # One that was not needed has no lead.
    assert math.isnan(qualities([], [asking(60, -0.01)], grid).overall.lead_hours)


def test_the_floor_is_what_a_placebo_moves_where_it_moves_anything() -> None:
    grid = [moment(24 * day, 0.0, placebo) for day, placebo in enumerate([0.0, 0.0, 0.0, -0.002, 0.004, 0.003])]
    assert qualities([], [], grid).floor == pytest.approx(0.003)
    assert qualities([], [], []).floor == 0.0
    # Without a position nothing is moved, and nothing is needed.
    assert qualities([], [], [moment(0, 0.0, 0.0)]).moments_needed == 0


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(10, 20, 0.2993, 0.7007), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 30, 0.0059, 0.1667)],
)  # fmt: skip
def test_wilsons_interval_is_the_published_one(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials, trials) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_is_as_wide_as_the_clusters_are_few() -> None:
    together = qualities([], [asking(hour, 0.01 * (-1) ** hour, cluster=hour // 10) for hour in range(40)], [])
    apart = qualities([], [asking(hour, 0.01 * (-1) ** hour, cluster=hour) for hour in range(40)], [])
    assert together.overall.precision == apart.overall.precision == 0.5
    assert (together.overall.precision_low, together.overall.precision_high) == wilson(2, 4, 4)
    assert (apart.overall.precision_low, apart.overall.precision_high) == wilson(20, 40, 40)
    assert math.isnan(wilson(0, 0, 0)[0])


def test_a_recorded_run_is_measured_as_full_runs_measure_it(
    recorded: RecordedRuns, ground: Ground, measured: TriggerQualities
) -> None:
    market, settings = ground.market, ground.settings
    week = PRIMARY.micros
    assert week is not None
    needed, losses, valued = 0, [], 0
    for case in cases_of(recorded.open("guarded"), ground):
        stop = case.fork.tick + week // market.interval + 1
        if stop > market.ticks:
            continue
        symbol = market.symbols.index(case.situation.focus)
        expires = ground.time_of(case.fork.tick) + MICROS_PER_DAY
        half: Plan = (Planned(case.fork.tick, int(Tool.ADJUST_POSITION_SIZE), symbol, 0.5, expires),)
        start = Checkpoint(0, case.fork.tick, 0, case.fork.state)
        action, nothing = (
            run_account(market, ground.inputs, settings, None, start=start, standing=plan, until_tick=stop).tables[
                "equity"
            ]["equity"][-1]
            for plan in (half, ())
        )
        gained = log_advantage(float(action), float(nothing))
        valued += 1
        needed += gained > measured.floor
        losses += [] if gained > measured.floor else [-gained]
    assert (measured.overall.valued, measured.overall.needed) == (valued, needed)
    assert measured.overall.false_alarm_cost == pytest.approx(np.mean(losses))


def test_the_grid_holds_moments_with_an_open_position_on_the_recorded_run(
    recorded: RecordedRuns, measured: TriggerQualities, ground: Ground
) -> None:
    equity = recorded.open("guarded").rows("equity")
    days = (equity["event_time"][equity["exposure"] > 0.0] - ground.market.start) // MICROS_PER_DAY
    assert 0 < measured.moments_needed < measured.moments <= len(np.unique(days))
    assert measured.floor > 0.0
    assert 0.0 < measured.overall.recall <= 1.0
    assert all(measured.overall.recall >= each.recall for each in measured.by_rule)


def test_a_flat_symbol_is_counted(measured: TriggerQualities) -> None:
    # A streak of losses is complete when the last of them is closed.
    assert 0 < measured.moments_flat < measured.moments
    streak = measured.by_rule[Rule.LOSS_STREAK]
    assert streak.valued // 2 < streak.flat <= streak.valued
    assert sum(each.flat for each in measured.by_rule) == measured.overall.flat


def test_every_rule_is_there_and_they_add_up(recorded: RecordedRuns, measured: TriggerQualities) -> None:
    assert [each.rule for each in measured.by_rule] == list(Rule)
    for count in ("fired", "asked", "valued", "needed", "false_alarms"):
        assert sum(getattr(each, count) for each in measured.by_rule) == getattr(measured.overall, count)
    triggers = recorded.open("guarded").rows("triggers")
    assert measured.overall.fired == int(triggers["fired"].sum())
    assert measured.overall.asked == int((triggers["situation"] > 0).sum())


def test_it_does_not_depend_on_the_number_of_threads(
    recorded: RecordedRuns, ground: Ground, measured: TriggerQualities
) -> None:
    assert repr(trigger_quality(recorded.open("guarded"), ground, threads=3)) == repr(measured)
