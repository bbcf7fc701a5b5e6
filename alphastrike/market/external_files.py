"""The cells of a file that holds an external series: which column is the time, which the value, which rows are ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from alphastrike.market.external_terms import ExternalWanted
from alphastrike.market.parquet import first_line
from alphastrike.model.errors import ConfigurationError, DataError

_TIMES: Final = ("time", "date", "timestamp", "datetime", "day", "stamp")
_NAMES: Final = ("name", "series")


@dataclass(frozen=True)
class Cells:
    """Times and values as they are written, in the order of the file."""

    file: Path
    time: str
    """The file's own name of the column."""
    value: str
    times: list[str]
    values: list[str]
    rows: list[int]
    """As a person counts: in CSV the line, in Parquet from 1."""

    def place(self, index: int) -> str:
        """Return where a cell stands, for a message."""
        return f"{self.file}, row {self.rows[index]}"


def read_cells(wanted: ExternalWanted) -> Cells:
    """Return the cells of a series.

    Raises:
        ConfigurationError: there is no such file, or no such column in it.
        DataError: it is empty or damaged, or holds nothing of the series.
    """
    file = wanted.file
    if not file.is_file():
        raise ConfigurationError(f"there is no file {file} for {wanted.name}. Check the path.")
    if file.stat().st_size == 0:
        raise DataError(f"{file} is empty (0 bytes). Fetch it again.")
    is_parquet = file.suffix.lower() == ".parquet"
    table = _from_parquet(file) if is_parquet else _from_csv(file)
    by_name = {name.strip().lower(): name for name in table.column_names}
    time = _stated(wanted, "time", wanted.time, by_name) or _time_column(wanted, by_name)
    value = _stated(wanted, "column", wanted.column, by_name) or _value_column(wanted, by_name, time)
    named = next((by_name[name] for name in _NAMES if name in by_name and by_name[name] not in {time, value}), None)
    first = 1 if is_parquet else 2
    rows = list(range(first, first + table.num_rows))
    times, values = _texts(table, time), _texts(table, value)
    if named is not None:
        names = _texts(table, named)
        own = [place for place, name in enumerate(names) if name == wanted.name]
        if not own and names:
            there = ", ".join(sorted(set(names))[:8])
            raise DataError(
                f"{file} holds nothing of {wanted.name} (its column {named} holds {there}). Check the name."
            )
        times, values = ([held[place] for place in own] for held in (times, values))
        rows = [rows[place] for place in own]
    if not times:
        raise DataError(f"{file} holds no rows. Fetch it again, or leave it out.")
    missing = next((place for place, text in enumerate(times) if not text), None)
    if missing is not None:
        raise DataError(f"{file}, row {rows[missing]}: {time} is missing. Mend or remove the row.")
    return Cells(file, time, value, times, values, rows)


def _from_csv(file: Path) -> pa.Table:
    try:
        with file.open("r", encoding="utf-8-sig") as stream:
            header = [name.strip().strip('"') for name in stream.readline().rstrip("\r\n").split(",")]
        return pacsv.read_csv(
            file,
            read_options=pacsv.ReadOptions(column_names=header, skip_rows=1, use_threads=False),
            parse_options=pacsv.ParseOptions(ignore_empty_lines=False),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
            ),
        )
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise DataError(f"{file} is not a readable CSV file ({first_line(error)}). Fetch it again.") from None


def _from_parquet(file: Path) -> pa.Table:
    try:
        return pq.ParquetFile(file).read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file} is not a readable Parquet file ({first_line(error)}). Fetch it again.") from None


def _texts(table: pa.Table, column: str) -> list[str]:
    stored = table.column(column)
    if pa.types.is_timestamp(stored.type) and stored.type.tz is not None:
        # In their own zone: what is a midnight there is none in UTC.
        moments = stored.cast(pa.timestamp("us", stored.type.tz), safe=False).to_pylist()
        return ["" if moment is None else moment.isoformat() for moment in moments]
    return [(text or "").strip() for text in stored.cast(pa.string()).to_pylist()]


def _stated(wanted: ExternalWanted, term: str, column: str, by_name: Mapping[str, str]) -> str:
    if column and column.lower() not in by_name:
        raise ConfigurationError(
            f"{wanted.file} has no column {column} (it has {', '.join(by_name.values())}). Change {term}=."
        )
    return by_name[column.lower()] if column else ""


def _time_column(wanted: ExternalWanted, by_name: Mapping[str, str]) -> str:
    there = [by_name[name] for name in _TIMES if name in by_name]
    if len(there) == 1:
        return there[0]
    what = f"two columns of times, {there[0]} and {there[1]}" if there else "no column of times"
    raise ConfigurationError(
        f"{wanted.file} has {what} (it has {', '.join(by_name.values())}). Name one with time=COLUMN."
    )


def _value_column(wanted: ExternalWanted, by_name: Mapping[str, str], time: str) -> str:
    others = [name for key, name in by_name.items() if name != time and key not in _NAMES]
    if "value" in by_name:
        return by_name["value"]
    if len(others) == 1:
        return others[0]
    raise ConfigurationError(
        f"{wanted.file} has {len(others)} columns that could be the value ({', '.join(others)}). Name one with "
        "column=COLUMN."
    )
