"""Killed at any moment, or out of room: every acknowledged input is there, and the run ends as if nothing had been."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alphastrike.journal import database as database_module
from alphastrike.journal.manifest import chain_faults, read_manifest
from alphastrike.journal.reader import Run
from tests.journal.live import EVENTS, all_seqs, begin, contents, record_to
from tests.journal.wal_victim import DIED_OF_THE_DISK, EVERY

TICKS = 60


@pytest.fixture(autouse=True)
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen megabytes of room made before every run would be most of what these tests do."""
    monkeypatch.setattr(database_module, "ROOM_PAGES", 16)


def victim(folder: Path, ticks: int, limit: int = 0) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.journal.wal_victim", str(folder), str(ticks), str(limit)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def kill_after(folder: Path, words: int, ticks: int) -> tuple[int, bool]:
    """Kill a process after it has said so much; return the last acknowledged input, and whether it was at its end."""
    process = victim(folder, ticks)
    assert process.stdout is not None
    last = 0
    for number, line in enumerate(process.stdout, 1):
        if line.startswith("finished"):
            process.wait(60)
            return last, True
        last = int(line.split()[1])
        if number >= words:
            break
    process.send_signal(signal.SIGKILL)
    # It may have said more before the signal came.
    rest = process.stdout.read().splitlines()
    last = max([last, *(int(line.split()[1]) for line in rest if line.startswith("durable "))])
    assert process.wait(60) in {-signal.SIGKILL, 0}, "it died of something else"
    return last, process.returncode == 0


def let_finish(folder: Path, ticks: int) -> None:
    if read_manifest(folder).state != "complete":
        assert kill_after(folder, 10**9, ticks)[1]


def undisturbed(folder: Path, ticks: int) -> dict[str, list[dict[str, object]]]:
    with begin(folder) as journal:
        record_to(journal, ticks, every=EVERY)
    return contents(Run.open(folder))


@pytest.mark.parametrize("kills", [5, pytest.param(40, marks=pytest.mark.slow)])
def test_killed_at_random_moments_the_run_ends_as_undisturbed(tmp_path: Path, kills: int) -> None:
    ticks = 12 * kills
    chance = random.Random(20231120 + kills)
    folder = tmp_path / "one"
    said = 0
    for _ in range(kills):
        last, is_over = kill_after(folder, chance.randint(1, 20), ticks)
        said = max(said, last)
        held = contents(Run.open(folder))
        assert all_seqs(held)[: said // EVENTS * EVENTS] == list(range(1, said // EVENTS * EVENTS + 1))
        if is_over:
            break
    let_finish(folder, ticks)
    assert chain_faults(read_manifest(folder)) == []
    assert contents(Run.open(folder)) == undisturbed(tmp_path / "whole", ticks)


@pytest.mark.parametrize("after_ms", [0.0, 1.0, 3.0, 10.0, 30.0])
def test_killed_while_it_seals_the_run_ends_as_undisturbed(tmp_path: Path, after_ms: float) -> None:
    folder = tmp_path / "one"
    process = victim(folder, TICKS)
    assert process.stdout is not None
    # A stretch has just ended, and is being sealed from here on.
    end = f"durable {EVENTS * EVERY}\n"
    assert end in iter(process.stdout.readline, "")
    time.sleep(after_ms / 1e3)
    process.kill()
    process.stdout.close()
    process.wait(60)

    assert all_seqs(contents(Run.open(folder)))[: EVENTS * EVERY] == list(range(1, EVENTS * EVERY + 1))
    let_finish(folder, TICKS)
    assert contents(Run.open(folder)) == undisturbed(tmp_path / "whole", TICKS)


@pytest.mark.parametrize("room", [1_000, 10_000, 50_000])
def test_a_disk_without_room_ends_the_process_and_loses_nothing(tmp_path: Path, room: int) -> None:
    folder = tmp_path / "one"
    with begin(folder) as journal:
        record_to(journal, 2, every=EVERY)
    largest = max(path.stat().st_size for path in folder.iterdir())
    process = victim(folder, 2000, largest + room)
    said, _ = process.communicate(timeout=120)

    assert process.returncode == DIED_OF_THE_DISK, said[-500:]
    *acknowledged, last = said.splitlines()
    assert last.startswith("failed the journal of run 'one' could not be written")
    durable = int(acknowledged[-1].split()[1])
    held = all_seqs(contents(Run.open(folder)))
    assert held[-1] >= durable // EVENTS * EVENTS
    assert held == list(range(1, held[-1] + 1))

    ticks = durable // EVENTS + 3
    let_finish(folder, ticks)
    assert contents(Run.open(folder)) == undisturbed(tmp_path / "whole", ticks)
