"""Where tracked results lie under a data root: MLflow's database, and beside it a folder of artifacts.

The database names artifacts by ``mlflow-artifacts:`` and no folder, so that both can be moved together with the data
root; the server that ``alphastrike ui`` starts says where they are. Nothing here loads MLflow.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from alphastrike.model.errors import ConfigurationError, DataError, TryAgainError

DATABASE: Final = "mlflow.db"
ARTIFACTS: Final = "mlflow-artifacts"
LOCK: Final = ".mlflow.lock"
SCHEME: Final = "mlflow-artifacts:/"
BUSY_S: Final = 30.0
"""How long another writer is waited for."""


class Place(NamedTuple):
    """The tracking store of a data root, whether or not it is there yet."""

    root: Path

    @property
    def database(self) -> Path:
        """MLflow's SQLite file."""
        return self.root / DATABASE

    @property
    def artifacts(self) -> Path:
        """Folder that ``mlflow-artifacts:/`` stands for."""
        return self.root / ARTIFACTS

    @property
    def uri(self) -> str:
        """How MLflow names the database."""
        return f"sqlite:///{self.database.resolve()}"

    def check(self) -> bool:
        """Return whether there is a store, having looked that it can be read and written.

        MLflow itself would try a damaged file again for minutes.

        Raises:
            ConfigurationError: the data root has a path that MLflow cannot name.
            DataError: the database is damaged, or none of MLflow's.
            TryAgainError: it, or its folder, cannot be written.
        """
        if any(mark in str(self.database.resolve()) for mark in "?%"):
            raise ConfigurationError(
                f"MLflow cannot open a database under {self.root}: its path has a '?' or '%'. Take another --data, or "
                "leave tracking out."
            )
        if not self.database.exists():
            return False
        try:
            with closing(sqlite3.connect(self.database, timeout=BUSY_S)) as opened:
                made = opened.execute("select count(*) from sqlite_master where name = 'alembic_version'").fetchone()
                opened.execute("begin immediate")
                opened.rollback()
        except sqlite3.OperationalError as error:
            raise TryAgainError(
                f"the tracking store {self.database} cannot be used ({error}). Check it and its permissions."
            ) from error
        except sqlite3.DatabaseError as error:
            raise self.damaged(str(error)) from error
        if made[0] == 0:
            raise self.damaged("it is no store of MLflow's")
        return True

    def damaged(self, found: str) -> DataError:
        """Return the error that says so."""
        return DataError(
            f"the tracking store {self.database} is damaged ({found}). Put a copy of it back, or move it away: what is "
            "tracked next makes a new one."
        )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from making or writing the store while the block runs; they wait.

        Raises:
            TryAgainError: nothing can be written under the data root.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.root / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise TryAgainError(
                f"nothing can be tracked under {self.root} ({error.strerror}). Check its permissions."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
