"""The purity lint: every rule finds its planted violation, and the tree is clean."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def purity(project: Path) -> ModuleType:
    """Load the lint, which is a script and lies in no package."""
    spec = importlib.util.spec_from_file_location("purity", project / ".ci" / "purity.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["purity"] = module
    spec.loader.exec_module(module)
    return module


def found(purity: ModuleType, source: str) -> list[tuple[int, str]]:
    return [(violation.line, violation.what) for violation in purity.check("risk/planted.py", source)]


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import time", "time"),
        ("from time import perf_counter", "time"),
        ("from datetime import datetime\nnow = datetime.now()", "datetime.datetime.now"),
        ("import datetime as dt\nnow = dt.datetime.utcnow()", "datetime.datetime.utcnow"),
        ("import datetime\nday = datetime.date.today()", "datetime.date.today"),
        ("import numpy as np\nnow = np.datetime64('now')", "numpy.datetime64"),
        ("import random", "random"),
        ("from random import Random", "random"),
        ("import secrets", "secrets"),
        ("import uuid", "uuid"),
        ("import numpy as np\ndraw = np.random.default_rng(1)", "numpy.random"),
        ("from numpy.random import default_rng", "numpy.random"),
        ("from numpy import random as chance", "numpy.random"),
        ("import os", "os"),
        ("from os import environ", "os"),
        ("from os import getenv", "os"),
        ("import os.path", "os"),
        ("import sys\nfirst = sys.argv[1]", "sys.argv"),
        ("import importlib", "importlib"),
        ("from pathlib import Path", "pathlib"),
        ("import socket", "socket"),
        ("import subprocess", "subprocess"),
        ("from http.client import HTTPSConnection", "http"),
        ("import httpx", "httpx"),
        ("import pyarrow.parquet as pq", "pyarrow.parquet"),
        ("from pyarrow import parquet", "pyarrow.parquet"),
        ("file = open('x')", "open"),
        ("print(1)", "print"),
        ("line = input()", "input"),
        ("value = eval('1')", "eval"),
        ("key = hash('BTCUSDT')", "hash"),
        ("def f(path):\n    return path.read_text()", ".read_text()"),
        ("def f(path):\n    return (path / 'x').write_bytes(b'')", ".write_bytes()"),
        ("def f(path):\n    with path.open() as file:\n        return file", ".open()"),
        ("import numpy as np\nvalues = np.load('x.npy')", "numpy.load"),
        ("from numba import njit", "numba.njit"),
        ("import numba\n@numba.njit\ndef f(x):\n    return x", "numba.njit"),
        ("import numba as nb\ndef f(n):\n    return nb.prange(n)", "numba.prange"),
        ("from x import compile\n@compile(fastmath=True)\ndef f(x):\n    return x", "fastmath"),
        ("from x import compile\n@compile(parallel=True)\ndef f(x):\n    return x", "parallel"),
    ],
)
def test_a_planted_violation_is_named_with_its_line(purity: ModuleType, source: str, what: str) -> None:
    assert what in [name for _, name in found(purity, source)]
    # One line further down, the report moves with it.
    moved = [line for line, name in found(purity, f"\n{source}") if name == what]
    assert moved == [line + 1 for line, name in found(purity, source) if name == what]


@pytest.mark.parametrize("decorator", ["step", "entry", "fold_step"])
@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("np.sum(x)", "numpy.sum"),
        ("np.mean(x)", "numpy.mean"),
        ("np.std(x)", "numpy.std"),
        ("np.var(x)", "numpy.var"),
        ("np.median(x)", "numpy.median"),
        ("np.dot(x, x)", "numpy.dot"),
        ("np.tanh(x[0])", "numpy.tanh"),
        ("np.exp(x[0])", "numpy.exp"),
        ("x.sum()", ".sum()"),
        ("x[1:].mean()", ".mean()"),
        ("np.abs(x).sum()", ".sum()"),
        ("x @ x", "@"),
    ],
)
def test_compiled_code_spells_its_arithmetic_out(
    purity: ModuleType, decorator: str, expression: str, what: str
) -> None:
    heading = f"import numpy as np\nfrom alphastrike.model.compiled import {decorator}\n"
    body = f"def f(x):\n    return {expression}\n"
    assert found(purity, f"{heading}@{decorator}\n{body}") == [(5, what)]
    assert found(purity, f"{heading}{body}") == [], "outside compiled code NumPy may add up"


def test_a_compiled_function_is_known_by_its_module_too(purity: ModuleType) -> None:
    source = (
        "import numpy as np\nfrom alphastrike.model import compiled\n@compiled.step\ndef f(x):\n    return np.sum(x)\n"
    )
    assert found(purity, source) == [(5, "numpy.sum")]


@pytest.mark.parametrize(
    "source",
    [
        "from pathlib import PurePath\nname = PurePath('a/b').name",
        "import math\ny = math.tanh(1.0)",
        "from datetime import UTC, datetime\nstart = datetime(2022, 1, 1, tzinfo=UTC)",
        "import numpy as np\nday = np.datetime64('2022-01-01')",
        "def f(bar):\n    return bar.open",
        "import sys\nlargest = sys.float_info.max",
        "def f(random, time):\n    return random + time",
        "from alphastrike.model.compiled import step\n@step\ndef f(x):\n    total = 0.0\n    return total + abs(x)",
    ],
)
def test_what_is_pure_is_left_alone(purity: ModuleType, source: str) -> None:
    assert found(purity, source) == []


def test_an_exception_that_excepts_nothing_is_a_violation(purity: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "alphastrike" / "model"
    folder.mkdir(parents=True)
    file = folder / "compiled.py"
    file.write_text("\n".join(f"import {module}" for module in ("os", "importlib", "pathlib", "numba", "random")))
    named = [violation.what for violation in purity.violations(tmp_path)]
    assert named == [
        "exception for .read_bytes() is not needed",
        "exception for .rglob() is not needed",
        "exception for numba.njit is not needed",
        "exception for numba.vectorize is not needed",
        "random",
    ]


def test_the_language_model_client_is_outside_and_its_neighbours_are_not(purity: ModuleType, tmp_path: Path) -> None:
    for folder in ("policy/llm", "policy", "market"):
        (tmp_path / "alphastrike" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "alphastrike" / folder / "clock.py").write_text("import time\n")
    assert [violation.path for violation in purity.violations(tmp_path)] == ["policy/clock.py"]


def test_the_command_names_file_and_line_and_fails(project: Path, tmp_path: Path) -> None:
    planted = tmp_path / "alphastrike" / "risk"
    planted.mkdir(parents=True)
    (planted / "clock.py").write_text('"""A clock."""\n\nfrom time import monotonic\n')
    result = _lint(project, tmp_path)
    assert result.returncode == 1
    assert "alphastrike/risk/clock.py:3: time: time only moves by events" in result.stdout


def test_the_command_does_not_pass_a_folder_without_sources(project: Path, tmp_path: Path) -> None:
    assert _lint(project, tmp_path).returncode == 1


def test_the_tree_is_pure(purity: ModuleType, project: Path) -> None:
    assert [str(violation) for violation in purity.violations(project)] == []


def test_the_lint_reads_every_package_whose_source_names_the_compiler_cache(purity: ModuleType) -> None:
    from alphastrike.model.compiled import DECIDING_PACKAGES

    assert set(purity.PACKAGES) == set(DECIDING_PACKAGES)


def _lint(project: Path, root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(project / ".ci" / "purity.py"), str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
