"""Rows as bytes in the live journal, and back: the records themselves, or JSON where a kind holds text.

A row of market data is packed in about a microsecond; many rows of a kind are read back by joining their bytes. Beside
every value of bytes stands a CRC-32 of them and of where they belong, because SQLite checks its pages' structure, not
what they hold.
"""

import json
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from alphastrike.journal.kinds import Column, Kind
from alphastrike.journal.tables import Records, Rows, row_count
from alphastrike.model.units import Storage

Value = int | float | str

_PLACE: Final = struct.Struct("<qqq")


def checksum(data: bytes, first: int, second: int, third: int) -> int:
    """Return the CRC-32 of bytes and of three numbers that say where they belong."""
    return zlib.crc32(data, zlib.crc32(_PLACE.pack(first, second, third)))


class Packing:
    """How rows of one kind, with the columns it has in this run, become bytes."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.holds_text = any(column.unit.storage is Storage.TEXT for column in kind.columns)

    def pack_input(self, values: Sequence[Any]) -> bytes:
        """Return one input's columns, in their order and without ``market_seq``, as bytes.

        Whole numbers may come as floats; one that is not finite becomes -1, as such columns say that they do not know.
        """
        assert len(values) == len(self.kind.columns), f"{self.kind.name} has {len(self.kind.columns)} columns"
        if not self.holds_text:
            try:
                return self._own.pack(*values)
            except struct.error:
                return self._own.pack(*self._plain(values))
        return json.dumps(self._plain(values)).encode()

    def unpack_input(self, data: bytes) -> tuple[Value, ...]:
        """Return the columns of one input as plain values."""
        return tuple(json.loads(data)) if self.holds_text else self._own.unpack(data)

    def inputs(self, packed: Sequence[bytes], market_seq: npt.NDArray[np.int64]) -> Records:
        """Return many inputs as records of the kind."""
        records = np.zeros(len(packed), dtype=self.kind.record)
        records["market_seq"] = market_seq
        if self.holds_text:
            rows = [json.loads(data) for data in packed]
            for place, column in enumerate(self.kind.columns):
                records[column.name] = [row[place] for row in rows]
            return records
        own = np.frombuffer(b"".join(packed), dtype=self._own_record)
        for column in self.kind.columns:
            records[column.name] = own[column.name]
        return records

    def pack(self, rows: Rows) -> bytes:
        """Return derived rows with their ``market_seq`` as bytes."""
        if self.holds_text:
            columns = [np.asarray(rows["market_seq"]).tolist()]
            columns += [np.asarray(rows[column.name]).tolist() for column in self.kind.columns]
            return json.dumps(list(zip(*columns, strict=True))).encode()
        if isinstance(rows, Mapping):
            records = np.empty(row_count(rows), dtype=self.kind.record)
            for name in self.kind.record.names or ():
                records[name] = rows[name]
            return records.tobytes()
        assert rows.dtype == self.kind.record, f"rows of {self.kind.name} are of another type"
        return bytes(rows.tobytes())

    def count(self, data: bytes) -> int:
        """Return how many derived rows a batch holds."""
        return len(json.loads(data)) if self.holds_text else len(data) // self.kind.record.itemsize

    def rows(self, packed: Sequence[bytes]) -> Records:
        """Return derived rows, packed one batch after another, as records of the kind."""
        if not self.holds_text:
            return np.frombuffer(b"".join(packed), dtype=self.kind.record)
        rows = [tuple(row) for data in packed for row in json.loads(data)]
        return np.array(rows, dtype=self.kind.record)

    def _plain(self, values: Sequence[Any]) -> list[Value]:
        return [_plain(column, value) for column, value in zip(self.kind.columns, values, strict=True)]

    @cached_property
    def _own(self) -> struct.Struct:
        letters = ["d" if column.numpy_type == "f8" else "q" for column in self.kind.columns]
        return struct.Struct("<" + "".join(letters))

    @cached_property
    def _own_record(self) -> np.dtype[Any]:
        return np.dtype([(column.name, column.numpy_type) for column in self.kind.columns])


def _plain(column: Column, value: Any) -> Value:
    match column.unit.storage:
        case Storage.TEXT:
            # A lone surrogate can be neither UTF-8 nor Parquet, and text from outside may hold anything.
            return str(value).encode("utf-8", "backslashreplace").decode()
        case Storage.REAL:
            return float(value)
        case _:
            return int(value) if math.isfinite(value) else -1
