"""Missing settlements: found where they were due, refused by default, assumed only when asked, always flagged."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.market.funding import FundingMissing, missing_stretches, parse_funding_missing
from alphastrike.market.store import open_market
from alphastrike.model.bars import BarFlag
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.units import MICROS_PER_HOUR
from tests.market.files import BOUND, NEW_YEAR, QUARTER, candles, funding, imported, moment, parquet

HOUR = MICROS_PER_HOUR


@pytest.mark.parametrize(
    ("what", "known", "due"),
    [
        ("nothing known: the usual three a day", [], [8, 16, 24, 32, 40]),
        ("complete", [0, 8, 16, 24, 32, 40], []),
        ("the last instant is not asked for", [8, 16, 24, 32, 40], []),
        ("begins late", [24, 32, 40], [8, 16]),
        ("stops early", [0, 8, 16], [24, 32, 40]),
        ("a hole", [0, 8, 32, 40], [16, 24]),
        ("from eight hours to two and back is no hole", [-8, 0, 8, 10, 12, 14, 16, 24, 32, 40], []),
        ("a hole in two-hourly funding", [0, 2, 4, 6, 12, 14, 16, 18, 20, 22, *range(24, 48, 2)], [8, 10]),
        ("a late start of hourly funding", range(20, 48), range(1, 20)),
        ("all of it before the market", [-24, -16, -8], [8, 16, 24, 32, 40]),
        ("a stamp beside its hour", [0, 8.4, 16, 24, 32, 40], []),
        ("known beyond both ends", range(-16, 72, 8), []),
        ("a hole before the market begins is not ours", [-80, -72, -24, -16, -8, 0, 8, 16, 24, 32, 40], []),
    ],
)  # fmt: skip
def test_where_settlements_are_missing(what: str, known: list[float], due: list[int]) -> None:
    """Hours since the market's beginning; it lasts two days."""
    time = np.array([NEW_YEAR + round(hour * HOUR) for hour in known], dtype=np.int64)
    stretches = missing_stretches(time, NEW_YEAR, NEW_YEAR + 48 * HOUR)
    found = [(stamp - NEW_YEAR) // HOUR for stretch in stretches for stamp in stretch.due.tolist()]
    assert found == list(due), what


@given(st.sets(st.integers(0, 29)))
def test_what_is_known_and_what_is_assumed_never_coincide(lost: set[int]) -> None:
    grid = NEW_YEAR + 8 * HOUR * np.arange(30, dtype=np.int64)
    known = np.delete(grid, sorted(lost))
    end = NEW_YEAR + 240 * HOUR
    due = [stamp for stretch in missing_stretches(known, NEW_YEAR, end) for stamp in stretch.due.tolist()]
    assert due == sorted(set(due))
    assert not set(due) & set(known.tolist())
    assert all(NEW_YEAR < stamp < end for stamp in due)
    if len(known) == 0 or len(lost) <= 1:
        assert set(due) == {int(grid[at]) for at in lost if at > 0}


def test_assumed_settlements_are_flagged_and_counted(data_root: Path, tmp_path: Path) -> None:
    parquet(tmp_path / "in" / "BTCUSDT_15m.parquet", candles(3 * 96))
    parquet(tmp_path / "in" / "BTCUSDT_funding.parquet", funding(6, begin=moment("2024-01-02")))
    manifest = imported(data_root, tmp_path / "in", funding_missing=FundingMissing(0.0003)).manifest
    facts = manifest.facts[0]
    assert (facts.funding, facts.funding_assumed) == (8, 2)
    assert facts.funding_assumed_spans == ((NEW_YEAR, moment("2024-01-02")),)
    assert manifest.funding_assumed_share == pytest.approx(2 / 8)
    assert manifest.origin.funding_missing == "bound:0.0003"
    market = open_market(data_root, "small")
    flags = market.bars["flags"][:, 0]
    assumed = np.flatnonzero(flags & BarFlag.FUNDING_ASSUMED)
    assert [market.tick_times[tick] for tick in assumed] == [NEW_YEAR + 8 * HOUR, NEW_YEAR + 16 * HOUR]
    assert market.bars["funding_rate"][assumed, 0].tolist() == [0.0003, 0.0003]
    assert np.all(flags[assumed] & BarFlag.FUNDING)
    known = np.flatnonzero((flags & BarFlag.FUNDING != 0) & (flags & BarFlag.FUNDING_ASSUMED == 0))
    assert market.bars["funding_rate"][known, 0].tolist() == funding(6)["funding_rate"]


def test_a_settlement_beside_the_grid_belongs_to_the_next_tick(data_root: Path, tmp_path: Path) -> None:
    parquet(tmp_path / "in" / "BTCUSDT_15m.parquet", candles(96))
    late = funding(3)
    late["funding_time"][1] += 251 * 1_000_000
    parquet(tmp_path / "in" / "BTCUSDT_funding.parquet", late)
    imported(data_root, tmp_path / "in", funding_missing=FundingMissing())
    market = open_market(data_root, "small")
    ticks = np.flatnonzero(market.bars["flags"][:, 0] & BarFlag.FUNDING)
    assert [int(market.tick_times[tick] - NEW_YEAR) for tick in ticks] == [8 * HOUR + QUARTER, 16 * HOUR]


@pytest.mark.parametrize("text", ["", "zero", "bound", "bound:", "bound:x", "bound:nan", "bound:0.5", "refuse:1"])
def test_the_choice_is_one_of_two(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"neither refuse nor bound:RATE"):
        parse_funding_missing(text)


def test_the_choice_is_read_back() -> None:
    assert parse_funding_missing("refuse") == FundingMissing()
    assert parse_funding_missing("bound:0.0001") == BOUND
    assert parse_funding_missing(BOUND.text) == BOUND
    assert parse_funding_missing("bound:-0.0001").rate == -0.0001
