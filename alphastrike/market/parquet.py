"""A market's columns as Arrow tables and Parquet files, and back."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from alphastrike.journal.kinds import Column
from alphastrike.journal.memory import plain_values
from alphastrike.market.columns import TABLES, Columns
from alphastrike.model.errors import DataError
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import Storage

_REPEATED: Final = ("symbol", "name")
"""Columns of few different texts."""


def table_of(table: str, columns: Columns, symbols: SymbolTable) -> pa.Table:
    """Return the columns as an Arrow table: times in UTC, symbols by name, flags as booleans."""
    declared = TABLES[table]
    arrays = [_arrow(columns[column.name], column, symbols) for column in declared]
    return pa.table(arrays, names=[column.name for column in declared])


def columns_of(table: str, stored: pa.Table, symbols: SymbolTable, file: Path) -> Columns:
    """Return the columns of a stored table, symbols as ids of ``symbols``.

    Raises:
        DataError: the table's columns are not those declared, or it holds another market's symbol.
    """
    declared = TABLES[table]
    if nulls := [name for name in stored.column_names if stored.column(name).null_count]:
        raise DataError(f"{file} holds no value in a row of {nulls[0]}. Remove the market and import again.")
    if stored.column_names != [column.name for column in declared]:
        raise DataError(f"{file} has columns {', '.join(stored.column_names)}. Remove the market and import again.")
    return {column.name: _numpy(stored.column(column.name), column, symbols, file) for column in declared}


def write_table(file: Path, table: pa.Table) -> None:
    """Write a table as Parquet: zstd, delta encoding for times and counts, a dictionary for symbols and names only."""
    kinds = {field.name: field.type for field in table.schema}
    encodings = {
        name: "DELTA_BINARY_PACKED" if pa.types.is_timestamp(kind) or pa.types.is_int64(kind) else "PLAIN"
        for name, kind in kinds.items()
        if name not in _REPEATED and not pa.types.is_boolean(kind)
    }
    pq.write_table(
        table,
        file,
        compression="zstd",
        compression_level=3,
        use_dictionary=[name for name in kinds if name in _REPEATED],
        column_encoding=encodings,
        row_group_size=1_000_000,
    )


def read_table(file: Path) -> pa.Table:
    """Return a Parquet file of a market's folder.

    Raises:
        DataError: it is not readable.
    """
    try:
        return pq.ParquetFile(file).read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file} is not readable: {first_line(error)}. Remove the market and import again.") from None


def first_line(error: Exception) -> str:
    """Return the first line of a library's message without its closing full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(". ")


def _arrow(values: npt.NDArray[Any], column: Column, symbols: SymbolTable) -> pa.Array:
    match column.unit.storage:
        case Storage.SYMBOL:
            return pa.DictionaryArray.from_arrays(pa.array(values, pa.int32()), pa.array(list(symbols), pa.string()))
        case Storage.FLAG:
            return pa.array(values != 0)
        case Storage.TIME:
            return pa.array(values).cast(column.arrow_type)
        case _:
            return pa.array(values, column.arrow_type)


def _numpy(stored: pa.ChunkedArray, column: Column, symbols: SymbolTable, file: Path) -> npt.NDArray[Any]:
    match column.unit.storage:
        case Storage.SYMBOL:
            return _symbol_ids(stored, symbols, file)
        case Storage.TEXT:
            return np.array(stored.to_pylist(), dtype=object)
        case Storage.TIME:
            return plain_values(stored.cast(pa.int64()), np.int64)
        case Storage.FLAG:
            return plain_values(stored.cast(pa.int8()), np.int8).astype(np.int64)
        case Storage.INTEGER:
            return plain_values(stored, np.int64)
        case _:
            return plain_values(stored, np.float64)


def _symbol_ids(stored: pa.ChunkedArray, symbols: SymbolTable, file: Path) -> npt.NDArray[np.int64]:
    if not pa.types.is_dictionary(stored.type):
        stored = stored.dictionary_encode()
    parts = [np.empty(0, dtype=np.int64)]
    for chunk in stored.chunks:
        names = chunk.dictionary.to_pylist()
        unknown = [name for name in names if name not in symbols]
        if unknown:
            raise DataError(
                f"{file} holds symbol {unknown[0]!r} of no market here. Remove the market and import again."
            )
        ids = np.array([symbols.index(name) for name in names], dtype=np.int64)
        places = plain_values(pa.chunked_array([chunk.indices]), np.dtype(f"i{chunk.indices.type.bit_width // 8}"))
        parts.append(ids[places] if len(ids) else ids)
    return np.concatenate(parts)
