"""A recorded run opened for reading: rows as records, tables as Arrow, questions in SQL.

No byte of a segment is handed out before its digest has been compared with the manifest, so a damaged file is
named instead of read. SQL runs in a DuckDB of its own that sees the run's and the market's tables and
nothing else: no file, no network, no setting can be reached from a query.

A live run is read as it stood when it was opened, while its writer goes on.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

from alphastrike.journal.inputs import LATER_KINDS, MARKET_KINDS
from alphastrike.journal.kinds import KINDS, Kind, Role
from alphastrike.journal.manifest import Manifest, Segment
from alphastrike.journal.sealing import numbering_after
from alphastrike.journal.segments import CHECKPOINT_SCHEMA, CHECKPOINTS, file_digest
from alphastrike.journal.stretch import Stretch
from alphastrike.journal.tables import Records, arrow_schema, kind_named, to_records
from alphastrike.journal.tail import read_standing
from alphastrike.journal.terms import TERMS, terms_schema
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.model.symbols import SymbolTable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MARKET_TABLES: Final = (*MARKET_KINDS, *TERMS)
"""Tables that a history run reads from its market."""

MARKETS_INSIDE: Final = "markets"
"""Folder of a self-contained run that holds its market, laid out like a data root."""

MarketTables = Callable[[], Mapping[str, Path]]
"""Returns the checked Parquet file of every market table; none when the market is not at hand."""

_ANSWERING: Final = ("SELECT", "EXPLAIN", "MULTI")
"""DuckDB's names of statements that only read; a pivot is several in one."""

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
    """Of a live run, with the rows counted that are not sealed yet."""
    market_tables: MarketTables
    """Asked once, when a query first needs the market."""
    sealed: Manifest
    """As it stands in the folder: what the hash chain covers."""
    stretch: Stretch | None = None
    """Rows of a live run behind the sealed ones."""

    @classmethod
    def open(cls, folder: Path, market_tables: MarketTables = dict) -> Self:
        """Open the run in this folder; a self-contained one brings its market's tables itself.

        Raises:
            DataError: no run, a damaged manifest, or a run of a newer schema.
        """
        standing = read_standing(folder)
        return cls(folder, standing.shown(folder), market_tables, standing.manifest, standing.stretch)

    @property
    def name(self) -> str:
        """The run's name: that of its folder."""
        return self.folder.name

    @property
    def is_self_contained(self) -> bool:
        """Whether the run holds a copy of its market."""
        return bool(self._market_inside)

    @property
    def is_live(self) -> bool:
        """Whether the run was fed one event at a time, and so holds its own inputs."""
        return self.manifest.live is not None

    @property
    def numbers_inputs(self) -> bool:
        """Whether ``seq`` counts inputs that are not the market's: an operator's, incidents, a model's answers."""
        return self.is_live or self.manifest.rows_of("llm_answers") > 0

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

    def table(self, name: str, columns: Collection[str] | None = None, *, even_if_changed: bool = False) -> pa.Table:
        """Return a kind's rows, or the checkpoints, as an Arrow table in order; empty when there are none.

        Of ``columns`` only, in the table's own order, when they are named: nothing else is decoded.
        ``even_if_changed`` reads what a file holds now, for one that looks for the change.

        Raises:
            DataError: a segment is missing, was changed after sealing, or does not hold the kind's columns.
        """
        schema = self._schema(name)
        chosen = [each for each in schema.names if columns is None or each in columns]
        # What is not sealed yet is numbered after the last row that is: there the whole table is read.
        read = schema if self.stretch is not None else pa.schema([schema.field(each) for each in chosen])
        found = [self._read(segment, read, even_if_changed) for segment in self.segments(name)]
        if self.stretch is not None:
            found += self._unsealed(self.stretch, name, found[-1] if found else None)
        return (pa.concat_tables(found) if found else _empty(schema)).select(chosen)

    def segments(self, table: str) -> list[Segment]:
        """Return the segments of a table, in order."""
        return [segment for segment in self.manifest.segments if segment.table == table]

    def sql(self, query: str, limit: int | None = None) -> Answer:
        """Answer one query over every table of the run and of its market; keep at most ``limit`` rows.

        Raises:
            ConfigurationError: the query is wrong, with DuckDB's own words, or does more than ask.
            DataError: a segment that the query names is missing or damaged, or the market is not at hand.
        """
        import duckdb

        words = _words(query)
        self._bring(words)
        try:
            statements = self._database.extract_statements(query)
            if len(statements) != 1 or statements[0].type.name not in _ANSWERING:
                raise ConfigurationError("the query must be one statement that only reads, such as select.")
            relation = self._database.sql(query)
            columns = tuple(relation.columns)
            return _fetched(columns, relation.to_arrow_reader(_BATCH_ROWS), limit)
        except (duckdb.Error, pa.ArrowException) as error:
            if isinstance(error, duckdb.CatalogException):
                self._check_market_at_hand(words)
            raise ConfigurationError(f"the query failed: {_one_line(str(error))}") from None

    def _bring(self, words: set[str]) -> None:
        """Fill every table that the query could mean: its name must stand among the words."""
        # Not through pyarrow.dataset: it would read less, but takes longer to import than most queries run.
        for name in words & set(self._own_tables) - self._filled:
            self._database.register(name, self.table(name))
            self._filled.add(name)
        of_market = set(MARKET_TABLES) - set(self._own_tables)
        if words & of_market or not words & set(self._own_tables):
            for name in words & set(self._market_files) & of_market - self._filled:
                self._database.register(name, self._market_table(name))
                self._filled.add(name)

    @cached_property
    def _own_tables(self) -> tuple[str, ...]:
        if self.is_live:
            return (*KINDS, CHECKPOINTS, *TERMS)
        return tuple(n for n in (*KINDS, CHECKPOINTS) if n not in MARKET_TABLES or n in self.manifest.tables)

    @cached_property
    def _filled(self) -> set[str]:
        return set()

    @cached_property
    def _market_files(self) -> Mapping[str, Path]:
        """Where the market's tables lie; from now on they stand in the database, empty."""
        if self.is_live:
            return {}
        if self.is_self_contained:
            files: Mapping[str, Path] = {n: self.folder / s.file for n, s in self._market_inside.items()}
        else:
            files = self.market_tables()
        for name in set(MARKET_TABLES) & set(files) - set(self._own_tables):
            self._database.register(name, _empty(_market_schema(files[name])))
        for name in set(LATER_KINDS) - set(files) - set(self._own_tables) if files else ():
            # A market made before the kind was declared has no table of it: it holds no such event.
            self._database.register(name, _empty(_declared_schema(name)))
        return files

    def _market_table(self, name: str) -> pa.Table:
        path = self._market_files[name]
        if self.is_self_contained:
            self._check(self._market_inside[name])
        return parsed(path.read_bytes(), path)

    def _check_market_at_hand(self, words: set[str]) -> None:
        for name in MARKET_TABLES:
            if name in words and name not in self._own_tables and name not in self._market_files:
                market = self.manifest.market
                raise DataError(
                    f"run {self.name!r} reads {name} from market {market.name!r} ({market.content_hash}), "
                    "which is not here. Import or simulate it again, or open a self-contained run."
                )

    @cached_property
    def _database(self) -> "DuckDBPyConnection":
        import duckdb

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
        for name in self._own_tables:
            database.register(name, _empty(self._schema(name)))
        database.execute("set enable_external_access = false")
        database.execute("set lock_configuration = true")
        return database

    def _schema(self, name: str) -> pa.Schema:
        if name == CHECKPOINTS:
            return CHECKPOINT_SCHEMA
        if self.is_live and name in TERMS:
            return terms_schema(name)
        kind = self.kind(name)
        return arrow_schema(kind, recorded=self.is_live and kind.role is Role.INPUT)

    def _unsealed(self, stretch: Stretch, name: str, last: pa.Table | None) -> list[pa.Table]:
        if name == CHECKPOINTS:
            return [stretch.checkpoints()]
        if name not in stretch.names:
            return []
        return [stretch.table(name, self.symbols, numbering_after(stretch.kinds[name], last))]

    def _read(self, segment: Segment, schema: pa.Schema, even_if_changed: bool) -> pa.Table:
        path = self.folder / segment.file
        data = _bytes_of(path, segment)
        if not even_if_changed and hashlib.blake2b(data, digest_size=32).hexdigest() != segment.digest:
            raise _changed(path, segment)
        table = parsed(data, path, schema.names)
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


def parsed(data: bytes, path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the table in these bytes of a Parquet file, or some columns of it; ``path`` is for the error.

    Raises:
        DataError: they are not a whole Parquet file.
    """
    try:
        # On one thread: one of many may still be at work when the process ends, and the library then aborts it.
        table = pq.ParquetFile(pa.BufferReader(data)).read(columns, use_threads=False)
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


def _empty(schema: pa.Schema) -> pa.Table:
    # Not schema.empty_table(), which imports pandas.
    return pa.Table.from_batches([], schema=schema)


def _declared_schema(name: str) -> pa.Schema:
    return pa.schema([pa.field(column.name, column.arrow_type) for column in KINDS[name].columns])


def _market_schema(path: Path) -> pa.Schema:
    try:
        return pq.read_schema(path)
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
