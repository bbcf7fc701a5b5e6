"""A market written as the files that it could have come from: one layout a kind, as venues and vendors publish them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alphastrike.market.columns import MarketTables
from alphastrike.market.intervals import interval_text, span_text


def write_files(tables: MarketTables, folder: Path) -> list[str]:
    """Write everything but the instruments; return what ``--external`` has to say of the series among it."""
    bar = interval_text(tables.interval)
    for place, symbol in enumerate(tables.symbols):
        bars = [
            (_ms(time - tables.interval), *prices, count) for time, *prices, count in _rows(tables, "candles", place)
        ]
        names: Sequence[str] = ("open_time", "open", "high", "low", "close", "volume", "taker_buy_volume", "count")
        _write(folder / f"{symbol}-{bar}.csv", names, bars)
        marks = [(_ms(time - tables.interval), *[price] * 4) for time, price in _rows(tables, "marks", place)]
        _write(folder / "markPriceKlines" / f"{symbol}-{bar}.csv", ("open_time", "open", "high", "low", "close"), marks)
        settled = [(_ms(time), 8, rate) for time, rate, _ in _rows(tables, "funding", place)]
        _write(
            folder / f"{symbol}-fundingRate.csv", ("calc_time", "funding_interval_hours", "last_funding_rate"), settled
        )
        interest = [(_ms(time), *values) for time, *values in _rows(tables, "open_interest", place)]
        _write(
            folder / f"{symbol}-metrics.csv", ("create_time", "sum_open_interest", "sum_open_interest_value"), interest
        )
        ratios = [(_ms(time), ratio) for time, ratio in _rows(tables, "long_short_ratio", place)]
        _write(folder / f"{symbol}-accounts.csv", ("timestamp", "longShortRatio"), ratios)
        tops = [(_ms(time), *values) for time, *values in _rows(tables, "book_tops", place)]
        names = ("event_time", "best_bid_price", "best_bid_qty", "best_ask_price", "best_ask_qty")
        _write(folder / f"{symbol}-bookTicker.csv", names, tops)
        forced = [
            (_ms(time), "SELL" if side > 0 else "BUY", price, quantity)
            for time, side, price, quantity in _rows(tables, "liquidations", place)
        ]
        names = ("time", "side", "average_price", "accumulated_fill_quantity")
        _write(folder / f"{symbol}-liquidationSnapshot.csv", names, forced)
    return [_write_external(tables, name, folder) for name in sorted(set(tables.columns["externals"]["name"]))]


def _write_external(tables: MarketTables, name: str, folder: Path) -> str:
    columns = tables.columns["externals"]
    own = columns["name"] == name
    stamps = columns["stamp"][own].tolist()
    (lag,) = {int(late) for late in columns["event_time"][own] - columns["stamp"][own]}
    file = folder / f"{name}.csv"
    moments = [datetime.fromtimestamp(stamp // 1_000_000, UTC).isoformat() for stamp in stamps]
    _write(file, ("time", "value"), zip(moments, columns["value"][own].tolist(), strict=True))
    is_daily = all(stamp % 86_400_000_000 == 0 for stamp in stamps)
    return f"{name}={file},lag={span_text(lag)},gap=4d{',stamp=start' if is_daily else ''}"


def _rows(tables: MarketTables, table: str, symbol: int) -> Iterable[tuple[Any, ...]]:
    """Give the rows of one symbol, its column left away."""
    columns = tables.columns[table]
    own = columns["symbol"] == symbol
    return zip(*(values[own].tolist() for name, values in columns.items() if name != "symbol"), strict=True)


def _write(file: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # Floats are written so that reading gives back their very bits.
    lines = [",".join(names), *(",".join(str(cell) for cell in row) for row in rows)]
    if len(lines) > 1:
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _ms(micros: int) -> int:
    assert micros % 1_000 == 0, "venues stamp milliseconds"
    return micros // 1_000
