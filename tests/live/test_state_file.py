"""The state file: whole or not at all, true or ignored, and never asked what the journal knows."""

import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.live.state_file import (
    LeverageState,
    StateFile,
    compared,
    leverage_state,
    parsed,
    read,
    rendered,
    state_file,
    write,
)
from alphastrike.model.errors import DataError
from tests.live.standing import Standing

STATE = LeverageState(
    run="live1",
    seq=120,
    market_seq=118,
    event_time=1_704_067_200_000_000,
    leverage=3.5,
    leverage_cap=10.0,
    volatility_factor=1.0,
    drawdown_factor=0.7,
    performance_factor=1.0,
    equity_peak=101_250.125,
    drawdown=0.0625,
    halted=False,
)

amounts = st.floats(min_value=0.0, max_value=1e12)


@given(leverage=amounts, peak=amounts, seq=st.integers(min_value=0, max_value=2**62), halted=st.booleans())
def test_what_is_written_is_read_again_bit_for_bit(leverage: float, peak: float, seq: int, halted: bool) -> None:
    state = replace(STATE, leverage=leverage, equity_peak=peak, seq=seq, halted=halted)
    assert parsed(rendered(state)) == state


def test_any_flipped_bit_is_noticed() -> None:
    data = rendered(STATE)
    for place in range(len(data)):
        for bit in (1, 16):
            flipped = data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]
            try:
                found = parsed(flipped)
            except DataError:
                continue
            # White space may turn into other white space: then nothing is lost.
            assert found == STATE, flipped


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is not JSON"),
        (rendered(STATE)[:-20], "it is not JSON"),
        (b"\x00" * 400, "it is not JSON"),
        (b"[" * 60_000, "it is not JSON"),
        (b"[]", "it is no JSON object"),
        (b"{}", "its checksum does not match"),
        (rendered(STATE).replace(b"3.5", b"9.5"), "its checksum does not match"),
    ],
)
def test_what_is_damaged_is_named_and_ignored(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "leverage_state.json"
    path.write_bytes(data)
    with pytest.raises(DataError, match=why):
        read(path)
    assert compared(path, STATE) == f"leverage_state.json is ignored: {why}"


def test_a_file_of_another_version_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "leverage_state.json"
    with monkeypatch.context() as newer:
        newer.setattr("alphastrike.live.state_file.SCHEMA_VERSION", 2)
        write(path, STATE)
    assert compared(path, STATE) == "leverage_state.json is ignored: it has version 2, this program writes 1"


def test_a_folder_or_an_endless_file_in_its_place_is_ignored(tmp_path: Path) -> None:
    assert compared(tmp_path, STATE).endswith("is ignored: it cannot be read (Is a directory)")
    endless = tmp_path / "endless"
    endless.write_bytes(b" " * 70_000)
    assert compared(endless, STATE) == "endless is ignored: it is larger than 65,536 bytes"


@pytest.mark.parametrize(
    ("of_the_file", "told"),
    [
        ({}, "agrees with the journal"),
        ({"seq": 80}, "agrees with the journal"),
        ({"seq": 80, "leverage": 9.0}, "is ignored: it stops at seq 80, the journal at 120"),
        ({"seq": 121}, "is ignored: it is at seq 121, ahead of the journal at 120"),
        ({"leverage": 9.0}, "is ignored: it differs from the journal at seq 120"),
        ({"run": "other"}, "is ignored: it is of run other"),
    ],
    ids=["the same", "nothing changed since", "older", "ahead", "different", "another run"],
)
def test_the_file_is_only_compared(tmp_path: Path, of_the_file: dict[str, object], told: str) -> None:
    path = tmp_path / "leverage_state.json"
    write(path, replace(STATE, **of_the_file))  # type: ignore[arg-type] # fields by name
    assert compared(path, STATE) == f"leverage_state.json {told}"


def test_no_file_is_no_trouble(tmp_path: Path) -> None:
    assert read(tmp_path / "leverage_state.json") is None
    assert compared(tmp_path / "leverage_state.json", STATE) == "no leverage_state.json yet"


def test_it_is_its_owners_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "leverage_state.json"
    write(path, STATE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "leverage_state.json"
    seen = set()
    for wait in (0.0, 0.003, 0.011, 0.017, 0.029):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITES, os.fspath(path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        try:
            writer.wait(wait)
        except subprocess.TimeoutExpired:
            writer.send_signal(signal.SIGKILL)
        writer.wait()
        found = read(path)
        assert found is not None
        seen.add(found.seq)
    assert len(seen) > 1


_WRITES = textwrap.dedent("""
    import sys
    from dataclasses import replace
    from pathlib import Path
    from alphastrike.live.state_file import write
    from tests.live.test_state_file import STATE
    for seq in range(1, 1_000_000):
        write(Path(sys.argv[1]), replace(STATE, seq=seq))
        if seq == 1:
            print("writes", flush=True)
""")


def test_it_is_rewritten_when_what_binds_risk_changes_and_only_then(data_root: Path) -> None:
    live = Standing()
    account = live.stepper.state.account[0]
    kept = StateFile(data_root, "standing")
    kept.keep(live.stepper.state, 10)
    assert read(state_file(data_root)) == leverage_state(live.stepper.state, "standing", 10)
    kept.keep(live.stepper.state, 11)
    found = read(state_file(data_root))
    assert found is not None
    assert found.seq == 10
    for seq, (name, value) in enumerate(
        {"leverage": 1.25, "leverage_cap": 2.0, "drawdown_factor": 0.3, "equity_peak": 1e6, "operator_halt": 1}.items(),
        start=12,
    ):
        account[name] = value
        kept.keep(live.stepper.state, seq)
        found = read(state_file(data_root))
        assert found == leverage_state(live.stepper.state, "standing", seq)
    assert found is not None
    assert found.halted


def test_a_disk_that_refuses_the_file_stops_no_run(data_root: Path) -> None:
    live = Standing()
    kept = StateFile(data_root, "standing")
    state_file(data_root).mkdir()
    kept.keep(live.stepper.state, 1)
    assert kept.trouble == f"{state_file(data_root)} could not be written: Is a directory"
    state_file(data_root).rmdir()
    kept.keep(live.stepper.state, 2)
    assert kept.trouble == ""
    found = json.loads(state_file(data_root).read_text())
    assert (found["run"], found["seq"]) == ("standing", 2)
