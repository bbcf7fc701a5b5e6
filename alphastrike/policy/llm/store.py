"""What models were asked and said, kept once and for all: SQLite, found by the hash of everything that determines it.

Rows are only ever added. An answer that ended on the wire, usable or not, is kept once a key and found again;
what a server failed to do is kept for the record and never found: it says nothing about the model.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alphastrike.model.errors import DataError, TryAgainError
from alphastrike.policy.llm.completion import Completion, Kind
from alphastrike.policy.llm.request import CompletionRequest

VERSION: Final = 1
BUSY_S: Final = 30.0
"""Seconds to wait while another process writes."""

_MARK: Final = 0x416C4C6D
"""``application_id`` of the file."""
_SCHEMA: Final = """
create table if not exists calls (
    number integer primary key,
    key text not null,
    provider text not null,
    model text not null,
    digest text not null,
    sample integer not null,
    attempt integer not null,
    parts text not null,
    created integer not null,
    kind integer not null,
    status integer not null,
    done_reason text not null,
    prompt_tokens integer not null,
    answer_tokens integer not null,
    latency_us integer not null,
    server text not null,
    answered_by text not null,
    error text not null,
    content text not null,
    request blob not null,
    response blob not null
) strict;
create unique index if not exists answers on calls (key) where kind != 1;
create index if not exists models on calls (provider, model, number);
"""
_COMPLETION: Final = (
    "request, response, status, content, done_reason, prompt_tokens, answer_tokens, latency_us, server, answered_by, "
    "error, kind"
)


@dataclass(frozen=True, slots=True)
class Nearest:
    """A recorded request that is like one that was not found."""

    differing: tuple[str, ...]
    """Names of the parts in which the two differ."""
    created: int
    """When it was recorded, microseconds UTC."""


class CallStore:
    """The calls in one file. Any number of threads and processes may use it; each row is written whole or not."""

    def __init__(self, path: Path) -> None:
        """Open the store, making it when it is first written to.

        Args:
            path: of the SQLite file.
        """
        self.path = path
        self._turn = threading.Lock()
        self._database: sqlite3.Connection | None = None

    def find(self, key: str) -> Completion | None:
        """Return the model's answer to a request, whatever it is worth; ``None`` when none was recorded.

        Raises:
            DataError: the file is damaged, or of a newer version.
        """
        with self._reading() as database:
            if database is None:
                return None
            row = database.execute(
                f"select {_COMPLETION} from calls where key = ? and kind != 1",
                (key,),
            ).fetchone()
        return None if row is None else _completion(row)

    def add(self, request: CompletionRequest, completion: Completion) -> None:
        """Keep what came of a request; of two answers to the same one, the first stands.

        Raises:
            DataError: the file is damaged, or of a newer version.
            TryAgainError: the disk is full, or another process writes for too long.
        """
        c = completion
        row = (
            request.key, request.provider, request.model, request.digest, request.sample, request.attempt,
            json.dumps(request.parts, sort_keys=True), time.time_ns() // 1_000, int(c.kind), c.status, c.done_reason,
            c.prompt_tokens, c.answer_tokens, c.latency_us, c.server, c.digest, c.error, c.content, c.request_bytes,
            c.response_bytes,
        )  # fmt: skip
        with self._writing() as database:
            database.execute(
                "insert or ignore into calls (key, provider, model, digest, sample, attempt, parts, created, kind, "
                "status, done_reason, prompt_tokens, answer_tokens, latency_us, server, answered_by, error, content, "
                f"request, response) values ({', '.join('?' * len(row))})",
                row,
            )

    def digest_of(self, provider: str, model: str) -> str | None:
        """Return the digest under which the model answered last; ``None`` when it never did."""
        with self._reading() as database:
            if database is None:
                return None
            row = database.execute(
                "select digest from calls where provider = ? and model = ? and kind != 1 order by number desc limit 1",
                (provider, model),
            ).fetchone()
        return None if row is None else str(row[0])

    def nearest(self, request: CompletionRequest) -> Nearest | None:
        """Return the recorded request that differs in the fewest parts, the latest of several."""
        wanted = request.parts
        best: Nearest | None = None
        with self._reading() as database:
            if database is None:
                return None
            for parts, created in database.execute("select parts, created from calls where kind != 1 order by number"):
                recorded = json.loads(parts)
                differing = tuple(name for name in wanted if recorded.get(name) != wanted[name])
                if best is None or len(differing) <= len(best.differing):
                    best = Nearest(differing, int(created))
        return best

    def count(self) -> int:
        """Return how many calls are kept, failures too."""
        with self._reading() as database:
            return 0 if database is None else int(database.execute("select count(*) from calls").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        with self._turn:
            if self._database is not None:
                self._database.close()
                self._database = None

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        with self._turn, self._said():
            if self._database is None and not self.path.is_file():
                yield None
                return
            yield self._opened()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._turn, self._said():
            database = self._opened()
            database.execute("begin immediate")
            try:
                yield database
                database.execute("commit")
            except BaseException:
                with suppress(sqlite3.Error):
                    database.execute("rollback")
                raise

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            try:
                self._prepare(database)
            except BaseException:
                database.close()
                raise
            self._database = database
        return self._database

    def _prepare(self, database: sqlite3.Connection) -> None:
        mark = database.execute("pragma application_id").fetchone()[0]
        version = database.execute("pragma user_version").fetchone()[0]
        is_new = mark == 0 and version == 0 and not database.execute("select count(*) from sqlite_master").fetchone()[0]
        if not is_new and mark != _MARK:
            raise DataError(f"{self.path} is no store of model calls. Move it away; a new one is made when needed.")
        if version > VERSION:
            raise DataError(
                f"{self.path} is of version {version}, this one reads {VERSION}. Install a newer AlphaStrike."
            )
        # A reader must not wait for a writer, nor a writer for a reader.
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = full")
        if is_new:
            database.execute("begin immediate")
            for statement in _SCHEMA.split(";"):
                database.execute(statement)
            database.execute(f"pragma application_id = {_MARK}")
            database.execute(f"pragma user_version = {VERSION}")
            database.execute("commit")

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise TryAgainError(
                f"the store of model calls cannot be used now ({self.path}): {error}. "
                "Free some space, or let the other process finish, and try again."
            ) from None
        except sqlite3.DatabaseError as error:
            raise DataError(
                f"the store of model calls is damaged ({self.path}): {error}. Restore it, or move it away."
            ) from None


def _completion(row: tuple[object, ...]) -> Completion:
    values = dict(zip(_COMPLETION.split(", "), row, strict=True))
    return Completion(
        request_bytes=values["request"],  # type: ignore[arg-type] # the table is strict
        response_bytes=values["response"],  # type: ignore[arg-type]
        status=values["status"],  # type: ignore[arg-type]
        content=values["content"],  # type: ignore[arg-type]
        done_reason=values["done_reason"],  # type: ignore[arg-type]
        prompt_tokens=values["prompt_tokens"],  # type: ignore[arg-type]
        answer_tokens=values["answer_tokens"],  # type: ignore[arg-type]
        latency_us=values["latency_us"],  # type: ignore[arg-type]
        server=values["server"],  # type: ignore[arg-type]
        digest=values["answered_by"],  # type: ignore[arg-type]
        error=values["error"],  # type: ignore[arg-type]
        kind=Kind(values["kind"]),  # type: ignore[arg-type]
    )
