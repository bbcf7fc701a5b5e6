"""On which terms a live run trades: its own copies of the instruments and margin tiers, as Parquet beside its rows."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alphastrike.journal.tables import Records
from alphastrike.model.errors import DataError
from alphastrike.model.instrument import INSTRUMENT, TIER, TIERS_MAX
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


def terms_records(tables: Mapping[str, pa.Table], symbols: SymbolTable) -> tuple[Records, Records]:
    """Return instruments (S,) and margin tiers (S, TIERS_MAX) as the engine reads them.

    Raises:
        DataError: a symbol has no instrument, or more tiers than fit.
    """
    numbers = dict(zip(symbols, range(len(symbols)), strict=True))
    at = [numbers.get(name, -1) for name in tables[INSTRUMENTS]["symbol"].to_pylist()]
    if sorted(at) != list(range(len(symbols))):
        raise DataError(f"{INSTRUMENTS} does not hold one row for each of {', '.join(symbols)}. Restore the file.")
    instruments = np.zeros(len(symbols), dtype=INSTRUMENT)
    for field in _FIELDS[INSTRUMENTS]:
        instruments[field][at] = tables[INSTRUMENTS][field].to_numpy()
    tiers = np.zeros((len(symbols), TIERS_MAX), dtype=TIER)
    tiers["notional_floor"] = np.inf
    held = tables[MARGIN_TIERS]
    of_symbol = np.array([numbers.get(name, -1) for name in held["symbol"].to_pylist()], dtype=np.int64)
    for symbol in range(len(symbols)):
        rows = np.flatnonzero(of_symbol == symbol)
        if len(rows) > TIERS_MAX:
            raise DataError(f"{MARGIN_TIERS} holds {len(rows)} rows of one symbol, at most {TIERS_MAX} are known.")
        for field in _FIELDS[MARGIN_TIERS]:
            tiers[field][symbol, : len(rows)] = held[field].to_numpy()[rows]
    return instruments, tiers


def _table(
    name: str, symbols: SymbolTable, at: npt.NDArray[np.int64], records: Records, source: npt.NDArray[Any]
) -> pa.Table:
    symbol = pa.DictionaryArray.from_arrays(pa.array(at.astype(np.int32)), pa.array(list(symbols), pa.string()))
    reals = [pa.array(np.ascontiguousarray(records[field])) for field in _FIELDS[name]]
    return pa.Table.from_arrays([symbol, *reals, pa.array(source, pa.string())], schema=terms_schema(name))
