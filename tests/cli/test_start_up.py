"""The command line starts light: what a command does not need is not loaded."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "pandas",
    "numpy",
    "pyarrow",
    "numba",
    "duckdb",
    "bokeh",
    "scipy",
    "arch",
    "statsmodels",
    "mlflow",
    "ccxt",
    "optuna",
    "ollama",
    "jinja2",
}

LIST_MODULES = """
import json, sys
from alphastrike.cli.main import main
code = main(sys.argv[1:])
print(json.dumps({"code": code, "modules": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        [],
        ["nonsense"],
        ["replay", "--help"],
        ["explain", "--help"],
        ["ui", "--data", "nowhere"],
    ],
)
def test_help_and_mistakes_load_no_heavy_package(project: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-c", LIST_MODULES, *arguments]
    result = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    told = json.loads(result.stdout.splitlines()[-1])
    assert set(told["modules"]) & HEAVY == set()
    assert told["code"] == (2 if arguments[:1] in (["nonsense"], ["ui"]) else 0)


def test_the_module_and_the_script_are_the_same_command(project: Path) -> None:
    command = [sys.executable, "-m", "alphastrike", "--version"]
    result = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    assert result.stdout == "alphastrike 0.1.0\n"


def test_another_projects_replay_is_refused_in_one_line(project: Path, tmp_path: Path) -> None:
    (tmp_path / "replay.py").write_text("raise SystemExit('the wrong replay was imported')\n")
    path = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(project)!r}]\n"
    command = [sys.executable, "-c", path + LIST_MODULES, "--version"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout)["code"] == 2
    assert result.stderr.startswith("error: package replay must lie beside alphastrike in ")
    assert result.stderr.count("\n") == 1
