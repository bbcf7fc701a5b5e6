"""The write-ahead file before SQLite opens it: what was acknowledged is there, or refused; a torn tail is no damage."""

import os
import random
import shutil
import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pytest

from alphastrike.journal import database as database_module
from alphastrike.journal.ahead import _checksums, read_acknowledged, read_frames
from alphastrike.journal.database import ACKNOWLEDGED, FILE
from alphastrike.journal.reader import Run
from alphastrike.journal.wal import LiveJournal
from alphastrike.model.errors import DataError
from tests.journal.live import begin, contents, record_to

LOG: Final = f"{FILE}-wal"
FRAME: Final = 24 + 4096
TICKS: Final = 40


@pytest.fixture(autouse=True)
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for all that these runs write, so that it stands in one generation of the file."""
    monkeypatch.setattr(database_module, "ROOM_PAGES", 512)


class Killed(NamedTuple):
    """The folder of a run whose process died right after its last commit, and of one that died a commit earlier."""

    folder: Path
    earlier: Path


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """Do not change it."""
    home = tmp_path_factory.mktemp("killed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database_module, "ROOM_PAGES", 512)
        with begin(home / "one") as journal:
            record_to(journal, TICKS - 1, every=100)
            earlier = left_behind(home / "one", home / "earlier" / "one")
            record_to(journal, TICKS, first=TICKS - 1, every=100)
            return Killed(left_behind(home / "one", home / "late" / "one"), earlier)


@pytest.fixture
def copy(killed: Killed, tmp_path: Path) -> Path:
    """The killed run's folder, to be changed."""
    return Path(shutil.copytree(killed.folder, tmp_path / "one"))


def left_behind(folder: Path, copied: Path) -> Path:
    """What a kill leaves of a folder at this moment: every file as the system has it, and no index in memory."""
    shutil.copytree(folder, copied, ignore=shutil.ignore_patterns("*-shm"))
    return copied


def frames(folder: Path) -> list[tuple[int, bool]]:
    """(offset, is a commit) of every frame of the present generation, by their salts alone."""
    data = (folder / LOG).read_bytes()
    found = []
    for place in range(32, len(data) - FRAME + 1, FRAME):
        if data[place + 8 : place + 16] != data[16:24]:
            break
        found.append((place, struct.unpack(">I", data[place + 4 : place + 8])[0] > 0))
    return found


def last_transaction(folder: Path) -> list[int]:
    """Offsets of the frames of the last one."""
    ends = [number for number, (_, commits) in enumerate(frames(folder)) if commits]
    assert ends[-1] == len(frames(folder)) - 1, "the last frame commits"
    return [place for place, _ in frames(folder)[ends[-2] + 1 :]]


def change(path: Path, at: int, to: Callable[[int], int] = lambda value: value ^ 0x20) -> None:
    data = bytearray(path.read_bytes())
    data[at] = to(data[at])
    path.write_bytes(data)


def held(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


def refused(folder: Path) -> str:
    """Both who would write and who would read are refused in one line, and nothing is changed."""
    before = held(folder)
    said = []
    for attempt in (LiveJournal.open, Run.open):
        with pytest.raises(DataError) as error:
            attempt(folder)
        said.append(str(error.value))
    assert held(folder) == before
    assert said[0] == said[1]
    assert "\n" not in said[0]
    assert said[0].startswith("the journal of run 'one' is damaged (")
    assert said[0].endswith("Restore the run's folder from a copy, or begin another run with --new.")
    return said[0]


def goes_on(folder: Path, from_tick: int) -> dict[str, list[dict[str, Any]]]:
    with LiveJournal.open(folder) as journal:
        record_to(journal, TICKS + 5, first=from_tick, every=100)
    return contents(Run.open(folder))


def test_a_killed_run_is_whole(killed: Killed, copy: Path, tmp_path: Path) -> None:
    assert len(frames(copy)) > 100
    with begin(tmp_path / "whole" / "one") as journal:
        record_to(journal, TICKS + 5, every=100)
    assert goes_on(copy, TICKS) == contents(Run.open(tmp_path / "whole" / "one"))


@pytest.mark.parametrize("at", [0, 3, 7, 11, 15, 16, 23, 24, 31])
def test_a_flip_in_the_header_is_refused(copy: Path, at: int) -> None:
    change(copy / LOG, at)
    assert f"{LOG}): its header was changed" in refused(copy)


def test_a_wiped_header_is_refused_and_an_empty_file_is_missed(copy: Path) -> None:
    data = (copy / LOG).read_bytes()
    (copy / LOG).write_bytes(bytes(32) + data[32:])
    assert "its header was changed" in refused(copy)
    for rest in (b"", bytes(4096)):
        (copy / LOG).write_bytes(rest)
        assert "had been acknowledged" in refused(copy)


PARTS: Final = {
    "page number": 2,
    "size after commit": 6,
    "salt": 9,
    "checksum": 17,
    "page": 24,
    "page's end": FRAME - 1,
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("where", ["first", "early", "middle", "late"])
def test_a_flip_before_acknowledged_commits_is_refused_by_the_frames_alone(copy: Path, where: str, part: str) -> None:
    (copy / ACKNOWLEDGED).unlink()
    count = len(frames(copy))
    before_the_last = len(last_transaction(copy)) + 1
    number = {"first": 0, "early": count // 8, "middle": count // 2, "late": count - before_the_last}[where]
    change(copy / LOG, frames(copy)[number][0] + PARTS[part])
    said = refused(copy)
    # A changed size of a commit is noticed where it stands, like everything else.
    assert f"{LOG}): frame {number + 1:,} (byte {frames_offset(number):,}) was changed, " in said
    assert "would be lost" in said


def frames_offset(number: int) -> int:
    return 32 + number * FRAME


@pytest.mark.parametrize("part", PARTS)
def test_a_flip_in_the_last_acknowledged_transaction_is_refused(copy: Path, part: str) -> None:
    first, *_, last = last_transaction(copy)
    for place in (first, last):
        change(copy / LOG, place + PARTS[part])
        said = refused(copy)
        # A frame that only now seems to commit is found out by itself: something stands behind it.
        by_frames = part == "size after commit" and place == first
        assert ("2 commits" if by_frames else f"but seq {5 * TICKS} had been acknowledged") in said
        change(copy / LOG, place + PARTS[part])


def test_no_flip_anywhere_goes_unnoticed(killed: Killed, copy: Path) -> None:
    whole = contents(Run.open(killed.folder))
    end = frames(copy)[-1][0] + FRAME
    chance = random.Random(7)
    for at in sorted(chance.randrange(end) for _ in range(60)):
        bit = 1 << chance.randrange(8)
        change(copy / LOG, at, lambda value, bit=bit: value ^ bit)  # type: ignore[misc] # bound at once
        with pytest.raises(DataError, match="is damaged"):
            Run.open(copy)
        change(copy / LOG, at, lambda value, bit=bit: value ^ bit)  # type: ignore[misc] # bound at once
    assert contents(Run.open(copy)) == whole


def test_a_flip_behind_the_last_frame_is_none_of_our_business(killed: Killed, copy: Path) -> None:
    end = frames(copy)[-1][0] + FRAME
    assert (copy / LOG).stat().st_size > end
    for at in (end, end + 9, end + 24, (copy / LOG).stat().st_size - 1):
        change(copy / LOG, at)
    assert contents(Run.open(copy)) == contents(Run.open(killed.folder))


def torn(copy: Path, killed: Killed, drop: Callable[[list[int]], list[int]]) -> None:
    """Let a power cut come before the last commit was acknowledged: some of its frames never reached the disk."""
    shutil.copyfile(killed.earlier / ACKNOWLEDGED, copy / ACKNOWLEDGED)
    old = (killed.earlier / LOG).read_bytes()
    data = bytearray((copy / LOG).read_bytes())
    for place in drop(last_transaction(copy)):
        data[place : place + FRAME] = old[place : place + FRAME]
    (copy / LOG).write_bytes(data)


def nothing(_: list[int]) -> list[int]:
    return []


@pytest.mark.parametrize(
    "drop",
    [
        lambda places: places,
        lambda places: places[:1],
        lambda places: places[-1:],
        lambda places: places[1::2],
        lambda places: places[:-1],
    ],
    ids=["all", "the first", "the last, which commits", "every other", "all but the last"],
)
def test_a_torn_last_transaction_that_nobody_was_told_of_is_cut_off(
    killed: Killed, copy: Path, drop: Callable[[list[int]], list[int]]
) -> None:
    torn(copy, killed, drop)
    assert contents(Run.open(copy)) == contents(Run.open(killed.earlier))
    with LiveJournal.open(copy) as journal:
        assert journal.durable_seq == 5 * (TICKS - 1)


@pytest.mark.parametrize("sectors", [1, 4, 8])
def test_a_frame_torn_within_is_cut_off(killed: Killed, copy: Path, sectors: int) -> None:
    torn(copy, killed, nothing)
    place = last_transaction(copy)[-1] + 512 * sectors
    data = bytearray((copy / LOG).read_bytes())
    data[place : place + 512] = bytes(512)
    (copy / LOG).write_bytes(data)
    assert contents(Run.open(copy)) == contents(Run.open(killed.earlier))


@pytest.mark.parametrize("inside", [0, 10, 1000])
def test_a_file_cut_off_in_its_last_transaction_is_accepted_and_before_it_is_not(
    killed: Killed, copy: Path, inside: int
) -> None:
    torn(copy, killed, nothing)
    first = last_transaction(copy)[0]
    os.truncate(copy / LOG, first + inside)
    assert contents(Run.open(copy)) == contents(Run.open(killed.earlier))
    os.truncate(copy / LOG, first - 1)
    assert "had been acknowledged" in refused(copy)


def test_what_a_power_cut_left_is_not_taken_for_damage_later(killed: Killed, copy: Path, tmp_path: Path) -> None:
    torn(copy, killed, lambda places: places[:1])
    with LiveJournal.open(copy) as journal:
        journal.append_input("incidents", (1, 0, "a small transaction"), 1)
        journal.commit()
        again = left_behind(copy, tmp_path / "again" / "one")
    assert Run.open(again).manifest.rows_of("incidents") == 1
    LiveJournal.open(again).close()


def test_frames_of_earlier_generations_are_not_taken_for_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "ROOM_PAGES", 32)
    with begin(tmp_path / "one") as journal:
        lengths = []
        for first, end in pairwise(range(0, 40, 4)):
            record_to(journal, end, first=first, every=100)
            folder = left_behind(tmp_path / "one", tmp_path / f"at-{end}" / "one")
            lengths.append(len(frames(folder)))
            assert len(Run.open(folder).rows("ticks")) == end
    assert any(later < earlier for earlier, later in pairwise(lengths)), "the file began anew on the way"


def test_a_damaged_or_missing_note_of_what_was_acknowledged_hinders_nobody(killed: Killed, copy: Path) -> None:
    assert read_acknowledged(copy / ACKNOWLEDGED) == 5 * TICKS
    for noted in (b"", b"\xff" * 12, (copy / ACKNOWLEDGED).read_bytes() + b" "):
        (copy / ACKNOWLEDGED).write_bytes(noted)
        assert read_acknowledged(copy / ACKNOWLEDGED) == 0
        assert contents(Run.open(copy)) == contents(Run.open(killed.folder))


def test_a_folder_put_back_from_an_older_copy_goes_on(killed: Killed, tmp_path: Path) -> None:
    older = Path(shutil.copytree(killed.earlier, tmp_path / "one"))
    with LiveJournal.open(older) as journal:
        assert journal.durable_seq == 5 * (TICKS - 1)


@pytest.mark.parametrize("order", ["<u4", ">u4"])
def test_checksums_are_those_of_the_recurrence(order: str) -> None:
    words = np.random.default_rng(3).integers(0, 256, (3, 1032), dtype=np.uint8).view(order).astype(np.uint32)
    before = np.array([[1, 2], [0xFFFFFFFF, 0x80000000], [0, 0]], dtype=np.uint32)
    for row, pair, found in zip(words, before, _checksums(words, before), strict=True):
        one, other = (int(value) for value in pair)
        for first, second in row.reshape(-1, 2).tolist():
            one = (one + first + other) & 0xFFFFFFFF
            other = (other + second + one) & 0xFFFFFFFF
        assert found.tolist() == [one, other]


def test_the_frames_are_those_that_sqlite_wrote(killed: Killed) -> None:
    found = read_frames(np.frombuffer((killed.folder / LOG).read_bytes(), dtype=np.uint8))
    assert (found.first_bad, found.last, found.commits_behind) == (
        len(frames(killed.folder)) + 1,
        len(frames(killed.folder)),
        (),
    )
