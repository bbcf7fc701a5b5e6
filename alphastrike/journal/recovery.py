"""A live run taken up again: what is durable after its last checkpoint, and whether deriving it anew gives the same.

A restart steps the inputs after the checkpoint through the engine once more. What follows from them is already in the
journal; it must come out bit for bit the same, because orders may have left on the strength of it.
"""

import sqlite3
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from alphastrike.journal.database import damaged
from alphastrike.journal.kinds import Kind
from alphastrike.journal.packing import Packing, checksum
from alphastrike.journal.stretch import Batch, read_batches, read_inputs
from alphastrike.model.errors import HaltError


class RecoveredInput(NamedTuple):
    """One journaled input."""

    seq: int
    kind: str
    row: tuple[Any, ...]
    """The kind's columns in their order, as they were given to ``append_input``."""
    recorded_at: int
    """Microseconds UTC."""


@dataclass(frozen=True)
class Recovered:
    """What a journal holds when it is opened."""

    checkpoint: bytes | None
    """The engine's state; ``None`` when it begins from nothing."""
    checkpoint_time: int
    """The tick after which it was made, microseconds UTC; 0 without one."""
    inputs: tuple[RecoveredInput, ...]
    """What the checkpoint does not contain, in order: all after it, and before it the events of its open instant."""


@dataclass
class Recorded:
    """Rows that followed from inputs after the checkpoint, to be compared with what follows from them now."""

    run: str
    batches: deque[Batch] = field(default_factory=deque)

    def take(self, kind: Kind, number: int, data: bytes) -> None:
        """Compare rows of one kind with the next recorded ones.

        Raises:
            HaltError: they differ by a bit, or nothing was recorded.
        """
        batch = self.batches.popleft() if self.batches else None
        if batch is None or (batch.kind, batch.data) != (number, data):
            where = f"stepping seq {batch.seq} again" if batch else "stepping the journal again"
            raise HaltError(
                f"run {self.run!r} cannot go on: {where} gives other rows of {kind.name} than recorded. Code, "
                "settings or policy are not those of the recording: go back to them, or begin a new run with --new."
            )


def read_recovery(database: sqlite3.Connection, path: Path, run: str) -> tuple[Recovered, Recorded]:
    """Return what the journal holds after its last checkpoint: inputs, and what followed from them.

    Raises:
        DataError: something is missing or is not what was written.
    """
    query = "select seq, tick_time, market_seq, data, crc from checkpoints order by seq desc limit 1"
    held = database.execute(query).fetchone()
    if held is not None and checksum(held[3], *held[:3]) != held[4]:
        raise damaged(path, run, f"the checkpoint at seq {held[0]} was changed")
    seq, tick_time, market_seq, checkpoint = held[:4] if held else (0, 0, 0, None)
    lowest = database.execute("select min(seq) from inputs").fetchone()[0]
    inputs = tuple(
        RecoveredInput(one.seq, one.kind.name, Packing(one.kind).unpack_input(one.data), one.recorded_at)
        for one in read_inputs(database, path, run, seq if lowest is None else lowest - 1)
        if one.seq > seq or one.market_seq is None or one.market_seq > market_seq
    )
    batches = deque(read_batches(database, path, run, seq))
    return Recovered(checkpoint, tick_time, inputs), Recorded(run, batches)
