"""Short makers of small market files: good ones, and good ones with one thing broken."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from alphastrike.market.funding import FundingMissing
from alphastrike.market.importing import Imported, Wanted, import_market
from alphastrike.model.units import MICROS_PER_HOUR, MICROS_PER_MINUTE

QUARTER = 15 * MICROS_PER_MINUTE
BOUND = FundingMissing(0.0001)

Values = Mapping[str, Sequence[Any]]


def moment(text: str) -> int:
    """Return microseconds UTC of an ISO time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


NEW_YEAR = moment("2024-01-01")


def candles(rows: int = 8, *, begin: int = NEW_YEAR, step: int = QUARTER, base: float = 100.0) -> dict[str, list[Any]]:
    """Return sound candles whose prices all differ, so that a swapped column or row shows."""
    up = np.arange(rows, dtype=float)
    return {
        "open_time": [begin + step * at for at in range(rows)],
        "open": (base + up).tolist(),
        "high": (base + up + 2.0).tolist(),
        "low": (base + up - 1.0).tolist(),
        "close": (base + up + 0.5).tolist(),
        "volume": (10.0 + up).tolist(),
    }


def funding(rows: int = 4, *, begin: int = NEW_YEAR, step: int = 8 * MICROS_PER_HOUR) -> dict[str, list[Any]]:
    """Return settlements whose rates all differ."""
    return {
        "funding_time": [begin + step * at for at in range(rows)],
        "funding_rate": [0.0001 * (at + 1) for at in range(rows)],
    }


def broken(values: Mapping[str, list[Any]], column: str, row: int, value: Any) -> dict[str, list[Any]]:
    """Return the values with one cell replaced; ``row`` counts from 1 as a person does."""
    changed = {name: list(cells) for name, cells in values.items()}
    changed[column][row - 1] = value
    return changed


def without(values: Mapping[str, list[Any]], *columns: str) -> dict[str, list[Any]]:
    """Return the values without some columns."""
    return {name: cells for name, cells in values.items() if name not in columns}


def parquet(file: Path, values: Values) -> Path:
    """Write the values as Parquet, times as timestamps in ms as in the shared files."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(_table(values), file)
    return file


def csv(file: Path, values: Values, *, header: bool = True, unit: int = 1_000) -> Path:
    """Write the values as CSV, times as integers of ``unit`` microseconds."""
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: [cell // unit for cell in cells] if _is_time(name) else cells for name, cells in values.items()}
    pacsv.write_csv(pa.table(columns), file, pacsv.WriteOptions(include_header=header))
    return file


def klines(values: Mapping[str, list[Any]], step: int = QUARTER) -> dict[str, list[Any]]:
    """Return candles with all twelve columns of a Binance kline file."""
    rows = len(values["open_time"])
    return {
        **values,
        "close_time": [time + step - 1_000 for time in values["open_time"]],
        "quote_volume": [volume * 100.0 for volume in values["volume"]],
        "count": [7 + at for at in range(rows)],
        "taker_buy_volume": [volume / 2.0 for volume in values["volume"]],
        "taker_buy_quote_volume": [volume * 50.0 for volume in values["volume"]],
        "ignore": [0] * rows,
    }


def imported(root: Path, *paths: Path, name: str = "small", **wanted: Any) -> Imported:
    """Import with missing funding assumed, unless the test says otherwise."""
    return import_market(root, name, paths, Wanted(**{"funding_missing": BOUND, **wanted}))


def leftovers(root: Path) -> list[str]:
    """Return everything under the data root that is not a folder of a finished market."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() or "partial" in path.name)


def _table(values: Values) -> pa.Table:
    columns = {}
    for name, cells in values.items():
        if _is_time(name) and all(isinstance(cell, int) for cell in cells):
            columns[name] = pa.array([cell // 1_000 for cell in cells]).cast(pa.timestamp("ms", tz="UTC"))
        else:
            columns[name] = pa.array(cells)
    return pa.table(columns)


def _is_time(name: str) -> bool:
    return name.endswith("time") or name == "ts"
