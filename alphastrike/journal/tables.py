"""Rows of a kind as an Arrow table and back: numbers become names, names become numbers again.

In memory a row is a record of eight-byte fields (``Kind.record``); symbols and codes are numbers, -1 is the
whole account. In a table they are dictionary-encoded names, times are UTC timestamps, flags are booleans and
the whole account is null. Reals keep every bit, NaN and -0.0 included. Reading gives back what was written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alphastrike.journal.kinds import KINDS, Column, Kind
from alphastrike.journal.memory import dictionary, fixed, flags, held, is_null, plain_values, texts
from alphastrike.model.errors import DataError
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import ALL_SYMBOLS, Storage, Unit

Records = Any
"""A record array; the same alias as in ``model.compiled``, which would load the compiler to read a table."""

Rows = Records | Mapping[str, npt.NDArray[Any]]
"""Records of ``Kind.record``, or the same fields as equally long arrays by name (how wide kinds travel)."""

NUMBERING: Final = ("seq", "part", "market_seq")
"""The journal's own columns, before those of the kind."""

RECORDED_AT: Final = "recorded_at"
"""One more of them, for the inputs of a live run: when the event came in."""

_RECORDED_AT: Final = pa.field(RECORDED_AT, pa.timestamp("us", tz="UTC"), nullable=False)

_ORDINAL_BITS: Final = 20
_ORDINAL_MASK: Final = (1 << _ORDINAL_BITS) - 1

_WIDE_UNITS: Final = {
    "features": Unit("the feature's own", Storage.REAL),
    "signals": Unit("score -1 to 1", Storage.REAL),
    "weights": Unit("multiple", Storage.REAL),
}


@cache
def kind_named(name: str, wide_columns: tuple[str, ...] = ()) -> Kind:
    """Return the kind of that name; a wide one with the columns that a run gave it.

    Raises:
        DataError: no such kind is declared.
    """
    if name not in KINDS:
        raise DataError(f"no event kind is called {name!r}. There are {', '.join(KINDS)}.")
    kind = KINDS[name]
    return kind.with_columns(wide_columns, _WIDE_UNITS[name]) if kind.wide else kind


def arrow_schema(kind: Kind, *, recorded: bool = False) -> pa.Schema:
    """Return the columns of the kind's table: ``seq``, ``part``, ``market_seq``, perhaps ``recorded_at``, its own."""
    numbering = [pa.field(name, pa.int64(), nullable=False) for name in NUMBERING]
    numbering += [_RECORDED_AT] if recorded else []
    return pa.schema([*numbering, *(pa.field(column.name, column.arrow_type) for column in kind.columns)])


@dataclass
class Numbering:
    """Gives the rows of one kind their place in the total order (seq, part) as they arrive.

    ``part`` is the kind's order above 20 bits of the row's ordinal among the kind's rows of one ``market_seq``.
    """

    kind: Kind
    last: int = 0
    """``market_seq`` of the last row numbered."""
    next_ordinal: int = 0

    def parts(self, market_seq: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return ``part`` of each row and remember where the next call goes on. Order must not fall."""
        if not len(market_seq):
            return market_seq
        assert market_seq[0] >= self.last and bool(np.all(np.diff(market_seq) >= 0)), (
            f"rows of {self.kind.name} are not in the order of market_seq"
        )
        place = np.arange(len(market_seq), dtype=np.int64)
        is_first = np.empty(len(market_seq), dtype=bool)
        is_first[0] = True
        np.not_equal(market_seq[1:], market_seq[:-1], out=is_first[1:])
        starts = place[is_first]
        ordinal = place - np.repeat(starts, np.diff(starts, append=len(market_seq)))
        if market_seq[0] == self.last:
            ordinal[market_seq == self.last] += self.next_ordinal
        self.last = int(market_seq[-1])
        self.next_ordinal = int(ordinal[-1]) + 1
        assert int(ordinal.max()) <= _ORDINAL_MASK, f"too many rows of {self.kind.name} in one event"
        return ordinal + (self.kind.order << _ORDINAL_BITS)


def ordinal_of(part: int) -> int:
    """Return the row's place among the rows of its kind and event, from 0."""
    return part & _ORDINAL_MASK


def to_table(
    kind: Kind,
    rows: Rows,
    seq: npt.NDArray[np.int64],
    part: npt.NDArray[np.int64],
    symbols: SymbolTable,
    recorded_at: npt.NDArray[np.int64] | None = None,
) -> pa.Table:
    """Return the rows as the kind's Arrow table."""
    arrays: list[pa.Array] = [fixed(_integers(values), pa.int64()) for values in (seq, part, rows["market_seq"])]
    arrays += [] if recorded_at is None else [fixed(_integers(recorded_at), _RECORDED_AT.type)]
    arrays += [_to_arrow(kind, column, np.asarray(rows[column.name]), symbols) for column in kind.columns]
    return pa.Table.from_arrays(arrays, schema=arrow_schema(kind, recorded=recorded_at is not None))


def to_records(kind: Kind, table: pa.Table, symbols: SymbolTable) -> Records:
    """Return the table's rows as records of ``kind.record``: the inverse of :func:`to_table`.

    Raises:
        DataError: a name in the table is neither a symbol of the run nor a code of its column, or a value is null
            that is no symbol.
    """
    _check_whole(kind, table)
    records = np.empty(table.num_rows, dtype=kind.record).view(np.recarray)
    records["market_seq"] = plain_values(table["market_seq"], np.int64)
    for column in kind.columns:
        records[column.name] = _to_numpy(kind, column, table[column.name], symbols)
    return records


def _check_whole(kind: Kind, table: pa.Table) -> None:
    accounts_null = {column.name for column in kind.columns if column.unit.storage is Storage.SYMBOL}
    for name in table.column_names:
        if table[name].null_count and name not in accounts_null:
            raise DataError(f"{kind.name}.{name} holds a null, which only a symbol may be. Record the run again.")


def row_count(rows: Rows) -> int:
    """Return the number of rows, however they travel."""
    return len(rows["market_seq"])


def _integers(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    return np.ascontiguousarray(values, dtype=np.int64)


def _to_arrow(kind: Kind, column: Column, values: npt.NDArray[Any], symbols: SymbolTable) -> pa.Array:
    where = f"{kind.name}.{column.name}"
    match column.unit.storage:
        case Storage.TIME:
            return fixed(_integers(values), column.arrow_type)
        case Storage.INTEGER:
            return fixed(_integers(values), pa.int64())
        case Storage.REAL:
            return fixed(np.ascontiguousarray(values, dtype=np.float64), pa.float64())
        case Storage.FLAG:
            assert bool(np.all((values == 0) | (values == 1))), f"{where} holds a flag other than 0 and 1"
            return flags(_integers(values))
        case Storage.TEXT:
            return texts(values.tolist())
        case Storage.SYMBOL:
            places = _integers(values)
            assert bool(np.all((places >= ALL_SYMBOLS) & (places < len(symbols)))), f"{where} holds no symbol"
            return dictionary(places, places == ALL_SYMBOLS, list(symbols))
        case Storage.CODE:
            names, numbers = _codes(column)
            codes = _integers(values)
            places = np.searchsorted(numbers, codes).clip(max=len(numbers) - 1)
            assert bool(np.all(numbers[places] == codes)), f"{where} holds a number that is no code"
            return dictionary(places, None, names)


def _to_numpy(kind: Kind, column: Column, values: pa.ChunkedArray, symbols: SymbolTable) -> npt.NDArray[Any]:
    match column.unit.storage:
        case Storage.TIME | Storage.INTEGER:
            return plain_values(values, np.int64)
        case Storage.REAL:
            return plain_values(values, np.float64)
        case Storage.FLAG:
            return plain_values(values.cast(pa.int8()), np.int8)
        case Storage.TEXT:
            return np.array(values.to_pylist(), dtype=object)
        case Storage.SYMBOL:
            return _numbers(kind, column, values, dict(zip(symbols, range(len(symbols)), strict=True)))
        case Storage.CODE:
            names, numbers = _codes(column)
            return _numbers(kind, column, values, dict(zip(names, numbers.tolist(), strict=True)))


def _numbers(
    kind: Kind, column: Column, values: pa.ChunkedArray, number_of: Mapping[str, int]
) -> npt.NDArray[np.int64]:
    parts = [np.empty(0, dtype=np.int64)]
    for chunk in values.chunks:
        names = chunk.dictionary.to_pylist()
        unknown = [name for name in names if name not in number_of]
        if unknown:
            raise DataError(
                f"{kind.name}.{column.name} holds {unknown[0]!r}, which this run does not know. "
                f"It knows {', '.join(number_of)}."
            )
        # One entry more than the dictionary: index -1, which stands in for null, reads the last.
        numbers = np.array([*(number_of[name] for name in names), ALL_SYMBOLS], dtype=np.int64)
        if not len(chunk):
            continue
        places = held(chunk.indices, np.dtype(f"i{chunk.indices.type.bit_width // 8}"))
        parts.append(numbers[np.where(is_null(chunk.indices), -1, places) if chunk.null_count else places])
    return np.concatenate(parts)


def _codes(column: Column) -> tuple[list[str], npt.NDArray[np.int64]]:
    assert column.codes is not None
    members = sorted(column.codes, key=int)
    return [member.name.lower() for member in members], np.array([int(member) for member in members])
