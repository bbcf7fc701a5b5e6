"""How far the work is, on a terminal, in a file and when asked to be quiet."""

import io

import pytest
from rich.console import Console

from alphastrike.cli import progress
from alphastrike.cli.progress import progress_bars
from alphastrike.model.progress import Progress


def work(report: Progress) -> None:
    for done in (0, 400, 1000, 1000):
        report("perceive", done, 1000)
    report("account", 3, 0)


def test_a_quiet_command_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bars(quiet=True) as report:
        work(report)
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_a_finished_stage_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bars() as report:
        work(report)
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert line.startswith("perceive: 1,000 in ")
    assert line.endswith(" s")


def test_on_a_terminal_there_are_bars_with_amounts(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(
        progress, "err", lambda: Console(file=screen, force_terminal=True, width=120, color_system=None)
    )
    with progress_bars() as report:
        work(report)
    shown = screen.getvalue()
    assert "perceive" in shown
    last = [line for line in shown.splitlines() if "perceive" in line][-1]
    assert " 1,000" in last
    assert last.endswith(" s"), "what is finished says how long it took"
    assert "account" in shown


def test_the_bars_are_taken_down_when_the_work_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(
        progress, "err", lambda: Console(file=screen, force_terminal=True, width=120, color_system=None)
    )

    def fail() -> None:
        with progress_bars() as report:
            report("perceive", 1, 10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert screen.getvalue().endswith("\x1b[?25h"), "the cursor is shown again"
