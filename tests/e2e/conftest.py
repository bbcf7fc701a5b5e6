"""A terminal: runs ``alphastrike`` in a folder of its own and keeps what it said."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

TIMEOUT_S = 300


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The standard output as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Terminal:
    """A working folder in which commands are typed."""

    folder: Path

    def type(self, *words: str, environment: Mapping[str, str] | None = None) -> Said:
        """Run ``alphastrike`` with these words and wait for it."""
        done = subprocess.run(
            [sys.executable, "-m", "alphastrike", *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), **(environment or {})},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def expect(self, *words: str, environment: Mapping[str, str] | None = None) -> Said:
        """Run a command that must succeed."""
        said = self.type(*words, environment=environment)
        assert said.code == 0, f"{' '.join(words)} ended with {said.code}: {said.err[-2000:]}"
        return said


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """An empty folder, as a new user has it; one for all tests of a module."""
    return Terminal(tmp_path_factory.mktemp("user"))
