"""Sealing while recording goes on: every row in exactly one place at every moment, and nothing half done kept."""

import itertools
import shutil
import threading
import time
from pathlib import Path

import pytest

from alphastrike.journal import database as database_module
from alphastrike.journal.database import FILE, open_to_read
from alphastrike.journal.manifest import chain_faults, read_manifest
from alphastrike.journal.pending import REMOVED_AT_ONCE
from alphastrike.journal.reader import Run
from alphastrike.journal.segments import file_digest
from alphastrike.journal.wal import LiveJournal
from alphastrike.model.errors import DataError, TryAgainError
from tests.journal.live import EVENTS, all_seqs, begin, checkpoint, contents, inputs_of, instant, record_to, take_input


@pytest.fixture(autouse=True)
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen megabytes of room made before every run would be most of what these tests do."""
    monkeypatch.setattr(database_module, "ROOM_PAGES", 16)


def wait_until_sealed(journal: LiveJournal, through: int) -> None:
    deadline = time.monotonic() + 60.0
    while journal.sealed_through < through and time.monotonic() < deadline:
        time.sleep(0.005)
    assert journal.sealed_through == through, journal.sealing_trouble


def rows_in_sqlite(folder: Path) -> int:
    database = open_to_read(folder / FILE, folder.name)
    try:
        return int(
            database.execute("select (select count(*) from inputs) + (select count(*) from derived)").fetchone()[0]
        )
    finally:
        database.close()


def test_a_checkpoint_ends_a_stretch_that_is_sealed_in_the_background(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    with begin(folder) as journal:
        record_to(journal, 10)
        wait_until_sealed(journal, 10 * EVENTS)
        before = contents(Run.open(folder))
        manifest = read_manifest(folder)
        assert chain_faults(manifest) == []
        assert all(file_digest(folder / segment.file) == segment.digest for segment in manifest.segments)
        assert manifest.rows_of("candles") == 30

        record_to(journal, 12, first=10)
        assert rows_in_sqlite(folder) < 10 * EVENTS, "sealed rows leave SQLite with the next commits"
        after = contents(Run.open(folder))
    assert {name: rows[: len(before[name])] for name, rows in after.items() if name in before} == before
    assert all_seqs(after) == list(range(1, 12 * EVENTS + 1))


def test_sealed_rows_leave_a_few_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    ticks = 3 * REMOVED_AT_ONCE // EVENTS
    with begin(folder) as journal:
        for tick in range(ticks):
            instant(journal, tick)
        checkpoint(journal, ticks - 1)
        journal.commit()
        wait_until_sealed(journal, ticks * EVENTS)
        left = [rows_in_sqlite(folder)]
        for tick in range(ticks, ticks + 6):
            instant(journal, tick)
            journal.commit()
            left.append(rows_in_sqlite(folder))
        assert all(b - a <= 2 * REMOVED_AT_ONCE for b, a in itertools.pairwise(left))
        assert left[-1] < 6 * (EVENTS + 6)
        assert all_seqs(contents(Run.open(folder))) == list(range(1, (ticks + 6) * EVENTS + 1))


def test_a_kill_between_manifest_and_deletion_leaves_every_row_once(tmp_path: Path) -> None:
    with begin(tmp_path / "one") as journal:
        record_to(journal, 10)
        wait_until_sealed(journal, 10 * EVENTS)
        # No commit follows: SQLite still holds what the manifest says is sealed.
    run = Run.open(tmp_path / "one")
    assert all_seqs(contents(run)) == list(range(1, 10 * EVENTS + 1))
    with LiveJournal.open(tmp_path / "one") as again:
        assert rows_in_sqlite(tmp_path / "one") == 0
        assert again.recovery().checkpoint == b"state after 9"
        record_to(again, 12, first=10)
    assert all_seqs(contents(Run.open(tmp_path / "one"))) == list(range(1, 12 * EVENTS + 1))


def test_a_kill_before_the_manifest_leaves_segments_that_are_removed_and_sealed_again(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    with begin(folder) as journal:
        record_to(journal, 9)
    shutil.copytree(folder, tmp_path / "before")
    with LiveJournal.open(folder) as journal:
        record_to(journal, 10, first=9)
        wait_until_sealed(journal, 10 * EVENTS)
    whole = contents(Run.open(folder))
    # As a kill leaves it: the stretch is finished, its segments have their names, and no manifest lists them.
    shutil.copy(tmp_path / "before" / "manifest.json", folder)
    (folder / ".candles-000002.parquet.partial").write_bytes(b"half written")
    assert contents(Run.open(folder)) == whole

    with LiveJournal.open(folder) as again:
        wait_until_sealed(again, 10 * EVENTS)
        assert not (folder / ".candles-000002.parquet.partial").exists()
    assert contents(Run.open(folder)) == whole
    assert chain_faults(read_manifest(folder)) == []


def test_reading_while_sealing_goes_on_never_misses_or_doubles_a_row(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    with begin(tmp_path / "truth") as journal:
        record_to(journal, 120, every=1000)
    truth = contents(Run.open(tmp_path / "truth"))
    seen: list[int] = []
    faults: list[object] = []
    is_over = threading.Event()

    def look() -> None:
        while not is_over.is_set():
            try:
                found = contents(Run.open(folder))
                seen.append(len(all_seqs(found)))
                faults.extend(name for name, rows in found.items() if rows != truth[name][: len(rows)])
                faults.extend([seen] if all_seqs(found) != list(range(1, seen[-1] + 1)) else [])
            except Exception as error:  # noqa: BLE001 # told by the assertion
                faults.append(error)

    with begin(folder) as journal:
        reader = threading.Thread(target=look)
        reader.start()
        record_to(journal, 120, every=3)
        wait_until_sealed(journal, 120 * EVENTS)
        is_over.set()
        reader.join()
    assert faults == []
    assert seen == sorted(seen)
    assert len(set(seen)) > 3, "the reader looked too rarely to prove anything"
    assert contents(Run.open(folder)) == truth


def test_a_stretch_that_cannot_be_sealed_stays_where_it_is_until_it_can(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    with begin(folder) as journal:
        in_the_way = folder / ".equity-000001.parquet.partial"
        in_the_way.mkdir()
        record_to(journal, 10)
        deadline = time.monotonic() + 60.0
        while not journal.sealing_trouble and time.monotonic() < deadline:
            time.sleep(0.005)
        assert "equity-000001" in journal.sealing_trouble
        record_to(journal, 15, first=10)
        assert all_seqs(contents(Run.open(folder))) == list(range(1, 15 * EVENTS + 1))
        in_the_way.rmdir()
        record_to(journal, 20, first=15)
        wait_until_sealed(journal, 20 * EVENTS)
        assert journal.sealing_trouble == ""
    assert [segment.rows for segment in read_manifest(folder).segments if segment.table == "ticks"] == [10, 10]
    assert all_seqs(contents(Run.open(folder))) == list(range(1, 20 * EVENTS + 1))


def test_an_end_that_cannot_be_sealed_is_said_and_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    with begin(folder) as journal:
        (folder / ".equity-000001.parquet.partial").mkdir()
        record_to(journal, 4)
        with pytest.raises(TryAgainError, match="run 'one' could not be sealed"):
            journal.finish(b"", b"", "d" * 32, "complete")
    (folder / ".equity-000001.parquet.partial").rmdir()
    with LiveJournal.open(folder) as again:
        again.finish(b"", b"", "d" * 32, "complete")
    assert all_seqs(contents(Run.open(folder))) == list(range(1, 4 * EVENTS + 1))


def test_a_changed_segment_of_a_live_run_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    with begin(folder) as journal:
        record_to(journal, 12)
        wait_until_sealed(journal, 10 * EVENTS)
    path = folder / "equity-000001.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    run = Run.open(folder)
    assert len(run.rows("ticks")) == 12
    with pytest.raises(DataError, match=r"equity-000001\.parquet of equity was changed after sealing"):
        run.rows("equity")


@pytest.mark.parametrize("whole", [True, False], ids=["whole instants", "an open instant"])
def test_what_came_after_a_checkpoint_in_the_same_commit_stays_for_a_restart(tmp_path: Path, whole: bool) -> None:
    folder = tmp_path / "one"
    with begin(folder) as journal:
        for tick in range(4):
            instant(journal, tick)
        checkpoint(journal, 3)
        instant(journal, 4)
        if not whole:
            take_input(journal, *inputs_of(5)[0])
        journal.commit()
        wait_until_sealed(journal, 4 * EVENTS)
    with LiveJournal.open(folder) as journal:
        recovered = journal.recovery()
    assert recovered.checkpoint == b"state after 3"
    assert [one.seq for one in recovered.inputs] == list(range(4 * EVENTS + 1, 5 * EVENTS + (1 if whole else 2)))
