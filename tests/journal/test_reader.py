"""A run opened: every table under its name in SQL, and nothing of the machine around it."""

import math
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alphastrike.journal.kinds import KINDS
from alphastrike.journal.manifest import read_manifest, sealed, write_manifest
from alphastrike.journal.reader import MARKET_TABLES, Run
from alphastrike.journal.segments import file_digest
from alphastrike.journal.tables import arrow_schema
from alphastrike.model.errors import AlphaStrikeError, ConfigurationError, DataError
from tests.builders import write_run
from tests.journal import live


@pytest.fixture
def run(tmp_path: Path) -> Run:
    write_run(tmp_path / "made")
    return Run.open(tmp_path / "made")


def test_the_question_of_the_readme_is_answered(run: Run) -> None:
    answer = run.sql("select symbol, count(*), avg(conviction) from forecasts group by 1 order by 1")

    assert answer.columns == ("symbol", "count_star()", "avg(conviction)")
    assert answer.rows == [("BTCUSDT", 2, 89.5), ("ETHUSDT", 1, 40.0)]


def test_every_kind_is_a_table_with_its_columns_whether_it_has_rows_or_not(run: Run) -> None:
    for name in set(KINDS) - set(MARKET_TABLES):
        described = {row[0] for row in run.sql(f"describe {name}").rows}
        assert described == set(arrow_schema(run.kind(name)).names), name
    assert run.sql("select count(*), max(name) from retirements").rows == [(0, None)]
    assert [row[0] for row in run.sql("select column_name from (describe features)").rows][-2:] == [
        "momentum",
        "spread",
    ]


def test_values_come_back_as_what_they_are(run: Run) -> None:
    (row,) = run.sql("select event_time, symbol, quantity, reason, seq, sum(seq) over () from fills limit 1").rows

    assert row == (datetime(2023, 11, 20, 14, tzinfo=UTC), "BTCUSDT", 0.5, "entry", 2, 6)
    assert isinstance(row[-1], int), "a sum of whole numbers is a whole number"
    assert math.isnan(run.sql("select momentum from features").rows[0][0])


def test_tables_join_with_one_another(run: Run) -> None:
    joined = "select f.price, c.conviction from fills f join forecasts c using (seq, symbol)"

    assert run.sql(joined).rows == [(100.0, 88.0)]


def test_a_limit_keeps_the_first_rows_and_the_count_of_all(run: Run) -> None:
    answer = run.sql("select seq from features", limit=4)

    assert (len(answer.rows), answer.total) == (4, 6)
    assert run.sql("select seq from features", limit=0).total == 6


def some_columns(run: Run, name: str, columns: list[str]) -> bool:
    chosen = [column for column in run.table(name).schema.names if column in columns]
    return run.table(name, columns).equals(run.table(name).select(chosen)) and len(chosen) == len(columns)


def test_some_columns_of_a_table_are_those_of_the_whole(tmp_path: Path, run: Run) -> None:
    for name, columns in {"fills": ["price", "seq"], "forecasts": ["symbol"], "retirements": ["name"]}.items():
        assert some_columns(run, name, columns), name
    with live.begin(tmp_path / "live") as journal:
        live.record_to(journal, 7, every=3)
        journal.commit()
        recording = Run.open(tmp_path / "live")
        assert recording.manifest.state == "recording"
        for name, columns in {"ticks": ["event_time"], "fills": ["price", "seq"], "instruments": ["lot"]}.items():
            assert some_columns(recording, name, columns), name
            assert len(recording.table(name, columns)) > 0


def test_of_a_file_whose_columns_are_not_read_a_changed_byte_is_found_too(run: Run) -> None:
    (segment,) = run.segments("fills")
    path = run.folder / segment.file
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(DataError, match="was changed after sealing"):
        run.table("fills", ["seq"])


def test_the_checkpoints_are_a_table_too(run: Run) -> None:
    assert run.sql("select situation, tick, state from checkpoints").rows == [(1, 4, b"\x00state\xff")]


def test_the_markets_tables_are_there_when_the_market_is(tmp_path: Path, run: Run) -> None:
    pq.write_table(pa.table({"symbol": ["BTCUSDT"], "close": [100.0]}), tmp_path / "candles.parquet")
    at_hand = Run.open(run.folder, lambda: {"candles": tmp_path / "candles.parquet"})

    assert at_hand.sql("select close from candles join fills using (symbol)").rows == [(100.0,)]
    assert at_hand.sql("select count(*) from fills").rows == [(2,)]
    assert ("candles",) in at_hand.sql("show tables").rows
    with pytest.raises(DataError, match=r"reads marks from market 'handmade' .* which is not here"):
        at_hand.sql("select * from marks")


REACHING_OUT = [
    "copy fills to '{tmp}/stolen.csv'",
    "copy (select 1) to '{tmp}/stolen.parquet'",
    "select * from read_csv('{tmp}/secret.csv')",
    "select * from read_text('{tmp}/secret.csv')",
    "select * from '{tmp}/secret.csv'",
    "select * from glob('{tmp}/*')",
    "select * from read_parquet('{run}/fills-000001.parquet')",
    "copy fills to '{run}/fills-000001.parquet'",
    "attach '{tmp}/other.db'",
    "export database '{tmp}/all'",
    "install httpfs",
    "load httpfs",
    "set enable_external_access = true",
    "set lock_configuration = false",
    "pragma enable_external_access",
    "create table mine as select 1",
    "drop view fills",
    "insert into fills select * from fills",
    "select 1; select 2",
    "",
]


@pytest.mark.parametrize("query", REACHING_OUT)
def test_a_query_only_reads_the_run(tmp_path: Path, run: Run, query: str) -> None:
    (tmp_path / "secret.csv").write_text("key\nhunter2\n")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    with pytest.raises(ConfigurationError) as caught:
        run.sql(query.format(tmp=tmp_path, run=run.folder))

    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert run.sql("select count(*) from fills").rows == [(2,)]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("selec 1", "Parser Error"),
        ("select nothing from fills", 'Referenced column "nothing" not found'),
        ("select * from fillz", "Table with name fillz does not exist"),
        ("select 'a'::integer", "Could not convert string 'a'"),
    ],
)
def test_a_wrong_query_is_answered_in_one_line_with_duckdbs_words(run: Run, query: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match="the query failed: ") as caught:
        run.sql(query)

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("missing", "segment fills-000001.parquet of fills is missing"),
        ("truncated", "segment fills-000001.parquet of fills was changed after sealing"),
        ("emptied", "segment fills-000001.parquet of fills was changed after sealing"),
    ],
)
def test_a_damaged_segment_is_named_and_the_others_still_read(run: Run, damage: str, said: str) -> None:
    path = run.folder / "fills-000001.parquet"
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(whole[: len(whole) // 2] if damage == "truncated" else b"")

    for ask in (lambda: run.rows("fills"), lambda: run.sql("select * from FILLS")):
        with pytest.raises(DataError) as caught:
            ask()
        assert said in str(caught.value)
    assert len(run.rows("forecasts")) == 3
    assert run.sql("select count(*) from forecasts").rows == [(3,)]


@pytest.mark.parametrize("damage", ["not parquet", "other columns", "fewer rows"])
def test_a_segment_whose_chain_was_computed_anew_must_still_hold_its_table(run: Run, damage: str) -> None:
    path = run.folder / "fills-000001.parquet"
    table = pq.read_table(path)
    match damage:
        case "not parquet":
            path.write_bytes(b"PAR1" + b"\x00" * 40)
        case "other columns":
            pq.write_table(table.drop_columns(["price"]), path)
        case _:
            pq.write_table(table.slice(1), path)
    reseal(run.folder)

    with pytest.raises(DataError, match=r"fills-000001\.parquet"):
        Run.open(run.folder).rows("fills")


def reseal(folder: Path) -> None:
    """Compute the chain anew over changed files, as a forger would."""
    manifest = read_manifest(folder)
    segments = [s.model_copy(update={"digest": file_digest(folder / s.file)}) for s in manifest.segments]
    write_manifest(sealed(manifest, manifest.tables, segments), folder)


def test_an_unknown_kind_is_named(run: Run) -> None:
    with pytest.raises(AlphaStrikeError, match="no event kind is called 'filles'"):
        run.rows("filles")
