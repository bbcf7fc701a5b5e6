"""``alphastrike live`` as a user meets it: a process of its own, signals, disks, a second instance, a wrong word."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from alphastrike.cli.main import main
from alphastrike.journal.inputs import IncidentKind
from alphastrike.market.simulate import simulate_market
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.runs.registry import list_runs, open_run

PATIENCE_S = 180.0
DAYS, TICKS = 8, 192
SLOW_ENOUGH = "36000"
"""Ten instants a second of an hourly market."""


@pytest.fixture
def tiny(data_root: Path) -> Path:
    """A data root with a market of two symbols and eight days."""
    simulate_market(data_root, "tiny", ("BTCUSDT", "ETHUSDT"), DAYS, MICROS_PER_HOUR, seed=2)
    return data_root


def started(root: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "alphastrike", "live", "--data", str(root), "--out", str(root / "pages"), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def running(root: Path, *arguments: str) -> subprocess.Popen[str]:
    """A live run that has begun to write: its first tick is durable."""
    process = started(root, *arguments)
    until = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < until:
        if _ticks(root):
            return process
        time.sleep(0.05)
    out, err = process.communicate(timeout=5)
    raise AssertionError(f"it did not begin: {out} {err}")


def _ticks(root: Path) -> int:
    live = [entry for entry in list_runs(root) if entry.manifest is not None and entry.manifest.live]
    return len(open_run(root, live[0].name).rows("ticks")) if live else 0


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err


def as_json(root: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["live", "--data", str(root), "--json", "--no-page", *arguments]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


@pytest.mark.parametrize("number", [pytest.param(signal.SIGTERM, marks=pytest.mark.slow), signal.SIGINT])
def test_its_operator_ends_it_and_it_has_not_failed(
    tiny: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    process = running(tiny, "--feed", "tiny", "--speed", SLOW_ENOUGH)
    process.send_signal(number)
    code, out, err = ended(process)

    assert (code, err.count("Traceback")) == (0, 0), err
    assert "Stopped:" in out
    run = open_run(tiny, "live-tiny-rules")
    assert run.manifest.state == "stopped"
    ticks, equity = run.rows("ticks"), run.rows("equity")
    assert 0 < len(ticks) < TICKS
    assert len(equity) == len(ticks), "the instant that had begun is finished"

    rest = as_json(tiny, capsys)
    assert rest["complete"]
    assert rest["run"] == "live-tiny-rules"
    assert len(open_run(tiny, "live-tiny-rules").rows("ticks")) == TICKS


def test_a_second_instance_is_told_in_one_line(tiny: Path) -> None:
    first = running(tiny, "--feed", "tiny", "--speed", SLOW_ENOUGH)
    try:
        for arguments in ([], ["--new"]):
            code, _, err = ended(started(tiny, "--feed", "tiny", *arguments))
            assert code == 2
            assert err.strip().splitlines()[-1].startswith("error: a live run of")
        assert [entry.name for entry in list_runs(tiny)] == ["live-tiny-rules"]
    finally:
        first.send_signal(signal.SIGTERM)
        assert ended(first)[0] == 0


def test_a_full_disk_ends_it_in_one_line_and_what_is_there_goes_on(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    process = running(tiny, "--feed", "tiny", "--speed", SLOW_ENOUGH)
    # Files that may grow no more are what a full disk is to a process.
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, 4096))
    code, _, err = ended(process)

    assert code == 2, err
    assert "Traceback" not in err
    assert err.strip().splitlines()[-1].startswith("error: the journal of run 'live-tiny-rules' could not be written")
    before = _ticks(tiny)
    assert 0 < before < TICKS
    rest = as_json(tiny, capsys)
    assert rest["complete"]
    assert _ticks(tiny) == TICKS
    assert rest["digest"] == as_json(tiny, capsys, "--new")["digest"], "as if the disk had always had room"


def test_a_damaged_journal_is_refused_in_one_line_and_no_other_run_begins_in_its_place(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    process = running(tiny, "--feed", "tiny", "--speed", "3600")
    process.kill()
    ended(process)
    log = tiny / "runs" / "live-tiny-rules" / "journal.sqlite-wal"
    data = bytearray(log.read_bytes())
    data[32 + 24 + 100] ^= 1
    log.write_bytes(data)

    assert main(["live", "--data", str(tiny), "--quiet"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith(
        f"error: the journal of run 'live-tiny-rules' is damaged ({log}): frame 1 (byte 32) was changed"
    )
    assert [entry.name for entry in list_runs(tiny)] == ["live-tiny-rules"]
    assert log.read_bytes() == data


def test_a_state_file_that_cannot_be_written_is_told_in_one_line_and_stops_nothing(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tiny / "state").mkdir(mode=0o700)
    (tiny / "state" / "leverage_state.json").mkdir()
    assert as_told(tiny, capsys, "--feed", "tiny").count("leverage_state.json could not be written") == 1


def as_told(root: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["live", "--data", str(root), "--no-page", *arguments]) == 0
    return capsys.readouterr().err


def test_a_run_without_a_tick_has_no_page_and_says_so(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # One instant an hour of this clock: it ends before the second.
    out = ["--out", str(tiny / "pages")]
    assert main(["live", "--data", str(tiny), "--feed", "tiny", "--speed", "1", "--duration", "0.01s", *out]) == 0
    said = capsys.readouterr().out
    page = tiny / "pages" / "live-tiny-rules.html"
    if page.exists():
        assert f"Page: {page}" in said
    else:
        assert "Page: run 'live-tiny-rules' has seen no complete instant yet: there is nothing to show." in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--feed", "nowhere"], "no market 'nowhere'"),
        (["--feed", "tiny", "--policy", "rulez"], "policy 'rulez' is unknown"),
        (["--feed", "tiny", "--set", "account.start_equty=5"], "unknown key account.start_equty"),
        (["--feed", "tiny", "--speed", "0"], "--speed '0'"),
        (["--feed", "tiny", "--speed", "fast"], "--speed 'fast'"),
        (["--feed", "tiny", "--duration", "1 fortnight"], "--duration '1 fortnight'"),
        (["--feed", "tiny", "--name", "a/b"], "a run cannot be called 'a/b'"),
    ],
)
def test_a_wrong_word_is_told_before_anything_is_made(
    tiny: Path, capsys: pytest.CaptureFixture[str], arguments: Sequence[str], said: str
) -> None:
    assert main(["live", "--data", str(tiny), "--quiet", *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert list_runs(tiny) == []


def test_it_goes_on_with_the_last_run_of_the_same_account_unless_told_otherwise(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def goes(*arguments: str) -> str:
        name: str = as_json(tiny, capsys, "--duration", "0.05s", "--speed", SLOW_ENOUGH, *arguments)["run"]
        return name

    assert goes("--feed", "tiny") == "live-tiny-rules"
    assert goes() == "live-tiny-rules"
    assert goes("--policy", "no-llm") == "live-tiny-no-llm"
    assert goes() == "live-tiny-no-llm"
    assert goes("--new") == "live-tiny-no-llm-2"
    assert goes("--name", "live-tiny-no-llm") == "live-tiny-no-llm"
    assert goes("--shadow", "--policy", "rules") == "live-tiny-rules-2"
    assert open_run(tiny, "live-tiny-rules-2").manifest.live.shadow  # type: ignore[union-attr]
    assert goes() == "live-tiny-rules-2"
    assert as_json(tiny, capsys, "--name", "live-tiny-rules")["complete"]
    assert main(["live", "--data", str(tiny), "--name", "live-tiny-rules"]) == 2
    assert "complete" in capsys.readouterr().err


def test_a_run_does_not_go_on_under_other_settings(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    as_json(tiny, capsys, "--feed", "tiny", "--duration", "0.05s", "--set", "account.start_equity=5000")

    assert main(["live", "--data", str(tiny), "--set", "account.start_equity=6000"]) == 2
    assert "other settings" in capsys.readouterr().err
    again = as_json(tiny, capsys, "--set", "account.start_equity=5000", "--duration", "0.05s")
    assert again["equity"]["start"] == 5000.0


def test_it_says_where_everything_is(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pages = tiny / "pages"
    assert main(["live", "--data", str(tiny), "--feed", "tiny", "--name", "told", "--out", str(pages)]) == 0
    caught = capsys.readouterr()
    assert f"page {pages / 'told.html'}, written when it ends" in caught.err
    assert "tiny under rules, live" in (pages / "told.html").read_text("utf-8")

    for said in ("told", "socket", "Ctrl-C", "alphastrike halt", "alphastrike status"):
        assert said in caught.err
    for said in (
        "Complete",
        "digest",
        str(tiny / "runs" / "told"),
        f"Page: {pages / 'told.html'}",
        "alphastrike replay told --policy no-llm",
        "p50 / p99",
    ):
        assert said in caught.out


COMPILED_BEFORE = """
import gc, sys
from pathlib import Path
from numba.core.dispatcher import Dispatcher
from numba.np.ufunc.dufunc import DUFunc
from alphastrike.live.compiling import compile_engine
from alphastrike.market.store import open_tables
from tests.live.conftest import LIVELY
from tests.live.playing import play

def compiled():
    return {
        id(found): (str(found), len(found.overloads) if issubclass(type(found), Dispatcher) else len(found.types))
        for found in gc.get_objects()
        if issubclass(type(found), (Dispatcher, DUFunc))
    }

root = Path(sys.argv[1])
_, tables = open_tables(root, "lively")
compile_engine(tables.symbols, tables.interval, LIVELY)
before = compiled()
outcome = play(root, "run", market="lively", settings=LIVELY)
after = compiled()
assert outcome.status["equity"]["trades"] > 0
print(sorted(what for key, what in after.items() if before.get(key) != what))
"""


@pytest.mark.slow
def test_everything_is_compiled_before_the_feed_begins(data_root: Path) -> None:
    simulate_market(data_root, "lively", ("BTCUSDT", "ETHUSDT", "SOLUSDT"), 50, MICROS_PER_HOUR, seed=3)
    done = subprocess.run(
        [sys.executable, "-c", COMPILED_BEFORE, str(data_root)], cwd=Path(__file__).resolve().parents[2],
        env=os.environ | {"PYTHONPATH": "."}, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip

    assert done.stdout.strip() == "[]", done.stdout + done.stderr


@pytest.mark.slow
def test_a_fresh_machine_needs_nothing_but_the_command(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "alphastrike", "live", "--duration", "5s"], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )  # fmt: skip
    code, out, err = ended(process)

    assert code == 0, err
    assert "sample" in err
    assert "data/runs/live-sample-rules" in out
    run = open_run(tmp_path / "data", "live-sample-rules")
    assert IncidentKind.STOP in run.rows("incidents")["incident"].tolist()
    assert len(run.rows("ticks")) > 100
