"""Rows of a live run that lie in SQLite: read between two inputs, checked, and given their place in the total order.

Sealing writes what it finds here into Parquet, a reader shows it behind the sealed rows: both see the same tables.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alphastrike.journal.database import damaged, read_kinds
from alphastrike.journal.kinds import KINDS, Kind, Role
from alphastrike.journal.packing import Packing, checksum
from alphastrike.journal.segments import CHECKPOINT_SCHEMA
from alphastrike.journal.tables import Numbering, to_table
from alphastrike.model.symbols import SymbolTable

NOT_OF_THE_MARKET: Final = frozenset({"llm_calls", "llm_answers", "operator", "incidents"})
"""Inputs that take no number of the market: they carry that of the last tick."""

_END: Final = (1 << 63) - 1


class Input(NamedTuple):
    """One input as it lies in SQLite."""

    seq: int
    kind: Kind
    market_seq: int | None
    """``None`` while the instant is open."""
    recorded_at: int
    data: bytes


class Batch(NamedTuple):
    """Rows of one kind that followed from one input, as they lie in SQLite."""

    number: int
    kind: int
    seq: int
    data: bytes


@dataclass
class _Inputs:
    seq: list[int] = field(default_factory=list)
    market_seq: list[int] = field(default_factory=list)
    recorded_at: list[int] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)


@dataclass
class _Derived:
    seq: list[int] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)


@dataclass
class Stretch:
    """All rows after one input up to another, by kind, without those of an instant that is still open."""

    kinds: dict[str, Kind]
    last_seq: int
    """``seq`` of the last input that is closed."""
    inputs: dict[str, _Inputs]
    derived: dict[str, _Derived]
    situations: list[tuple[int, int, int, bytes]]
    market_seq: npt.NDArray[np.int64]
    """Of every input, from ``first_seq`` on; beyond all numbers while its instant is open."""
    first_seq: int

    @property
    def names(self) -> list[str]:
        """Kinds that have rows, in stage order."""
        return [name for name in KINDS if name in self.inputs or name in self.derived]

    def table(self, name: str, symbols: SymbolTable, numbering: Numbering) -> pa.Table:
        """Return the rows of a kind as a table, in the order of ``market_seq``; the numbering goes on."""
        kind = self.kinds[name]
        if kind.role is Role.INPUT:
            return self._inputs_table(kind, symbols, numbering)
        held = self.derived.get(name, _Derived())
        rows = Packing(kind).rows(held.data)
        counts = [Packing(kind).count(data) for data in held.data]
        seq = self._caused(rows["market_seq"], np.repeat(np.array(held.seq, dtype=np.int64), counts))
        return to_table(kind, rows, seq, numbering.parts(np.ascontiguousarray(rows["market_seq"])), symbols)

    def checkpoints(self) -> pa.Table:
        """Return the account's states at situations as a table."""
        columns = list(zip(*self.situations, strict=True)) or [(), (), (), ()]
        return pa.table([list(column) for column in columns], schema=CHECKPOINT_SCHEMA)

    def counts(self) -> dict[str, int]:
        """Return the rows of every kind that has any."""
        counted = {name: len(held.seq) for name, held in self.inputs.items()}
        for name, held in self.derived.items():
            counted[name] = sum(Packing(self.kinds[name]).count(data) for data in held.data)
        return counted

    def _inputs_table(self, kind: Kind, symbols: SymbolTable, numbering: Numbering) -> pa.Table:
        held = self.inputs.get(kind.name, _Inputs())
        market_seq = np.array(held.market_seq, dtype=np.int64)
        # Events of one instant come as they come, and have their numbers by kind and symbol.
        order = np.argsort(market_seq, kind="stable")
        rows = Packing(kind).inputs(held.data, market_seq)[order]
        seq = np.array(held.seq, dtype=np.int64)[order]
        recorded_at = np.array(held.recorded_at, dtype=np.int64)[order]
        return to_table(kind, rows, seq, numbering.parts(market_seq[order]), symbols, recorded_at)

    def _caused(self, market_seq: npt.NDArray[np.int64], cause: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the ``seq`` each row follows from: its own event's where that came before what closed its instant."""
        seq = cause.copy()
        earlier = np.flatnonzero(market_seq < self.market_seq[cause - self.first_seq])
        if not len(earlier):
            return seq
        # Inputs with a number of their own are a permutation of the numbers; the others repeat the tick's before them.
        order = np.argsort(self.market_seq, kind="stable")
        place = np.searchsorted(self.market_seq[order], market_seq[earlier])
        seq[earlier] = order[place] + self.first_seq
        return seq


def read_stretch(database: sqlite3.Connection, path: Path, run: str, after: int, through: int = _END) -> Stretch:
    """Read the rows of the inputs after one ``seq``, up to another.

    Raises:
        DataError: a row is missing or is not what was written.
    """
    numbered = read_kinds(database, path, run)
    kinds = {kind.name: kind for kind in numbered.values()}
    inputs: dict[str, _Inputs] = {}
    market_seqs: list[int] = []
    last = after
    for one in read_inputs(database, path, run, after, through):
        market_seqs.append(_END if one.market_seq is None else one.market_seq)
        if one.market_seq is None:
            continue
        last = one.seq
        held = inputs.setdefault(one.kind.name, _Inputs())
        held.seq.append(one.seq)
        held.market_seq.append(one.market_seq)
        held.recorded_at.append(one.recorded_at)
        held.data.append(one.data)
    derived: dict[str, _Derived] = {}
    for batch in read_batches(database, path, run, after, through):
        rows = derived.setdefault(numbered[batch.kind].name, _Derived())
        rows.seq.append(batch.seq)
        rows.data.append(batch.data)
    situations = [row[1:] for row in read_situations(database, path, run, after, through)]
    stretch = Stretch(kinds, last, inputs, derived, situations, np.array(market_seqs, dtype=np.int64), after + 1)
    _check_numbers(stretch, path, run)
    return stretch


def read_inputs(database: sqlite3.Connection, path: Path, run: str, after: int, through: int = _END) -> Iterator[Input]:
    """Yield the inputs after a ``seq``, in order.

    Raises:
        DataError: one is missing or is not what was written.
    """
    kinds = read_kinds(database, path, run)
    query = "select seq, kind, market_seq, recorded_at, data, crc from inputs where seq > ? and seq <= ? order by seq"
    last = after
    for seq, kind, market_seq, recorded_at, data, crc in database.execute(query, (after, through)):
        if seq != last + 1:
            raise damaged(path, run, f"input seq {last + 1} is missing")
        if checksum(data, seq, kind, recorded_at) != crc:
            raise damaged(path, run, f"input seq {seq} was changed")
        last = seq
        yield Input(seq, kinds[kind], market_seq, recorded_at, data)


def read_batches(
    database: sqlite3.Connection, path: Path, run: str, after: int, through: int = _END
) -> Iterator[Batch]:
    """Yield the derived rows that followed from the inputs after a ``seq``, in order.

    Raises:
        DataError: one is missing or is not what was written.
    """
    query = "select number, kind, seq, data, crc from derived where seq > ? and seq <= ? order by number"
    last = 0
    for number, kind, seq, data, crc in database.execute(query, (after, through)):
        if checksum(data, number, kind, seq) != crc:
            raise damaged(path, run, f"rows that follow from seq {seq} were changed")
        if last and number != last + 1:
            raise damaged(path, run, f"rows that follow from an input before seq {seq} are missing")
        last = number
        yield Batch(number, kind, seq, data)


def read_situations(
    database: sqlite3.Connection, path: Path, run: str, after: int, through: int = _END
) -> Iterator[tuple[int, int, int, int, bytes]]:
    """Yield (seq, situation, tick, market_seq, state) of the situations after a ``seq``, in order.

    Raises:
        DataError: one is not what was written.
    """
    query = "select seq, situation, tick, market_seq, state, crc from situations where seq > ? and seq <= ? order by 2"
    for seq, situation, tick, market_seq, state, crc in database.execute(query, (after, through)):
        if checksum(state, situation, tick, market_seq) != crc:
            raise damaged(path, run, f"the account's state at situation {situation} was changed")
        yield seq, situation, tick, market_seq, state


def _check_numbers(stretch: Stretch, path: Path, run: str) -> None:
    """The market's numbers are gap-free: SQLite holds them beside the checked bytes, because they come later."""
    of_market = [held.market_seq for name, held in stretch.inputs.items() if name not in NOT_OF_THE_MARKET]
    numbers = sorted(number for held in of_market for number in held)
    for before, number in pairwise(numbers):
        # Two marks or settlements of a symbol in one instant share a number: only the last one stands.
        if number > before + 1:
            raise damaged(path, run, f"market_seq {number} follows {before}")
