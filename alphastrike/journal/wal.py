"""The write-ahead journal of a live run: every input and what follows from it, durable before anything leaves.

One process writes a run, held by a lock. Rows gather in memory and reach the disk at ``commit``; after that they
outlive the process and the machine. What follows from an input belongs into the same commit. A checkpoint of the
engine bounds what a restart must step again, and ends a stretch: the stretch is then sealed into Parquet in the
background, and its rows leave SQLite a few at every commit.

A journal that failed to commit is dead. The operating system may have forgotten what it could not write, so a
second attempt that succeeds would prove nothing.
"""

import hashlib
import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Protocol, Self

from alphastrike.journal.ahead import Acknowledged, look_through
from alphastrike.journal.database import FILE, FILES, add_kinds, kind_row, open_database, read_kinds
from alphastrike.journal.kinds import KINDS, Kind, Role
from alphastrike.journal.live_folder import (
    FREE_BYTES_MIN,
    check_free,
    free_bytes,
    lock_run,
    make_live_folder,
    no_room_is_said,
)
from alphastrike.journal.manifest import LiveFacts, Manifest, RunFacts, read_manifest
from alphastrike.journal.packing import Packing, checksum
from alphastrike.journal.pending import CheckpointRow, DerivedRow, InputRow, Pending, Removal, SituationRow
from alphastrike.journal.recovery import Recovered, RecoveredInput, read_recovery
from alphastrike.journal.sealing import BackgroundSealing, remove_orphans
from alphastrike.journal.stretch import NOT_OF_THE_MARKET
from alphastrike.journal.tables import Records, Rows, row_count
from alphastrike.model.errors import ConfigurationError, HaltError, TryAgainError

__all__ = ["CommitFailed", "LiveJournal", "Recovered", "RecoveredInput"]

_OF_MARKET: Final = frozenset(
    kind.name for kind in KINDS.values() if kind.role is Role.INPUT and kind.name not in NOT_OF_THE_MARKET
)
_UNSTATED: Final = {"state": "recording", "digest": "", "account_digest": "", "perception_digest": ""}


class CommitFailed(HaltError):  # noqa: N818 # it says what happened
    """The disk did not take what was journaled: the process must end, and nothing may be tried again."""


class SituationState(Protocol):
    """The account right after the tick at which a situation was asked: ``engine.history.Checkpoint``."""

    @property
    def situation(self) -> int:
        """Its number."""

    @property
    def tick(self) -> int:
        """Index of the tick."""

    @property
    def market_seq(self) -> int:
        """Of the tick."""

    @property
    def state(self) -> bytes:
        """The account's."""


class _Place(NamedTuple):
    last_seq: int
    market_seq: int
    open_seqs: list[int]
    last_derived: int


class LiveJournal:
    """The journal of one live run, for one task to write: from ``create`` or ``open`` to ``finish`` or ``close``."""

    def __init__(self, folder: Path, lock: int, floor: int) -> None:
        """Take up the run in a folder whose lock is held."""
        name = folder.name
        self.folder = folder
        self.floor = floor
        """Bytes that must stay free on the disk before the run may take new risk."""
        manifest = read_manifest(folder)
        if manifest.live is None or manifest.state == "complete":
            raise ConfigurationError(f"run {name!r} is complete: nothing can be added. Begin another with --new.")
        path = folder / FILE
        look_through(path, name, manifest.sealed_through)
        remove_orphans(folder, manifest)
        self._database = open_database(path, name)
        kinds = add_kinds(self._database, read_kinds(self._database, path, name))
        self._numbers = {kind.name: number for number, kind in kinds.items()}
        self._packings = {kind.name: Packing(kind) for kind in kinds.values()}
        self._removal = Removal()
        self._removal.all(self._database, manifest.sealed_through)
        self._recovered, self._recorded = read_recovery(self._database, path, name)
        self.last_seq, self._market_seq, self._open_seqs, self._last_derived = _place(self._database, manifest)
        self.durable_seq = self.last_seq
        """Number of the last input that is on the disk with all that followed from it."""
        self._cause = self.last_seq
        self._pending = Pending()
        self._checkpoint_ends_stretch = False
        stretches = self._database.execute("select last_seq from stretches order by 1").fetchall()
        self._sealing = BackgroundSealing(folder, manifest, [row[0] for row in stretches])
        if manifest.state != "recording":
            self._sealing.state_facts(**_UNSTATED)
        self._sealing.begin()
        self._death = ""
        self._acknowledged = Acknowledged(folder)
        self._acknowledged.write(self.durable_seq)
        self._lock = lock

    @classmethod
    def create(
        cls,
        folder: Path,
        facts: RunFacts,
        interval: int,
        instruments: Records,
        tiers: Records,
        *,
        shadow: bool = False,
        waits: bool = True,
        sources: Sequence[str] = (),
        floor: int = FREE_BYTES_MIN,
    ) -> Self:
        """Begin a live run in a folder that is not there yet.

        Args:
            folder: of the run; its name is the run's.
            facts: what is stated of the run; its state and digests are set here.
            interval: between two ticks, microseconds.
            instruments: (S,) of ``model.instrument.INSTRUMENT``, kept with the run.
            tiers: (S, TIERS_MAX) of ``model.instrument.TIER``, likewise.
            shadow: every advice is journaled and none applied.
            waits: the market stands still while the policy thinks; otherwise its answers are inputs.
            sources: who stated the terms of each symbol (``given``, ``assumed``), when that is known.
            floor: bytes that must stay free on the disk.

        Raises:
            ConfigurationError: a run of that name exists, or its name cannot be a folder's.
            TryAgainError: the disk is full, or nearly.
        """
        assert facts.name == folder.name, "a run is called like its folder"
        with no_room_is_said(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
        check_free(folder, floor)
        live = LiveFacts(interval=interval, shadow=shadow, waits=waits)
        begun = facts.model_copy(update={**_UNSTATED, "live": live})
        return cls._taken_up(folder, make_live_folder(folder, begun, instruments, tiers, sources), floor)

    @classmethod
    def open(cls, folder: Path, *, floor: int = FREE_BYTES_MIN) -> Self:
        """Take up a live run that was stopped or killed. Stretches that were finished are sealed in the background.

        Raises:
            ConfigurationError: the run is no live one, or complete.
            DataError: its journal is damaged, or of a newer version.
            TryAgainError: another process records it, or the disk is nearly full.
        """
        if read_manifest(folder).live is None:
            raise ConfigurationError(f"run {folder.name!r} was recorded over history. Only a live run can be resumed.")
        check_free(folder, floor)
        return cls._taken_up(folder, lock_run(folder), floor)

    @classmethod
    def _taken_up(cls, folder: Path, lock: int, floor: int) -> Self:
        try:
            with no_room_is_said(folder):
                return cls(folder, lock, floor)
        except BaseException as error:
            os.close(lock)
            if isinstance(error, sqlite3.OperationalError):
                raise TryAgainError(
                    f"the journal of run {folder.name!r} cannot be opened now ({folder / FILE}): {error}. Try again."
                ) from None
            raise

    @property
    def facts(self) -> Manifest:
        """The run's manifest as it stands on the disk: what is stated of it, and what is sealed."""
        return self._sealing.manifest

    @property
    def sealed_through(self) -> int:
        """Number of the last input that lies in a segment; 0 for none."""
        return self._sealing.manifest.sealed_through

    @property
    def sealing_trouble(self) -> str:
        """Why the last stretch could not be sealed: it stays in SQLite, and the next checkpoint tries again."""
        return self._sealing.trouble

    def free_bytes(self) -> int:
        """Return how much room the run's disk has."""
        return free_bytes(self.folder)

    def recovery(self) -> Recovered:
        """Return what a restart steps again: the last checkpoint, and the inputs that it does not contain."""
        return self._recovered

    def check_again(self, rows: Mapping[str, tuple[Kind, Rows]]) -> None:
        """Compare what follows from a recovered input with what was recorded of it; in the order of the inputs.

        Raises:
            HaltError: they differ by a bit: the run must not go on with this code or these settings.
        """
        for kind, held in rows.values():
            if row_count(held):
                data = self._packing(kind).pack(held)
                self._recorded.take(kind, self._numbers[kind.name], data)

    def append_input(self, kind: str, row: Sequence[Any], recorded_at: int) -> int:
        """Add an input and return its number, ``seq``; it is durable after the next ``commit``.

        Args:
            kind: name of an input kind.
            row: its columns in their order, ``event_time`` first, symbols and codes by number.
            recorded_at: when it came in, microseconds UTC.
        """
        self._check_alive()
        data = self._packings[kind].pack_input(row)
        number = self._numbers[kind]
        seq = self.last_seq = self.last_seq + 1
        market_seq: int | None = self._market_seq
        if kind in _OF_MARKET:
            market_seq = None
            self._open_seqs.append(seq)
        else:
            self._cause = seq
        crc = checksum(data, seq, number, recorded_at)
        self._pending.inputs.append(InputRow(seq, number, market_seq, recorded_at, data, crc))
        return seq

    def close_instant(self, market_seqs: Mapping[int, int], tick_market_seq: int) -> None:
        """Number the inputs of the instant that the last input of the market, a tick, closes.

        Args:
            market_seqs: ``market_seq`` by ``seq`` of every input of the instant but the tick.
            tick_market_seq: of the tick.
        """
        tick = self._open_seqs.pop()
        assert self._open_seqs == sorted(market_seqs), "an instant is closed with exactly the inputs that it holds"
        self._open_seqs.clear()
        self._pending.close({**market_seqs, tick: tick_market_seq})
        self._market_seq = tick_market_seq
        self._cause = tick

    def append_derived(self, rows: Mapping[str, tuple[Kind, Rows]]) -> None:
        """Add what followed from the last closed instant, or from an input after it that is not the market's."""
        self._check_alive()
        for kind, held in rows.values():
            if not row_count(held):
                continue
            data = self._packing(kind).pack(held)
            self._last_derived += 1
            place = (self._last_derived, self._numbers[kind.name], self._cause)
            self._pending.derived.append(DerivedRow(*place, data, checksum(data, *place)))

    def append_situations(self, states: Sequence[SituationState]) -> None:
        """Add the account's state at situations that were asked at the last tick: where a branch begins."""
        self._check_alive()
        for one in states:
            crc = checksum(one.state, one.situation, one.tick, one.market_seq)
            row = SituationRow(one.situation, self._cause, one.tick, one.market_seq, one.state, crc)
            self._pending.situations.append(row)

    def checkpoint(self, data: bytes, tick_time: int, market_seq: int) -> None:
        """Add the engine's state after the last closed tick. Unless an instant is open, it ends the stretch.

        Args:
            data: all that the engine needs to go on bit for bit.
            tick_time: of the tick, microseconds UTC.
            market_seq: of the tick.
        """
        self._check_alive()
        assert market_seq == self._market_seq, "a checkpoint stands after the last closed tick"
        place = (self.last_seq, tick_time, market_seq)
        self._pending.checkpoint = CheckpointRow(*place, data, checksum(data, *place))
        self._checkpoint_ends_stretch = not self._open_seqs
        self._recovered = Recovered(data, tick_time, ())
        self._recorded.batches.clear()

    def commit(self) -> int:
        """Bring everything added so far onto the disk; return the number of the last durable input.

        Raises:
            CommitFailed: the disk did not take it. The journal is dead: the process must end.
        """
        self._check_alive()
        if self._pending.is_empty:
            return self.durable_seq
        checkpoint = self._pending.checkpoint
        ends_stretch = checkpoint is not None and self._checkpoint_ends_stretch
        self._removal.begin(self.sealed_through)
        try:
            self._pending.write(self._database, ends_stretch=ends_stretch, removed=self._removal)
        except (sqlite3.Error, OSError) as error:
            self._death = f"the journal of run {self.folder.name!r} could not be written ({error})"
            raise CommitFailed(f"{self._death}. What is on the disk is whole: make room, then start again.") from None
        self.durable_seq = self.last_seq
        self._acknowledged.write(self.durable_seq)
        if checkpoint is not None and ends_stretch:
            # Not through the last input: one that came after the checkpoint must be stepped again by a restart.
            self._sealing.add(checkpoint.seq)
        return self.durable_seq

    def finish(self, account: bytes, perception: bytes, digest: str, state: Literal["complete", "stopped"]) -> Manifest:
        """Seal what is finished, state how the run ended, and close.

        Args:
            account: canonical bytes of the account's state at the last tick.
            perception: those of perception's.
            digest: of the run, over both.
            state: ``complete`` when nothing can follow any more, ``stopped`` when the run may be taken up again.

        Raises:
            CommitFailed: the disk did not take the last rows.
            TryAgainError: no room to seal; nothing is lost, and the run can be taken up again.
        """
        self.commit()
        is_over = state == "complete" and not self._open_seqs
        if is_over:
            self._sealing.add(self.last_seq)
        self._sealing.end()
        if self.sealing_trouble:
            raise TryAgainError(f"run {self.folder.name!r} could not be sealed: {self.sealing_trouble}.")
        with no_room_is_said(self.folder):
            self._removal.all(self._database, self.sealed_through)
            manifest = self._sealing.state_facts(
                state=state, digest=digest, account_digest=_digest(account), perception_digest=_digest(perception)
            )
        self._database.close()
        if is_over:
            for name in FILES:
                (self.folder / name).unlink(missing_ok=True)
        self.close()
        return manifest

    def close(self) -> None:
        """Let go of the run. What was not committed has left no trace. Harmless when done twice."""
        if self._lock < 0:
            return
        self._death = self._death or "the journal is closed"
        self._sealing.end()
        with suppress(sqlite3.Error):
            self._database.close()
        self._acknowledged.close()
        os.close(self._lock)
        self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _packing(self, kind: Kind) -> Packing:
        packing = self._packings[kind.name]
        if packing.kind is not kind and packing.kind.columns != kind.columns:
            assert packing.kind.columns == KINDS[kind.name].columns, f"{kind.name} has other columns than before"
            packing = self._packings[kind.name] = Packing(kind)
            self._pending.kinds.append(kind_row(self._numbers[kind.name], kind))
        return packing

    def _check_alive(self) -> None:
        if self._death:
            raise CommitFailed(f"{self._death}. Start the run again.")


def _place(database: sqlite3.Connection, manifest: Manifest) -> _Place:
    """Return where the run goes on."""

    def one(query: str) -> int:
        return int(database.execute(query).fetchone()[0] or 0)

    open_seqs = [row[0] for row in database.execute("select seq from inputs where market_seq is null order by seq")]
    return _Place(
        last_seq=max(one("select max(seq) from inputs"), manifest.sealed_through),
        market_seq=max(one("select max(market_seq) from inputs"), one("select max(market_seq) from checkpoints")),
        open_seqs=open_seqs,
        last_derived=one("select max(number) from derived"),
    )


def _digest(state: bytes) -> str:
    return hashlib.blake2b(state, digest_size=16).hexdigest()
