"""The SQLite file of a live run: its tables, how it is opened and checked, and room on the disk kept beforehand."""

import json
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

from alphastrike.journal.kinds import KINDS, Kind
from alphastrike.journal.packing import checksum
from alphastrike.journal.tables import kind_named
from alphastrike.model.errors import DataError

FILE: Final = "journal.sqlite"
LOG_SUFFIX: Final = "-wal"
ACKNOWLEDGED: Final = "acknowledged"
"""Beside it, the number of the last input that was said to be durable."""
FILES: Final = (FILE, FILE + LOG_SUFFIX, f"{FILE}-shm", ACKNOWLEDGED)
"""The database and what is kept beside it while it is open."""

SCHEMA_VERSION: Final = 1
"""Of this file's tables; one of a newer version is refused."""

_MARK: Final = 0x416C5374
"""Says in the file's header that it is ours."""

ROOM_PAGES: Final = 4096
"""Pages of 4096 bytes that the write-ahead file grows to before it is copied back into the database.

It grows so once, when it is opened: appending to a file costs a journal entry of the file system at every sync, writing
over it does not; and on a full disk there is still room for the records of halting.
"""

_TABLES: Final = """
create table kinds (number integer primary key, name text not null unique, columns text not null, crc integer not null);
create table inputs (
    seq integer primary key, kind integer not null, market_seq integer, recorded_at integer not null,
    data blob not null, crc integer not null
);
create table derived (
    number integer primary key, kind integer not null, seq integer not null, data blob not null, crc integer not null
);
create table situations (
    situation integer primary key, seq integer not null, tick integer not null, market_seq integer not null,
    state blob not null, crc integer not null
);
create table checkpoints (
    seq integer primary key, tick_time integer not null, market_seq integer not null, data blob not null,
    crc integer not null
);
create table stretches (last_seq integer primary key);
"""


def create_database(path: Path) -> None:
    """Make the file with its empty tables."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = full")
        database.execute("begin immediate")
        for statement in _TABLES.strip().split(";\n"):
            database.execute(statement)
        database.executemany("insert into kinds values (?, ?, ?, ?)", _kind_rows(1, KINDS))
        database.execute(f"pragma application_id = {_MARK}")
        database.execute(f"pragma user_version = {SCHEMA_VERSION}")
        database.execute("commit")


def open_database(path: Path, run: str) -> sqlite3.Connection:
    """Open the file for writing, after looking through it.

    Raises:
        DataError: it is missing, damaged, or of a newer version.
    """
    if not path.is_file():
        raise DataError(f"the journal of run {run!r} is missing ({path}). Restore the file, or start a new run.")
    try:
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        _check_version(database, path, run)
        found = database.execute("pragma quick_check(1)").fetchone()[0]
        if found != "ok":
            raise damaged(path, run, str(found))
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = full")
        database.execute("pragma secure_delete = off")
        database.execute(f"pragma wal_autocheckpoint = {ROOM_PAGES}")
        database.execute(f"pragma journal_size_limit = {4 * ROOM_PAGES * 4096}")
        _make_room(database, path)
        return database
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise damaged(path, run, str(error)) from None


def open_to_read(path: Path, run: str) -> sqlite3.Connection:
    """Open the file beside its writer, to read only.

    Raises:
        DataError: it is damaged, or of a newer version.
        FileNotFoundError: there is none.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    # In a folder that cannot be written SQLite has no place for its shared index, and there is no writer either.
    mode = "mode=ro" if os.access(path.parent, os.W_OK) else "mode=ro&immutable=1"
    try:
        database = sqlite3.connect(
            f"{path.resolve().as_uri()}?{mode}", uri=True, isolation_level=None, check_same_thread=False
        )
        _check_version(database, path, run)
        return database
    except sqlite3.OperationalError:
        if not path.is_file():
            raise FileNotFoundError(path) from None
        raise
    except sqlite3.DatabaseError as error:
        raise damaged(path, run, str(error)) from None


def damaged(path: Path, run: str, what: str) -> DataError:
    """Return the error for a file that does not hold what was written into it."""
    said = " ".join(what.split())
    return DataError(
        f"the journal of run {run!r} is damaged ({path}): {said}. Restore the run's folder from a copy, or begin "
        "another run with --new."
    )


def read_kinds(database: sqlite3.Connection, path: Path, run: str) -> dict[int, Kind]:
    """Return the kinds of this file by its own numbers, wide ones with the columns they have in this run.

    Raises:
        DataError: the table of kinds is damaged, or holds a kind of a newer version.
    """
    kinds = {}
    for number, name, columns, crc in database.execute("select number, name, columns, crc from kinds"):
        if checksum(f"{name} {columns}".encode(), number, 0, 0) != crc:
            raise damaged(path, run, f"the entry of kind {name} was changed")
        kinds[number] = kind_named(name, tuple(json.loads(columns)))
    return kinds


def add_kinds(database: sqlite3.Connection, known: dict[int, Kind]) -> dict[int, Kind]:
    """Add the kinds that were declared since the file was made; return all."""
    names = {kind.name for kind in known.values()}
    rows = list(_kind_rows(1 + max(known, default=0), [name for name in KINDS if name not in names]))
    if rows:
        database.executemany("insert into kinds values (?, ?, ?, ?)", rows)
    return known | {number: KINDS[name] for number, name, _, _ in rows}


def kind_row(number: int, kind: Kind) -> tuple[int, str, str, int]:
    """Return the entry of a kind with the columns that this run added to it."""
    columns = json.dumps([column.name for column in kind.columns[len(KINDS[kind.name].columns) :]])
    return number, kind.name, columns, checksum(f"{kind.name} {columns}".encode(), number, 0, 0)


def _kind_rows(first: int, names: Iterable[str]) -> list[tuple[int, str, str, int]]:
    return [kind_row(number, KINDS[name]) for number, name in enumerate(names, first)]


def _check_version(database: sqlite3.Connection, path: Path, run: str) -> None:
    mark = database.execute("pragma application_id").fetchone()[0]
    version = database.execute("pragma user_version").fetchone()[0]
    if mark != _MARK or version < 1:
        raise damaged(path, run, "it is not a journal of AlphaStrike")
    if version > SCHEMA_VERSION:
        raise DataError(
            f"the journal of run {run!r} has schema {version}, this version reads up to {SCHEMA_VERSION} ({path}). "
            "Install a newer AlphaStrike."
        )


def _make_room(database: sqlite3.Connection, path: Path) -> None:
    log = path.with_name(path.name + LOG_SUFFIX)
    wanted = ROOM_PAGES * 4096
    if not (log.exists() and log.stat().st_size >= wanted):
        database.execute("begin immediate")
        database.execute("create table room (bytes blob)")
        database.execute("insert into room values (zeroblob(?))", (wanted,))
        database.execute("drop table room")
        database.execute("commit")
    # From its beginning and under new salts: what a power cut left of a transaction must not stand behind later ones.
    database.execute("pragma wal_checkpoint(restart)").fetchall()
