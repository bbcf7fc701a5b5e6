"""The same facts make the same market, however they are cut into files, ordered, encoded or repeated."""

import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphastrike.market.checks import settlement_time
from alphastrike.market.columns import canonical, row_count
from alphastrike.market.simulate import simulation
from alphastrike.market.store import open_market
from alphastrike.model.units import MICROS_PER_HOUR
from tests.market.files import NEW_YEAR, QUARTER, broken, candles, csv, imported, klines, parquet


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(1, 39), max_size=4), overlap=st.integers(0, 5), backwards=st.booleans())
def test_the_hash_does_not_depend_on_how_the_rows_are_cut_into_files(
    cuts: list[int], overlap: int, backwards: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, values = Path(folder), klines(candles(40))
        whole = imported(root / "data", parquet(root / "BTCUSDT_15m.parquet", values), name="whole").manifest
        edges = sorted({0, 40, *cuts})
        files = [
            parquet(
                root / f"BTCUSDT_15m_part{place}.parquet",
                {name: cells[max(0, first - overlap) : last] for name, cells in values.items()},
            )
            for place, (first, last) in enumerate(pairwise(edges))
        ]
        parts = imported(root / "data", *(files[::-1] if backwards else files), name="parts").manifest
        assert parts.content_hash == whole.content_hash
        assert parts.facts[0].bars == 40
        assert parts.facts[0].duplicates_dropped == sum(min(overlap, first) for first in edges[1:-1])


def test_the_hash_does_not_depend_on_the_encoding(data_root: Path, tmp_path: Path) -> None:
    values = candles()
    plain = parquet(tmp_path / "BTCUSDT_15m.parquet", values)
    packed = tmp_path / "packed" / "BTCUSDT_15m.parquet"
    packed.parent.mkdir()
    pq.write_table(pq.read_table(plain), packed, compression="gzip", use_dictionary=True, row_group_size=3)
    text = csv(tmp_path / "text" / "BTCUSDT_15m.csv", values)
    hashes = {
        imported(data_root, file, name=f"m{n}").manifest.content_hash for n, file in enumerate((plain, packed, text))
    }
    assert len(hashes) == 1


@settings(max_examples=20)
@given(row=st.integers(1, 8), column=st.sampled_from(["open", "volume"]), change=st.floats(1e-9, 0.4))
def test_the_hash_depends_on_every_value(row: int, column: str, change: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, values = Path(folder), candles()
        one = imported(root / "data", parquet(root / "BTCUSDT_15m.parquet", values), name="one")
        changed = broken(values, column, row, values[column][row - 1] + change)
        other = imported(root / "data", parquet(root / "BTCUSDT_15m.parquet", changed), name="other")
        assert one.manifest.content_hash != other.manifest.content_hash


def test_a_file_with_more_columns_completes_one_that_repeats_it(data_root: Path, tmp_path: Path) -> None:
    bare = parquet(tmp_path / "BTCUSDT_15m_a.parquet", candles())
    full = parquet(tmp_path / "BTCUSDT_15m_b.parquet", klines(candles()))
    imported(data_root, bare, full)
    assert open_market(data_root, "small").series["trades"][:, 0].tolist() == klines(candles())["count"]


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=20))
def test_rounding_a_settlement_twice_changes_nothing(offsets: list[int]) -> None:
    times = NEW_YEAR + np.array(offsets, dtype=np.int64)
    once = settlement_time(times)
    assert np.array_equal(settlement_time(once), once)
    assert int(np.abs(once - times).max()) <= 1_500_000


@pytest.mark.parametrize(
    ("late_ms", "rounded_s"), [(0, 0), (7, 0), (999, 0), (1_400, 0), (-400, 0), (2_100, 2), (26_000, 26)]
)
def test_a_settlement_is_stamped_by_its_hour_when_a_second_beside_it(late_ms: int, rounded_s: int) -> None:
    settled = settlement_time(np.array([NEW_YEAR + late_ms * 1_000]))
    assert settled.tolist() == [NEW_YEAR + rounded_s * 1_000_000]


def test_canonical_order_is_its_own_canonical_order() -> None:
    tables = simulation(("BTCUSDT", "ETHUSDT"), 3, MICROS_PER_HOUR, seed=5).tables
    rng = np.random.default_rng(0)
    for name, columns in tables.columns.items():
        shuffled = rng.permutation(row_count(columns))
        again = canonical(name, {column: values[shuffled] for column, values in columns.items()})
        for column, values in columns.items():
            assert again[column].dtype == values.dtype
            if values.dtype == object:
                assert again[column].tolist() == values.tolist()
            else:
                assert np.array_equal(again[column], values, equal_nan=values.dtype.kind == "f")


def test_liquidations_of_one_time_and_values_of_one_moment_have_an_order_of_their_own() -> None:
    same = np.array([QUARTER] * 4)
    forced = {
        "event_time": same, "symbol": np.array([1, 0, 0, 0]), "side": np.array([-1, 1, 1, -1]),
        "price": np.array([5.0, 6.0, 5.0, 7.0]), "quantity": np.ones(4),
    }  # fmt: skip
    ordered = canonical("liquidations", forced)
    assert list(zip(ordered["symbol"], ordered["side"], ordered["price"], strict=True)) == [
        (0, -1, 7.0), (0, 1, 5.0), (0, 1, 6.0), (1, -1, 5.0),
    ]  # fmt: skip
    names = np.array(["b", "a_2", "b", "a"], dtype=object)
    told = {"event_time": same, "name": names, "stamp": np.array([2, 1, 1, 1]), "value": np.arange(4.0)}
    assert canonical("externals", told)["value"].tolist() == [3.0, 1.0, 2.0, 0.0]


def test_equal_values_have_equal_bytes() -> None:
    """A negative zero and a NaN of other bits are not another market."""
    strange = np.array([0x7FF8000000000123], dtype=np.uint64).view(np.float64)
    base = {"event_time": np.array([QUARTER]), "symbol": np.array([0]), "open_interest": np.array([-0.0])}
    table = canonical("open_interest", {**base, "open_interest_quote": strange})
    assert table["open_interest"].tobytes() == np.zeros(1).tobytes()
    assert table["open_interest_quote"].tobytes() == np.array([np.nan]).tobytes()
