"""What the live journal has been given since its last commit, and the one transaction that makes it durable."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

KEPT_CHECKPOINTS: Final = 2

REMOVED_AT_ONCE: Final = 256
"""Sealed rows that leave SQLite with one commit: more would be felt by the event that waits for it."""


class InputRow(NamedTuple):
    """A row of ``inputs``."""

    seq: int
    kind: int
    market_seq: int | None
    recorded_at: int
    data: bytes
    crc: int


class DerivedRow(NamedTuple):
    """A row of ``derived``: rows of one kind that follow from one input."""

    number: int
    kind: int
    seq: int
    data: bytes
    crc: int


class SituationRow(NamedTuple):
    """A row of ``situations``."""

    situation: int
    seq: int
    tick: int
    market_seq: int
    state: bytes
    crc: int


class CheckpointRow(NamedTuple):
    """A row of ``checkpoints``."""

    seq: int
    tick_time: int
    market_seq: int
    data: bytes
    crc: int


@dataclass
class Pending:
    """Rows in memory."""

    inputs: list[InputRow] = field(default_factory=list)
    derived: list[DerivedRow] = field(default_factory=list)
    situations: list[SituationRow] = field(default_factory=list)
    kinds: list[tuple[int, str, str, int]] = field(default_factory=list)
    closed_late: list[tuple[int, int]] = field(default_factory=list)
    """(market_seq, seq) of inputs that were durable before their instant closed."""
    checkpoint: CheckpointRow | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not (self.inputs or self.derived or self.situations or self.checkpoint)

    def close(self, market_seqs: Mapping[int, int]) -> None:
        """Give inputs their numbers of the market, here or in the database."""
        first = self.inputs[0].seq if self.inputs else None
        for seq, market_seq in market_seqs.items():
            if first is None or seq < first:
                self.closed_late.append((market_seq, seq))
            else:
                self.inputs[seq - first] = self.inputs[seq - first]._replace(market_seq=market_seq)

    def write(self, database: sqlite3.Connection, *, ends_stretch: bool, removed: "Removal") -> None:
        """Write everything in one transaction, and let some sealed rows go; then be empty."""
        database.execute("begin immediate")
        if self.kinds:
            database.executemany("insert or replace into kinds values (?, ?, ?, ?)", self.kinds)
        if self.closed_late:
            database.executemany("update inputs set market_seq = ? where seq = ?", self.closed_late)
        if self.inputs:
            database.executemany("insert into inputs values (?, ?, ?, ?, ?, ?)", self.inputs)
        if self.derived:
            database.executemany("insert into derived values (?, ?, ?, ?, ?)", self.derived)
        if self.situations:
            database.executemany("insert into situations values (?, ?, ?, ?, ?, ?)", self.situations)
        if self.checkpoint is not None:
            _write_checkpoint(database, self.checkpoint, ends_stretch=ends_stretch)
        removed.step(database)
        database.execute("commit")
        self.inputs.clear()
        self.derived.clear()
        self.situations.clear()
        self.kinds.clear()
        self.closed_late.clear()
        self.checkpoint = None


@dataclass
class Removal:
    """Sealed rows on their way out of the database, a few at a time."""

    through: int = 0
    """Last input whose rows are sealed."""
    _inputs_through: int = 0
    _is_done: bool = True

    def begin(self, through: int) -> None:
        """Let go of everything up to an input, as far as that is not under way."""
        if through > self.through and self._is_done:
            self._inputs_through = self.through
            self.through = through
            self._is_done = False

    def step(self, database: sqlite3.Connection) -> None:
        """Remove some rows inside the open transaction."""
        if self._is_done:
            return
        self._inputs_through = min(self._inputs_through + REMOVED_AT_ONCE, self.through)
        database.execute("delete from inputs where seq <= ?", (self._inputs_through,))
        removed = database.execute(
            "delete from derived where number in (select number from derived where seq <= ? order by number limit ?)",
            (self.through, REMOVED_AT_ONCE),
        ).rowcount
        if self._inputs_through == self.through and removed < REMOVED_AT_ONCE:
            _remove_rest(database, self.through)
            self._is_done = True

    def all(self, database: sqlite3.Connection, through: int) -> None:
        """Remove all sealed rows in a transaction of their own."""
        database.execute("begin immediate")
        database.execute("delete from inputs where seq <= ?", (through,))
        database.execute("delete from derived where seq <= ?", (through,))
        _remove_rest(database, through)
        database.execute("commit")
        self.through, self._is_done = through, True


def _remove_rest(database: sqlite3.Connection, through: int) -> None:
    database.execute("delete from situations where seq <= ?", (through,))
    database.execute("delete from stretches where last_seq <= ?", (through,))


def _write_checkpoint(database: sqlite3.Connection, row: Sequence[object], *, ends_stretch: bool) -> None:
    database.execute("insert or replace into checkpoints values (?, ?, ?, ?, ?)", row)
    database.execute(
        "delete from checkpoints where seq not in (select seq from checkpoints order by seq desc limit ?)",
        (KEPT_CHECKPOINTS,),
    )
    if ends_stretch:
        database.execute("insert or ignore into stretches values (?)", (row[0],))
