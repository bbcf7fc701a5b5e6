"""SIGKILL as a test: a few kills of a whole run, and a halt that outlives one."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from alphastrike.journal.codes import Reason
from alphastrike.journal.inputs import OperatorAct
from alphastrike.live.address import socket_place
from alphastrike.live.client import ask
from alphastrike.live.state_file import read, state_file
from alphastrike.live.wire import AskStatus, Halt, RefusedError, Resume
from alphastrike.market.simulate import simulate_market
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.runs.registry import open_run
from tests.live.kill import MARKET, PROJECT, START_LIMIT_S, Life, harness, started

pytestmark = pytest.mark.slow

SPEED = str(30 * 3600)
"""Thirty hourly ticks a second: a person can act while the market goes on."""


def test_a_run_killed_five_times_is_the_run_that_nobody_disturbed(data_root: Path) -> None:
    report = harness(data_root, kills=5, seed=3, days=45)
    assert report.troubles == []
    assert report.kills.total() == 5
    assert report.finished >= 1
    assert report.acknowledged > 0
    assert report.orders > 0


def alive(root: Path) -> Life:
    life = started(root, "halted", "--speed", SPEED)
    assert life.wait_for("recovered", START_LIMIT_S), life.errors
    assert life.wait_for("durable", START_LIMIT_S, 3), life.errors
    return life


def test_a_halt_that_was_acknowledged_outlives_a_kill_and_only_a_person_lifts_it(data_root: Path) -> None:
    simulate_market(data_root, MARKET, ("BTCUSDT", "ETHUSDT", "SOLUSDT"), 45, MICROS_PER_HOUR, seed=3)
    life = alive(data_root)
    done = ask(data_root, Halt(author="ada", flatten=True))
    assert life.kill() == -9
    assert stat.S_ISSOCK(socket_place(data_root).stat().st_mode), "a kill leaves its socket behind"
    acts = open_run(data_root, "halted").rows("operator")
    assert [(OperatorAct(act), by) for act, by in zip(acts["act"], acts["author"], strict=True)] == [
        (OperatorAct.HALT, "ada"),
        (OperatorAct.FLATTEN, "ada"),
    ]

    life = alive(data_root)
    status = ask(data_root, AskStatus(author="x"))
    assert status["durable_seq"] >= done["seq"]
    assert [halt["cause"] for halt in status["halts"] if halt["scope"] == "account"] == ["operator"]
    kept = read(state_file(data_root))
    assert kept is not None
    assert kept.halted

    told = subprocess.run(
        [sys.executable, "-m", "alphastrike", "resume", "--data", os.fspath(data_root)],
        capture_output=True, text=True, check=True, cwd=PROJECT,
    ).stdout  # fmt: skip
    assert told.startswith("Halted: account: operator, until a person resumes\nNothing is lifted yet.")
    with pytest.raises(RefusedError, match="not the code that was given"):
        ask(data_root, Resume(author="x", code="0000"))
    code = ask(data_root, Resume(author="bob"))["code"]
    ask(data_root, Resume(author="bob", code=code))
    status = ask(data_root, AskStatus(author="x"))
    assert [halt for halt in status["halts"] if halt["scope"] == "account"] == []

    life.process.terminate()
    assert life.ended() == 0
    run = open_run(data_root, "halted")
    assert [OperatorAct(act) for act in run.rows("operator")["act"]][-1] is OperatorAct.RESUME
    orders = run.rows("orders")
    halted = (orders["market_seq"] > done["market_seq"]) & (
        orders["market_seq"] <= run.rows("operator")["market_seq"][-1]
    )
    assert not {Reason.ENTRY, Reason.REVERSAL} & {Reason(int(reason)) for reason in orders["reason"][halted]}


def test_a_second_live_run_of_the_data_root_is_one_line_and_exit_2(data_root: Path) -> None:
    simulate_market(data_root, MARKET, ("BTCUSDT", "ETHUSDT", "SOLUSDT"), 45, MICROS_PER_HOUR, seed=3)
    life = alive(data_root)
    second = started(data_root, "other")
    assert second.ended() == 2
    told = [line for line in second.errors if line.startswith("error: ")]
    assert len(told) == 1
    assert told[0].startswith(f"error: a live run of {data_root} is at work already: look with `alphastrike status`")
    life.process.terminate()
    assert life.ended() == 0
    assert not (data_root / "runs" / "other").exists(), "nothing half begun is left"
