"""The import contract: the tree keeps it, and planted violations of each kind are named."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LINT = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LINT, "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def copy(project: Path, tmp_path: Path) -> Path:
    """Return a copy of the four packages, to plant in."""
    for package in ("alphastrike", "replay", "experiments", "reports"):
        shutil.copytree(project / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "out"))
    shutil.copy(project / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_tree_keeps_the_contract(project: Path) -> None:
    told = lint(project)
    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("alphastrike/model/planted.py", "alphastrike.journal.kinds"),
        ("alphastrike/journal/planted.py", "alphastrike.engine"),
        ("alphastrike/risk/planted.py", "alphastrike.strategy"),
        ("alphastrike/gateway/planted.py", "alphastrike.features"),
        ("alphastrike/policy/planted.py", "alphastrike.config"),
        ("alphastrike/engine/planted.py", "alphastrike.runs"),
        ("alphastrike/runs/planted.py", "replay"),
        ("replay/planted.py", "experiments"),
        ("experiments/planted.py", "reports"),
        ("reports/planted.py", "alphastrike.cli.main"),
        ("alphastrike/risk/planted.py", "time"),
        ("alphastrike/model/planted.py", "random"),
        ("alphastrike/ml/planted.py", "urllib.request"),
        ("alphastrike/engine/planted.py", "alphastrike.journal.reader"),
    ],
)
def test_an_import_against_the_direction_is_named(copy: Path, importer: str, imported: str) -> None:
    (copy / importer).write_text(f'"""Planted."""\n\nimport {imported}\n')
    told = lint(copy)
    assert told.returncode == 1
    assert (
        f"{importer.removesuffix('.py').replace('/', '.')} -> {imported.partition('.request')[0]} (l.3)" in told.stdout
    )


def test_layers_that_arrive_later_are_held_to_it_too(copy: Path) -> None:
    for folder, source in {
        "alphastrike/live": '"""Planted."""\n',
        "alphastrike/engine": '"""Planted."""\n\nimport alphastrike.live\n',
        "alphastrike/exchange": '"""Planted."""\n\nimport alphastrike.gateway\n',
    }.items():
        (copy / folder).mkdir(exist_ok=True)
        (copy / folder / "__init__.py").write_text(source)
    told = lint(copy)
    assert told.returncode == 1
    assert "alphastrike.engine -> alphastrike.live (l.3)" in told.stdout
    assert "alphastrike.exchange -> alphastrike.gateway (l.3)" in told.stdout
