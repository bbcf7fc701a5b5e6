"""Markets on disk: written once and whole, never changed, checked byte for byte when opened.

A market is the folder ``markets/NAME`` under the data root: ``manifest.json`` and one Parquet file a table.
"""

import errno
import hashlib
import json
import os
import platform
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import ValidationError

from alphastrike import __version__
from alphastrike.journal.inputs import LATER_KINDS
from alphastrike.market.building import market_of
from alphastrike.market.columns import LATER_TABLES, TABLES, Columns, MarketTables, row_count
from alphastrike.market.manifest import SCHEMA_VERSION, ExternalFacts, MarketManifest, Origin, SymbolFacts, TableFacts
from alphastrike.market.market import Market
from alphastrike.market.parquet import columns_of, read_table, table_of, write_table
from alphastrike.model.errors import ConfigurationError, DataError, TryAgainError
from alphastrike.model.progress import Progress, silent
from alphastrike.model.symbols import SymbolTable

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MANIFEST: Final = "manifest.json"
_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_market(
    root: Path,
    name: str,
    tables: MarketTables,
    facts: tuple[SymbolFacts, ...],
    origin: Origin,
    externals: Mapping[str, ExternalFacts] | None = None,
    *,
    progress: Progress = silent,
) -> MarketManifest:
    """Write a market under the data root and return its manifest.

    Everything goes to a hidden sibling folder that is renamed when it is complete and on disk; whatever
    interrupts the writing removes it. A market of that name with the same content is left as it is and its
    manifest returned.

    Args:
        root: the data root.
        name: of the market.
        tables: its content.
        facts: about each symbol.
        origin: where it came from.
        externals: what was asked for and noted about external series, by name, also of those that have no value.
        progress: called with the stage ``write`` and tables.

    Raises:
        ConfigurationError: the name cannot be a folder's, or belongs to a market with other content.
        TryAgainError: the disk is full.
    """
    check_name(name)
    content_hash = tables.content_hash()
    standing = find_market(root, name)
    if standing is not None:
        return _same_or_refuse(standing, content_hash, root)
    with _partial_folder(root, name) as partial:
        written: dict[str, TableFacts] = {}
        for done, table in enumerate(TABLES):
            progress("write", done, len(TABLES))
            file = partial / f"{table}.parquet"
            write_table(file, table_of(table, tables.columns[table], tables.symbols))
            written[table] = _facts_of(file, row_count(tables.columns[table]))
        manifest = MarketManifest(
            name=name,
            content_hash=content_hash,
            created=datetime.now(UTC),
            origin=origin,
            symbols=tuple(tables.symbols),
            interval=tables.interval,
            start=tables.start,
            ticks=tables.ticks,
            facts=_counted(facts, tables),
            externals=_external_facts(tables.columns["externals"], externals or {}),
            tables=written,
            versions={
                "alphastrike": __version__,
                "python": platform.python_version(),
                "numpy": version("numpy"),
                "pyarrow": version("pyarrow"),
            },
        )
        (partial / _MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        progress("write", len(TABLES), len(TABLES))
        _settle(partial, _folder(root, name))
    return manifest


def open_market(root: Path, name: str) -> Market:
    """Return a market in memory after checking the bytes of its files.

    Raises:
        ConfigurationError: there is no market of that name.
        DataError: its folder is damaged, or was written by a newer version.
    """
    manifest, tables = open_tables(root, name)
    return market_of(manifest.name, manifest.content_hash, tables)


def open_tables(root: Path, name: str) -> tuple[MarketManifest, MarketTables]:
    """Return a market's manifest and its tables as columns, event by event; errors as for :func:`open_market`."""
    manifest = known_market(root, name)
    symbols = SymbolTable(manifest.symbols)
    columns: dict[str, Columns] = {}
    for table in _tables_of(manifest):
        file = _checked_file(root, manifest, table)
        columns[table] = columns_of(table, read_table(file), symbols, file)
    return manifest, MarketTables(symbols, manifest.interval, manifest.start, manifest.ticks, columns)


def list_markets(root: Path) -> list[MarketManifest]:
    """Return the manifests of all markets under the data root, by name; an unreadable one is an error."""
    return [manifest for manifest in (find_market(root, name) for name in _names(root)) if manifest is not None]


def market_tables(root: Path, name: str) -> dict[str, Path]:
    """Return the Parquet file of every table of a market, checked byte for byte."""
    manifest = known_market(root, name)
    return {table: _checked_file(root, manifest, table) for table in _tables_of(manifest)}


def find_market(root: Path, name: str) -> MarketManifest | None:
    """Return the manifest of a market, or ``None`` when there is no folder of that name.

    Raises:
        DataError: the folder's manifest is missing, damaged, or of a newer schema.
    """
    folder = _folder(root, name)
    if not _NAME.fullmatch(name) or not folder.is_dir():
        return None
    file = folder / _MANIFEST
    try:
        read = json.loads(file.read_bytes())
        schema = int(read["schema_version"])
    except FileNotFoundError:
        raise DataError(f"market {name} has no manifest ({file}). Remove the folder and import it again.") from None
    except (ValueError, KeyError, TypeError):
        raise DataError(f"manifest of market {name} is damaged ({file}). Remove the folder and import again.") from None
    if schema > SCHEMA_VERSION:
        raise DataError(
            f"market {name} has schema {schema}, this version reads up to {SCHEMA_VERSION} ({file}). "
            "Update alphastrike, or import the market again under another --name."
        )
    try:
        return MarketManifest.model_validate(read)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"manifest of market {name} is damaged at {where}: {first['msg']} ({file}). "
            "Remove the folder and import again."
        ) from None


def check_name(name: str) -> None:
    """Refuse a name that cannot be a folder's everywhere.

    Raises:
        ConfigurationError: it holds other characters than letters, digits, point, dash and underscore.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"market name {name!r} is not usable. Take up to 64 letters, digits, '.', '-' or '_', no leading sign."
        )


def _same_or_refuse(standing: MarketManifest, content_hash: str, root: Path) -> MarketManifest:
    if standing.content_hash == content_hash:
        return standing
    raise ConfigurationError(
        f"market {standing.name} exists with other content (hash {standing.content_hash[:12]}, "
        f"this would be {content_hash[:12]}). Choose another --name, or remove {_folder(root, standing.name)}."
    )


def _names(root: Path) -> list[str]:
    folder = root / "markets"
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def known_market(root: Path, name: str) -> MarketManifest:
    """Return the manifest of a market that must be there.

    Raises:
        ConfigurationError: there is no market of that name.
        DataError: its folder is damaged, or was written by a newer version.
    """
    manifest = find_market(root, name)
    if manifest is None:
        names = ", ".join(_names(root)) or "none yet"
        raise ConfigurationError(
            f"there is no market {name!r} in {root / 'markets'} (there: {names}). "
            "Import one with `alphastrike import`, or make one with `alphastrike simulate`."
        )
    return manifest


def _tables_of(manifest: MarketManifest) -> list[str]:
    """Return the tables that a market of this schema holds; those it does not have are without rows."""
    return [table for table in TABLES if manifest.schema_version > 1 or table not in LATER_TABLES]


def _checked_file(root: Path, manifest: MarketManifest, table: str) -> Path:
    file = _folder(root, manifest.name) / f"{table}.parquet"
    expected = manifest.tables.get(table)
    if expected is None or not file.is_file():
        raise DataError(f"market {manifest.name} has no table {table} ({file}). Remove the folder and import again.")
    if _facts_of(file, expected.rows) != expected:
        raise DataError(
            f"{file} of market {manifest.name} has been changed since it was written: its bytes do not match the "
            "manifest. Remove the folder and import again."
        )
    return file


def _counted(facts: tuple[SymbolFacts, ...], tables: MarketTables) -> tuple[SymbolFacts, ...]:
    """Return the facts with the number of what venues report beside prices."""
    of_symbols = [name for name in LATER_KINDS if "symbol" in tables.columns[name]]
    counts = {name: np.bincount(tables.columns[name]["symbol"], minlength=len(facts)).tolist() for name in of_symbols}
    return tuple(
        one.model_copy(update={name: counted[place] for name, counted in counts.items()})
        for place, one in enumerate(facts)
    )


def _external_facts(columns: Columns, stated: Mapping[str, ExternalFacts]) -> tuple[ExternalFacts, ...]:
    facts = []
    for name in sorted({*columns["name"], *stated}):
        own = columns["name"] == name
        time, about = columns["event_time"][own], columns["stamp"][own]
        held = {"rows": len(time)}
        held |= {"first": int(time[0]), "last": int(time[-1]), "lag": int((time - about).max())} if len(time) else {}
        facts.append(stated.get(name, ExternalFacts(name=name, rows=0)).model_copy(update=held))
    return tuple(facts)


def _facts_of(file: Path, rows: int) -> TableFacts:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16))
    return TableFacts(rows=rows, bytes=file.stat().st_size, blake2b=digest.hexdigest())


def _folder(root: Path, name: str) -> Path:
    return root / "markets" / name


@contextmanager
def _partial_folder(root: Path, name: str) -> Iterator[Path]:
    """Give a hidden sibling folder to write into; it is gone afterwards, renamed or removed."""
    partial = root / "markets" / f".{name}.partial-{os.getpid()}"
    try:
        partial.mkdir(parents=True)
        yield partial
    except OSError as error:
        if error.errno in _NO_ROOM or "No space left" in str(error):
            raise TryAgainError(
                f"no room to write market {name} under {root / 'markets'}: {os.strerror(error.errno or errno.ENOSPC)}. "
                "Nothing was kept; make room and try again."
            ) from None
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def arriving_market(root: Path, name: str) -> Iterator[Path]:
    """Give a hidden folder for all files of a market that was made elsewhere; a block that ends well gives it its name.

    Raises:
        ConfigurationError: a market of that name appeared meanwhile.
        TryAgainError: the disk is full.
    """
    with _partial_folder(root, name) as partial:
        yield partial
        _settle(partial, _folder(root, name))


def _settle(partial: Path, folder: Path) -> None:
    for file in sorted(partial.iterdir()):
        _sync(file)
    _sync(partial)
    try:
        partial.rename(folder)
    except OSError as error:
        if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
            raise
        raise ConfigurationError(
            f"{folder} appeared while this market was being written. Choose another --name."
        ) from None
    _sync(folder.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
