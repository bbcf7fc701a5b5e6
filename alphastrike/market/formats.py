"""Recognising a file: what its columns say it is, and what its name and folder add.

The names of columns decide the kind; the file's name gives symbol and interval (``BTCUSDT_15m.parquet``,
``BTCUSDT-1h-2024-01.csv``); a folder or name that says ``mark`` tells mark prices from candles, because the
public Binance archive stores both in one layout.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from alphastrike.market.intervals import interval_in_name, interval_text
from alphastrike.model.errors import DataError
from alphastrike.model.symbols import normalise_symbol

KLINE_HEADER: Final = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "ignore",
)
"""Columns of a Binance kline file, also of those without a header line."""

_ALIASES: Final = {
    "fundingtime": "time",
    "funding_time": "time",
    "calc_time": "time",
    "open_time": "time",
    "ts": "time",
    "create_time": "time",
    "last_funding_rate": "funding_rate",
    "fundingrate": "funding_rate",
    "sum_open_interest": "open_interest",
    "sum_open_interest_value": "open_interest_quote",
    "open_interest_usd": "open_interest_quote",
    "count": "trades",
    "number_of_trades": "trades",
    "taker_buy_base_asset_volume": "taker_buy_volume",
    "taker_buy_base_volume": "taker_buy_volume",
    "count_long_short_ratio": "long_short_ratio",
    "longshortratio": "long_short_ratio",
}
_PRICES: Final = ("open", "high", "low", "close")
_TICK_DATA: Final = frozenset(
    {"local_ts_ns", "local_timestamp", "agg_trade_id", "trade_id", "update_id", "transact_time", "is_buyer_maker"}
)
_TIMES: Final = frozenset({"time", "date", "timestamp", "datetime", "day"})
_WORDS: Final = re.compile(r"[-_.\s]+")
_NOT_MARKETS: Final = ("indexprice", "premiumindex")
_MARK_FOLDER: Final = re.compile(r"mark[-_]?(price|\d)")
_MARK_NAME: Final = re.compile(r"[-_.]mark(price)?[-_.]")


class FileKind(Enum):
    """What a file holds."""

    CANDLES = "candles"
    MARKS = "marks"
    FUNDING = "funding"
    OPEN_INTEREST = "open interest"
    LONG_SHORT_RATIO = "long/short ratios"
    BOOK_TOPS = "book tops"
    LIQUIDATIONS = "liquidations"


NEEDED: Final = {
    FileKind.CANDLES: ("time", *_PRICES, "volume"),
    FileKind.MARKS: ("time", *_PRICES),
    FileKind.FUNDING: ("time", "funding_rate"),
    FileKind.OPEN_INTEREST: ("time", "open_interest"),
    FileKind.LONG_SHORT_RATIO: ("time", "long_short_ratio"),
    FileKind.BOOK_TOPS: ("time", "bid", "bid_size", "ask", "ask_size"),
    FileKind.LIQUIDATIONS: ("time", "side", "price", "quantity"),
}
"""Columns without which a file of that kind is refused, by their names here."""

OPTIONAL: Final = {
    FileKind.CANDLES: ("taker_buy_volume", "trades", "close_time"),
    FileKind.MARKS: ("close_time",),
    FileKind.FUNDING: (),
    FileKind.OPEN_INTEREST: ("open_interest_quote", "long_short_ratio"),
    FileKind.LONG_SHORT_RATIO: (),
    FileKind.BOOK_TOPS: (),
    FileKind.LIQUIDATIONS: (),
}

_STAMPS: Final = ("time", "event_time", "event_time_ms", "timestamp", "transaction_time", "transaction_time_ms")
_CHOICES: Final[Mapping[FileKind, Mapping[str, tuple[str, ...]]]] = {
    FileKind.LONG_SHORT_RATIO: {"time": _STAMPS},
    FileKind.BOOK_TOPS: {
        "time": _STAMPS,
        "bid": ("bid", "best_bid_price", "bid_price", "bid_px", "bidprice", "best_bid"),
        "bid_size": ("bid_size", "best_bid_qty", "bid_qty", "bidqty", "bid_amount", "best_bid_size"),
        "ask": ("ask", "best_ask_price", "ask_price", "ask_px", "askprice", "best_ask"),
        "ask_size": ("ask_size", "best_ask_qty", "ask_qty", "askqty", "ask_amount", "best_ask_size"),
    },
    # Of an order that was filled in steps the venue shows one: what it has filled so far, and at which mean price.
    FileKind.LIQUIDATIONS: {
        "time": _STAMPS,
        "price": ("average_price", "avgprice", "avg_price", "price"),
        "quantity": (
            "accumulated_fill_quantity", "executedqty", "quantity", "qty", "amount", "size", "original_quantity",
        ),
    },
}  # fmt: skip
"""What a column may be called in files of these kinds; of several the first one is taken."""

_FILLED: Final = frozenset({"accumulated_fill_quantity", "last_fill_quantity", "original_quantity"})
_EXTERNAL: Final = frozenset({"value", "close", "price", "index"})


@dataclass(frozen=True)
class Layout:
    """What a file is and where its columns are."""

    kind: FileKind
    columns: dict[str, str]
    """The file's own name of each column by the name used here."""
    volume_in_quote: bool = False
    """True when the volume counts quote currency and has to be divided by a price."""


class ForeignFileError(Exception):
    """A file of another nature: skipped under a folder, refused when named. Its text is the reason."""


def recognise(file: Path, header: list[str]) -> Layout:
    """Return what a file with these columns is.

    Raises:
        ForeignFileError: its columns are of no kind that a market has.
        DataError: it is clearly one of those kinds, but a column is missing or named twice.
    """
    columns: dict[str, str] = {}
    for name in header:
        known = _ALIASES.get(name.strip().lower(), name.strip().lower())
        if known in columns:
            raise DataError(f"{file} has two columns for {known}: {columns[known]} and {name}. Keep one.")
        columns[known] = name
    # Never deeper: a home folder may be called anything.
    place = "/".join(part.lower() for part in file.parts[-4:])
    if chosen := _kind_of_choice(columns, place):
        return _chosen(file, header, chosen, columns)
    if _TICK_DATA & set(columns):
        raise ForeignFileError("tick data")
    if any(word in place.replace("_", "") for word in _NOT_MARKETS):
        raise ForeignFileError("index or premium prices")
    kind = _kind_of(columns, place)
    if kind is None and _TIMES & set(columns) and _EXTERNAL & set(columns):
        raise ForeignFileError("an external series, which is imported with --external NAME=FILE,lag=…")
    if kind is None:
        raise ForeignFileError(f"columns {', '.join(header[:8])} are of no known layout")
    in_quote = kind is FileKind.CANDLES and "volume" not in columns and "volume_usd" in columns
    if in_quote:
        columns["volume"] = columns["volume_usd"]
    _check_needed(file, header, kind, columns)
    wanted = (*NEEDED[kind], *OPTIONAL[kind])
    return Layout(kind, {name: columns[name] for name in wanted if name in columns}, in_quote)


def symbol_in_name(file: Path) -> str:
    """Return the symbol that a file's name begins with.

    Raises:
        DataError: it begins with none.
    """
    try:
        return normalise_symbol(file.name.split(".")[0])
    except DataError:
        raise DataError(
            f"{file}: the name does not begin with a symbol, as BTCUSDT_15m.parquet does. Rename it."
        ) from None


def interval_named(file: Path) -> int | None:
    """Return the bar interval in a file's name, or in its folder's; microseconds, or ``None`` when neither says."""
    for words in (_WORDS.split(file.stem)[1:], _WORDS.split(file.parent.name)):
        found = {interval for word in words if (interval := interval_in_name(word)) is not None}
        if len(found) > 1:
            named = " and ".join(interval_text(interval) for interval in sorted(found))
            raise DataError(f"{file}: the name holds two intervals, {named}. Rename it.")
        if found:
            return found.pop()
    return None


def _check_needed(file: Path, header: list[str], kind: FileKind, columns: Mapping[str, str]) -> None:
    missing = [name for name in NEEDED[kind] if name not in columns]
    if missing:
        raise DataError(
            f"{file} looks like {kind.value} but has no column {missing[0]} (it has {', '.join(header)}). "
            f"Needed: {', '.join(NEEDED[kind])}."
        )


def _kind_of_choice(columns: Mapping[str, str], place: str) -> FileKind | None:
    """Return the kind of a file whose columns have names of many venues, which tick data has too."""
    if any(name in columns for name in _PRICES) or "is_snapshot" in columns:
        return None
    if "side" in columns and (_FILLED & set(columns) or "liquidation" in place.rsplit("/", 1)[-1]):
        return FileKind.LIQUIDATIONS
    sides = _CHOICES[FileKind.BOOK_TOPS]
    if any(name in columns for name in sides["bid"]) and any(name in columns for name in sides["ask"]):
        return FileKind.BOOK_TOPS
    if "long_short_ratio" in columns and "open_interest" not in columns:
        return FileKind.LONG_SHORT_RATIO
    return None


def _chosen(file: Path, header: list[str], kind: FileKind, columns: dict[str, str]) -> Layout:
    for name, choices in _CHOICES[kind].items():
        there = [choice for choice in choices if choice in columns]
        if there:
            columns[name] = columns[there[0]]
    _check_needed(file, header, kind, columns)
    return Layout(kind, {name: columns[name] for name in NEEDED[kind]})


def _kind_of(columns: dict[str, str], place: str) -> FileKind | None:
    prices = sum(name in columns for name in _PRICES)
    if "funding_rate" in columns:
        return FileKind.FUNDING
    if "open_interest" in columns and prices == 0:
        return FileKind.OPEN_INTEREST
    if prices < 2 and not ("time" in columns and prices):
        return _kind_named(place) if "time" in columns else None
    folders, _, name = place.rpartition("/")
    marks = _MARK_NAME.search(name) is not None or _MARK_FOLDER.search(folders) is not None
    return FileKind.MARKS if marks else FileKind.CANDLES


def _kind_named(place: str) -> FileKind | None:
    """Return the kind that a file with a time column claims by its name, so that it is refused and not skipped."""
    name = place.rsplit("/", 1)[-1]
    if "funding" in name:
        return FileKind.FUNDING
    if "metrics" in name or "open_interest" in name or "_oi" in name:
        return FileKind.OPEN_INTEREST
    return None
