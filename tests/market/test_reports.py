"""What a venue reports beside prices: positioning, book tops, liquidations, in the layouts they are published in."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alphastrike.market.formats import FileKind, recognise
from alphastrike.market.importing import Imported
from alphastrike.market.market import Market
from alphastrike.market.store import open_market, open_tables
from alphastrike.model.errors import AlphaStrikeError
from tests.market.files import NEW_YEAR, QUARTER, candles, imported, leftovers, parquet

MINUTE_MS = 60_000
BEGIN_MS = NEW_YEAR // 1_000


def market_with(data_root: Path, folder: Path, **files: str) -> tuple[Imported, Market]:
    """Import eight candles and these files, by the ends of their names."""
    parquet(folder / "in" / "BTCUSDT_15m.parquet", candles())
    for name, text in files.items():
        (folder / "in" / f"BTCUSDT-{name}-2024-01-01.csv").write_text(text)
    return imported(data_root, folder / "in"), open_market(data_root, "small")


def rows_of(data_root: Path, table: str) -> dict[str, list[Any]]:
    _, tables = open_tables(data_root, "small")
    return {name: values.tolist() for name, values in tables.columns[table].items()}


METRICS = (
    "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,"
    "sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio"
)
FORCED = (
    "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,last_fill_quantity,"
    "accumulated_fill_quantity"
)


@pytest.mark.parametrize(
    ("file", "columns", "kind"),
    [
        ("BTCUSDT-metrics-2024-01-01.csv", METRICS, FileKind.OPEN_INTEREST),
        ("BTCUSDT_5m.csv", "symbol,longShortRatio,longAccount,shortAccount,timestamp", FileKind.LONG_SHORT_RATIO),
        ("BTCUSDT_ls.parquet", "time,long_short_ratio", FileKind.LONG_SHORT_RATIO),
        ("BTCUSDT-bookTicker-2024-01-01.csv",
         "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time",
         FileKind.BOOK_TOPS),
        ("BTCUSDT_2023-04-04_05_book_ticker.parquet",
         "local_ts_ns,event_time_ms,transaction_time_ms,update_id,bid_px,bid_qty,ask_px,ask_qty", FileKind.BOOK_TOPS),
        ("BTCUSDT.csv", "symbol,bidPrice,bidQty,askPrice,askQty,time", FileKind.BOOK_TOPS),
        ("BTCUSDT-liquidationSnapshot-2023-07-31.csv", FORCED, FileKind.LIQUIDATIONS),
        ("BTCUSDT_forced.csv", "time,side,average_price,accumulated_fill_quantity", FileKind.LIQUIDATIONS),
        ("BTCUSDT_liquidations.csv", "exchange,symbol,timestamp,local_timestamp,id,side,price,amount",
         FileKind.LIQUIDATIONS),
    ],
)  # fmt: skip
def test_columns_tell_the_kind(file: str, columns: str, kind: FileKind) -> None:
    assert recognise(Path(file), columns.split(",")).kind is kind


def test_metrics_hold_open_interest_and_ratios_and_a_ratio_that_is_missing_is_no_report(
    data_root: Path, tmp_path: Path
) -> None:
    text = (
        "create_time,symbol,sum_open_interest,sum_open_interest_value,count_long_short_ratio\n"
        "2024-01-01 00:05:00,BTCUSDT,500,50000,1.25\n"
        "2024-01-01 00:10:00,BTCUSDT,501,50100,1.5\n"
        "2024-01-01 00:35:00,BTCUSDT,502,50200,\n"
    )
    result, market = market_with(data_root, tmp_path, metrics=text)
    facts = result.manifest.facts[0]
    assert (facts.open_interest, facts.long_short_ratio) == (3, 2)
    assert market.series["open_interest"][[0, 2], 0].tolist() == [501.0, 502.0]
    assert market.series["long_short_ratio"][0, 0] == 1.5, "the last report in a bar stands"
    assert np.isnan(market.series["long_short_ratio"][1:, 0]).all()
    assert market.other_events[:3].tolist() == [4, 0, 1], "every report takes a number"


def test_a_book_at_tick_resolution_leaves_the_last_top_of_each_bar(data_root: Path, tmp_path: Path) -> None:
    header = "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n"
    tops = [(0, 99.0), (1, 99.1), (14 * MINUTE_MS, 99.2), (15 * MINUTE_MS, 99.3), (15 * MINUTE_MS, 99.4),
            (15 * MINUTE_MS + 1, 99.5)]  # fmt: skip
    text = header + "".join(
        f"{place},{bid},2,{bid + 0.5},3,{BEGIN_MS + at - 5},{BEGIN_MS + at}\n" for place, (at, bid) in enumerate(tops)
    )
    result, market = market_with(data_root, tmp_path, bookTicker=text)
    assert result.manifest.facts[0].book_tops == 2
    assert [market.series[name][0, 0] for name in ("bid", "bid_size", "ask", "ask_size")] == [99.4, 2.0, 99.9, 3.0]
    assert market.series["bid"][1, 0] == 99.5, "a top after the tick belongs to the next bar"
    assert np.isnan(market.series["bid"][2:, 0]).all()
    assert rows_of(data_root, "book_tops")["event_time"] == [NEW_YEAR + QUARTER, NEW_YEAR + QUARTER + 1_000]
    # What came with the opening of the first bar belongs to the bar before it.
    assert "3 book tops inside a bar left out, the last one of each bar kept" in result.manifest.facts[0].notes


def test_a_crossed_and_a_one_sided_book_are_left_to_the_gateway(data_root: Path, tmp_path: Path) -> None:
    text = (
        f"time,bid,bid_size,ask,ask_size\n{BEGIN_MS + MINUTE_MS},101,1,100,1\n{BEGIN_MS + 16 * MINUTE_MS},0,0,100,1\n"
    )
    _, market = market_with(data_root, tmp_path, book=text)
    assert market.series["bid"][:2, 0].tolist() == [101.0, 0.0]


def test_liquidations_are_summed_by_side_and_what_the_archive_holds_twice_counts_once(
    data_root: Path, tmp_path: Path
) -> None:
    header = "time,side,order_type,original_quantity,price,average_price,order_status,accumulated_fill_quantity\n"
    rows = [
        f"{BEGIN_MS + 1_000},SELL,LIMIT,2,90,100,FILLED,2",
        f"{BEGIN_MS + 1_000},SELL,LIMIT,2,90,100,FILLED,2",
        f"{BEGIN_MS + 1_000},SELL,LIMIT,1,90,101,FILLED,1",
        f"{BEGIN_MS + 2_000},BUY,LIMIT,5,120,110,FILLED,3",
        f"{BEGIN_MS + 3_000},BUY,LIMIT,5,120,0,NEW,0",
        f"{BEGIN_MS + 31 * MINUTE_MS},BUY,LIMIT,1,120,111,FILLED,1",
    ]
    result, market = market_with(data_root, tmp_path, liquidationSnapshot=header + "\n".join(rows) + "\n")
    facts = result.manifest.facts[0]
    assert facts.liquidations == 4
    assert "1 liquidations that files repeat exactly left out" in facts.notes
    assert "1 liquidations of which nothing was filled left out" in facts.notes
    assert rows_of(data_root, "liquidations")["side"] == [1, 1, -1, -1], "an order that sells closes a long position"
    assert market.series["long_liquidated"][[0, 2], 0].tolist() == [301.0, 0.0]
    assert market.series["short_liquidated"][[0, 2], 0].tolist() == [330.0, 111.0]
    assert np.isnan(market.series["long_liquidated"][[1, 3], 0]).all(), "an instant without any says nothing"
    assert market.other_events[0] == 3


def test_the_order_and_the_cut_of_files_change_nothing(data_root: Path, tmp_path: Path) -> None:
    header = "time,side,price,quantity\n"
    rows = [f"{BEGIN_MS + at * 1_000},{side},{100 + at},{1 + at}\n" for at in range(4) for side in ("long", "short")]
    one = tmp_path / "one" / "BTCUSDT_liquidations.csv"
    two = tmp_path / "two" / "BTCUSDT_liquidations_a.csv"
    three = tmp_path / "two" / "BTCUSDT_liquidations_b.csv"
    bars = parquet(tmp_path / "BTCUSDT_15m.parquet", candles())
    for file, own in ((one, rows), (two, rows[3:]), (three, rows[:5])):
        file.parent.mkdir(exist_ok=True)
        file.write_text(header + "".join(own))
    whole = imported(data_root, bars, one).manifest
    assert imported(data_root, two, three, bars, name="cut").manifest.content_hash == whole.content_hash


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("ratio", "time,long_short_ratio\n{0},1.5\n{1},0\n",            ["row 3", "long_short_ratio 0", "positive"]),
        ("ratio", "time,long_short_ratio\n{0},inf\n",                   ["row 2", "inf", "finite"]),
        ("ratio", "time,long_short_ratio\n{1},1.5\n{0},1.6\n",          ["row 3", "comes after", "Sort"]),
        ("ratio", "time,long_short_ratio\n{0},1.5\n{0},1.6\n",          ["row 3", "is there twice"]),
        ("book", "time,bid,bid_size,ask,ask_size\n{0},99,1,,1\n",       ["row 2", "ask NaN (or missing)", "finite"]),
        ("book", "time,bid,bid_size,ask,ask_size\n{0},99,-1,100,1\n",   ["row 2", "bid_size -1", "negative"]),
        ("book", "time,bid,ask\n{0},99,100\n",                          ["looks like book tops", "no column bid_size"]),
        ("liquidation", "time,side,price,quantity\n{0},sell,100,1\n{0},hold,100,1\n", ["row 3", "'hold'", "sell"]),
        ("liquidation", "time,side,price,quantity\n{0},sell,-5,1\n",    ["row 2", "price -5", "positive"]),
        ("liquidation", "time,side,price,quantity\n{0},sell,100,nan\n", ["row 2", "quantity NaN", "finite"]),
        ("liquidation", "time,side,price\n{0},sell,100\n",              ["like liquidations", "no column quantity"]),
    ],
)  # fmt: skip
def test_an_impossible_report_is_named(data_root: Path, tmp_path: Path, name: str, text: str, words: list[str]) -> None:
    with pytest.raises(AlphaStrikeError) as refusal:
        market_with(data_root, tmp_path, **{name: text.format(BEGIN_MS + 1_000, BEGIN_MS + 2_000)})
    message = str(refusal.value)
    for word in (f"BTCUSDT-{name}-2024-01-01.csv", *words):
        assert word in message
    assert "\n" not in message
    assert leftovers(data_root) == []


def test_reports_outside_the_span_are_noted(data_root: Path, tmp_path: Path) -> None:
    late = BEGIN_MS + 86_400_000
    result, market = market_with(data_root, tmp_path, ratio=f"time,long_short_ratio\n{late},1.5\n")
    assert "long/short ratios in the files: 2024-01-02 00:00 to 2024-01-02 00:00, outside the span" in "\n".join(
        result.manifest.facts[0].notes
    )
    assert "long_short_ratio" not in market.series


def test_the_shared_book_recording_is_read(data_root: Path, tmp_path: Path, shared_market: Path) -> None:
    recording = shared_market / "binance_um" / "ticks" / "BTCUSDT_2023-04-04_05_book_ticker.parquet"
    begin = 1_680_652_800_000_000 - QUARTER
    bars = parquet(tmp_path / "BTCUSDT_15m.parquet", candles(2, begin=begin, base=28_000.0))
    imported(data_root, bars, recording)
    market = open_market(data_root, "small")
    assert market.series["bid"].shape == (2, 1)
    assert np.all(market.series["ask"] - market.series["bid"] == pytest.approx(0.1))
    assert rows_of(data_root, "book_tops")["event_time"][0] <= begin + QUARTER
