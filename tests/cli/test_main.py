"""How a command ends: one line and an exit code, whatever went wrong."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from alphastrike.cli import main as shell
from alphastrike.model.errors import ConfigurationError, DataError, HaltError, TryAgainError

Body = Callable[[], None]
Ends = Callable[[Body], tuple[int, str]]


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ends:
    """Return a function that runs a command with that body and gives its exit code and stderr."""

    def run(body: Body) -> tuple[int, str]:
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command("work")(body)
        app.callback()(lambda: None)
        monkeypatch.setattr(shell, "app", app)
        return shell.main(["work"]), capsys.readouterr().err

    return run


def raising(error: BaseException) -> Body:
    def body() -> None:
        raise error

    return body


@pytest.mark.parametrize("kind", [ConfigurationError, DataError, TryAgainError, HaltError])
def test_expected_trouble_is_one_line_and_exit_2(ends: Ends, kind: type[Exception]) -> None:
    assert ends(raising(kind("market x is not there"))) == (2, "error: market x is not there\n")


def test_a_message_of_many_lines_and_strange_characters_is_still_one_line(ends: Ends) -> None:
    code, told = ends(raising(DataError("symbol \x1b[31mBTC[bold]\nUSDT\r is unknown")))
    assert (code, told) == (2, "error: symbol \\x1b[31mBTC[bold] USDT is unknown\n")


def test_an_interrupt_is_130_and_says_that_nothing_is_half_written(ends: Ends) -> None:
    assert ends(raising(KeyboardInterrupt())) == (130, "interrupted; nothing was half written\n")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_asks_for_space(ends: Ends, number: int) -> None:
    code, told = ends(raising(OSError(number, os.strerror(number), "data/runs/x")))
    assert code == 2
    assert told == "error: the disk is full (data/runs/x): free some space or name another --data, and try again\n"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EISDIR])
def test_a_file_system_that_refuses_is_the_users_to_mend(ends: Ends, number: int) -> None:
    code, told = ends(raising(OSError(number, os.strerror(number), "data")))
    assert code == 2
    assert told == f"error: {os.strerror(number)} (data): check the path and its permissions\n"


def test_too_little_memory_says_what_would_need_less(ends: Ends) -> None:
    code, told = ends(raising(MemoryError()))
    assert code == 2
    assert told.startswith("error: out of memory: choose fewer symbols")


@pytest.mark.parametrize("code", [0, 1, 3])
def test_a_command_may_choose_its_exit_code(ends: Ends, code: int) -> None:
    assert ends(raising(typer.Exit(code))) == (code, "")


def test_a_command_that_returns_is_done(ends: Ends) -> None:
    assert ends(lambda: None) == (0, "")


def test_a_defect_of_ours_is_not_dressed_up(ends: Ends) -> None:
    with pytest.raises(ZeroDivisionError):
        ends(raising(ZeroDivisionError()))


def test_a_missing_file_that_nobody_checked_for_is_a_defect_of_ours(ends: Ends) -> None:
    with pytest.raises(FileNotFoundError):
        ends(raising(FileNotFoundError(errno.ENOENT, "No such file", "x")))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command 'nonsense'. See: alphastrike --help"),
        (["--nonsense"], "No such option: --nonsense. See: alphastrike --help"),
    ],
)
def test_a_mistyped_command_points_to_the_help(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert shell.main(arguments) == 2
    assert capsys.readouterr().err == f"error: {said}\n"


def test_without_arguments_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert shell.main([]) == 0
    assert "Usage: alphastrike" in capsys.readouterr().out


COMMANDS = (
    "import",
    "simulate",
    "markets",
    "record",
    "replay",
    "explain",
    "what-if",
    "live",
    "page",
    "runs",
    "push",
    "pull",
    "sql",
    "verify",
    "signals",
    "lookahead",
    "ablate",
    "tune",
    "promote",
    "tournament",
    "ui",
    "status",
    "halt",
    "resume",
    "flatten",
    "revoke",
    "override",
)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_of_its_own(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert shell.main([name, "--help"]) == 0
    assert f"Usage: alphastrike {name}" in capsys.readouterr().out


def test_the_commands_stand_in_the_order_of_a_first_session() -> None:
    assert tuple(command.name for command in shell.app.registered_commands) == COMMANDS


def test_a_reader_that_leaves_early_hears_no_complaint(project: Path) -> None:
    # The pipe's reading end is closed before the command writes: what `| head` does, without a race.
    code = (
        "import os, sys\n"
        "reader, writer = os.pipe(); os.close(reader); os.dup2(writer, 1)\n"
        "from alphastrike.cli.main import main\n"
        "sys.exit(main(['--version']))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (1, "")
