"""The part of a run's page about its signals: each one's accuracy and weight over time, and when it was retired."""

import re
from pathlib import Path

import numpy as np
import pytest

from alphastrike.journal.kinds import KINDS
from alphastrike.journal.reader import Run
from alphastrike.journal.tables import kind_named
from alphastrike.model.forecast import RegimeScope
from alphastrike.model.units import MICROS_PER_DAY
from alphastrike.runs.signals import standings
from reports.run import page
from reports.signals import HEIGHT, WIDTH, traces
from tests.builders import NOON, rows_of, write_run
from tests.replay.runs import RecordedRuns


@pytest.fixture(scope="module")
def html(recorded: RecordedRuns) -> str:
    return page(recorded.root, recorded.open("guarded"))


def test_every_signal_of_the_run_has_a_row_with_what_the_command_says(recorded: RecordedRuns, html: str) -> None:
    run = recorded.open("guarded")
    stood = standings(run)
    rows = re.findall(r"<tr><th>(\w+)</th><td class=\"w\">([\w ]+)</td><td class=\"trace\">", html)
    assert rows == [(each.name, each.category.replace("_", " ")) for each in stood.signals]
    assert {name for name, _ in rows} == set(run.manifest.tables["signals"].columns)
    assert f"{len(stood.voted)} of 12 categories voted" in html
    for each in stood.signals:
        assert f'<td class="state">{each.state}</td>' in html


def test_lines_span_the_run_and_stay_in_their_box(recorded: RecordedRuns) -> None:
    drawn = traces(recorded.open("guarded"))
    assert drawn is not None
    for one in drawn.rows:
        if one.accuracy:
            points = np.array([point.split(",") for point in one.accuracy[1:].split(" ")], dtype=float)
            assert (points[0, 0], points[-1, 0]) == (0.0, WIDTH)
            assert (np.diff(points[:, 0]) > 0.0).all()
            assert ((points[:, 1] >= 0.0) & (points[:, 1] <= HEIGHT)).all()
        heights = [float(height) for height in re.findall(r"V([\d.]+)", one.weight)]
        assert all(0.0 <= height <= HEIGHT for height in heights)


def test_probation_is_shaded_and_weight_steps_where_they_change(tmp_path: Path) -> None:
    days = [
        {
            "market_seq": day,
            "event_time": NOON + day * MICROS_PER_DAY,
            "name": "trend_week",
            "regime": RegimeScope.ALL,
            "accuracy": 0.40 + 0.02 * day,
            "outcomes": day,
            "weight": 0.0 if day in {3, 4, 10} else 0.5,
            "retired": day in {3, 4, 10},
        }
        for day in range(11)
    ]
    at = np.array([1], dtype=np.int64)
    scores = {"market_seq": at, "event_time": NOON + at, "symbol": at - 1, "trend_week": np.array([0.5])}
    tables = [(kind_named("signals", ("trend_week",)), scores), (KINDS["accuracies"], rows_of("accuracies", *days))]
    write_run(tmp_path / "r", tables)
    drawn = traces(Run.open(tmp_path / "r"))
    assert drawn is not None
    (one,) = drawn.rows
    assert one.retired == [(300.0, 200.0), (1000.0, 0.0)], "from the day it is retired to the day it votes again"
    assert one.weight == "M0,100 H0.0 V0.0 H300.0 V100.0 H500.0 V0.0 H1000.0 V100.0 H1000 V100 Z"
    assert one.accuracy.startswith("M0.0,99.0 100.0,")
    assert one.accuracy.endswith("1000.0,1.0")
    assert (drawn.low, drawn.high, drawn.half) == ("40.0 %", "60.0 %", 50.0)
    assert one.state == "on probation"


def test_a_run_without_a_day_of_the_tracker_has_none(tmp_path: Path) -> None:
    write_run(tmp_path / "r")
    assert traces(Run.open(tmp_path / "r")) is None
