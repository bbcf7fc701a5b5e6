"""The bench keeps working: every part gives figures of the right shape. How fast they are is not asked here."""

import json
import math
from pathlib import Path

import pytest

from tests.bench.__main__ import SECTIONS, main
from tests.bench.figures import Figure
from tests.bench.timing import child


@pytest.mark.slow
def test_a_quick_bench_prints_its_table_and_writes_its_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "reports" / "bench.json"
    assert main(["--quick", "--out", str(out)]) == 0
    told = json.loads(out.read_text(encoding="utf-8"))
    assert told["quick"] is True
    assert told["cores"] >= 1
    assert told["measured"].endswith("Z")
    assert {"alphastrike", "numba", "numpy", "source"} <= set(told["versions"])
    printed = capsys.readouterr().out
    for row in told["figures"]:
        assert math.isfinite(row["value"])
        assert row["value"] > 0.0
        assert row["what"] in printed
        assert (row["goal"] is None) == (row["met"] is None) == (row["verdict"] == "")
    measured = {row["section"] for row in told["figures"]}
    assert measured == {
        "account loop",
        "step by step",
        "forks",
        "64 parameter sets",
        "recording",
        "journal",
        "start-up",
        "compile",
    }
    assert len(SECTIONS) == len(measured) + 1, "peak memory is measured by the whole bench only"


@pytest.mark.parametrize(
    ("value", "goal", "better", "verdict"),
    [
        (30.0, 25.0, "more", "met"),
        (20.0, 25.0, "more", "short by 20%"),
        (0.3, 0.4, "less", "met"),
        (0.5, 0.4, "less", "short by 25%"),
        (0.4, 0.4, "less", "met"),
        (1.0, None, "more", ""),
        (None, 1.0, "less", "not measured"),
    ],
)  # fmt: skip
def test_a_figure_says_how_far_it_is_from_its_goal(value: float, goal: float, better: str, verdict: str) -> None:
    assert Figure("section", "what", value, "unit", goal, better).verdict == verdict  # type: ignore[arg-type]


def test_a_child_that_fails_is_an_error_with_its_last_words() -> None:
    with pytest.raises(RuntimeError, match="exited with 2: error: unknown option"):
        child(["/bin/sh", "-c", "echo 'error: unknown option' >&2; exit 2"])
