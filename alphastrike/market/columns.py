"""The tables of a market as columns in memory, their canonical order, and the hash over their values."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from alphastrike.journal.inputs import LATER_KINDS, MARKET_KINDS
from alphastrike.journal.kinds import KINDS, Column
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import Base, Fraction, Multiple, Quote, QuotePerBase, Storage, SymbolId, Text

Columns = Mapping[str, npt.NDArray[Any]]
"""Arrays of one length by column name: times in microseconds UTC, symbols as ids, text as objects."""

EVENT_TABLES: Final = MARKET_KINDS
"""Kinds of market events, in the order in which they come inside an instant."""

LATER_TABLES: Final = frozenset(LATER_KINDS)
"""Tables that markets of schema 1 do not have. Without rows they add nothing to the hash: it stays what it was."""

HASH_LABEL: Final = b"alphastrike market 1"


def _declared(**fields: Any) -> tuple[Column, ...]:
    return tuple(Column(name, hint.__metadata__[0]) for name, hint in fields.items())


TABLES: Final[Mapping[str, tuple[Column, ...]]] = {
    **{name: KINDS[name].columns for name in EVENT_TABLES},
    "instruments": _declared(
        symbol=SymbolId,
        tick=QuotePerBase,
        lot=Base,
        notional_min=Quote,
        taker_fee=Fraction,
        maker_fee=Fraction,
        liquidation_fee=Fraction,
        leverage_max=Multiple,
        source=Text,
    ),
    "margin_tiers": _declared(
        symbol=SymbolId, notional_floor=Quote, maintenance_rate=Fraction, maintenance_deduction=Quote, source=Text
    ),
}
"""Every table of a market with its columns, in the order in which they are hashed."""

_BY_TIME: Final = ("event_time", "symbol")
_SORTED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "liquidations": ("event_time", "symbol", "side", "price", "quantity"),
    "externals": ("event_time", "name", "stamp"),
    "instruments": ("symbol",),
    "margin_tiers": ("symbol", "notional_floor"),
}
"""Columns that order a table's rows, the first one decides; ``_BY_TIME`` for those that are not named."""


@dataclass(frozen=True)
class MarketTables:
    """A whole market as columns, in canonical order: what is hashed, stored and built into arrays.

    Tick ``t`` closes at ``start + t * interval`` (microseconds UTC) for ``t`` in 0 .. ``ticks`` - 1.
    """

    symbols: SymbolTable
    interval: int
    start: int
    ticks: int
    columns: Mapping[str, Columns]
    """By table name; every table of ``TABLES`` is there, possibly without rows: so are those that were not given."""

    def __post_init__(self) -> None:
        """Complete the columns."""
        object.__setattr__(self, "columns", {name: self.columns.get(name) or no_rows(name) for name in TABLES})

    def content_hash(self) -> str:
        """Return BLAKE2b (32 hex digits) over all values in a fixed order, whatever file holds them."""
        digest = hashlib.blake2b(HASH_LABEL, digest_size=16)
        digest.update("\0".join(self.symbols).encode())
        digest.update(np.array([self.interval, self.start, self.ticks], "<i8").tobytes())
        for table, declared in TABLES.items():
            if table in LATER_TABLES and not row_count(self.columns[table]):
                continue
            for column in declared:
                values = self.columns[table][column.name]
                digest.update(f"{table}.{column.name}:{len(values)};".encode())
                digest.update(_bytes_of(values, column))
        return digest.hexdigest()


def canonical(table: str, columns: Columns) -> Columns:
    """Return a table's columns in their declared order and types, rows by time (where there is one) and symbol.

    Rows that agree in both are ordered by what else tells them apart: liquidations by side, price and quantity,
    external values by name and stamp. One NaN, no negative zero: equal values have equal bytes.
    """
    cast = {column.name: _cast(columns[column.name], column) for column in TABLES[table]}
    keys = [_sortable(cast[name]) for name in reversed(_SORTED_BY.get(table, _BY_TIME))]
    order = np.lexsort(keys)
    if np.array_equal(order, np.arange(len(order))):
        return cast
    return {name: values[order] for name, values in cast.items()}


def no_rows(table: str) -> Columns:
    """Return a table's columns without any row."""
    return {column.name: _cast(np.zeros(0), column) for column in TABLES[table]}


def row_count(columns: Columns) -> int:
    """Return how many rows a table's columns have."""
    return len(next(iter(columns.values())))


def _sortable(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return what orders as the values do: of text, its place among all texts by code points."""
    return np.unique(values.astype(str), return_inverse=True)[1] if values.dtype == object else values


def _cast(values: npt.NDArray[Any], column: Column) -> npt.NDArray[Any]:
    if column.unit.storage is Storage.TEXT:
        return np.asarray(values, dtype=object)
    if column.unit.storage is not Storage.REAL:
        return np.ascontiguousarray(values, dtype=np.int64)
    real = np.asarray(values, dtype=np.float64) + 0.0
    real[np.isnan(real)] = np.nan
    return real


def _bytes_of(values: npt.NDArray[Any], column: Column) -> bytes:
    if column.unit.storage is Storage.TEXT:
        return "\0".join(values).encode()
    return values.astype("<f8" if column.unit.storage is Storage.REAL else "<i8", copy=False).tobytes()
