"""What there is to vote, and how it stood when a run ended."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alphastrike.cli.main import main
from alphastrike.journal.kinds import KINDS
from alphastrike.journal.tables import kind_named
from alphastrike.ml.declare import Category, signals
from alphastrike.model.forecast import RegimeScope
from alphastrike.model.units import MICROS_PER_DAY
from tests.builders import NOON, rows_of, write_run

NAMES = ("carry", "crowd", "trend_month", "trend_week", "gone")
DAY = NOON - MICROS_PER_DAY // 2


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(list(words)) == 0
    return capsys.readouterr().out


def test_every_signal_is_listed_under_its_category_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    listed = json.loads(said(capsys, "signals", "--json"))
    assert {each["name"] for each in listed["signals"]} == set(signals())
    categories = [each["category"] for each in listed["signals"]]
    order = [category.value for category in Category]
    assert categories == sorted(categories, key=order.index)
    assert (listed["categories"], listed["of"]) == (12, 12)
    lines = said(capsys, "signals").splitlines()
    assert lines[-1] == f"{len(signals())} signals in 12 of 12 categories"
    for made in signals().values():
        (line,) = (line for line in lines if f" {made.name} " in line)
        assert made.doc.splitlines()[0] in line
        assert ", ".join(made.inputs) in line


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("trend_week", ["candles"]),
        ("market_trend", ["candles"]),
        ("carry", ["funding"]),
        ("taker_pressure", ["candles", "taker_buy_volume"]),
        ("crowd", ["long_short_ratio"]),
        ("book_imbalance", ["book_tops"]),
        ("premium", ["candles", "marks"]),
        ("liquidation_pressure", ["candles", "liquidations"]),
        ("open_interest_trend", ["candles", "open_interest"]),
        ("fear_and_greed", ["fear_greed"]),
    ],
)
def test_what_a_signal_needs_of_a_market_is_read_from_its_features(
    capsys: pytest.CaptureFixture[str], name: str, needs: list[str]
) -> None:
    listed = json.loads(said(capsys, "signals", "--json"))
    assert next(each["needs"] for each in listed["signals"] if each["name"] == name) == needs


def wide(kind: str, columns: dict[str, list[float]]) -> tuple[Any, dict[str, Any]]:
    rows = len(next(iter(columns.values())))
    at = np.arange(1, rows + 1, dtype=np.int64)
    place = {"market_seq": at, "event_time": DAY + at, "symbol": np.zeros(rows, dtype=np.int64)}
    return kind_named(kind, tuple(columns)), {**place, **{name: np.array(values) for name, values in columns.items()}}


def tracked(
    day: int, name: str, accuracy: float, outcomes: int, weight: float, *, retired: bool = False
) -> dict[str, Any]:
    return {
        "market_seq": day,
        "event_time": DAY + day * MICROS_PER_DAY,
        "name": name,
        "regime": RegimeScope.ALL,
        "accuracy": accuracy,
        "outcomes": outcomes,
        "weight": weight,
        "retired": retired,
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root with a run of five signals, of which each stands otherwise."""
    nan = np.nan
    first = [tracked(1, name, 0.52, 0, 1.0) for name in NAMES]
    last = [
        tracked(3, "carry", 0.49, 200, 0.0),
        tracked(3, "crowd", 0.52, 0, 1.0),
        tracked(3, "trend_month", 0.41, 300, 0.0, retired=True),
        tracked(3, "trend_week", 0.561, 1500, 0.0149),
        tracked(3, "gone", 0.5, 30, 1.0),
    ]
    retired = {
        "market_seq": 2,
        "event_time": DAY + 2 * MICROS_PER_DAY,
        "name": "trend_month",
        "regime": RegimeScope.ALL,
        "returned": False,
        "accuracy": 0.41,
        "outcomes": 290,
    }
    write_run(
        tmp_path / "runs" / "r",
        [
            wide("features", {"funding_168": [1.0, 1.0, 1.0], "crowd_lean_168": [nan, nan, nan]}),
            wide(
                "signals",
                {
                    "carry": [0.1, 0.2, nan],
                    "crowd": [nan, nan, nan],
                    "gone": [0.1, 0.1, 0.1],
                    "trend_month": [0.5, 0.5, 0.5],
                    "trend_week": [nan, nan, -1.0],
                },
            ),
            (KINDS["accuracies"], rows_of("accuracies", *first, *last)),
            (KINDS["retirements"], rows_of("retirements", retired)),
        ],
    )
    return tmp_path


def test_a_run_says_how_each_signal_stood_at_its_end(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(said(capsys, "signals", "--run", "r", "--data", str(root), "--json"))
    assert told["as_of"] == "2023-11-23T00:00:00Z"
    stood = {each["name"]: each for each in told["signals"]}
    assert {name: each["state"] for name, each in stood.items()} == {
        "carry": "without a vote: no edge",
        "crowd": "abstains: this market has no long_short_ratio",
        "trend_month": "on probation since 2023-11-22",
        "trend_week": "votes",
        "gone": "votes",
    }
    assert {name: each["scores"] for name, each in stood.items()} == {
        "carry": 2, "crowd": 0, "trend_month": 3, "trend_week": 1, "gone": 3,
    }  # fmt: skip
    assert (stood["trend_week"]["accuracy"], stood["trend_week"]["outcomes"]) == (0.561, 1500)
    assert stood["gone"]["category"] == "", "this version has no such signal"
    assert told["voted"] == ["price_action", "derivatives"], "an abstention is no vote, a retired signal voted once"


def test_the_table_of_a_run_ends_with_the_categories_that_voted(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "signals", "--run", "r", "--data", str(root)).splitlines()
    (line,) = (line for line in lines if " trend_week " in line)
    assert line.split() == ["price", "action", "trend_week", "56.1", "%", "1,500", "0.015", "votes"]
    assert lines[-2:] == ["run r, as of 2023-11-23 00:00 UTC", "2 of 12 categories voted"]


def test_a_run_of_less_than_a_day_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "runs" / "short", [wide("signals", {"trend_week": [0.5], "crowd": [np.nan]})])
    lines = said(capsys, "signals", "--run", "short", "--data", str(tmp_path)).splitlines()
    assert lines[-2] == "run short has no day yet on which the decay tracker looked at its signals"
    assert lines[-1] == "1 of 12 categories voted"


def test_signals_tracked_by_regime_have_a_line_for_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {**tracked(1, "trend_week", 0.5 + regime / 100.0, 100 + regime, 1.0), "regime": regime}
        for regime in RegimeScope
    ]
    write_run(
        tmp_path / "runs" / "r",
        [wide("signals", {"trend_week": [0.5]}), (KINDS["accuracies"], rows_of("accuracies", *rows))],
    )
    lines = said(capsys, "signals", "--run", "r", "--data", str(tmp_path)).splitlines()
    found = [line.split() for line in lines if " trend_week " in line]
    assert [" ".join(words[3:-5]) for words in found] == ["all", "trend up", "trend down", "range", "high volatility"]
    assert [words[-4] for words in found] == ["%"] * 5


def test_a_run_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["signals", "--run", "none", "--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: there is no run 'none'")
