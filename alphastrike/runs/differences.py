"""Two tables of the same kind compared bit for bit: the first event that differs, its field and both values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alphastrike.journal.kinds import Column, Kind
from alphastrike.journal.tables import Numbering, Rows, ordinal_of, to_records
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import Storage

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CANONICAL_NAN: Final = np.array([np.nan]).view(np.int64)[0]

Columns = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Difference:
    """The first difference between a recorded table and the re-derived one."""

    table: str
    what: str
    """``value``, ``missing`` (re-derived, not recorded) or ``extra`` (recorded, not re-derived)."""
    seq: int
    part: int
    event_time: str
    symbol: str
    """Name, ``all`` for the whole account, empty when the kind has no symbol."""
    field: str = ""
    recorded: str = ""
    rederived: str = ""
    rows_differing: int = 1
    rows_recorded: int = 0
    rows_rederived: int = 0

    def text(self) -> str:
        """Say it in one line."""
        who = f", {self.symbol}" if self.symbol else ""
        event = f"{self.table} seq {self.seq} part {ordinal_of(self.part)} ({self.event_time}{who})"
        match self.what:
            case "value":
                told = f"{event}: {self.field} is {self.recorded} as recorded, {self.rederived} re-derived"
            case "missing":
                told = f"{event}: the row is missing from the record"
            case _:
                told = f"{event}: the row is recorded but was not re-derived"
        if self.rows_recorded != self.rows_rederived:
            return f"{told}; {self.rows_recorded:,} rows recorded, {self.rows_rederived:,} re-derived"
        more = self.rows_differing - 1
        return f"{told}; {more:,} more rows of {self.table} differ" if more else told


def first_difference(
    kind: Kind, recorded: pa.Table, rederived: Rows, symbols: SymbolTable, *, own_seq: bool = False
) -> Difference | None:
    """Return the first row in which the recorded table and the re-derived rows differ by a bit; NaN equals NaN.

    Both are in order; re-derived rows are numbered as a history run numbers them. A run with inputs that are not
    the market's has a ``seq`` of its own, which is not compared.
    """
    left = _recorded_columns(kind, recorded, symbols)
    right = _numbered(kind, rederived)
    own = {"part", "seq"} if own_seq else {"part"}
    shown = {column.name: column for column in kind.columns}
    rows = min(len(left["seq"]), len(right["seq"]))
    differs = np.zeros(rows, dtype=bool)
    fields: list[tuple[str, npt.NDArray[np.bool_]]] = []
    for name in left:
        if name == "seq" and own_seq:
            continue
        unequal = _bits(left[name][:rows]) != _bits(right[name][:rows])
        differs |= unequal
        fields.append((name, unequal))
    counts: dict[str, Any] = {"rows_recorded": len(left["seq"]), "rows_rederived": len(right["seq"])}
    if not differs.any():
        if counts["rows_recorded"] == counts["rows_rederived"]:
            return None
        is_extra = counts["rows_recorded"] > rows
        return Difference(
            **_event(kind, left if is_extra else right, rows, symbols),
            what="extra" if is_extra else "missing",
            **counts,
        )
    at = int(differs.argmax())
    if _same_row(left, at + 1, right, at, own):
        return Difference(**_event(kind, left, at, symbols), what="extra", **counts)
    if _same_row(left, at, right, at + 1, own):
        return Difference(**_event(kind, right, at, symbols), what="missing", **counts)
    field = next(name for name, unequal in fields if unequal[at])
    return Difference(
        **_event(kind, left, at, symbols),
        what="value",
        field=field,
        recorded=_value(shown.get(field), left[field][at], symbols),
        rederived=_value(shown.get(field), right[field][at], symbols),
        rows_differing=int(differs.sum()),
        **counts,
    )


def _recorded_columns(kind: Kind, table: pa.Table, symbols: SymbolTable) -> Columns:
    records = to_records(kind, table, symbols)
    own = {column.name: records[column.name] for column in kind.columns}
    # A changed value of the kind says more than the numbering it stands under: fields first.
    return own | {name: table[name].to_numpy() for name in ("market_seq", "seq", "part")}


def _numbered(kind: Kind, rows: Rows) -> Columns:
    market_seq = np.ascontiguousarray(rows["market_seq"], dtype=np.int64)
    part = Numbering(kind).parts(market_seq)
    own = {column.name: np.asarray(rows[column.name]) for column in kind.columns}
    return own | {"market_seq": market_seq, "seq": market_seq, "part": part}


def _bits(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.dtype.kind != "f":
        return values
    bits = np.ascontiguousarray(values).view(np.int64)
    return np.where(np.isnan(values), _CANONICAL_NAN, bits)


def _same_row(left: Columns, i: int, right: Columns, j: int, own: set[str]) -> bool:
    if i >= len(left["seq"]) or j >= len(right["seq"]):
        return False
    # The ordinal shifts with a row taken out beside it.
    return all(
        bool((_bits(left[name][i : i + 1]) == _bits(right[name][j : j + 1]))[0]) for name in left if name not in own
    )


def _event(kind: Kind, columns: Columns, at: int, symbols: SymbolTable) -> dict[str, Any]:
    by_name = {column.name: column for column in kind.columns}
    symbol = _value(by_name["symbol"], columns["symbol"][at], symbols) if "symbol" in columns else ""
    return {
        "table": kind.name,
        "seq": int(columns["seq"][at]),
        "part": int(columns["part"][at]),
        "event_time": _value(by_name["event_time"], columns["event_time"][at], symbols),
        "symbol": symbol,
    }


def _value(column: Column | None, value: Any, symbols: SymbolTable) -> str:
    if column is None:
        return str(int(value))
    match column.unit.storage:
        case Storage.TIME:
            return _time(int(value))
        case Storage.SYMBOL:
            return symbols.name_of(int(value)) or "all"
        case Storage.CODE:
            assert column.codes is not None
            return column.codes(int(value)).name.lower()
        case Storage.REAL:
            return repr(float(value))
        case Storage.INTEGER | Storage.FLAG:
            return str(int(value))
        case Storage.TEXT:
            return repr(str(value))


def _time(micros: int) -> str:
    try:
        return (_EPOCH + timedelta(microseconds=micros)).isoformat(sep=" ").removesuffix("+00:00")
    except OverflowError:
        return f"{micros} microseconds"
