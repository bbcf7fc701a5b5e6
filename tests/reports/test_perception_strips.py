"""Strips: shades stand where the tracker's accuracies stood, and nothing is drawn where nothing was said."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.model.units import MICROS_PER_DAY
from reports.strips import (
    COLUMNS_MAX,
    EDGES,
    MARKS_MAX,
    TICKS_MAX,
    UNKNOWN,
    Axis,
    Change,
    Mark,
    Sample,
    Stretch,
    shade,
    shades,
    strip,
)
from tests.replay.tables import DAY_ZERO

FORTY_DAYS = Axis(DAY_ZERO, DAY_ZERO + 40 * MICROS_PER_DAY)


def day(number: int) -> int:
    return DAY_ZERO + number * MICROS_PER_DAY


def sample(
    column: int, accuracy: float = 0.52, weight: float = 1.0, is_known: bool = True, spoke: bool = True
) -> Sample:
    return Sample(column, accuracy, 100, weight, is_known, spoke)


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [(0.0, "a0"), (0.4399, "a0"), (0.44, "a1"), (0.489, "a2"), (0.5, "a3"), (0.51, "a4"), (0.55, "a5"), (1.0, "a6")],
)
def test_a_shade_is_the_number_of_edges_that_were_reached(accuracy: float, expected: str) -> None:
    assert shade(sample(0, accuracy)) == expected
    assert shade(sample(0, accuracy, is_known=False)) == UNKNOWN


def test_the_key_names_every_shade_by_its_edges() -> None:
    assert [name for name, _ in shades()] == [f"a{place}" for place in range(len(EDGES) + 1)]
    assert [told for _, told in shades()][::3] == ["below 44 %", "49–51 %", "56 % and more"]


def test_neighbours_of_one_shade_are_one_cell_and_silence_is_a_gap() -> None:
    samples = [sample(c, 0.6 if c < 10 else 0.4, spoke=c not in (4, 5)) for c in range(40)]
    cells = strip(samples, [], FORTY_DAYS, 0.0).cells
    assert [(cell.shade, cell.place, cell.width) for cell in cells] == [
        ("a6", 0.0, 10.0), ("a6", 15.0, 10.0), ("a0", 25.0, 75.0),
    ]  # fmt: skip
    assert cells[0].told == "2024-01-01 to 2024-01-04: 60.0 % of 100 outcomes"


def test_a_title_tells_weights_that_are_not_one() -> None:
    (cell,) = strip([sample(0, 0.4, 0.0), sample(1, 0.43, 0.25)], [], FORTY_DAYS, 0.25).cells
    assert cell.told.endswith(": 40.0–43.0 % of 100 outcomes, weight 0–0.25")


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_cells_cover_what_was_said_and_nothing_else(given: list[tuple[float, bool, bool]]) -> None:
    samples = [
        sample(place, accuracy, is_known=known, spoke=spoke) for place, (accuracy, known, spoke) in enumerate(given)
    ]
    cells = strip(samples, [], FORTY_DAYS, 0.0).cells
    for one in samples:
        middle = 2.5 * (one.column + 0.5)
        over = [cell.shade for cell in cells if cell.place < middle < cell.place + cell.width]
        assert over == ([shade(one)] if one.spoke else [])


def test_a_retirement_is_hatched_until_the_return_and_both_are_marked() -> None:
    changes = [
        Change(day(10), False, 0.41, 120),
        Change(day(20), True, 0.485, 200),
        Change(day(36), False, 0.4, 300),
    ]
    drawn = strip([sample(0)], changes, FORTY_DAYS, 0.0)
    gone = "retired 2024-01-11 at an accuracy of 41.0 % over 120 outcomes"
    back = "returned 2024-01-21 at an accuracy of 48.5 % over 200 outcomes"
    assert drawn.marks[:2] == [Mark(25.0, False, gone), Mark(50.0, True, back)]
    still = "retired 2024-02-06 at an accuracy of 40.0 % over 300 outcomes"
    assert drawn.retired == [Stretch(25.0, 25.0, f"{gone}, {back}"), Stretch(90.0, 10.0, still)]


def test_more_marks_than_can_be_told_apart_are_hatched_only() -> None:
    changes = [Change(day(place), place % 2 == 0, 0.4, 100) for place in range(1, MARKS_MAX + 2)]
    assert len(strip([sample(0)], changes[:-1], FORTY_DAYS, 0.0).marks) == MARKS_MAX
    drawn = strip([sample(0)], changes, FORTY_DAYS, 0.0)
    assert (drawn.marks, len(drawn.retired)) == ([], MARKS_MAX // 2 + 1)


def test_weights_are_a_line_only_where_they_differ() -> None:
    samples = [sample(c, weight=0.04 if c < 20 else 0.02) for c in range(40)]
    assert strip(samples, [], FORTY_DAYS, 0.0).weight == ""
    assert strip(samples, [], FORTY_DAYS, 0.04).weight == "M0,2 500,2 500,50 1000,50"


@given(st.integers(1, 6_000), st.integers(0, 20_000))
def test_an_axis_has_few_columns_that_end_with_it_and_few_ticks_inside(days: int, since: int) -> None:
    begin = since * MICROS_PER_DAY
    axis = Axis(begin, begin + days * MICROS_PER_DAY)
    columns = -(-days * MICROS_PER_DAY // axis.step)
    assert columns <= COLUMNS_MAX
    assert (axis.ends(0)[0], axis.ends(columns - 1)[1]) == (axis.begin, axis.end)
    ticks = axis.ticks()
    assert len(ticks) <= TICKS_MAX
    assert [axis.place(tick.time) for tick in ticks] == sorted(tick.place for tick in ticks)
    for tick in ticks:
        moment = datetime.fromtimestamp(tick.time / 1e6, UTC)
        assert axis.begin <= tick.time < axis.end
        assert (moment.day, moment.hour) == (1, 0)
        assert f"{moment:%Y-%m}".startswith(tick.label)


def test_years_are_told_as_years_and_months_as_months() -> None:
    long = Axis(DAY_ZERO, DAY_ZERO + 1_500 * MICROS_PER_DAY)
    assert [tick.label for tick in long.ticks()] == ["2024", "2025", "2026", "2027", "2028"]
    assert [tick.label for tick in FORTY_DAYS.ticks()] == ["2024-01", "2024-02"]
