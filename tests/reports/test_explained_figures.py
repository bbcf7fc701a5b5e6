"""The figures of an explanation: places that add up, scales that outliers do not squash, blocks that say their sign."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import curves, falls, forest, heat
from reports.axes import held, nice, places
from reports.figures import Scale
from reports.trail import Asked, by_month, trail

HOUR = 3_600_000_000
effects = st.floats(-50.0, 50.0).map(lambda value: round(value, 3))


def steps_of(values: list[float]) -> list[falls.Step]:
    return [falls.Step(f"step {number}", value) for number, value in enumerate(values)]


def drawn(values: list[float], most: int = 20) -> falls.Fall:
    return falls.fall(
        "all", steps_of(values), lambda value: f"{value:+.3f}", total="total", rest="{count} others", most=most
    )


@given(st.lists(effects, min_size=1, max_size=120), st.integers(1, 30))
def test_a_waterfall_ends_where_its_steps_add_up_however_many_it_names(values: list[float], most: int) -> None:
    *steps, total = drawn(values, most).steps
    assert total.is_total
    assert float(total.told) == pytest.approx(math.fsum(values), abs=6e-4)
    assert steps[-1].join == pytest.approx(total.join, abs=0.01)
    assert math.fsum(float(step.told) for step in steps) == pytest.approx(
        float(total.told), abs=6e-4 * len(steps) + 6e-4
    )
    assert float(steps[-1].stands) == pytest.approx(float(total.told), abs=1e-3)
    assert len(steps) <= most + 1


@given(st.lists(effects, min_size=2, max_size=60))
def test_each_step_begins_where_the_one_above_ends(values: list[float]) -> None:
    fall = drawn(values)
    begin = fall.zero
    for step in fall.steps[:-1]:
        assert begin == pytest.approx(step.begin + step.width if step.falls else step.begin, abs=0.01)
        assert 0.0 <= step.begin <= step.begin + step.width <= 100.01
        begin = step.join


def test_the_largest_steps_are_named_and_the_rest_is_one_with_its_own_error() -> None:
    values = [float(number) for number in range(1, 41)]
    asked: list[list[int]] = []

    def error_of(members: list[int]) -> float:
        asked.append(members)
        return 0.5

    fall = falls.fall("all", steps_of(values), str, total="total", rest="{count} others", most=5, error_of=error_of)
    assert [step.label for step in fall.steps] == [*(f"step {n}" for n in (39, 38, 37, 36, 35)), "35 others", "total"]
    assert sorted(asked[0]) == list(range(35))
    assert fall.steps[5].error == "0.5"


@pytest.mark.parametrize(
    ("value", "expected"), [(0.7, 1.0), (1.0, 1.0), (1.2, 2.0), (2.1, 5.0), (5.0, 5.0), (60.0, 100.0)]
)
def test_round_numbers(value: float, expected: float) -> None:
    assert nice(value) == expected


@given(st.floats(-1e4, 0.0), st.floats(1e-3, 1e4), st.integers(2, 8))
def test_an_axis_has_few_round_numbers_and_zero_among_them(low: float, width: float, most: int) -> None:
    scale = Scale(low, low + width)
    found = places(scale, most)
    assert len(found) <= most
    assert all(-1e-6 <= each.place <= 100.0 + 1e-6 for each in found)
    if low <= 0.0 <= low + width:
        assert any(each.value == 0.0 and each.told == "0" for each in found)


def test_an_axis_writes_a_true_minus_and_no_spare_digits() -> None:
    assert [each.told for each in places(Scale(-0.65, 0.65))] == ["−0.5", "0", "0.5"]


def test_a_scale_over_many_values_is_not_squashed_by_two_of_them() -> None:
    values = [*np.random.default_rng(1).normal(size=300), 500.0, -500.0]
    assert held(values).high < 5.0
    assert held([*values[:20], 500.0]).high > 500.0
    assert held(values, always=[40.0]).high > 40.0
    assert held([]).low < 0.0 < held([]).high


def test_a_forest_draws_each_row_around_its_estimate_and_says_what_reaches_out() -> None:
    rows = [forest.Estimate(value, value - 1.0, value + 1.0, 0.3) for value in np.linspace(-5.0, 5.0, 200)]
    plot = forest.forest([*rows, forest.Estimate(900.0, 800.0, 1000.0, 0.3), forest.Estimate(*[math.nan] * 4)])
    *inside, outlier, nothing = plot.marks
    for mark in inside[50:-50]:
        low, point, high = (place if place is not None else math.nan for place in (mark.low, mark.point, mark.high))
        assert low < point < high
        assert mark.floor is not None
        assert mark.floor[0] < plot.zero < mark.floor[0] + mark.floor[1]
    assert outlier.is_above
    assert outlier.point == 100.0
    assert nothing == forest.Mark(None, None, None, None, False, False)
    assert 1 <= plot.beyond <= 50


def test_curves_end_where_no_intervention_reaches() -> None:
    nan = math.nan
    plot = curves.curves(
        [[1.0, 2.0, nan], [0.0, nan, 4.0]], [0.5, 2.0, nan], [0.0, 1.0, nan], [1.0, 3.0, nan], [0.1, 0.1, 0.1]
    )
    assert plot.single.count("M") == 3
    assert plot.single.count("L") == 1
    assert plot.mean.count("L") == 1
    assert plot.band.count("Z") == 1
    assert plot.band.count("L") == 3
    assert [each.value for each in plot.columns] == [0.0, 1.0, 2.0]


def test_the_band_of_the_mean_is_held_however_wide_the_single_values_are() -> None:
    wide = np.random.default_rng(2).normal(0.0, 0.1, (200, 3)).tolist()
    plot = curves.curves(wide, [1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [3.0, 6.0, 9.0], [0.0, 0.0, 0.0])
    tops = [float(y) for y in re.findall(r"[ML ]\d+ (-?[\d.]+)", plot.band)]
    assert min(tops) > 0.0


@given(st.lists(st.lists(st.one_of(effects, st.just(math.nan)), min_size=6, max_size=6), min_size=1, max_size=8))
def test_blocks_stand_above_the_line_when_better_and_below_when_worse(actions: list[list[float]]) -> None:
    found = heat.heat(actions, [0] * 6)
    first = found.edges[0]
    for values, row in zip(actions, found.rows, strict=True):
        ups = {int(at) for _, path in row.blocks for at in re.findall(r"M(\d+) 6v-", path)}
        downs = {int(at) for _, path in row.blocks for at in re.findall(r"M(\d+) 6v\d", path)}
        assert ups == {at for at, value in enumerate(values) if value >= first}
        assert downs == {at for at, value in enumerate(values) if value <= -first}
        assert (row.better, row.worse) == (len(ups), len(downs))
        assert row.count == sum(math.isfinite(value) for value in values)


def test_height_and_shade_of_a_block_say_the_same() -> None:
    found = heat.heat([[float(value) for value in range(-30, 31)]], [None] * 61)
    heights = {shade: set(re.findall(r"6v(-?[\d.]+)h", path)) for shade, path in found.rows[0].blocks}
    assert heights == {"a6": {"-6"}, "a5": {"-4"}, "a4": {"-2"}, "a2": {"2"}, "a1": {"4"}, "a0": {"6"}}
    assert found.edges == tuple(sorted(set(found.edges)))


def test_every_chosen_action_is_underlined_once() -> None:
    found = heat.heat([[0.0, 1.0, 2.0], [1.0, 1.0, 1.0]], [0, 1, None])
    assert [row.chosen.count("M") for row in found.rows] == [1, 1]


def test_paths_share_one_axis_with_bands_and_situations() -> None:
    times = np.arange(1, 2001) * HOUR
    rising, falling = np.linspace(100.0, 200.0, 2000), np.linspace(100.0, 50.0, 2000)
    arms = {"rules": (times, rising), "no-llm": (times, falling)}
    active = [(HOUR * 100, HOUR * 200), (HOUR * 150, HOUR * 300), (HOUR * 1990, HOUR * 5000)]
    found = trail(arms, 100.0, active, [Asked(int(times[1000]), 7, "told")])
    linear, log, drawdown = found.panels
    assert [name for name, _ in linear.lines] == ["no-llm", "rules"]
    assert found.bands.count("M") == 2
    assert max(float(x) for x in re.findall(r"H([\d.]+)V", found.bands)) <= 1000.0
    assert found.marks == "M500.3 0V10"
    assert drawdown.high == 0.0
    assert log.low < math.log(50.0) < math.log(200.0) < log.high
    assert found.readings["asked"] == [[times[1000] // 1_000_000, 7, "told"]]
    assert sum(found.readings["times"]) == times[-1] // 1_000_000


def test_a_lost_account_leaves_the_log_scale_through_the_bottom() -> None:
    times = np.arange(1, 101) * HOUR
    lost = np.linspace(100.0, -5.0, 100)
    _, log, _ = trail({"rules": (times, lost)}, 100.0, [], []).panels
    assert math.isfinite(log.low)
    assert "nan" not in log.lines[0][1]


def test_months_close_at_midnight_of_the_next_one() -> None:
    january = 1_704_067_200_000_000
    times = january + np.arange(1, 24 * 40 + 1) * HOUR
    (first, [(equity, _)]), (second, _) = by_month({"rules": (times, np.arange(1.0, 961.0))}, 1.0)
    assert (first, second) == ("2024-01", "2024-02")
    assert equity == "744"
