"""A live run as it stands at this moment: what is sealed, and behind it what its writer has committed since.

The snapshot of SQLite is taken first and the manifest read second. What was sealed in between is then in both, and
taken from the segments; what SQLite has let go of was sealed before either.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from alphastrike.journal.ahead import look_through
from alphastrike.journal.database import FILE, open_to_read
from alphastrike.journal.kinds import KINDS
from alphastrike.journal.live_folder import is_being_recorded
from alphastrike.journal.manifest import Manifest, TableFacts, read_manifest
from alphastrike.journal.segments import CHECKPOINTS
from alphastrike.journal.stretch import Stretch, read_stretch
from alphastrike.model.errors import DataError, TryAgainError

_ATTEMPTS: Final = 3


class Standing(NamedTuple):
    """A run and what of it no segment holds."""

    manifest: Manifest
    """As in the folder."""
    stretch: Stretch | None
    """Rows behind the sealed ones; ``None`` when there can be none."""

    def shown(self, folder: Path) -> Manifest:
        """Return the manifest with the rows counted that are not sealed, and whether anybody still records."""
        if self.stretch is None:
            return self.manifest
        tables = dict(self.manifest.tables)
        for name, rows in self.stretch.counts().items():
            columns = self.stretch.kinds[name].columns[len(KINDS[name].columns) :]
            before = tables.get(name, TableFacts(rows=0, columns=tuple(column.name for column in columns)))
            tables[name] = before.model_copy(update={"rows": before.rows + rows})
        if self.stretch.situations:
            before = tables.get(CHECKPOINTS, TableFacts(rows=0))
            tables[CHECKPOINTS] = before.model_copy(update={"rows": before.rows + len(self.stretch.situations)})
        state = "recording" if is_being_recorded(folder) else "stopped"
        return self.manifest.model_copy(update={"tables": tables, "state": state})


def read_standing(folder: Path) -> Standing:
    """Read the run in this folder as it is now, whether it is being recorded or not.

    Raises:
        DataError: no run, a damaged one, or one of a newer version.
        TryAgainError: its writer keeps the journal busy.
    """
    manifest = read_manifest(folder)
    for _ in range(_ATTEMPTS):
        if manifest.live is None or manifest.state == "complete":
            return Standing(manifest, None)
        try:
            _look_through(folder, manifest)
            with closing(open_to_read(folder / FILE, folder.name)) as database:
                database.execute("begin")
                database.execute("select count(*) from kinds").fetchone()
                manifest = read_manifest(folder)
                after = manifest.sealed_through
                return Standing(manifest, read_stretch(database, folder / FILE, folder.name, after))
        except FileNotFoundError:
            # It came to its end at this moment, and all its rows lie in segments.
            manifest = read_manifest(folder)
        except sqlite3.OperationalError as error:
            raise TryAgainError(
                f"the journal of run {folder.name!r} cannot be read now ({folder / FILE}): {error}. Try again."
            ) from None
    raise DataError(f"the journal of run {folder.name!r} is missing ({folder / FILE}). Restore the file.")


def _look_through(folder: Path, manifest: Manifest) -> None:
    """Look for what a run that nobody writes has lost."""
    if is_being_recorded(folder):
        return
    try:
        look_through(folder / FILE, folder.name, manifest.sealed_through)
    except DataError:
        # What is being written while it is looked at proves nothing.
        if not is_being_recorded(folder):
            raise
