"""A small lively market, recorded over history and played live once for all tests of this folder."""

import shutil
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pytest

from alphastrike.config.resolve import resolve
from alphastrike.journal.reader import Run
from alphastrike.live.session import Outcome, Session
from alphastrike.live.writer import Released
from alphastrike.market.simulate import simulate_market
from alphastrike.market.store import open_tables
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.runs.recorder import record
from alphastrike.runs.registry import open_run
from tests.live.playing import During, play

DAYS: Final = 52
SEED: Final = 10
"""Of a market in which much happens in the fortnight after perception's windows are full."""
LIVELY: Final = resolve(
    None,
    ["perception.conviction.minimum_days=2", "perception.conviction.window_days=7", "account.triggers.losses=1"],
)
"""Settings under which these days are enough for trades, situations and interventions."""


class Played(NamedTuple):
    """A data root with a market ``small``, its history run ``first``, and its live run ``live1``."""

    root: Path
    outcome: Outcome

    def run(self, name: str) -> Run:
        return open_run(self.root, name)


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Do not change it."""
    root = tmp_path_factory.mktemp("live")
    simulate_market(root, "small", ("BTCUSDT", "ETHUSDT", "SOLUSDT"), DAYS, MICROS_PER_HOUR, SEED)
    record(root, "small", "rules", name="first", settings=LIVELY)
    return Played(root, play(root, "live1", settings=LIVELY))


@pytest.fixture
def live_root(played: Played, tmp_path: Path) -> Path:
    """A data root of the test's own, with the same market and nothing else."""
    root = tmp_path / "data"
    (root / "markets").mkdir(parents=True)
    (root / "markets" / "small").symlink_to(played.root / "markets" / "small")
    return root


@pytest.fixture(scope="session")
def warm(played: Played, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root whose run ``live1`` was stopped when its windows were full and nothing had happened yet."""
    root = tmp_path_factory.mktemp("warm")
    (root / "markets").symlink_to(played.root / "markets")
    first = int(played.run("first").rows("situations")["event_time"][0])
    play(root, "live1", settings=LIVELY, during=stops_at(first - 24 * MICROS_PER_HOUR))
    return root


@pytest.fixture
def warm_root(warm: Path, tmp_path: Path) -> Path:
    """A copy of it that the test may go on with, under any policy: nobody has been asked yet."""
    shutil.copytree(warm / "runs", tmp_path / "warm" / "runs")
    (tmp_path / "warm" / "markets").symlink_to(warm / "markets")
    return tmp_path / "warm"


def stops_at(event_time: int) -> During:
    """Order the end as soon as a tick of that time or later is durable."""

    def watch(session: Session) -> None:
        def look(released: Released) -> None:
            if released.event_time >= event_time:
                session.stop("the test has seen enough")

        session.on_release.append(look)

    return watch


def last_tick(root: Path) -> int:
    """Return the time of the market's last tick."""
    _, tables = open_tables(root, "small")
    return tables.start + (tables.ticks - 1) * tables.interval


def assert_same_rows(one: Run, other: Run, *, but: frozenset[str] = frozenset()) -> int:
    """Compare every derived table and ``ticks`` row for row, ``seq`` and ``recorded_at`` aside; return the rows."""
    compared = 0
    tables = {name for name in one.manifest.tables if one.manifest.rows_of(name)} - but
    assert tables, "nothing to compare"
    for name in sorted(tables):
        if name == "checkpoints":
            continue
        held, expected = other.rows(name), one.rows(name)
        assert held.dtype == expected.dtype, name
        assert len(held) == len(expected), name
        for column in expected.dtype.names or ():
            same = np.array_equal(held[column], expected[column], equal_nan=expected[column].dtype.kind == "f")
            assert same, f"{name}.{column}"
        compared += len(expected)
    return compared
