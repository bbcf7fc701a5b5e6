"""The real files beside the project: imported whole, with the facts that their description states."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from alphastrike.market.funding import FundingMissing
from alphastrike.market.importing import Imported, Wanted, import_market
from alphastrike.market.intervals import parse_interval
from alphastrike.market.market import Market
from alphastrike.market.store import open_market
from alphastrike.model.bars import BarFlag
from alphastrike.model.errors import AlphaStrikeError, DataError
from alphastrike.model.units import MICROS_PER_HOUR
from tests.market.files import BOUND, leftovers, moment

pytestmark = pytest.mark.shared

MAJORS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "ADAUSDT")
WANTED = Wanted(symbols=MAJORS, interval=parse_interval("15m"), funding_missing=BOUND)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def majors(shared_market: Path, root: Path) -> Imported:
    return import_market(root, "majors", [shared_market / "binance_um"], WANTED)


@pytest.fixture(scope="module")
def market(majors: Imported, root: Path) -> Market:
    return open_market(root, "majors")


def test_the_majors_are_there_whole(majors: Imported) -> None:
    manifest = majors.manifest
    assert (manifest.start, manifest.end) == (moment("2022-01-01T00:15"), moment("2025-07-01"))
    for facts in manifest.facts:
        assert (facts.bars, facts.gaps, facts.zero_volume_bars, facts.duplicates_dropped) == (122_592, (), 7, 0)
    assumed = {facts.symbol: facts.funding_assumed for facts in manifest.facts}
    # Three a day from 2022-01-01 08:00 to 2022-06-24 16:00.
    assert assumed == {"BTCUSDT": 0, "ETHUSDT": 0, "ADAUSDT": 0, "SOLUSDT": 524, "BNBUSDT": 524}
    assert manifest.instruments == "assumed"
    assert {skipped.why for skipped in majors.skipped} >= {"tick data", "another symbol", "candles at 1h"}


def test_known_prices_are_at_their_times(market: Market) -> None:
    bars, bitcoin, solana = market.bars, MAJORS.index("BTCUSDT"), MAJORS.index("SOLUSDT")

    def span(begin: str, end: str) -> slice:
        return slice(*((moment(text) - market.start) // market.interval + 1 for text in (begin, end)))

    luna = bars[span("2022-05-09", "2022-05-13"), bitcoin]
    assert (luna["low"].min(), luna["high"].max()) == (26_631.0, 34_243.3)
    ftx = bars[span("2022-11-08", "2022-11-11"), solana]
    assert (ftx["low"].min(), ftx["high"].max()) == (9.423, 31.89)


def test_solana_settled_every_two_hours_in_the_crash(market: Market) -> None:
    flags = market.bars["flags"][:, MAJORS.index("SOLUSDT")]
    times = market.tick_times[(flags & BarFlag.FUNDING != 0) & (flags & BarFlag.FUNDING_ASSUMED == 0)]
    steps, counts = np.unique(np.diff(times), return_counts=True)
    assert dict(zip((steps // MICROS_PER_HOUR).tolist(), counts.tolist(), strict=True)) == {2: 98, 4: 3, 8: 3279}


def test_missing_funding_is_refused_by_default(shared_market: Path, root: Path) -> None:
    wanted = Wanted(symbols=MAJORS, interval=parse_interval("15m"), funding_missing=FundingMissing())
    before = leftovers(root)
    with pytest.raises(DataError) as refusal:
        import_market(root, "refused", [shared_market / "binance_um"], wanted)
    assert "funding of SOLUSDT is missing from 2022-01-01 00:00 to 2022-06-25 00:00" in str(refusal.value)
    assert leftovers(root) == before


def test_the_same_import_again_is_already_there(majors: Imported, shared_market: Path, root: Path) -> None:
    """Also when the files are named one by one, in another order."""
    folders = sorted((shared_market / "binance_um").glob("[cfmot]*"), reverse=True)
    again = import_market(root, "majors", folders, WANTED)
    assert again.was_there
    assert again.manifest == majors.manifest


@pytest.mark.parametrize(
    ("venue", "interval", "funding", "symbols"),
    [
        ("bybit_linear", "1h", "refuse", ("BTCUSDT", "ETHUSDT", "SOLUSDT")),
        ("okx_swap",     "1h", "bound",  ("BTCUSDT", "ETHUSDT", "SOLUSDT")),
        ("hyperliquid",  "5m", "refuse", ("BTC", "ETH", "SOL")),
        ("ftx",          "1m", "bound",  ("BTC",)),
    ],
)  # fmt: skip
def test_every_venue_imports(
    shared_market: Path, data_root: Path, venue: str, interval: str, funding: str, symbols: tuple[str, ...]
) -> None:
    missing = BOUND if funding == "bound" else FundingMissing()
    wanted = Wanted(interval=parse_interval(interval), funding_missing=missing)
    manifest = import_market(data_root, venue, [shared_market / venue], wanted).manifest
    assert manifest.symbols == symbols
    assert manifest.bars == len(symbols) * manifest.ticks
    assert manifest.funding_assumed_share == (1.0 if funding == "bound" else 0.0)
    assert open_market(data_root, venue).ticks == manifest.ticks


def test_two_venues_in_one_market_are_refused(shared_market: Path, data_root: Path) -> None:
    wanted = Wanted(symbols=("BTCUSDT",), interval=parse_interval("1h"), funding_missing=BOUND)
    with pytest.raises(AlphaStrikeError, match=r"files disagree at .* in .*binance_um.* in .*okx_swap"):
        import_market(data_root, "mixed", [shared_market / "binance_um", shared_market / "okx_swap"], wanted)
    assert leftovers(data_root) == []


def test_a_damaged_real_file_is_refused(shared_market: Path, data_root: Path, tmp_path: Path) -> None:
    source = shared_market / "binance_um" / "candles_15m" / "SOLUSDT_15m.parquet"
    copy = tmp_path / source.name
    shutil.copy(source, copy)
    copy.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
    with pytest.raises(DataError, match=r"SOLUSDT_15m\.parquet is not a readable Parquet file"):
        import_market(data_root, "cut", [copy], Wanted(funding_missing=BOUND))
    assert leftovers(data_root) == []
