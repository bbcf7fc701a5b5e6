"""A finished stretch of a live run into Parquet, under the hash chain, while recording goes on.

Every segment is written under a hidden name, brought onto the disk, read back and compared; then all take their names,
and last the manifest that lists them takes the place of the old one. Before that moment the rows count as unsealed,
after it as sealed; a process that dies in between leaves files that no manifest lists, which the next one removes.
"""

import hashlib
import os
import re
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from alphastrike.journal.database import FILE as DATABASE
from alphastrike.journal.database import open_to_read
from alphastrike.journal.folders import sync
from alphastrike.journal.kinds import KINDS, Kind, Role
from alphastrike.journal.manifest import Manifest, RunFacts, Segment, TableFacts, replace_manifest, sealed
from alphastrike.journal.segments import CHECKPOINTS, OpenSegment, encodings_of
from alphastrike.journal.stretch import Stretch, read_stretch
from alphastrike.journal.tables import Numbering, ordinal_of
from alphastrike.model.errors import HaltError
from alphastrike.model.symbols import SymbolTable

_PARTIAL: Final = ".partial"
_SEGMENT: Final = re.compile(r"[a-z_]+-\d{6}\.parquet")


class Sealer:
    """Seals the stretches of one run, one after another."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder = folder
        self._symbols = SymbolTable(manifest.symbols)
        self._numbering: dict[str, Numbering] = {}
        self.manifest = manifest
        """As it stands in the folder."""

    def seal(self, through: int) -> Manifest:
        """Write every row after the last sealed one, up to those of the input ``through``, and list it.

        Raises:
            HaltError: the disk gives back other bytes than were written.
            OSError: the disk is full; nothing is listed then.
        """
        before = self.manifest
        with closing(open_to_read(self._folder / DATABASE, before.name)) as database:
            stretch = self._read(database, through)
        try:
            added = list(self._write(stretch))
        except BaseException:
            # What was numbered is not sealed: the next attempt asks the segments again.
            self._numbering.clear()
            raise
        for segment in added:
            (self._folder / f".{segment.file}{_PARTIAL}").rename(self._folder / segment.file)
        sync(self._folder)
        tables = dict(before.tables)
        for name in stretch.names:
            kind = stretch.kinds[name]
            columns = tuple(column.name for column in kind.columns[len(KINDS[name].columns) :])
            tables.setdefault(name, TableFacts(rows=0, columns=columns))
        for segment in added:
            facts = tables.setdefault(segment.table, TableFacts(rows=0))
            tables[segment.table] = facts.model_copy(update={"rows": facts.rows + segment.rows})
        return self.replace(tables=tables, segments=[*before.segments, *added])

    def replace(
        self, tables: dict[str, TableFacts] | None = None, segments: list[Segment] | None = None, **facts: Any
    ) -> Manifest:
        """Put a manifest with these facts in the place of the last one."""
        before = self.manifest
        manifest = sealed(
            RunFacts(**(before.model_dump(include=set(RunFacts.model_fields)) | facts)),
            before.tables if tables is None else tables,
            list(before.segments) if segments is None else segments,
        )
        replace_manifest(manifest, self._folder)
        self.manifest = manifest
        return manifest

    def _read(self, database: sqlite3.Connection, through: int) -> Stretch:
        path = self._folder / DATABASE
        stretch = read_stretch(database, path, self.manifest.name, self.manifest.sealed_through, through)
        assert stretch.last_seq == through, f"seq {stretch.last_seq + 1} is not closed and cannot be sealed"
        return stretch

    def _write(self, stretch: Stretch) -> Iterator[Segment]:
        for name in stretch.names:
            kind = stretch.kinds[name]
            table = stretch.table(name, self._symbols, self._numbering_of(kind))
            yield self._segment(name, table, encodings_of(kind, recorded=kind.role is Role.INPUT))
        if stretch.situations:
            yield self._segment(CHECKPOINTS, stretch.checkpoints(), {"use_dictionary": False}, "market_seq")

    def _segment(self, name: str, table: pa.Table, encodings: dict[str, Any], order: str = "seq") -> Segment:
        number = 1 + sum(segment.table == name for segment in self.manifest.segments)
        file = f"{name}-{number:06d}.parquet"
        path = self._folder / f".{file}{_PARTIAL}"
        seq = table[order].to_numpy()
        # A state is no input: its number must not count as one that is sealed.
        first, last = (int(seq.min()), int(seq.max())) if order == "seq" else (0, 0)
        written = OpenSegment(name, path, table.schema, encodings)
        try:
            written.write(table, first, last)
            _, _, rows, first, last, digest = written.close()
        except BaseException:
            written.discard()
            raise
        _check(path, digest, rows)
        return Segment(table=name, file=file, rows=rows, first_seq=first, last_seq=last, digest=digest, link="")

    def _numbering_of(self, kind: Kind) -> Numbering:
        if kind.name not in self._numbering:
            self._numbering[kind.name] = numbering_after(kind, self._last_table(kind.name))
        return self._numbering[kind.name]

    def _last_table(self, name: str) -> pa.Table | None:
        files = [segment.file for segment in self.manifest.segments if segment.table == name]
        if not files:
            return None
        return pq.read_table(self._folder / files[-1], columns=["market_seq", "part"], use_threads=False)


class BackgroundSealing:
    """Seals the finished stretches of a run in a thread of its own, one after another."""

    def __init__(self, folder: Path, manifest: Manifest, finished: list[int]) -> None:
        """Take up a run; ``finished`` are the last inputs of its stretches that are not sealed yet, oldest first."""
        self._sealer = Sealer(folder, manifest)
        self._finished = deque(finished)
        self._thread: threading.Thread | None = None
        self.trouble = ""
        """Why the oldest finished stretch could not be sealed."""

    @property
    def manifest(self) -> Manifest:
        """As it stands in the folder."""
        return self._sealer.manifest

    def add(self, last_seq: int) -> None:
        """Seal a stretch that ends with this input, and those before it that are still to be sealed."""
        if last_seq > max((self.manifest.sealed_through, *tuple(self._finished))):
            self._finished.append(last_seq)
        self.begin()

    def begin(self) -> None:
        """Begin with what is to be done, unless that is under way."""
        if self._finished and (self._thread is None or not self._thread.is_alive()):
            self.trouble = ""
            self._thread = threading.Thread(target=self._work, name="sealing", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Wait until everything finished is sealed, or until that has failed."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        # Something may have been added in the moment in which the thread had nothing left to do.
        if self._finished and not self.trouble:
            self._work()

    def state_facts(self, **facts: Any) -> Manifest:
        """State other facts of the run; not while it seals."""
        assert self._thread is None, "the manifest has one writer"
        return self._sealer.replace(**facts)

    def _work(self) -> None:
        while self._finished:
            through = self._finished[0]
            try:
                if through > self.manifest.sealed_through:
                    self._sealer.seal(through)
            except Exception as error:  # noqa: BLE001 - recording goes on; the rows are safe where they are
                self.trouble = f"{type(error).__name__}: {error}"
                return
            self._finished.popleft()


def numbering_after(kind: Kind, table: pa.Table | None) -> Numbering:
    """Return where the numbering of a kind goes on behind the rows of its last table, if there is one."""
    if table is None or not table.num_rows:
        return Numbering(kind)
    last = table.num_rows - 1
    return Numbering(kind, table["market_seq"][last].as_py(), ordinal_of(table["part"][last].as_py()) + 1)


def remove_orphans(folder: Path, manifest: Manifest) -> list[str]:
    """Remove segments that no manifest lists, and what was half written; return their names."""
    listed = {segment.file for segment in manifest.segments}
    removed = []
    for path in sorted(folder.iterdir()):
        is_segment = bool(_SEGMENT.fullmatch(path.name)) and path.name not in listed
        is_partial = path.name.startswith(".") and path.name.endswith(_PARTIAL)
        if is_segment or is_partial:
            path.unlink()
            removed.append(path.name)
    return removed


def is_being_sealed(name: str) -> bool:
    """Tell whether a file of this name may stand in the folder of a run that is being recorded, unlisted."""
    return bool(_SEGMENT.fullmatch(name)) or (name.startswith(".") and name.endswith(_PARTIAL))


def _check(path: Path, digest: str, rows: int) -> None:
    """Read a file back from the disk, as far as the system lets us ask for that."""
    with path.open("rb") as file:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        data = file.read()
    same = hashlib.blake2b(data, digest_size=32).hexdigest() == digest
    if not same or pq.read_metadata(pa.BufferReader(data)).num_rows != rows:
        raise HaltError(
            f"{path} reads back otherwise than it was written. Replace the disk; the rows are still unsealed."
        )
