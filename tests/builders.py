"""Short makers of facts: a fill in one call, a run on disk in one call, with values that a test can read."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from alphastrike.journal.codes import Liquidity, Reason
from alphastrike.journal.kinds import KINDS, Kind
from alphastrike.journal.manifest import Manifest, MarketReference, RunFacts
from alphastrike.journal.segments import RunWriter
from alphastrike.journal.tables import Records, Rows, kind_named
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import MICROS_PER_HOUR, Storage

SYMBOLS = SymbolTable(("BTCUSDT", "ETHUSDT", "SOLUSDT"))
BTC, ETH, SOL = range(3)
NOON = 1_700_481_600_000_000
"""2023-11-20 12:00 UTC."""


def blank(kind: Kind, rows: int) -> Records:
    """Rows of a kind that are valid and empty: zeros, empty texts, each code its first, the first symbol."""
    records = np.zeros(rows, dtype=kind.record).view(np.recarray)
    for column in kind.columns:
        if column.unit.storage is Storage.TEXT:
            records[column.name] = ""
        elif column.codes is not None:
            records[column.name] = min(int(code) for code in column.codes)
    return records


def rows_of(name: str, *rows: Mapping[str, Any]) -> Records:
    """Rows of a kind from the fields that matter, the others blank."""
    records = blank(KINDS[name], len(rows))
    for place, row in enumerate(rows):
        for field, value in row.items():
            records[field][place] = value
    return records


def fill(symbol: int, quantity: float, *, at: int = 1, price: float = 100.0, fee: float = 0.05) -> dict[str, Any]:
    """A taker's fill; ``at`` is the ``market_seq``, one hour of market time each."""
    return {
        "market_seq": at,
        "event_time": NOON + at * MICROS_PER_HOUR,
        "symbol": symbol,
        "order": at,
        "trade": at,
        "reason": Reason.ENTRY,
        "liquidity": Liquidity.TAKER,
        "quantity": quantity,
        "price": price,
        "reference_price": price,
        "fee": fee,
        "position": quantity,
    }


def forecast(symbol: int, conviction: float, *, at: int = 1) -> dict[str, Any]:
    """A forecast of a long with this conviction."""
    return {
        "market_seq": at,
        "event_time": NOON + at * MICROS_PER_HOUR,
        "symbol": symbol,
        "direction": 1,
        "conviction": conviction,
    }


def features(names: Sequence[str], at: Iterable[int], symbols: int = 3) -> tuple[Kind, dict[str, Any]]:
    """The wide kind with these columns and a row a symbol at each ``market_seq``: 0.5, 1.5, ... with one NaN."""
    market_seq = np.repeat(np.array(list(at), dtype=np.int64), symbols)
    columns: dict[str, Any] = {
        "market_seq": market_seq,
        "event_time": NOON + market_seq * MICROS_PER_HOUR,
        "symbol": np.tile(np.arange(symbols, dtype=np.int64), len(market_seq) // symbols),
    }
    for place, name in enumerate(names):
        values = np.arange(len(market_seq)) + 0.5 + place
        values[:1] = np.nan
        columns[name] = values
    return kind_named("features", tuple(names)), columns


def facts(name: str, **other: Any) -> RunFacts:
    """What is stated about a run made by hand."""
    stated: dict[str, Any] = {
        "name": name,
        "created": datetime(2024, 5, 1, 12, tzinfo=UTC),
        "market": MarketReference(name="handmade", content_hash="c0ffee"),
        "policy": "rules",
        "seed": 1,
        "settings": {"account": {"start_equity": 100_000.0}},
        "versions": {"alphastrike": "0.1.0"},
        "machine": {"system": "any"},
        "symbols": tuple(SYMBOLS),
        "digest": "d" * 32,
        "account_digest": "a" * 32,
        "perception_digest": "b" * 32,
    }
    return RunFacts(**(stated | other))


def write_run(folder: Path, tables: Sequence[tuple[Kind, Rows]] | None = None, **other: Any) -> Manifest:
    """Seal a run of these tables, by default two fills, three forecasts and six rows of features."""
    with RunWriter(folder, SYMBOLS) as writer:
        for kind, rows in standard_tables() if tables is None else tables:
            writer.append(kind, rows)
        writer.append_checkpoints([1], [4], [5], [b"\x00state\xff"])
        return writer.seal(facts(folder.name, **other))


def standard_tables() -> list[tuple[Kind, Rows]]:
    """The tables of the run that ``write_run`` makes."""
    return [
        features(("momentum", "spread"), at=(3, 6)),
        (KINDS["forecasts"], rows_of("forecasts", forecast(BTC, 91.0), forecast(ETH, 40.0), forecast(BTC, 88.0, at=2))),
        (KINDS["fills"], rows_of("fills", fill(BTC, +0.5, at=2), fill(ETH, -3.0, at=4, price=2000.0))),
        (KINDS["retirements"], blank(KINDS["retirements"], 0)),
    ]
