"""The commands as a person meets them: on a terminal, and watched."""

import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.live.standing import Standing, listening

PROJECT = Path(__file__).resolve().parents[2]


PATIENCE_S = 120.0


def on_a_terminal(root: Path, *command: str) -> tuple["subprocess.Popen[bytes]", int]:
    ours, theirs = pty.openpty()
    # Said here, because a process that runs tests for another is told to have 24 lines, fewer than the screen has.
    size = {"TERM": "xterm", "COLUMNS": "160", "LINES": "60"}
    process = subprocess.Popen(
        [sys.executable, "-m", "alphastrike", *command, "--data", os.fspath(root)],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=PROJECT, env={**os.environ, **size},
    )  # fmt: skip
    os.close(theirs)
    return process, ours


def read_until(ours: int, end: str) -> str:
    """Read what the terminal shows until that, or until it is closed."""
    shown = b""
    until = time.monotonic() + PATIENCE_S
    while (end.encode() not in shown or not end) and time.monotonic() < until:
        if not select.select([ours], [], [], 1.0)[0]:
            continue
        try:
            part = os.read(ours, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    return shown.decode()


@pytest.mark.parametrize(
    ("typed", "code", "told", "is_halted"),
    [("{code}", 0, "Lifted operator (account)", 0), ("yes", 2, "left halted", 1), ("", 2, "left halted", 1)],
    ids=["the code", "something else", "nothing"],
)
def test_on_a_terminal_resume_asks_for_the_code(
    data_root: Path, typed: str, code: int, told: str, is_halted: int
) -> None:
    live = Standing()
    account = live.stepper.state.account[0]
    account.operator_halt = 1
    with listening(data_root, live):
        process, ours = on_a_terminal(data_root, "resume")
        asked = read_until(ours, "anything else to leave it halted: ")
        assert "Halted: account: operator, until a person resumes" in asked
        offered = asked.rpartition("Type ")[2].partition(" ")[0]
        assert len(offered) == 4
        os.write(ours, typed.format(code=offered).encode() + b"\n")
        assert told in read_until(ours, "")
        os.close(ours)
        assert process.wait(30) == code
    assert account.operator_halt == is_halted


def test_the_screen_is_kept_up_to_date_until_ctrl_c(data_root: Path) -> None:
    live = Standing()
    with listening(data_root, live):
        process, ours = on_a_terminal(data_root, "status", "--watch")
        assert "not halted" not in read_until(ours, "incidents")
        live.stepper.state.account[0].operator_halt = 1
        assert "HALTED account: operator" in read_until(ours, "HALTED account: operator")
        process.send_signal(signal.SIGINT)
        rest = threading.Thread(target=read_until, args=(ours, ""))
        rest.start()
        assert process.wait(30) == 0
        rest.join(10)
        os.close(ours)


def test_without_a_terminal_a_watcher_gets_lines_until_the_run_ends(data_root: Path) -> None:
    with listening(data_root, Standing()):
        process = subprocess.Popen(
            [sys.executable, "-m", "alphastrike", "status", "--watch", "--data", os.fspath(data_root)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT,
        )  # fmt: skip
        assert process.stdout is not None
        first = process.stdout.readline()
        assert "equity" in first
        assert "\x1b" not in first
        time.sleep(0.05)
    rest, told = process.communicate(timeout=30)
    assert process.returncode == 0
    assert all("equity" in line for line in rest.splitlines())
    assert told == f"the live run of {data_root} has ended\n"
