"""The folder of a live run: made whole before the first event, written by one process at a time."""

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from alphastrike.journal.database import FILE, create_database
from alphastrike.journal.folders import begin_partial, check_run_name, sweep, sync
from alphastrike.journal.manifest import Manifest, RunFacts, Segment, TableFacts, sealed, write_manifest
from alphastrike.journal.segments import OpenSegment
from alphastrike.journal.tables import Records
from alphastrike.journal.terms import terms_tables
from alphastrike.model.errors import ConfigurationError, TryAgainError
from alphastrike.model.symbols import SymbolTable

LOCK: Final = "lock"
"""File in the run's folder that its writer holds; it says which process that is."""

FREE_BYTES_MIN: Final = 200_000_000
"""Below this a live run does not begin, and one that runs takes no new risk."""

_ATTEMPTS: Final = 10
_PAUSE_S: Final = 0.02
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def make_live_folder(
    folder: Path, facts: RunFacts, instruments: Records, tiers: Records, sources: Sequence[str] = ()
) -> int:
    """Make the folder of a live run that has seen nothing yet, whole or not at all; return the lock on it.

    Raises:
        ConfigurationError: a run of that name exists, or its name cannot be a folder's.
        TryAgainError: the disk is full.
    """
    check_run_name(folder.name)
    if folder.exists():
        raise ConfigurationError(f"a run called {folder.name!r} exists ({folder}). Choose another --name.")
    with no_room_is_said(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        sweep(folder.parent)
        partial, guard = begin_partial(folder)
        lock = -1
        try:
            create_database(partial / FILE)
            lock = lock_run(partial)
            _write_terms(partial, facts, instruments, tiers, sources)
            for path in sorted(partial.iterdir()):
                sync(path)
            sync(partial)
            partial.rename(folder)
            sync(folder.parent)
            return lock
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            if lock >= 0:
                os.close(lock)
            raise
        finally:
            os.close(guard)


def lock_run(folder: Path) -> int:
    """Take the lock on a run and return it; it lasts as long as the process, or until it is closed.

    Raises:
        TryAgainError: another process records this run.
    """
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    for attempt in range(_ATTEMPTS):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            # Whoever lists the runs holds it for a moment to see whether it is free.
            if attempt + 1 < _ATTEMPTS:
                time.sleep(_PAUSE_S)
    else:
        holder = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise TryAgainError(
            f"run {folder.name!r} is being recorded by process {holder}. Stop that one, or begin another with --new."
        )
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def is_being_recorded(folder: Path) -> bool:
    """Tell whether a process writes the run in this folder at this moment."""
    with suppress(OSError):
        lock = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
    return False


def free_bytes(folder: Path) -> int:
    """Return how much room the disk of a folder has; of its parent, when it is not there yet."""
    found = os.statvfs(folder if folder.exists() else folder.parent)
    return found.f_bavail * found.f_frsize


def check_free(folder: Path, floor: int) -> None:
    """Refuse to begin on a disk that is nearly full.

    Raises:
        TryAgainError: there is less room than the floor.
    """
    free = free_bytes(folder)
    if free < floor:
        raise TryAgainError(
            f"only {free / 1e6:,.0f} MB are free for run {folder.name!r} in {folder.parent}, a live run needs "
            f"{floor / 1e6:,.0f} MB. Make room and try again."
        )


@contextmanager
def no_room_is_said(folder: Path) -> Iterator[None]:
    """Turn a full disk into one line."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise TryAgainError(
            f"no room for run {folder.name!r} in {folder.parent}: {error.strerror}. Free some space and try again."
        ) from None


def _write_terms(
    folder: Path, facts: RunFacts, instruments: Records, tiers: Records, sources: Sequence[str]
) -> Manifest:
    segments = []
    tables = {}
    for name, table in terms_tables(SymbolTable(facts.symbols), instruments, tiers, sources).items():
        path = folder / f"{name}-000001.parquet"
        segment = OpenSegment(name, path, table.schema, {"use_dictionary": ["symbol"]})
        segment.write(table, 0, 0)
        _, file, rows, _, _, digest = segment.close()
        segments.append(Segment(table=name, file=file, rows=rows, first_seq=0, last_seq=0, digest=digest, link=""))
        tables[name] = TableFacts(rows=rows)
    manifest = sealed(facts, tables, segments)
    write_manifest(manifest, folder)
    return manifest
