"""On which terms a live run trades: its own copies of the instruments and margin tiers, as Parquet beside its rows."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alphastrike.journal.tables import Records
from alphastrike.model.errors import DataError
from alphastrike.model.instrument import INSTRUMENT, TIER
from alphastrike.model.symbols import SymbolTable

INSTRUMENTS: Final = "instruments"
MARGIN_TIERS: Final = "margin_tiers"
TERMS: Final = (INSTRUMENTS, MARGIN_TIERS)
"""Tables of a live run that are no kinds: they hold from its first event to its last."""

_FIELDS: Final = {INSTRUMENTS: INSTRUMENT.names or (), MARGIN_TIERS: TIER.names or ()}


def terms_schema(name: str) -> pa.Schema:
    """Return the columns of a table of terms: those it has in a market."""
    reals = [pa.field(field, pa.float64()) for field in _FIELDS[name]]
    symbol = pa.field("symbol", pa.dictionary(pa.int32(), pa.string()))
    return pa.schema([symbol, *reals, pa.field("source", pa.string())])


def terms_tables(
    symbols: SymbolTable, instruments: Records, tiers: Records, sources: Sequence[str] = ()
) -> Mapping[str, pa.Table]:
    """Return both tables of terms.

    Args:
        symbols: S of them.
        instruments: (S,) of ``model.instrument.INSTRUMENT``.
        tiers: (S, TIERS_MAX) of ``model.instrument.TIER``.
        sources: who stated the terms of each symbol (``given``, ``assumed``); empty texts when not said.
    """
    said = np.array(sources or [""] * len(symbols), dtype=object)
    at, place = np.nonzero(np.isfinite(tiers["notional_floor"]))
    return {
        INSTRUMENTS: _table(INSTRUMENTS, symbols, np.arange(len(symbols)), np.asarray(instruments), said),
        MARGIN_TIERS: _table(MARGIN_TIERS, symbols, at, np.asarray(tiers)[at, place], said[at]),
    }


def terms_columns(name: str, table: pa.Table, symbols: SymbolTable) -> dict[str, npt.NDArray[Any]]:
    """Return a table of terms as arrays by column, symbols by number.

    Raises:
        DataError: it holds a symbol that the run does not know.
    """
    numbers = dict(zip(symbols, range(len(symbols)), strict=True))
    named = table["symbol"].to_pylist()
    unknown = next((one for one in named if one not in numbers), None)
    if unknown is not None or (name == INSTRUMENTS and sorted(named) != sorted(symbols)):
        raise DataError(f"{name} does not hold the terms of {', '.join(symbols)}. Restore the file.")
    columns: dict[str, npt.NDArray[Any]] = {"symbol": np.array([numbers[one] for one in named], dtype=np.int64)}
    columns |= {field: table[field].to_numpy() for field in _FIELDS[name]}
    return columns | {"source": np.array(table["source"].to_pylist(), dtype=object)}


def _table(
    name: str, symbols: SymbolTable, at: npt.NDArray[np.int64], records: Records, source: npt.NDArray[Any]
) -> pa.Table:
    symbol = pa.DictionaryArray.from_arrays(pa.array(at.astype(np.int32)), pa.array(list(symbols), pa.string()))
    reals = [pa.array(np.ascontiguousarray(records[field])) for field in _FIELDS[name]]
    return pa.Table.from_arrays([symbol, *reals, pa.array(source, pa.string())], schema=terms_schema(name))
