"""Two tables compared: the first differing event, its field and both values, to the last bit."""

from typing import Any

import numpy as np
import pytest

from alphastrike.journal.codes import Reason
from alphastrike.journal.kinds import KINDS
from alphastrike.journal.tables import Numbering, Records, to_table
from alphastrike.runs.differences import Difference, first_difference
from tests.builders import BTC, ETH, SOL, SYMBOLS, features, fill, rows_of

FILLS = KINDS["fills"]


def three_fills() -> Records:
    return rows_of("fills", fill(BTC, 0.5, at=2), fill(ETH, -3.0, at=4), fill(SOL, 10.0, at=4))


def compared(recorded: Records, rederived: Records) -> Difference | None:
    seq = recorded["market_seq"].copy()
    table = to_table(FILLS, recorded, seq, Numbering(FILLS).parts(seq), SYMBOLS)
    return first_difference(FILLS, table, rederived, SYMBOLS)


def changed(row: int, field: str, value: Any) -> Records:
    rows = three_fills()
    rows[field][row] = value
    return rows


def test_equal_tables_do_not_differ() -> None:
    assert compared(three_fills(), three_fills()) is None


@pytest.mark.parametrize(
    ("field", "recorded", "shown", "was"),
    [
        ("price", np.nextafter(100.0, 101.0), "100.00000000000001", "100.0"),
        ("fee", -0.0, "-0.0", "0.0"),
        ("fee", np.nan, "nan", "0.0"),
        ("symbol", SOL, "SOLUSDT", "ETHUSDT"),
        ("symbol", -1, "all", "ETHUSDT"),
        ("reason", Reason.STOP, "stop", "entry"),
        ("order", 7, "7", "4"),
        ("event_time", 1_700_481_600_000_001, "2023-11-20 12:00:00.000001", "2023-11-20 16:00:00"),
    ],
)
def test_one_changed_value_is_told_with_event_field_and_both_values(
    field: str, recorded: Any, shown: str, was: str
) -> None:
    rederived = changed(1, "fee", 0.0)
    altered = changed(1, "fee", 0.0)
    altered[field][1] = recorded

    found = compared(altered, rederived)

    assert found is not None
    assert (found.what, found.seq, found.part, found.field) == ("value", 4, FILLS.order << 20, field)
    assert (found.recorded, found.rederived) == (shown, was)
    assert f"{field} is {shown} as recorded, {was} re-derived" in found.text()
    assert found.text().startswith("fills seq 4 part 0 (2023-11-20 ")


def test_nan_equals_nan_whatever_its_bits() -> None:
    odd = np.array([0x7FF8000000000123], dtype=np.int64).view(np.float64)[0]
    assert compared(changed(1, "fee", odd), changed(1, "fee", np.nan)) is None


def test_the_first_of_several_is_told_and_the_others_counted() -> None:
    altered = changed(1, "price", 99.0)
    altered["price"][2] = 98.0

    found = compared(altered, three_fills())

    assert found is not None
    assert found.symbol == "ETHUSDT"
    assert found.text().endswith("; 1 more rows of fills differ")


@pytest.mark.parametrize("row", [0, 1, 2])
def test_a_row_taken_out_is_named(row: int) -> None:
    found = compared(np.delete(three_fills(), row).view(np.recarray), three_fills())

    assert found is not None
    assert (found.what, found.symbol) == ("missing", SYMBOLS[row])
    assert found.text().endswith("the row is missing from the record; 2 rows recorded, 3 re-derived")


@pytest.mark.parametrize("row", [0, 1, 2])
def test_a_row_put_in_is_named(row: int) -> None:
    more = np.insert(three_fills(), row, three_fills()[row]).view(np.recarray)
    more["order"][row] = 99

    found = compared(more, three_fills())

    assert found is not None
    assert (found.what, found.symbol) == ("extra", SYMBOLS[row])
    assert "the row is recorded but was not re-derived; 4 rows recorded, 3 re-derived" in found.text()


def test_an_empty_table_lacks_the_first_row() -> None:
    found = compared(three_fills()[:0], three_fills())

    assert found is not None
    assert (found.what, found.symbol) == ("missing", "BTCUSDT")


def test_a_changed_place_in_the_order_is_a_difference() -> None:
    rows = three_fills()
    seq = rows["market_seq"].copy()
    table = to_table(FILLS, rows, seq, Numbering(FILLS).parts(seq) + np.array([0, 0, 1]), SYMBOLS)

    found = first_difference(FILLS, table, three_fills(), SYMBOLS)

    assert found is not None
    assert (found.field, found.symbol) == ("part", "SOLUSDT")


def test_wide_tables_are_compared_column_by_column() -> None:
    kind, columns = features(("momentum", "spread"), at=(3, 6))
    seq = columns["market_seq"]
    table = to_table(kind, columns, seq, Numbering(kind).parts(seq), SYMBOLS)
    assert first_difference(kind, table, columns, SYMBOLS) is None

    other = {**columns, "spread": columns["spread"] + np.eye(6)[4]}
    found = first_difference(kind, table, other, SYMBOLS)

    assert found is not None
    assert (found.field, found.symbol, found.recorded, found.rederived) == ("spread", "ETHUSDT", "5.5", "6.5")
