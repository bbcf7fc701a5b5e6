"""Every layout that an import promises to understand, and what it makes of each."""

from pathlib import Path

import numpy as np
import pytest

from alphastrike.market.formats import FileKind, ForeignFileError, interval_named, recognise, symbol_in_name
from alphastrike.market.intervals import interval_text, parse_from, parse_interval, parse_to
from alphastrike.market.store import open_market
from alphastrike.model.bars import BarFlag
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.model.units import MICROS_PER_HOUR, MICROS_PER_MINUTE
from tests.market.files import (
    NEW_YEAR,
    QUARTER,
    broken,
    candles,
    csv,
    funding,
    imported,
    klines,
    moment,
    parquet,
    without,
)


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize(("clock", "unit"), [("ms", 1_000), ("us", 1)])
def test_binance_klines_in_csv_give_the_same_market_as_parquet(
    data_root: Path, tmp_path: Path, header: bool, clock: str, unit: int
) -> None:
    values = klines(candles())
    file = csv(tmp_path / clock / "BTCUSDT-15m-2024-01.csv", values, header=header, unit=unit)
    own = imported(data_root, file, name="csv").manifest
    other = imported(data_root, parquet(tmp_path / "BTCUSDT_15m.parquet", values), name="parquet").manifest
    assert own.content_hash == other.content_hash
    market = open_market(data_root, "csv")
    assert market.series["trades"][:, 0].tolist() == values["count"]
    assert market.series["taker_buy_volume"][:, 0].tolist() == values["taker_buy_volume"]


def test_candles_are_stamped_by_their_close(data_root: Path, tmp_path: Path) -> None:
    imported(data_root, parquet(tmp_path / "BTCUSDT_15m.parquet", candles()))
    market = open_market(data_root, "small")
    assert market.start == NEW_YEAR + QUARTER
    assert market.tick_times[-1] == NEW_YEAR + 8 * QUARTER
    assert market.bars["close"][:, 0].tolist() == candles()["close"]
    assert np.all(market.bars["flags"][:, 0] & BarFlag.CANDLE)


def test_the_public_archive_as_it_unpacks(data_root: Path, tmp_path: Path) -> None:
    """Klines, mark price klines, fundings and metrics in the archive's folders, with its stray milliseconds."""
    archive = tmp_path / "futures" / "um"
    day = candles(96)
    csv(archive / "monthly/klines/BTCUSDT/15m/BTCUSDT-15m-2024-01.csv", klines(day), header=False)
    marks = klines(candles(24, step=MICROS_PER_HOUR), MICROS_PER_HOUR)
    csv(archive / "monthly/markPriceKlines/BTCUSDT/1h/BTCUSDT-1h-2024-01.csv", {**marks, "volume": [0.0] * 24,
        "taker_buy_volume": [0.0] * 24})  # fmt: skip
    csv(archive / "monthly/premiumIndexKlines/BTCUSDT/15m/BTCUSDT-15m-2024-01.csv", klines(day))
    stamps = funding(4)["funding_time"]
    rates = {
        "calc_time": [stamp + 7_000 for stamp in stamps],
        "funding_interval_hours": [8] * 4,
        "last_funding_rate": funding(4)["funding_rate"],
    }
    csv(archive / "monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2024-01.csv", rates)
    metrics = archive / "daily/metrics/BTCUSDT/BTCUSDT-metrics-2024-01-01.csv"
    metrics.parent.mkdir(parents=True)
    metrics.write_text(
        "create_time,symbol,sum_open_interest,sum_open_interest_value,sum_taker_long_short_vol_ratio\n"
        "2024-01-01 00:05:00,BTCUSDT,500.5,50050,1.1\n"
        "2024-01-01 00:10:00,BTCUSDT,501.5,50150,1.2\n"
    )
    result = imported(data_root, archive)
    market = open_market(data_root, "small")
    facts = result.manifest.facts[0]
    assert (facts.bars, facts.marks, facts.funding, facts.funding_assumed, facts.open_interest) == (96, 24, 3, 0, 2)
    assert [skipped.why for skipped in result.skipped] == ["index or premium prices"]
    # A mark bar is known at its close; the settlement of 08:00 belongs to the tick of 08:00.
    hour = int((moment("2024-01-01T01:00") - market.start) // QUARTER)
    assert market.bars["mark"][hour, 0] == marks["close"][0]
    eight = int((moment("2024-01-01T08:00") - market.start) // QUARTER)
    assert market.bars["funding_rate"][eight, 0] == rates["last_funding_rate"][1]
    # Both metrics fall into the first bar: both take numbers, the later value stands.
    assert market.other_events[0] == 2
    assert market.series["open_interest"][0, 0] == 501.5


def test_volume_in_quote_currency_is_converted_and_said(data_root: Path, tmp_path: Path) -> None:
    values = candles()
    quoted = {**without(values, "volume"), "volume_usd": [1_000.0] * 8}
    result = imported(data_root, parquet(tmp_path / "BTC-PERP_15m.parquet", quoted))
    middle = (values["open"][0] + values["high"][0] + values["low"][0] + values["close"][0]) / 4.0
    assert open_market(data_root, "small").bars["volume"][0, 0] == pytest.approx(1_000.0 / middle, rel=1e-15)
    assert any("converted" in note for note in result.manifest.facts[0].notes)


def test_an_interval_that_no_name_states_is_taken_from_the_rows(data_root: Path, tmp_path: Path) -> None:
    result = imported(data_root, parquet(tmp_path / "BTCUSDT.parquet", candles(step=MICROS_PER_HOUR)))
    assert result.manifest.interval == MICROS_PER_HOUR


def test_what_is_skipped_beneath_a_folder_is_said(data_root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    parquet(folder / "BTCUSDT_15m.parquet", candles())
    parquet(folder / "BTCUSDT_1h.parquet", candles(step=MICROS_PER_HOUR))
    parquet(folder / "ETHUSDT_15m.parquet", candles())
    (folder / "README.md").write_text("notes")
    (folder / "BTCUSDT_trades.csv").write_text("trade_id,price\n1,2\n")
    (folder / ".cache").mkdir()
    parquet(folder / ".cache" / "BTCUSDT_15m.parquet", candles(base=7.0))
    result = imported(data_root, folder, symbols=("BTCUSDT",), interval=QUARTER)
    why = {Path(skipped.file).name: skipped.why for skipped in result.skipped}
    assert why == {
        "BTCUSDT_1h.parquet": "candles at 1h",
        "ETHUSDT_15m.parquet": "another symbol",
        "README.md": "neither Parquet nor CSV",
        "BTCUSDT_trades.csv": "tick data",
    }


def test_gaps_zero_volume_and_the_common_span_are_reported(data_root: Path, tmp_path: Path) -> None:
    holed = broken(candles(20), "volume", 2, 0.0)
    holed = {name: cells[:5] + cells[8:] for name, cells in holed.items()}
    parquet(tmp_path / "in" / "BTCUSDT_15m.parquet", holed)
    parquet(tmp_path / "in" / "ETHUSDT_15m.parquet", candles(16, begin=NEW_YEAR + QUARTER))
    manifest = imported(data_root, tmp_path / "in").manifest
    bitcoin, ether = manifest.facts
    assert (manifest.start, manifest.ticks) == (NEW_YEAR + 2 * QUARTER, 16)
    assert (bitcoin.bars, bitcoin.zero_volume_bars, bitcoin.missing_bars) == (13, 1, 3)
    assert [(gap.after, gap.bars) for gap in bitcoin.gaps] == [(NEW_YEAR + 5 * QUARTER, 3)]
    assert any("1 before, 3 after" in note for note in bitcoin.notes)
    assert ether.gaps == ()
    market = open_market(data_root, "small")
    assert (market.bars["flags"][:, 0] & BarFlag.CANDLE != 0).sum() == 13
    assert market.bars["close"][4, 0] == 0.0, "a missing bar stays missing"


def test_from_and_to_cut_the_market(data_root: Path, tmp_path: Path) -> None:
    file = parquet(tmp_path / "BTCUSDT_15m.parquet", candles(96))
    begin, end = parse_from("2024-01-01T06:00"), parse_to("2024-01-01")
    manifest = imported(data_root, file, begin=begin, end=end).manifest
    assert (manifest.start, manifest.end) == (moment("2024-01-01T06:15"), moment("2024-01-02"))


@pytest.mark.parametrize(
    ("name", "symbol", "interval"),
    [
        ("BTCUSDT_15m.parquet",               "BTCUSDT", "15m"),
        ("BTC-USDT-SWAP_1h.parquet",          "BTCUSDT", "1h"),
        ("BTCUSDT_1m_2025-02_crash.parquet",  "BTCUSDT", "1m"),
        ("BTC_5m.parquet",                    "BTC",     "5m"),
        ("1000PEPEUSDT-1d-2024-01.csv",       "1000PEPEUSDT", "1d"),
        ("cmt_btcusdt-30m.csv",               "BTCUSDT", "30m"),
        ("BTCUSDT_funding.parquet",           "BTCUSDT", None),
    ],
)  # fmt: skip
def test_a_name_tells_symbol_and_interval(name: str, symbol: str, interval: str | None) -> None:
    assert symbol_in_name(Path(name)) == symbol
    found = interval_named(Path("anywhere") / name)
    assert (None if found is None else interval_text(found)) == interval


@pytest.mark.parametrize(
    ("file", "columns", "kind"),
    [
        ("BTCUSDT_15m.parquet",                  "open_time,open,high,low,close,volume", FileKind.CANDLES),
        ("market/mark/BTCUSDT_15m.parquet",      "open_time,open,high,low,close,volume", FileKind.CANDLES),
        ("mark_1h/BTCUSDT_1h.parquet",           "open_time,open,high,low,close",        FileKind.MARKS),
        ("BTCUSDT_mark_8h.parquet",              "open_time,open,high,low,close",        FileKind.MARKS),
        ("BTCUSDT_funding.parquet",              "funding_time,funding_rate",            FileKind.FUNDING),
        ("BTCUSDT-fundingRate-2024-01.csv",      "calc_time,last_funding_rate",          FileKind.FUNDING),
        ("BTCUSDT_oi_1h_7d.parquet",             "ts,open_interest,open_interest_usd",   FileKind.OPEN_INTEREST),
    ],
)  # fmt: skip
def test_columns_tell_the_kind(file: str, columns: str, kind: FileKind) -> None:
    assert recognise(Path(file), columns.split(",")).kind is kind


def test_tick_recordings_are_no_market_data() -> None:
    with pytest.raises(ForeignFileError, match="tick data"):
        recognise(Path("BTCUSDT_mark_price.parquet"), ["local_ts_ns", "event_time_ms", "mark_price", "funding_rate"])


@pytest.mark.parametrize("text", ["", "15", "7m", "0m", "2d", "fortnight", "-1h"])
def test_an_interval_divides_a_day(text: str) -> None:
    with pytest.raises(ConfigurationError, match="interval"):
        parse_interval(text)


@pytest.mark.parametrize(
    ("text", "minutes"), [("1m", 1), ("15m", 15), ("1H", 60), ("60m", 60), ("8h", 480), ("1d", 1440)]
)
def test_an_interval_is_read_back(text: str, minutes: int) -> None:
    micros = parse_interval(text)
    assert micros == minutes * MICROS_PER_MINUTE
    assert parse_interval(interval_text(micros)) == micros


def test_a_date_alone_means_its_whole_day() -> None:
    assert parse_from("2024-12-31") == moment("2024-12-31")
    assert parse_to("2024-12-31") == moment("2025-01-01")
    assert parse_to("2024-12-31T12:00") == moment("2024-12-31T12:00")
    assert parse_to("2024-12-31T12:00+02:00") == moment("2024-12-31T10:00")
    with pytest.raises(ConfigurationError, match="--to 'tomorrow'"):
        parse_to("tomorrow")


def test_a_name_without_a_symbol_is_refused(data_root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not begin with a symbol"):
        imported(data_root, parquet(tmp_path / "a_15m.parquet", candles()))
