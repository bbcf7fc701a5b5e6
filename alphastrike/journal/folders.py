"""The folder of a run while it is written: hidden, locked by its writer, swept away when that is gone."""

import fcntl
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from alphastrike.model.errors import ConfigurationError, TryAgainError

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PARTIAL: Final = ".partial"


def check_run_name(name: str) -> None:
    """Refuse a name that cannot be a folder's everywhere.

    Raises:
        ConfigurationError: it holds other characters than letters, digits, point, dash and underscore.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"a run cannot be called {name!r}. Take up to 100 letters, digits, '.', '-' or '_', no leading sign."
        )


def begin_partial(folder: Path) -> tuple[Path, int]:
    """Make the hidden folder in which the run that will be ``folder`` is written; return it and the lock on it.

    Raises:
        TryAgainError: this process is writing a run of that name already.
    """
    partial = folder.parent / f".{folder.name}.{os.getpid()}{_PARTIAL}"
    try:
        partial.mkdir()
    except FileExistsError:
        raise TryAgainError(f"run {folder.name!r} is being written by this process already.") from None
    lock = os.open(partial, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return partial, lock


def sweep(folder: Path) -> None:
    """Remove what writers that no longer live left half written in a folder of runs."""
    for partial in folder.glob(f".*{_PARTIAL}"):
        pid = partial.name.removesuffix(_PARTIAL).rpartition(".")[2]
        if not pid.isdigit() or _is_alive(int(pid)):
            continue
        with suppress(OSError):
            lock = os.open(partial, os.O_RDONLY)
            try:
                # A writer elsewhere that shares this folder has another table of processes, but holds its lock.
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(partial, ignore_errors=True)
            finally:
                os.close(lock)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def sync(path: Path) -> None:
    """Return when a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
