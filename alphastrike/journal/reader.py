"""A recorded run opened for reading: rows as records, tables as Arrow, questions in SQL.

No byte of a segment is handed out before its digest has been compared with the manifest, so a damaged file is
named instead of read. SQL runs in a DuckDB of its own that sees the run's and the market's tables and
nothing else: no file, no network, no setting can be reached from a query.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow.fs import LocalFileSystem

from alphastrike.journal.kinds import KINDS, Kind
from alphastrike.journal.manifest import Manifest, Segment, read_manifest
from alphastrike.journal.segments import CHECKPOINT_SCHEMA, CHECKPOINTS, file_digest
from alphastrike.journal.tables import Records, arrow_schema, kind_named, to_records
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.model.symbols import SymbolTable

MARKET_TABLES: Final = ("candles", "marks", "funding", "open_interest", "instruments", "margin_tiers")
"""Tables that a history run reads from its market."""

MARKETS_INSIDE: Final = "markets"
"""Folder of a self-contained run that holds its market, laid out like a data root."""

MarketTables = Callable[[], Mapping[str, Path]]
"""Returns the checked Parquet file of every market table; none when the market is not at hand."""

_Statement = duckdb.StatementType
_ANSWERING: Final = (_Statement.SELECT, _Statement.EXPLAIN, _Statement.MULTI)
_BATCH_ROWS: Final = 65_536


class Answer(NamedTuple):
    """What a query found."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    """As Python values: whole numbers as int, times as UTC datetime, NaN as NaN, null as None."""
    total: int
    """Rows found; more than ``rows`` holds when a limit was given."""


@dataclass
class Run:
    """A recorded run in its folder. Nothing here writes."""

    folder: Path
    manifest: Manifest
    market_tables: MarketTables
    """Asked once, when a query first needs the market."""

    @classmethod
    def open(cls, folder: Path, market_tables: MarketTables = dict) -> Self:
        """Open the run in this folder; a self-contained one brings its market's tables itself.

        Raises:
            DataError: no run, a damaged manifest, or a run of a newer schema.
        """
        return cls(folder, read_manifest(folder), market_tables)

    @property
    def name(self) -> str:
        """The run's name: that of its folder."""
        return self.folder.name

    @property
    def is_self_contained(self) -> bool:
        """Whether the run holds a copy of its market."""
        return bool(self._market_inside)

    @cached_property
    def _market_inside(self) -> dict[str, Segment]:
        """Segments of the market's tables, when the run holds a copy of them."""
        inside = f"{MARKETS_INSIDE}/{self.manifest.market.name}/"
        copied = (segment for segment in self.manifest.segments if segment.file.startswith(inside))
        return {Path(segment.file).stem: segment for segment in copied if segment.file.endswith(".parquet")}

    @cached_property
    def symbols(self) -> SymbolTable:
        """The run's symbols in their order."""
        return SymbolTable(self.manifest.symbols)

    def kind(self, name: str) -> Kind:
        """Return a kind with the columns it has in this run."""
        facts = self.manifest.tables.get(name)
        return kind_named(name, facts.columns if facts else ())

    def rows(self, name: str) -> Records:
        """Return a kind's rows in (seq, part) order as records: symbols and codes as numbers."""
        return to_records(self.kind(name), self.table(name), self.symbols)

    def table(self, name: str, *, even_if_changed: bool = False) -> pa.Table:
        """Return a kind's rows, or the checkpoints, as an Arrow table in order; empty when there are none.

        ``even_if_changed`` reads what a file holds now, for one that looks for the change.

        Raises:
            DataError: a segment is missing, was changed after sealing, or does not hold the kind's columns.
        """
        schema = self._schema(name)
        found = [self._read(segment, schema, even_if_changed) for segment in self.segments(name)]
        return pa.concat_tables(found) if found else schema.empty_table()

    def segments(self, table: str) -> list[Segment]:
        """Return the segments of a table, in order."""
        return [segment for segment in self.manifest.segments if segment.table == table]

    def sql(self, query: str, limit: int | None = None) -> Answer:
        """Answer one query over every table of the run and of its market; keep at most ``limit`` rows.

        Raises:
            ConfigurationError: the query is wrong, with DuckDB's own words, or does more than ask.
            DataError: a segment that the query names is missing or damaged, or the market is not at hand.
        """
        words = _words(query)
        self._check_named(words)
        if not words & set(self.manifest.tables) or words & set(MARKET_TABLES):
            self._register_market()
        try:
            statements = self._database.extract_statements(query)
            if len(statements) != 1 or statements[0].type not in _ANSWERING:
                raise ConfigurationError("the query must be one statement that only reads, such as select.")
            relation = self._database.sql(query)
            columns = tuple(relation.columns)
            return _fetched(columns, relation.to_arrow_reader(_BATCH_ROWS), limit)
        except (duckdb.Error, pa.ArrowException) as error:
            if isinstance(error, duckdb.CatalogException):
                self._check_market_at_hand(words)
            raise ConfigurationError(f"the query failed: {_one_line(str(error))}") from None

    def _check_named(self, words: set[str]) -> None:
        """Check the bytes of every segment whose table the query could mean: its name must stand in it."""
        for segment in self.manifest.segments:
            table = Path(segment.file).stem if segment in self._market_inside.values() else segment.table
            if table in words and segment.file not in self._checked:
                self._check(segment)
                self._checked.add(segment.file)

    @cached_property
    def _checked(self) -> set[str]:
        return set()

    def _check_market_at_hand(self, words: set[str]) -> None:
        for name in MARKET_TABLES:
            if name in words and name not in self.manifest.tables and name not in self._registered:
                market = self.manifest.market
                raise DataError(
                    f"run {self.name!r} reads {name} from market {market.name!r} ({market.content_hash}), "
                    "which is not here. Import or simulate it again, or open a self-contained run."
                )

    @cached_property
    def _registered(self) -> set[str]:
        return set()

    def _register_market(self) -> None:
        if self._registered:
            return
        if self.is_self_contained:
            files: Mapping[str, Path] = {
                name: self.folder / segment.file for name, segment in self._market_inside.items()
            }
        else:
            files = self.market_tables()
        for name in MARKET_TABLES:
            if name in files and name not in self.manifest.tables:
                self._database.register(name, _market_dataset(files[name]))
                self._registered.add(name)

    @cached_property
    def _database(self) -> duckdb.DuckDBPyConnection:
        database = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "python_enable_replacements": "false",
            },
        )
        database.execute("set TimeZone = 'UTC'")
        # A sum over several threads changes its last digits from one time to the next.
        database.execute("set threads = 1")
        for name in (*KINDS, CHECKPOINTS):
            if name not in MARKET_TABLES or name in self.manifest.tables:
                database.register(name, self._dataset(name))
        database.execute("set enable_external_access = false")
        database.execute("set lock_configuration = true")
        return database

    def _dataset(self, name: str) -> Any:
        schema = self._schema(name)
        paths = [str(self.folder / segment.file) for segment in self.segments(name)]
        if not paths:
            return schema.empty_table()
        # Not ds.dataset(), which looks for the files now: a missing one must not hide the other tables.
        return ds.FileSystemDataset.from_paths(
            paths, schema=schema, format=ds.ParquetFileFormat(), filesystem=LocalFileSystem()
        )

    def _schema(self, name: str) -> pa.Schema:
        return CHECKPOINT_SCHEMA if name == CHECKPOINTS else arrow_schema(self.kind(name))

    def _read(self, segment: Segment, schema: pa.Schema, even_if_changed: bool) -> pa.Table:
        path = self.folder / segment.file
        data = _bytes_of(path, segment)
        if not even_if_changed and hashlib.blake2b(data, digest_size=32).hexdigest() != segment.digest:
            raise _changed(path, segment)
        table = parsed(data, path)
        is_short = table.num_rows != segment.rows and not even_if_changed
        if is_short or table.schema.names != schema.names:
            raise DataError(
                f"{path} does not hold the {segment.rows:,} rows and the columns of {segment.table} that the "
                "manifest states. Restore the file or record the run again."
            )
        return _as(schema, table, path)

    def _check(self, segment: Segment) -> None:
        path = self.folder / segment.file
        try:
            digest = file_digest(path)
        except OSError:
            raise _gone(path, segment) from None
        if digest != segment.digest:
            raise _changed(path, segment)


def parsed(data: bytes, path: Path) -> pa.Table:
    """Return the table in these bytes of a Parquet file; ``path`` is for the error.

    Raises:
        DataError: they are not a whole Parquet file.
    """
    try:
        table = pq.ParquetFile(pa.BufferReader(data)).read()
        # A damaged page may decode into text that is none, which only shows when it is used.
        table.validate(full=True)
        return table
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as Parquet: {_one_line(str(error))}. Restore the file or record the run again."
        ) from None


def _as(schema: pa.Schema, table: pa.Table, path: Path) -> pa.Table:
    try:
        return table.cast(schema)
    except (pa.ArrowException, ValueError) as error:
        raise DataError(f"{path} holds other types than its kind: {_one_line(str(error))}. Restore the file.") from None


def _words(query: str) -> set[str]:
    """Return all that could be the name of a table in the query."""
    return {word.lower() for word in re.findall(r"\w+", query)}


def _bytes_of(path: Path, segment: Segment) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise _gone(path, segment) from None


def _gone(path: Path, segment: Segment) -> DataError:
    return DataError(
        f"segment {segment.file} of {segment.table} is missing ({path}). Restore it or record the run again."
    )


def _changed(path: Path, segment: Segment) -> DataError:
    return DataError(
        f"segment {segment.file} of {segment.table} was changed after sealing ({path}). "
        "Restore it or record the run again."
    )


def _market_dataset(path: Path) -> Any:
    try:
        return ds.dataset(str(path), format="parquet")
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"market table {path} cannot be read: {_one_line(str(error))}.") from None


def _fetched(columns: tuple[str, ...], reader: pa.RecordBatchReader, limit: int | None) -> Answer:
    rows: list[tuple[Any, ...]] = []
    total = 0
    for batch in reader:
        total += batch.num_rows
        wanted = batch if limit is None else batch.slice(0, max(0, limit - len(rows)))
        if wanted.num_rows:
            values = [[_plain(value) for value in column.to_pylist()] for column in wanted.columns]
            rows.extend(zip(*values, strict=True))
    return Answer(columns, rows, total)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value


def _one_line(text: str) -> str:
    said = text.partition("\n\nLINE")[0]
    return " ".join(said.split()).rstrip(".")
