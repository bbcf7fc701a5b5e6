"""Reading one file into columns, whatever its encoding: Parquet or CSV, header or none, any epoch unit."""

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from alphastrike.market.formats import KLINE_HEADER, FileKind, ForeignFileError, Layout, recognise
from alphastrike.market.parquet import first_line
from alphastrike.model.errors import DataError

SUFFIXES: Final = (".parquet", ".csv")

EARLIEST: Final = int(datetime(2009, 1, 1, tzinfo=UTC).timestamp() * 1e6)
LATEST: Final = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp() * 1e6)
"""Bounds of what is taken for a time, microseconds UTC."""

_SIDES: Final = {"sell": 1.0, "long": 1.0, "1": 1.0, "buy": -1.0, "short": -1.0, "-1": -1.0}
_NUMERALS: Final = frozenset("0123456789.+-eE")


@dataclass(frozen=True)
class FileColumns:
    """The columns of one file by the names used here: ``time`` in microseconds UTC, the rest float64."""

    file: Path
    kind: FileKind
    columns: dict[str, npt.NDArray[Any]]
    first_row: int = 1
    """Number of the first data row as a person finds it: in CSV the line, in Parquet counted from 1."""
    notes: tuple[str, ...] = ()
    left_out: int = 0
    """Rows that the market does not take."""

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.columns["time"])

    def row(self, index: int) -> int:
        """Return the row number to print for an index into the columns."""
        return self.first_row + int(index)

    def with_columns(self, columns: dict[str, npt.NDArray[Any]]) -> "FileColumns":
        """Return the same file with other columns."""
        return replace(self, columns=columns)

    def only(self, taken: npt.NDArray[np.bool_]) -> "FileColumns":
        """Return the same file with these of its rows, the others counted."""
        kept = {name: values[taken] for name, values in self.columns.items()}
        return replace(self, columns=kept, left_out=self.left_out + int(np.count_nonzero(~taken)))


@dataclass(frozen=True)
class Opened:
    """A file whose columns are known and not yet read."""

    layout: Layout
    read: Callable[[], FileColumns]


def open_file(file: Path) -> Opened:
    """Recognise a file by its header.

    Raises:
        ForeignFileError: it is of no kind that a market has.
        DataError: it is empty, damaged, or lacks a column.
    """
    if file.suffix.lower() not in SUFFIXES:
        raise ForeignFileError("neither Parquet nor CSV")
    if file.stat().st_size == 0:
        raise DataError(f"{file} is empty (0 bytes). Fetch it again.")
    if file.suffix.lower() == ".csv":
        header, has_header = _csv_header(file)
        layout = recognise(file, header)
        return Opened(layout, lambda: _from_csv(file, layout, header, has_header))
    try:
        names = list(pq.read_schema(file).names)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file} is not a readable Parquet file ({first_line(error)}). Fetch it again.") from None
    layout = recognise(file, names)
    return Opened(layout, lambda: _from_parquet(file, layout))


def _from_parquet(file: Path, layout: Layout) -> FileColumns:
    try:
        table = pq.ParquetFile(file).read(columns=list(layout.columns.values()))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file} is not a readable Parquet file ({first_line(error)}). Fetch it again.") from None
    return _columns(file, layout, table, first_row=1)


def _from_csv(file: Path, layout: Layout, header: list[str], has_header: bool) -> FileColumns:
    first_row = 2 if has_header else 1
    options = {
        "read_options": pacsv.ReadOptions(column_names=header, skip_rows=int(has_header), use_threads=False),
        "parse_options": pacsv.ParseOptions(ignore_empty_lines=False),
    }
    wanted = list(layout.columns.values())
    try:
        try:
            convert = pacsv.ConvertOptions(include_columns=wanted)
            table = pacsv.read_csv(file, convert_options=convert, **options)
        except pa.ArrowInvalid as error:
            if "conversion error" not in str(error):
                raise
            # A value that does not fit the type guessed from the first block: read as text to name its row.
            convert = pacsv.ConvertOptions(include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()))
            table = pacsv.read_csv(file, convert_options=convert, **options)
    except pa.ArrowException as error:
        raise DataError(f"{file} is not a readable CSV file ({first_line(error)}). Fetch it again.") from None
    return _columns(file, layout, table, first_row)


def _csv_header(file: Path) -> tuple[list[str], bool]:
    """Return a CSV file's column names and whether its first line holds them."""
    with file.open("r", encoding="utf-8-sig", errors="replace", newline="") as stream:
        first = next(csv.reader(stream), [])
    if not first or not set(first[0].strip()) <= _NUMERALS:
        return first, True
    if len(first) != len(KLINE_HEADER):
        raise ForeignFileError(
            f"no header line and {len(first)} columns where a Binance kline file has {len(KLINE_HEADER)}"
        )
    return list(KLINE_HEADER), False


def _columns(file: Path, layout: Layout, table: pa.Table, first_row: int) -> FileColumns:
    if table.num_rows == 0:
        raise DataError(f"{file} holds no rows. Fetch it again, or leave it out.")
    read = FileColumns(file, layout.kind, {"time": np.empty(0)}, first_row)
    columns: dict[str, npt.NDArray[Any]] = {}
    for name, own_name in layout.columns.items():
        stored = table.column(own_name)
        columns[name] = _READERS.get(name, _reals)(read, own_name, stored)
    notes: tuple[str, ...] = ()
    if layout.volume_in_quote:
        middle = (columns["open"] + columns["high"] + columns["low"] + columns["close"]) / 4.0
        columns["volume"] = columns["volume"] / middle
        notes = ("volume converted from quote currency at the mean of open, high, low and close",)
    return replace(read, columns=columns, notes=notes)


def _reals(read: FileColumns, name: str, stored: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    if pa.types.is_string(stored.type) or pa.types.is_large_string(stored.type):
        stored = _numbers_in_text(read, name, stored)
    if not (pa.types.is_floating(stored.type) or pa.types.is_integer(stored.type) or pa.types.is_null(stored.type)):
        raise DataError(f"{read.file}: column {name} holds {stored.type}, not numbers. Fetch it again.")
    return np.asarray(stored.cast(pa.float64()).to_numpy(zero_copy_only=False))


def _numbers_in_text(read: FileColumns, name: str, stored: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return stored.cast(pa.float64())
    except pa.ArrowInvalid:
        for index, text in enumerate(stored.to_pylist()):
            if not _is_number(text):
                raise DataError(
                    f"{read.file}, row {read.row(index)}: {name} is {text!r}, not a number. Mend or remove the row."
                ) from None
        raise


def _times(read: FileColumns, name: str, stored: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    if stored.null_count:
        index = stored.is_null().to_pylist().index(True)
        raise DataError(f"{read.file}, row {read.row(index)}: {name} is missing. Mend or remove the row.")
    if pa.types.is_string(stored.type) or pa.types.is_large_string(stored.type):
        stored = _times_in_text(read, name, stored)
    if pa.types.is_timestamp(stored.type):
        micros = np.asarray(stored.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).to_numpy())
    elif pa.types.is_integer(stored.type):
        micros = epoch_micros(np.asarray(stored.cast(pa.int64()).to_numpy()))
    else:
        raise DataError(f"{read.file}: column {name} holds {stored.type}, not times. Fetch it again.")
    outside = np.flatnonzero((micros < EARLIEST) | (micros >= LATEST))
    if len(outside):
        value = stored[int(outside[0])].as_py()
        raise DataError(
            f"{read.file}, row {read.row(outside[0])}: {name} {value} is not a time between 2009 and 2100. "
            "Mend or remove the row."
        )
    return micros


def _sides(read: FileColumns, name: str, stored: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Return 1 where a long position was liquidated, -1 where a short one: an order that sells closes a long."""
    texts = [str(text).strip().lower() for text in stored.to_pylist()]
    unknown = next((index for index, text in enumerate(texts) if text not in _SIDES), None)
    if unknown is not None:
        raise DataError(
            f"{read.file}, row {read.row(unknown)}: {name} is {texts[unknown]!r}, neither sell (or long) nor buy (or "
            "short). Mend or remove the row."
        )
    return np.array([_SIDES[text] for text in texts])


def _times_in_text(read: FileColumns, name: str, stored: pa.ChunkedArray) -> pa.ChunkedArray:
    for kind in (pa.int64(), pa.timestamp("us")):
        try:
            return stored.cast(kind)
        except pa.ArrowInvalid:
            continue
    # Mostly numbers or mostly dates: the first cell that is not like the first one is the culprit.
    texts = stored.to_pylist()
    kind = pa.int64() if texts[0].strip().isdigit() else pa.timestamp("us")
    index = next(index for index, text in enumerate(texts) if not _casts(text, kind))
    raise DataError(
        f"{read.file}, row {read.row(index)}: {name} is {texts[index]!r}, not a time. Mend or remove the row."
    )


def epoch_micros(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return microseconds from seconds, milliseconds, microseconds or nanoseconds, told apart by size."""
    largest = int(np.abs(values).max())
    if largest < 10**11:
        return values * 1_000_000
    if largest < 10**14:
        return values * 1_000
    return values if largest < 10**17 else values // 1_000


def _casts(text: str, kind: pa.DataType) -> bool:
    try:
        pa.scalar(text).cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def _is_number(text: str | None) -> bool:
    try:
        float(text or "nan")
    except ValueError:
        return False
    return True


_READERS: Final = {"time": _times, "close_time": _times, "side": _sides}
"""How a column is read that holds no numbers, by its name here."""
