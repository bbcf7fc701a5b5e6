"""A run is on the disk whole or not at all, in as many segments as its writer made."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from alphastrike.journal.folders import sweep
from alphastrike.journal.kinds import KINDS
from alphastrike.journal.manifest import chain_faults
from alphastrike.journal.reader import Run
from alphastrike.journal.segments import RunWriter, file_digest
from alphastrike.model.errors import ConfigurationError, TryAgainError
from tests.builders import BTC, SYMBOLS, blank, facts, features, fill, rows_of, write_run

FILLS = KINDS["fills"]


def test_a_sealed_run_holds_its_files_and_nothing_else(tmp_path: Path) -> None:
    manifest = write_run(tmp_path / "runs" / "first")

    held = {path.name for path in (tmp_path / "runs" / "first").iterdir()}
    assert held == {
        "manifest.json",
        "features-000001.parquet",
        "forecasts-000001.parquet",
        "fills-000001.parquet",
        "checkpoints-000001.parquet",
    }
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["first"]
    assert manifest.rows_of("fills") == 2
    assert manifest.rows_of("retirements") == 0
    assert manifest.tables["features"].columns == ("momentum", "spread")
    for segment in manifest.segments:
        assert file_digest(tmp_path / "runs" / "first" / segment.file) == segment.digest


def test_a_long_run_lies_in_stretches_and_reads_as_one(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "long", SYMBOLS) as writer:
        writer.append(FILLS, rows_of("fills", fill(BTC, 1.0, at=1), fill(BTC, 2.0, at=2)))
        writer.roll()
        writer.append(FILLS, rows_of("fills", fill(BTC, 3.0, at=2), fill(BTC, 4.0, at=3)))
        manifest = writer.seal(facts("long"))
    run = Run.open(tmp_path / "long")

    assert [segment.file for segment in run.segments("fills")] == ["fills-000001.parquet", "fills-000002.parquet"]
    assert [(segment.first_seq, segment.last_seq) for segment in manifest.segments] == [(1, 2), (2, 3)]
    assert run.rows("fills")["quantity"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert [part & 0xFFFFF for part in run.table("fills")["part"].to_pylist()] == [0, 0, 1, 0]
    assert run.sql("select sum(quantity) from fills").rows == [(10.0,)]
    assert chain_faults(manifest) == []


def test_a_live_run_gives_its_own_seq(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "live", SYMBOLS) as writer:
        writer.append(FILLS, rows_of("fills", fill(BTC, 1.0, at=4)), np.array([6]))
        writer.seal(facts("live", state="stopped"))

    assert Run.open(tmp_path / "live").sql("select seq, market_seq from fills").rows == [(6, 4)]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    write_run(tmp_path / "one")
    write_run(tmp_path / "two")

    for path in (tmp_path / "one").glob("*.parquet"):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_an_exception_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupted() -> None:
        with RunWriter(tmp_path / "cut", SYMBOLS) as writer:
            writer.append(FILLS, rows_of("fills", fill(BTC, 1.0)))
            assert len(list(tmp_path.rglob("*.parquet"))) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken_is_refused_before_and_at_sealing(tmp_path: Path) -> None:
    write_run(tmp_path / "taken")
    with pytest.raises(ConfigurationError, match="a run called 'taken' exists"):
        RunWriter(tmp_path / "taken", SYMBOLS)

    with RunWriter(tmp_path / "raced", SYMBOLS) as writer:
        (tmp_path / "raced").mkdir()
        (tmp_path / "raced" / "other").touch()
        with pytest.raises(ConfigurationError, match="'raced' was made meanwhile"):
            writer.seal(facts("raced"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raced", "taken"]


@pytest.mark.parametrize("folder", [Path(), Path(".hidden")])
def test_a_name_that_cannot_be_a_folders_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be called"):
        RunWriter(folder, SYMBOLS)


WRITE_UNDER_A_LIMIT = """
import resource, sys
from pathlib import Path
import numpy as np
from alphastrike.model.errors import TryAgainError
from tests.builders import features, write_run

kind, columns = features(("noise",), at=range(1, 20_000))
columns["noise"] = np.random.default_rng(1).standard_normal(len(columns["noise"]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    write_run(Path(sys.argv[1]), [(kind, columns)])
except TryAgainError as error:
    print(error)
"""


@pytest.mark.parametrize("room", [0, 10, 5_000, 100_000, 300_000])
def test_a_full_disk_is_one_line_and_leaves_nothing_behind(tmp_path: Path, room: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITE_UNDER_A_LIMIT, str(tmp_path / "big"), str(room)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip

    assert done.stdout.startswith("no room to write run 'big'")
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a small file system")
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no right to mount a small file system here")
    try:
        kind, columns = features(("noise",), at=range(1, 20_000))
        columns["noise"] = np.random.default_rng(1).standard_normal(len(columns["noise"]))
        with pytest.raises(TryAgainError, match="No space left on device"):
            write_run(small / "big", [(kind, columns)])
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


WRITE_AND_WAIT = """
import sys, time
from pathlib import Path
from alphastrike.journal.folders import sweep
from alphastrike.journal.kinds import KINDS
from alphastrike.journal.segments import RunWriter
from tests.builders import BTC, SYMBOLS, fill, rows_of

writer = RunWriter(Path(sys.argv[1]), SYMBOLS)
writer.append(KINDS["fills"], rows_of("fills", fill(BTC, 1.0)))
print("writing", flush=True)
time.sleep(60)
"""


def test_what_a_killed_writer_left_is_swept_away_and_what_a_living_one_holds_is_not(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    with subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_WAIT, str(runs / "killed")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        sweep(runs)
        assert len(list(runs.iterdir())) == 1, "the folder of a living writer was taken from it"
        process.kill()
        process.wait()

    write_run(runs / "next", [(FILLS, blank(FILLS, 0))])

    assert [path.name for path in runs.iterdir()] == ["next"]


def test_a_folder_held_by_a_writer_that_this_machine_cannot_see_is_left_alone(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path / "elsewhere", SYMBOLS)
    (partial,) = tmp_path.iterdir()
    elsewhere = partial.with_name(".elsewhere.4194305.partial")  # no such process here, but the lock is held
    partial.rename(elsewhere)

    sweep(tmp_path)

    assert elsewhere.exists()
    os.close(writer._lock)
    writer._lock = -1
    sweep(tmp_path)
    assert not elsewhere.exists()
