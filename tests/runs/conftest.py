"""One small run, recorded once for all tests of this folder, and a copy of it for each that would change it."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from alphastrike.config.settings import Settings
from alphastrike.journal.reader import Run
from alphastrike.market.simulate import simulate_market
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.runs.computed import Computed
from alphastrike.runs.recorder import record, rederive
from alphastrike.runs.registry import open_run

DAYS = 240


class Recorded(NamedTuple):
    """A data root with a market ``small`` and a run ``first`` over it."""

    root: Path
    computed: Computed
    """The run computed again, as ``verify`` does."""

    @property
    def run(self) -> Run:
        """The run, opened afresh."""
        return open_run(self.root, "first")


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Do not change it: see ``own``."""
    root = tmp_path_factory.mktemp("data")
    simulate_market(root, "small", ("BTCUSDT", "ETHUSDT", "SOLUSDT"), DAYS, MICROS_PER_HOUR, seed=3)
    record(root, "small", "rules", name="first", settings=Settings())
    return Recorded(root, rederive(root, open_run(root, "first")))


@pytest.fixture
def own(recorded: Recorded, tmp_path: Path) -> Recorded:
    """The same run in a data root of the test's own."""
    shutil.copytree(recorded.root, tmp_path / "data")
    return Recorded(tmp_path / "data", recorded.computed)
