"""Writing a run: rows of each kind into Parquet segments, sealed under a hash chain or not there at all.

Everything is written into a folder beside the run's own, named after this process and locked by it, and takes
the run's name in one rename once every file is on the disk. A process that dies leaves such a folder behind;
the next writer sweeps it away, because the lock died with its holder.

Times and numbers are delta-encoded, only symbols and codes have dictionaries, and rows are compressed with
zstd level 3 in groups of about a million (``docs/performance.md`` has the measurements).
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from alphastrike.journal.folders import begin_partial, check_run_name, sweep, sync
from alphastrike.journal.kinds import KINDS, Kind
from alphastrike.journal.manifest import Manifest, RunFacts, Segment, TableFacts, sealed, write_manifest
from alphastrike.journal.memory import blobs, fixed
from alphastrike.journal.tables import NUMBERING, RECORDED_AT, Numbering, Rows, arrow_schema, row_count, to_table
from alphastrike.model.errors import ConfigurationError, TryAgainError
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import Storage

ROW_GROUP_ROWS: Final = 1 << 20

CHECKPOINTS: Final = "checkpoints"
"""The one table that is no kind: the account's state at every situation, from which branches start."""

CHECKPOINT_SCHEMA: Final = pa.schema(
    [
        pa.field("situation", pa.int64(), nullable=False),
        pa.field("tick", pa.int64(), nullable=False),
        pa.field("market_seq", pa.int64(), nullable=False),
        pa.field("state", pa.binary(), nullable=False),
    ]
)

_OUT_OF_SPACE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class RunWriter:
    """Writes one run into ``folder``; use as a context manager, which aborts what was not sealed.

    Rows of a kind arrive in the order of ``market_seq``, in any number of calls. ``roll`` ends the open segments,
    so that a long run lies in stretches. Nothing is kept after a call but the open files.

    Raises:
        ConfigurationError: a run of that name exists, or its name cannot be a folder's.
        TryAgainError: the disk is full, or another process is writing a run of that name.
    """

    def __init__(self, folder: Path, symbols: SymbolTable) -> None:
        self.folder = folder
        self._symbols = symbols
        self._open: dict[str, OpenSegment] = {}
        self._numbering: dict[str, Numbering] = {}
        self._tables: dict[str, TableFacts] = {}
        self._segments: list[Segment] = []
        name = folder.name
        check_run_name(name)
        if folder.exists():
            raise ConfigurationError(f"a run called {name!r} exists ({folder}). Choose another --name.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        sweep(folder.parent)
        self._partial, self._lock = begin_partial(folder)

    def append(self, kind: Kind, rows: Rows, seq: npt.NDArray[np.int64] | None = None) -> None:
        """Write rows of a kind; ``seq`` of each when it differs from its ``market_seq``, as in a live run."""
        self._declare(kind)
        if not row_count(rows):
            return
        market_seq = np.ascontiguousarray(rows["market_seq"], dtype=np.int64)
        seq = market_seq if seq is None else np.ascontiguousarray(seq, dtype=np.int64)
        part = self._numbering.setdefault(kind.name, Numbering(kind)).parts(market_seq)
        with self._room():
            segment = self._segment(kind.name, arrow_schema(kind), encodings_of(kind))
            for first in range(0, len(seq), ROW_GROUP_ROWS):
                stretch = slice(first, first + ROW_GROUP_ROWS)
                rows_here = {column.name: rows[column.name][stretch] for column in kind.columns}
                rows_here["market_seq"] = market_seq[stretch]
                table = to_table(kind, rows_here, seq[stretch], part[stretch], self._symbols)
                segment.write(table, int(seq[stretch][0]), int(seq[stretch][-1]))
        self._count(kind.name, len(seq))

    def append_checkpoints(
        self, situations: list[int], ticks: list[int], market_seqs: list[int], states: list[bytes]
    ) -> None:
        """Write the account's state at these situations."""
        self._tables.setdefault(CHECKPOINTS, TableFacts(rows=0))
        if not situations:
            return
        numbers = [fixed(np.array(column, dtype=np.int64), pa.int64()) for column in (situations, ticks, market_seqs)]
        table = pa.Table.from_arrays([*numbers, blobs(states)], schema=CHECKPOINT_SCHEMA)
        with self._room():
            segment = self._segment(CHECKPOINTS, CHECKPOINT_SCHEMA, {"use_dictionary": False})
            segment.write(table, market_seqs[0], market_seqs[-1])
        self._count(CHECKPOINTS, len(situations))

    def include(self, source: Path, inside: str, table: str) -> None:
        """Copy a file into the run as it is, under the chain; ``inside`` is its path in the run's folder."""
        with self._room():
            target = self._partial / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            sync(target)
        rows = pq.read_metadata(target).num_rows if target.suffix == ".parquet" else 0
        self._add(table, inside, rows, 0, 0, file_digest(target))

    def take_over(self, folder: Path, manifest: Manifest, tables: Collection[str]) -> None:
        """Copy whole tables of a sealed run in ``folder`` as they are; nothing else may be written to them."""
        for name in tables:
            assert name not in self._tables, f"{name} was written already"
            self._tables[name] = manifest.tables[name]
        for segment in manifest.segments:
            if segment.table in tables:
                with self._room():
                    target = self._partial / segment.file
                    shutil.copyfile(folder / segment.file, target)
                    sync(target)
                self._segments.append(segment)

    def roll(self) -> None:
        """End the open segments; rows that follow go into new ones."""
        with self._room():
            for segment in self._open.values():
                self._add(*segment.close())
        self._open.clear()

    def seal(self, facts: RunFacts) -> Manifest:
        """Finish the files, write the manifest and give the folder its name. The run exists from here on."""
        assert facts.name == self.folder.name, "a run is called like its folder"
        self.roll()
        manifest = sealed(facts, self._tables, self._segments)
        with self._room():
            sync(write_manifest(manifest, self._partial))
            for path in sorted(self._partial.rglob("*")):
                if path.is_dir():
                    sync(path)
            sync(self._partial)
            try:
                self._partial.rename(self.folder)
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                    raise
                raise ConfigurationError(
                    f"a run called {self.folder.name!r} was made meanwhile. Choose another --name."
                ) from None
            sync(self.folder.parent)
        os.close(self._lock)
        self._lock = -1
        return manifest

    def abort(self) -> None:
        """Leave nothing behind. Harmless after ``seal``."""
        for segment in self._open.values():
            segment.discard()
        self._open.clear()
        if self._lock >= 0:
            shutil.rmtree(self._partial, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    def _declare(self, kind: Kind) -> None:
        added = tuple(column.name for column in kind.columns[len(KINDS[kind.name].columns) :])
        facts = self._tables.setdefault(kind.name, TableFacts(rows=0, columns=added))
        assert facts.columns == added, f"{kind.name} has other columns than before"

    def _count(self, table: str, rows: int) -> None:
        before = self._tables[table]
        self._tables[table] = before.model_copy(update={"rows": before.rows + rows})

    def _segment(self, table: str, schema: pa.Schema, encodings: dict[str, Any]) -> "OpenSegment":
        if table not in self._open:
            number = 1 + sum(segment.table == table for segment in self._segments)
            path = self._partial / f"{table}-{number:06d}.parquet"
            self._open[table] = OpenSegment(table, path, schema, encodings)
        return self._open[table]

    def _add(self, table: str, file: str, rows: int, first_seq: int, last_seq: int, digest: str) -> None:
        self._segments.append(
            Segment(
                table=table,
                file=file,
                rows=rows,
                first_seq=first_seq,
                last_seq=last_seq,
                digest=digest,
                link="",
            )
        )

    @contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in _OUT_OF_SPACE:
                raise
            raise TryAgainError(
                f"no room to write run {self.folder.name!r} in {self.folder.parent}: {error.strerror}. "
                "Free some space and record again; nothing was half written."
            ) from None


class OpenSegment:
    """A Parquet file being written, hashed on its way to the disk."""

    def __init__(self, table: str, path: Path, schema: pa.Schema, encodings: dict[str, Any]) -> None:
        self._table = table
        self._path = path
        self._file = _HashedFile(path)
        # Nobody reads a part of a segment, whose bytes are checked whole: statistics would only cost time.
        how: dict[str, Any] = {"compression": "zstd", "compression_level": 3, "write_statistics": False}
        self._writer = pq.ParquetWriter(self._file, schema, **how, **encodings)
        self._rows = 0
        self._first_seq = 0
        self._last_seq = 0

    def write(self, table: pa.Table, first_seq: int, last_seq: int) -> None:
        """Add rows, at least one."""
        self._first_seq = self._first_seq if self._rows else first_seq
        self._last_seq = last_seq
        self._rows += table.num_rows
        self._writer.write_table(table, row_group_size=ROW_GROUP_ROWS)

    def close(self) -> tuple[str, str, int, int, int, str]:
        """Bring the file onto the disk; return its table, name, rows, first and last ``seq``, and digest."""
        self._writer.close()
        digest = self._file.finish()
        return self._table, self._path.name, self._rows, self._first_seq, self._last_seq, digest

    def discard(self) -> None:
        """Let go of a file that is not wanted any more."""
        # The folder goes away as a whole; a writer on a full disk fails once more while it closes.
        with suppress(OSError, pa.ArrowException):
            self._writer.close()
        with suppress(OSError):
            self._file.close()


class _HashedFile:
    """What pyarrow needs of a file, with the digest of all bytes that went through."""

    def __init__(self, path: Path) -> None:
        self._raw = path.open("wb")
        self._digest = hashlib.blake2b(digest_size=32)

    @property
    def closed(self) -> bool:
        return self._raw.closed

    def write(self, data: Any) -> int:
        self._digest.update(data)
        return self._raw.write(data)

    def tell(self) -> int:
        return self._raw.tell()

    def flush(self) -> None:
        self._raw.flush()

    def close(self) -> None:
        self._raw.close()

    def finish(self) -> str:
        self._raw.flush()
        os.fsync(self._raw.fileno())
        self._raw.close()
        return self._digest.hexdigest()


def file_digest(path: Path) -> str:
    """Return BLAKE2b (64 hexadecimal digits) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).hexdigest()


def encodings_of(kind: Kind, *, recorded: bool = False) -> dict[str, Any]:
    """Return how the columns of a kind's table are written."""
    names = [column.name for column in kind.columns if column.unit.storage in {Storage.SYMBOL, Storage.CODE}]
    whole = [column.name for column in kind.columns if column.unit.storage in {Storage.TIME, Storage.INTEGER}]
    added = [RECORDED_AT] if recorded else []
    return {
        "use_dictionary": names,
        "column_encoding": dict.fromkeys((*NUMBERING, *added, *whole), "DELTA_BINARY_PACKED"),
    }
