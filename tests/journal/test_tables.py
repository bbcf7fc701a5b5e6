"""What is written is read: every kind, every value a field can hold, through Parquet and back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphastrike.journal.kinds import KINDS, Column, Kind
from alphastrike.journal.reader import Run
from alphastrike.journal.segments import RunWriter
from alphastrike.journal.tables import Numbering, Records, kind_named, ordinal_of, to_records, to_table
from alphastrike.model.errors import DataError
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import Storage
from tests.builders import BTC, ETH, SYMBOLS, facts, fill, rows_of, write_run

INT64 = st.integers(-(2**63), 2**63 - 1)
REALS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, -0.0, 5e-324, 1.7976931348623157e308, float("nan"), float("-inf")]),
)


def values_of(column: Column) -> st.SearchStrategy[Any]:
    if column.codes is not None:
        return st.sampled_from([int(code) for code in column.codes])
    return {
        Storage.TIME: INT64,
        Storage.SYMBOL: st.integers(-1, len(SYMBOLS) - 1),
        Storage.INTEGER: INT64,
        Storage.FLAG: st.integers(0, 1),
        Storage.REAL: REALS,
        Storage.TEXT: st.text(max_size=20),
    }[column.unit.storage]


@st.composite
def records_of(draw: st.DrawFn, kind: Kind) -> Records:
    count = draw(st.integers(0, 6))
    records = np.empty(count, dtype=kind.record).view(np.recarray)
    records["market_seq"] = sorted(draw(st.lists(st.integers(1, 2**62), min_size=count, max_size=count)))
    for column in kind.columns:
        drawn = draw(st.lists(values_of(column), min_size=count, max_size=count))
        records[column.name] = np.array(drawn, dtype=column.numpy_type)
    return records


def in_this_run(name: str) -> Kind:
    return kind_named(name, ("first", "second") if KINDS[name].wide else ())


def bits(values: Any) -> list[Any]:
    held: list[Any] = np.asarray(values).tolist()
    return [value.hex() if isinstance(value, float) else value for value in held]


@pytest.mark.parametrize("name", list(KINDS))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_rows_of_every_kind_survive_the_disk_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    kind = in_this_run(name)
    written = data.draw(records_of(kind))
    folder = tmp_path_factory.mktemp("runs") / "round-trip"
    write_run(folder, [(kind, written)])

    read = Run.open(folder).rows(name)

    assert read.dtype == kind.record
    for field in kind.record.names or ():
        assert bits(read[field]) == bits(written[field]), field


@settings(max_examples=60)
@given(
    runs=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), min_size=1, max_size=12),
    cuts=st.lists(st.integers(0, 40), max_size=4),
)
def test_every_row_has_one_place_in_the_total_order_however_it_arrives(
    runs: list[tuple[int, int]], cuts: list[int]
) -> None:
    market_seq = np.cumsum([1 + step for step, _ in runs]).repeat([count for _, count in runs])
    market_seq = market_seq.astype(np.int64)
    whole = Numbering(KINDS["fills"]).parts(market_seq)
    in_parts = Numbering(KINDS["fills"])
    stretches = [s for s in np.split(market_seq, sorted(c for c in cuts if c < len(market_seq))) if len(s)]

    order = list(zip(market_seq.tolist(), whole.tolist(), strict=True))

    assert order == sorted(set(order))
    assert np.concatenate([in_parts.parts(stretch) for stretch in stretches]).tolist() == whole.tolist()
    assert ordinal_of(int(whole[0])) == 0


def test_rows_of_several_kinds_never_share_a_place(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "order", SYMBOLS) as writer:
        for name, kind in KINDS.items():
            if not kind.wide:
                writer.append(kind, rows_of(name, {"market_seq": 7}, {"market_seq": 7}))
        writer.seal(facts("order"))
    run = Run.open(tmp_path / "order")
    places = [
        (seq, part)
        for name in run.manifest.tables
        for seq, part in zip(*(run.table(name)[c].to_pylist() for c in ("seq", "part")), strict=True)
    ]
    stages = [KINDS[name].order for name in run.manifest.tables]

    assert len(set(places)) == len(places)
    assert [part >> 20 for _, part in places[::2]] == stages


def test_rows_out_of_order_are_a_defect_of_ours() -> None:
    with pytest.raises(AssertionError, match="fills are not in the order"):
        Numbering(KINDS["fills"]).parts(np.array([3, 2], dtype=np.int64))


def test_a_table_reads_naturally(tmp_path: Path) -> None:
    write_run(
        tmp_path / "plain", [(KINDS["triggers"], rows_of("triggers", {"market_seq": 9, "symbol": -1, "fired": 1}))]
    )

    row = Run.open(tmp_path / "plain").table("triggers").to_pylist()[0]

    assert (row["symbol"], row["rule"], row["fired"]) == (None, "win_rate", True)
    assert row["event_time"].isoformat() == "1970-01-01T00:00:00+00:00"


def test_times_and_numbers_are_delta_encoded_and_only_names_have_dictionaries(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    write_run(tmp_path / "layout", [(KINDS["fills"], rows_of("fills", fill(BTC, 1.0), fill(ETH, 2.0)))])
    group = pq.read_metadata(tmp_path / "layout" / "fills-000001.parquet").row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}

    assert all("DELTA_BINARY_PACKED" in columns[n].encodings for n in ("seq", "market_seq", "event_time", "order"))
    with_dictionary = {name for name, column in columns.items() if column.has_dictionary_page}
    assert with_dictionary == {"symbol", "reason", "liquidity"}
    assert {column.compression for column in columns.values()} == {"ZSTD"}


def test_a_name_that_the_run_does_not_know_is_refused() -> None:
    kind = KINDS["fills"]
    numbers = np.array([1], dtype=np.int64)
    table = to_table(kind, rows_of("fills", fill(BTC, 1.0)), numbers, numbers, SYMBOLS)

    with pytest.raises(DataError, match=r"fills\.symbol holds 'BTCUSDT', which this run does not know"):
        to_records(kind, table, SymbolTable(("ETHUSDT", "SOLUSDT")))
