"""The compiled account, its uncompiled source and any hash seed give the same bits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.account_bits import all_bits


def elsewhere(project: Path, **environment: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.account_bits"],
        cwd=project,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(line.rsplit("=", 1) for line in done.stdout.splitlines())


@pytest.mark.slow
@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="compares with compiled runs")
def test_the_uncompiled_source_gives_the_same_bits(project: Path) -> None:
    here = all_bits()
    assert len(here) > 60
    assert elsewhere(project, NUMBA_DISABLE_JIT="1") == here


@pytest.mark.parametrize("seed", ["0", "1"])
def test_pythons_hash_seed_changes_no_bit(project: Path, seed: str) -> None:
    assert elsewhere(project, PYTHONHASHSEED=seed) == all_bits()
