"""Set-up on a machine with only Python and make: what it refuses, what it leaves behind, what it is told to install."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TESTS = "-m pytest -n 2 --dist worksteal"
TARGETS = ("help", "replay", "test", "test-all", "check", "kill-test", "bench", "scorecard", "wheel-check", "clean")


@pytest.fixture
def tree(project: Path, tmp_path: Path) -> Path:
    """Return a folder with what set-up reads and nothing installed."""
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(project / name, tmp_path / name)
    return tmp_path


def make(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # The tests may themselves have been started by make, whose variables would be handed down.
    handed_down = ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "ARGS", "PYTHON")
    environment = {name: value for name, value in os.environ.items() if name not in handed_down}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=60)


def script(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


def python_of_version(tree: Path, version: str) -> Path:
    """Return a command that is Python in all but the version it tells, until it is asked to make a venv."""
    as_if = f"import sys; sys.version_info = ({version.replace('.', ', ')}); exec(sys.argv[1])"
    return script(tree / "other-python", '[ "$1" = -c ] || exit 70', f'exec {sys.executable} -c "{as_if}" "$2"')


@pytest.mark.parametrize("version", ["3.9.18", "3.10.14", "3.14.0", "2.7.18"])
def test_a_python_we_were_not_tested_with_is_refused_in_one_line(tree: Path, version: str) -> None:
    told = make(tree, "test", f"PYTHON={python_of_version(tree, version)}")
    (line,) = [line for line in told.stderr.splitlines() if not line.startswith("make")]
    assert line.startswith("error: AlphaStrike needs Python 3.11 to 3.13, ")
    assert f"is {version}: name another with PYTHON=" in line
    assert told.returncode == 2
    assert not (tree / ".venv").exists()


@pytest.mark.parametrize("version", ["3.11.0", "3.12.4", "3.13.9"])
def test_a_python_we_support_is_asked_for_a_venv(tree: Path, version: str) -> None:
    told = make(tree, "test", f"PYTHON={python_of_version(tree, version)}")
    assert "Setting up .venv" in told.stdout
    assert "70" in told.stderr, "the stand-in was asked for the venv, and gave up"


def test_a_missing_python_is_named(tree: Path) -> None:
    told = make(tree, "test", "PYTHON=python-that-is-not-here")
    assert "error: no python-that-is-not-here here: name a Python 3.11 to 3.13 with PYTHON=…" in told.stderr
    assert told.returncode == 2


def test_a_set_up_that_broke_off_begins_anew(tree: Path) -> None:
    # A venv appears, and then the installation fails: no network, or somebody pressed Ctrl-C.
    breaking = script(
        tree / "breaking-python",
        '[ "$1" = -c ] && exit 0',
        'echo "$@" >> asked',
        "mkdir -p .venv/bin",
        "printf '#!/bin/sh\\nexit 9\\n' > .venv/bin/python",
        "chmod +x .venv/bin/python",
    )
    for _ in range(2):
        assert make(tree, "test", f"PYTHON={breaking}").returncode == 2
        assert not (tree / ".venv" / ".ready").exists()
    assert (tree / "asked").read_text().splitlines() == ["-m venv --clear .venv"] * 2


def test_a_finished_set_up_is_kept_and_renewed_when_the_pins_change(tree: Path) -> None:
    script(tree / ".venv" / "bin" / "python", 'echo "$@" >> asked')
    ready = tree / ".venv" / ".ready"
    ready.touch()
    assert make(tree, "test").returncode == 0
    assert (tree / "asked").read_text().splitlines() == [TESTS]

    times = ready.stat().st_mtime
    for name in ("requirements.txt", "pyproject.toml"):
        (tree / "asked").unlink()
        (tree / name).touch()
        assert make(tree, "test").returncode == 0
        first, second, last = (tree / "asked").read_text().splitlines()
        assert "--require-hashes -r requirements.txt" in first
        assert "--no-deps --no-build-isolation -e ." in second
        assert last == TESTS
        assert ready.stat().st_mtime > times
        times = ready.stat().st_mtime


def test_help_is_the_default_and_lists_every_target(tree: Path) -> None:
    told = make(tree)
    assert told.stdout == make(tree, "help").stdout
    assert re.findall(r"^  make ([a-z-]+)", told.stdout, re.MULTILINE) == list(TARGETS)


def test_the_readme_names_the_commands_that_the_pipeline_runs(project: Path) -> None:
    readme = (project / "README.md").read_text(encoding="utf-8")
    pipeline = (project / ".ci" / "run").read_text(encoding="utf-8")
    assert "make replay" in readme
    assert "make test" in readme
    assert re.findall(r"^make .*$", pipeline, re.MULTILINE) == ["make check", "make test"]
    assert (project / ".ci" / "run").stat().st_mode & 0o111


def pins(project: Path) -> dict[str, str]:
    """Return the pinned version of every distribution."""
    text = (project / "requirements.txt").read_text(encoding="utf-8")
    return {
        canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE)
    }


def test_every_pin_has_hashes_and_no_address(project: Path) -> None:
    text = (project / "requirements.txt").read_text(encoding="utf-8")
    assert "://" not in text
    entries = [entry for entry in re.split(r"\n(?=[^\s#])", text.strip()) if entry and not entry.startswith("#")]
    assert len(entries) >= len(pins(project)) > 50
    for entry in entries:
        assert re.match(r"[\w.-]+==", entry), f"not a pin: {entry.splitlines()[0]}"
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), f"no hash: {entry.splitlines()[0]}"


def test_what_the_project_asks_for_is_what_is_pinned(project: Path) -> None:
    settings: dict[str, Any] = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*settings["build-system"]["requires"], *settings["project"]["dependencies"]]
    for extra in settings["project"]["optional-dependencies"].values():
        asked += extra
    pinned = pins(project)
    for requirement in map(Requirement, asked):
        version = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} is pinned to {version}"
