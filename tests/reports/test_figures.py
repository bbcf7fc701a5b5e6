"""Numbers as text and as places: what a reader sees is what was measured."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.effect import Parts
from replay.inference import Interval
from replay.measures import MEASURES, Shape
from reports import figures, numerals
from reports.decimate import decimated
from reports.palette import inks

money = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (numerals.number(-1234.5, 1), "−1,234.5"),
        (numerals.number(0.04, 1, signed=True), "0.0"),
        (numerals.number(-0.04, 1, signed=True), "0.0"),
        (numerals.number(2.0, 1, signed=True), "+2.0"),
        (numerals.number(math.nan, 2), "–"),
        (numerals.number(-math.inf, 2), "−∞"),
        (numerals.percent(0.1234), "12.3 %"),
        (numerals.percent(math.nan), "–"),
        (numerals.points(-0.054), "−5.4 pp"),
        (numerals.quote(11852.7), "11,853"),
        (numerals.quote(3.456, signed=True), "+3.46"),
        (numerals.write(0.148, Shape.PERCENT, -1), "−14.8 %"),
        (numerals.write_difference(0.054, Shape.PERCENT, -1), "−5.4 pp"),
        (numerals.write(41.23, Shape.MULTIPLE), "41.2×"),
        (numerals.time(1_704_067_200_000_000), "2024-01-01 00:00"),
        (numerals.duration(24 * 3_600_000_000), "24 h"),
        (numerals.duration(72 * 3_600_000_000), "3 d"),
        (numerals.duration(90 * 60_000_000), "1.50 h"),
    ],
)  # fmt: skip
def test_numbers_as_people_read_them(written: str, expected: str) -> None:
    assert written == expected


def test_every_measure_is_a_metric_with_a_formula() -> None:
    from replay.effect import Metrics

    fields = set(Metrics.__dataclass_fields__)
    assert {measure.field for measure in MEASURES} == fields - {"parts", "equity_end"}
    assert all(measure.formula for measure in MEASURES)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=3_000), st.integers(2, 40))
def test_decimation_keeps_every_extreme_and_both_ends(values: list[float], buckets: int) -> None:
    series = np.array(values)
    kept = decimated(series, 4 * buckets)
    assert len(kept) <= max(4 * buckets, 0) or len(kept) == len(series)
    assert np.all(np.diff(kept) > 0)
    assert (kept[0], kept[-1]) == (0, len(series) - 1)
    assert series[kept].max() == series.max()
    assert series[kept].min() == series.min()


def test_decimation_of_a_long_series_has_at_most_as_many_points_as_asked_for() -> None:
    walk = np.cumsum(np.random.default_rng(1).normal(size=122_000))
    assert len(decimated(walk)) <= 4_000


@given(st.tuples(money, money, money, money, money))
def test_a_waterfall_ends_where_its_parts_add_up(parts: tuple[float, float, float, float, float]) -> None:
    (fall,) = figures.waterfalls([("arm", Parts(*parts))])
    *steps, total = fall.bars
    assert total.is_total
    assert steps[-1].join == pytest.approx(total.join, abs=0.01)
    ends = (total.begin, total.begin + total.width)
    assert min(abs(end - steps[-1].join) for end in ends) < 0.01
    assert min(abs(end - fall.zero) for end in ends) < 0.01
    for bar in fall.bars:
        assert bar.begin >= 0.0
        assert bar.begin + bar.width <= 100.01


def test_steps_of_a_waterfall_begin_where_the_one_above_ends() -> None:
    (fall,) = figures.waterfalls([("arm", Parts(100.0, -20.0, -10.0, 5.0, -30.0))])
    joins = [fall.zero, *(bar.join for bar in fall.bars[:-1])]
    for begin, bar in zip(joins, fall.bars[:-1], strict=False):
        assert begin == pytest.approx(bar.begin + bar.width if bar.falls else bar.begin, abs=0.01)


def test_an_interval_bar_stands_left_of_zero_when_it_is_negative() -> None:
    interval = Interval(-0.2, -0.05, 2000, 7.0, 1, 365)
    below, lost = figures.interval_bars([("no-llm", -0.1, interval), ("gone", -math.inf, None)], 3)
    assert below.low is not None
    assert below.high is not None
    assert below.estimate is not None
    assert below.low < below.estimate < below.high < below.zero
    assert below.interval_told == "95 % [−0.200, −0.050]"
    assert (lost.estimate, lost.low, lost.told, lost.interval_told) == (None, None, "−∞", "no interval")


def test_arms_keep_their_ink_and_no_two_share_one() -> None:
    names = [
        "rules",
        "no-llm",
        "random:seed=1",
        "random:seed=2",
        "always:tool=disable_asset",
        "mine:Policy",
        "recorded",
    ]
    given_inks = inks(names)
    assert len(set(given_inks.values())) == len(names)
    assert given_inks["rules"] == inks(["no-llm", "rules"])["rules"]
    assert inks([f"mine:P{number}" for number in range(70)])
