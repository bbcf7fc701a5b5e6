"""A market on disk: whole or absent, never changed, refused when a byte of it is."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from alphastrike.journal.kinds import KINDS
from alphastrike.market.building import market_of
from alphastrike.market.columns import EVENT_TABLES, LATER_TABLES, TABLES
from alphastrike.market.manifest import MarketManifest
from alphastrike.market.simulate import simulate_market, simulation
from alphastrike.market.store import find_market, list_markets, market_tables, open_market
from alphastrike.model.bars import BarFlag
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.model.units import MICROS_PER_HOUR
from tests.market.files import broken, candles, imported, leftovers, parquet

SYMBOLS = ("ETHUSDT", "BTCUSDT", "FOOUSDT")


def _simulated(root: Path, name: str = "world", seed: int = 5) -> MarketManifest:
    return simulate_market(root, name, SYMBOLS, 4, MICROS_PER_HOUR, seed)


def test_what_is_opened_is_what_was_written(data_root: Path) -> None:
    manifest = _simulated(data_root)
    made = simulation(SYMBOLS, 4, MICROS_PER_HOUR, 5).tables
    fresh = market_of("world", made.content_hash(), made)
    opened = open_market(data_root, "world")
    assert opened.content_hash == manifest.content_hash == fresh.content_hash
    assert opened.symbols == SYMBOLS
    assert opened.bars.tobytes() == fresh.bars.tobytes()
    assert opened.tiers.tobytes() == fresh.tiers.tobytes()
    assert opened.instruments.tobytes() == fresh.instruments.tobytes()
    assert np.array_equal(opened.tick_seq, fresh.tick_seq)
    for name, values in fresh.series.items():
        assert np.array_equal(opened.series[name], values, equal_nan=True)


def test_numbers_run_over_every_event_and_tick_without_a_hole(data_root: Path) -> None:
    _simulated(data_root)
    market = open_market(data_root, "world")
    events = sum(pq.read_metadata(file).num_rows for file in
                 (market_tables(data_root, "world")[name] for name in EVENT_TABLES))  # fmt: skip
    assert market.tick_seq[-1] == events + market.ticks
    per_tick = np.diff(market.tick_seq, prepend=0)
    flags = market.bars["flags"]
    counted = sum((flags & bit != 0).sum(axis=1) for bit in (BarFlag.CANDLE, BarFlag.MARK, BarFlag.FUNDING))
    assert np.array_equal(per_tick, counted + market.other_events + 1)


def test_tables_have_the_declared_columns_and_types(data_root: Path) -> None:
    _simulated(data_root)
    for name, file in market_tables(data_root, "world").items():
        schema = pq.read_schema(file)
        assert schema.names == [column.name for column in TABLES[name]]
        if name in EVENT_TABLES:
            assert [schema.field(column.name).type for column in KINDS[name].columns] == [
                column.arrow_type for column in KINDS[name].columns
            ]
        assert pq.read_metadata(file).row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize("table", list(TABLES))
def test_a_flipped_byte_is_reported_with_its_file(data_root: Path, table: str) -> None:
    _simulated(data_root)
    file = market_tables(data_root, "world")[table]
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(raw)
    with pytest.raises(DataError, match=rf"{table}\.parquet of market world has been changed"):
        open_market(data_root, "world")
    with pytest.raises(DataError, match=rf"{table}\.parquet"):
        market_tables(data_root, "world")


def test_a_missing_table_is_reported(data_root: Path) -> None:
    _simulated(data_root)
    market_tables(data_root, "world")["marks"].unlink()
    with pytest.raises(DataError, match="no table marks"):
        open_market(data_root, "world")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda read: read.update(schema_version=99), "schema 99, this version reads up to 2"),
        (lambda read: read.pop("schema_version"), "damaged"),
        (lambda read: read.update(ticks="many"), "damaged at ticks"),
        (lambda read: read.update(stranger=1), "damaged at stranger"),
    ],
)
def test_a_manifest_of_another_kind_is_refused(data_root: Path, change: object, words: str) -> None:
    _simulated(data_root)
    file = data_root / "markets" / "world" / "manifest.json"
    read = json.loads(file.read_text())
    assert callable(change)
    change(read)
    file.write_text(json.dumps(read))
    with pytest.raises(DataError, match=words):
        open_market(data_root, "world")


def test_a_market_of_schema_1_opens_and_keeps_its_hash(data_root: Path, tmp_path: Path) -> None:
    """It has no tables of the kinds that were declared later: it holds no such event."""
    file = parquet(tmp_path / "BTCUSDT_15m.parquet", candles())
    imported(data_root, file)
    folder = data_root / "markets" / "small"
    read = json.loads((folder / "manifest.json").read_text())
    for name in LATER_TABLES:
        (folder / f"{name}.parquet").unlink()
        del read["tables"][name]
    del read["externals"]
    (folder / "manifest.json").write_text(json.dumps(read | {"schema_version": 1}))

    opened = open_market(data_root, "small")
    assert (len(opened.tick_seq), opened.externals) == (8, {})
    assert opened.content_hash == "5350e38b4f297751a9a1384a1fd15c8b", "as schema 1 had it"
    assert not LATER_TABLES & set(market_tables(data_root, "small"))
    assert imported(data_root, file).was_there, "the same content is the same market"


def test_a_folder_without_a_manifest_is_no_market(data_root: Path) -> None:
    (data_root / "markets" / "hollow").mkdir(parents=True)
    with pytest.raises(DataError, match="hollow has no manifest"):
        find_market(data_root, "hollow")


@pytest.mark.parametrize("name", ["nowhere", "..", "../markets/world", ""])
def test_an_unknown_market_is_refused_with_those_there(data_root: Path, name: str) -> None:
    _simulated(data_root)
    with pytest.raises(ConfigurationError, match=r"no market .*there: world"):
        open_market(data_root, name)


def test_the_same_content_under_the_same_name_is_left_alone(data_root: Path) -> None:
    first = _simulated(data_root)
    before = {file: file.stat().st_mtime_ns for file in market_tables(data_root, "world").values()}
    assert _simulated(data_root) == first
    assert {file: file.stat().st_mtime_ns for file in before} == before


def test_other_content_under_the_same_name_is_refused(data_root: Path, tmp_path: Path) -> None:
    imported(data_root, parquet(tmp_path / "BTCUSDT_15m.parquet", candles()))
    changed = broken(candles(), "volume", 1, 99.0)
    before = leftovers(data_root)
    with pytest.raises(ConfigurationError, match="market small exists with other content"):
        imported(data_root, parquet(tmp_path / "BTCUSDT_15m.parquet", changed))
    assert leftovers(data_root) == before
    assert open_market(data_root, "small").bars["volume"][0, 0] == candles()["volume"][0]


def test_markets_are_listed_by_name_and_unfinished_ones_are_not(data_root: Path) -> None:
    assert list_markets(data_root) == []
    for name in ("b", "a"):
        _simulated(data_root, name)
    (data_root / "markets" / ".c.partial-1").mkdir()
    assert [manifest.name for manifest in list_markets(data_root)] == ["a", "b"]


def test_a_full_disk_leaves_nothing_and_says_so(data_root: Path) -> None:
    """The kernel refuses to let any file of the child grow beyond 20 kB: a write fails in the middle."""
    program = (
        "from pathlib import Path\n"
        "from alphastrike.market.simulate import simulate_market\n"
        "from alphastrike.model.errors import TryAgainError\n"
        "try:\n"
        f"    simulate_market(Path({str(data_root)!r}), 'world', ('BTCUSDT',), 60, 3_600_000_000, 5)\n"
        "except TryAgainError as error:\n"
        "    print(error)\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert "no room to write market world" in child.stdout, child.stderr
    assert leftovers(data_root) == []
