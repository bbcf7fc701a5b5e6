"""What is broken is refused in one line that names the file, the row and the value, and nothing is left behind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alphastrike.market.funding import FundingMissing
from alphastrike.market.importing import Wanted, import_market
from alphastrike.market.intervals import parse_interval
from alphastrike.model.errors import AlphaStrikeError, ConfigurationError, DataError
from alphastrike.model.units import MICROS_PER_HOUR
from tests.market.files import (
    BOUND,
    NEW_YEAR,
    QUARTER,
    broken,
    candles,
    csv,
    funding,
    imported,
    klines,
    leftovers,
    moment,
    parquet,
    without,
)

NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("close",     NAN,                  ["row 3", "close", "NaN"]),
        ("close",     None,                 ["row 3", "close", "NaN (or missing)"]),
        ("open",      INFINITE,             ["row 3", "open", "inf", "finite"]),
        ("low",       0.0,                  ["row 3", "low 0", "positive"]),
        ("open",      -5.0,                 ["row 3", "open -5", "positive"]),
        ("high",      50.0,                 ["row 3", "high 50", "below low 101"]),
        ("high",      102.25,               ["row 3", "high 102.25", "below open or close 102.5"]),
        ("low",       102.25,               ["row 3", "low 102.25", "above open or close 102"]),
        ("close",     999.0,                ["row 3", "high 104", "below open or close 999"]),
        ("volume",    -1.0,                 ["row 3", "volume -1", "negative"]),
        ("volume",    NAN,                  ["row 3", "volume", "NaN"]),
        ("open_time", NEW_YEAR + QUARTER,   ["row 3", "2024-01-01 00:15", "there twice"]),
        ("open_time", NEW_YEAR,             ["row 3", "2024-01-01 00:00", "comes after 2024-01-01 00:15", "Sort"]),
        ("open_time", NEW_YEAR + 1_000_000, ["row 3", "2024-01-01 00:00:01", "multiple of 15m"]),
        ("open_time", 0,                    ["row 3", "1970", "2009"]),
    ],
)  # fmt: skip
def test_an_impossible_candle_is_named(
    data_root: Path, tmp_path: Path, column: str, value: Any, words: list[str]
) -> None:
    file = parquet(tmp_path / "BTCUSDT_15m.parquet", broken(candles(), column, 3, value))
    _refused(data_root, file, ["BTCUSDT_15m.parquet", *words])


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("close",            "abc", ["row 4", "close is 'abc'", "not a number"]),
        ("open_time",        "x",   ["row 4", "open_time is 'x'", "not a time"]),
        ("taker_buy_volume", 99.0,  ["row 4", "taker_buy_volume 99", "above volume 12"]),
        ("count",            1.5,   ["row 4", "trades 1.5", "whole count"]),
        ("close_time",       NEW_YEAR + 3 * QUARTER + 60_000_000, ["row 4", "close_time", "15m after open_time"]),
    ],
)  # fmt: skip
def test_an_impossible_cell_of_a_csv_is_named_by_its_line(
    data_root: Path, tmp_path: Path, column: str, value: Any, words: list[str]
) -> None:
    values = klines(candles())
    if isinstance(value, str):
        values[column] = [str(cell) for cell in values[column]]
        if column == "open_time":
            values[column] = [str(int(cell) // 1_000) for cell in values[column]]
        file = _csv_with_text(tmp_path / "BTCUSDT-15m-2024-01.csv", broken(values, column, 3, value))
    else:
        file = csv(tmp_path / "BTCUSDT-15m-2024-01.csv", broken(values, column, 3, value))
    _refused(data_root, file, ["BTCUSDT-15m-2024-01.csv", *words])


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("funding_rate", NAN,                   ["row 2", "funding_rate", "NaN"]),
        ("funding_rate", 1.5,                   ["row 2", "funding_rate 1.5", "whole notional"]),
        ("funding_time", NEW_YEAR,              ["row 2", "there twice"]),
        ("funding_time", NEW_YEAR + 400_000,    ["row 2", "there twice"]),
        ("funding_time", moment("2023-12-31"),  ["row 2", "comes after 2024-01-01 00:00"]),
    ],
)  # fmt: skip
def test_an_impossible_settlement_is_named(
    data_root: Path, tmp_path: Path, column: str, value: Any, words: list[str]
) -> None:
    parquet(tmp_path / "in" / "BTCUSDT_15m.parquet", candles())
    parquet(tmp_path / "in" / "BTCUSDT_funding.parquet", broken(funding(), column, 2, value))
    _refused(data_root, tmp_path / "in", ["BTCUSDT_funding.parquet", *words])


def _truncated(file: Path) -> None:
    parquet(file, candles(500))
    file.write_bytes(file.read_bytes()[:-200])


def _corrupt_inside(file: Path) -> None:
    parquet(file, candles(500))
    raw = bytearray(file.read_bytes())
    raw[4:200] = bytes(196)
    file.write_bytes(raw)


def _cut_line(file: Path) -> None:
    csv(file, candles())
    file.write_bytes(file.read_bytes()[:-20])


P, C = "BTCUSDT_15m.parquet", "BTCUSDT_15m.csv"
HEADER = "open_time,open,high,low,close,volume\n"


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        (P, lambda file: file.write_bytes(b""),                            ["empty (0 bytes)"]),
        (P, _truncated,                                                    ["not a readable Parquet"]),
        (P, _corrupt_inside,                                               ["not a readable Parquet"]),
        (P, lambda file: file.write_text("open_time,open"),                ["not a readable Parquet"]),
        (P, lambda file: parquet(file, candles(0)),                        ["holds no rows"]),
        (C, _cut_line,                                                     ["not a readable CSV", "6 columns"]),
        (C, lambda file: file.write_text(HEADER),                          ["holds no rows"]),
        (P, lambda file: parquet(file, without(candles(), "close")),       ["no column close", "open_time"]),
        (P, lambda file: parquet(file, without(candles(), "volume")),      ["no column volume"]),
        (P, lambda file: parquet(file, {**candles(), "ts": [1] * 8}),      ["two columns for time", "ts"]),
        (P, lambda file: parquet(file, {**candles(), "close": [True] * 8}), ["column close", "bool"]),
        (P, lambda file: parquet(file, candles(step=MICROS_PER_HOUR)),     ["named 15m", "1h apart"]),
        ("BTCUSDT_15m_1h.parquet", lambda file: parquet(file, candles()),  ["two intervals, 15m and 1h"]),
        ("notes.csv", lambda file: file.write_text("a,b\n1,2\n"),          ["not understood", "a, b"]),
        ("notes.txt", lambda file: file.write_text("hello"),               ["not understood", "neither"]),
        ("BTC_trades.csv", lambda file: file.write_text("trade_id,price\n1,2\n"), ["not understood", "tick data"]),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_named(
    data_root: Path, tmp_path: Path, name: str, make: Callable[[Path], Any], words: list[str]
) -> None:
    make(tmp_path / name)
    _refused(data_root, tmp_path / name, [name, *words])


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"symbols": ("FOOUSDT",)},             ["no candles of FOOUSDT", "BTCUSDT, ETHUSDT"]),
        ({"symbols": ("BTCUSDT", "btc/usdt")},  ["names BTCUSDT twice"]),
        ({"interval": parse_interval("5m")},    ["no candles at 5m", "only at 15m"]),
        ({"end": moment("2024-01-02")},         ["candles of ETHUSDT stop at 2024-01-01 01:30", "ETHUSDT_15m.parquet",
                                                 "the market asks for 2024-01-02 00:00", "--to"]),
        ({"begin": moment("2023-12-31")},       ["candles of BTCUSDT begin at 2024-01-01 00:00", "2023-12-31 00:00",
                                                 "BTCUSDT_15m.parquet", "--from"]),
        ({"begin": moment("2024-01-01T01:00"), "end": moment("2024-01-01T00:30")}, ["nothing is in common"]),
        ({"symbols": ("BTCUSDT",), "funding_missing": FundingMissing()},
                                                ["funding of BTCUSDT is missing from 2024-01-01 00:00 to 2024-01-02",
                                                 "2 settlements", "bound:RATE"]),
        ({"instruments": Path("nowhere.toml")}, ["no instruments file nowhere.toml"]),
    ],
)  # fmt: skip
def test_what_is_asked_for_must_be_there(
    data_root: Path, tmp_path: Path, wanted: dict[str, Any], words: list[str]
) -> None:
    parquet(tmp_path / "in" / "BTCUSDT_15m.parquet", candles(96))
    parquet(tmp_path / "in" / "ETHUSDT_15m.parquet", candles(6))
    _refused(data_root, tmp_path / "in", words, **wanted)


def test_a_symbol_without_candles_at_the_interval_is_named(data_root: Path, tmp_path: Path) -> None:
    parquet(tmp_path / "in" / "BTCUSDT_15m.parquet", candles())
    parquet(tmp_path / "in" / "ETHUSDT_1h.parquet", candles(step=MICROS_PER_HOUR))
    words = ["no 15m candles of ETHUSDT", "found: BTCUSDT"]
    _refused(data_root, tmp_path / "in", words, symbols=("BTCUSDT", "ETHUSDT"), interval=QUARTER)


def test_several_intervals_have_to_be_chosen_from(data_root: Path, tmp_path: Path) -> None:
    parquet(tmp_path / "in" / "BTCUSDT_15m.parquet", candles())
    parquet(tmp_path / "in" / "BTCUSDT_1h.parquet", candles(step=MICROS_PER_HOUR))
    _refused(data_root, tmp_path / "in", ["candles at 15m, 1h", "--interval"])


def test_files_that_overlap_and_disagree_are_named_with_row_and_value(data_root: Path, tmp_path: Path) -> None:
    one = parquet(tmp_path / "BTCUSDT_15m_a.parquet", candles())
    other = parquet(tmp_path / "BTCUSDT_15m_b.parquet", broken(candles(), "volume", 3, 777.0))
    words = ["2024-01-01 00:45", "volume is 12", "BTCUSDT_15m_a.parquet, row 3", "777", "BTCUSDT_15m_b.parquet, row 3"]
    first = _refused(data_root, one, words, other)
    assert _refused(data_root, other, words, one) == first, "the order of the paths shows in the message"


def test_a_path_that_is_not_there_is_named(data_root: Path, tmp_path: Path) -> None:
    _refused(data_root, tmp_path / "nowhere", ["no file or folder", "nowhere"])
    (tmp_path / "empty").mkdir()
    _refused(data_root, tmp_path / "empty", ["holds no files", "empty"])


def test_two_settlements_in_one_bar_are_refused(data_root: Path, tmp_path: Path) -> None:
    parquet(tmp_path / "in" / "BTCUSDT_4h.parquet", candles(step=4 * MICROS_PER_HOUR))
    parquet(tmp_path / "in" / "BTCUSDT_funding.parquet", funding(40, step=MICROS_PER_HOUR))
    _refused(data_root, tmp_path / "in", ["settles at 2024-01-01 01:00 and 2024-01-01 02:00", "one bar of 4h"])


@pytest.mark.parametrize("name", ["", "../up", ".hidden", "a/b", "x" * 65, "with space"])
def test_a_name_that_is_no_folder_is_refused(data_root: Path, tmp_path: Path, name: str) -> None:
    file = parquet(tmp_path / "BTCUSDT_15m.parquet", candles())
    with pytest.raises(ConfigurationError, match="not usable"):
        import_market(data_root, name, [file], Wanted(funding_missing=BOUND))
    assert leftovers(data_root) == []


@pytest.mark.parametrize("stage", ["read", "write"])
@pytest.mark.parametrize("at", [0, 1])
def test_an_interruption_leaves_nothing_behind(data_root: Path, tmp_path: Path, stage: str, at: int) -> None:
    file = parquet(tmp_path / "BTCUSDT_15m.parquet", candles())

    def interrupt(reported: str, done: int, total: int) -> None:
        if reported == stage and done == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_market(data_root, "small", [file], Wanted(funding_missing=BOUND), progress=interrupt)
    assert leftovers(data_root) == []
    assert imported(data_root, file).manifest.bars == 8, "the same name is free again"


def _refused(root: Path, file: Path, words: list[str], *more: Path, **wanted: Any) -> str:
    with pytest.raises(AlphaStrikeError) as refusal:
        imported(root, file, *more, **wanted)
    message = str(refusal.value)
    assert isinstance(refusal.value, DataError | ConfigurationError)
    assert "\n" not in message
    for word in words:
        assert word in message
    assert leftovers(root) == []
    return message


def _csv_with_text(file: Path, values: dict[str, list[Any]]) -> Path:
    lines = [",".join(values), *(",".join(str(cell) for cell in row) for row in zip(*values.values(), strict=True))]
    file.write_text("\n".join(lines) + "\n")
    return file
