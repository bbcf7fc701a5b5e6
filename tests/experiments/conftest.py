"""A recorded run that is tuned on, one study of it, and MLflow's store, made once for all tests that need them."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from alphastrike.cli.main import main
from alphastrike.config.resolve import resolve
from alphastrike.market.simulate import simulate_market
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.runs.recorder import record
from experiments.tracking import Tracker
from tests.experiments.tuned import HOW, NEVER, REFERENCE, SEARCH
from tests.replay.runs import often


@pytest.fixture(scope="session")
def tuned_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with the market ``spring``, its runs ``asked`` and ``silent``, and a study of ``asked``."""
    made = tmp_path_factory.mktemp("tuned")
    simulate_market(made, "spring", ("BTCUSDT", "ETHUSDT"), 130, MICROS_PER_HOUR, 3)
    record(made, "spring", "rules", name="asked", settings=often())
    record(made, "spring", "rules", name="silent", settings=resolve(None, NEVER))
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(made)
        arguments = ["tune", "asked", "--name", REFERENCE, *HOW, "--workers", "1"]
        with redirect_stdout(StringIO()) as said:
            assert main([*arguments, "--data", str(made), "--json"]) == 0
    (made / "reference.json").write_text(said.getvalue())
    return made


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database with nothing in it, to be copied; two threads began to make it at once."""
    root = tmp_path_factory.mktemp("store")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Tracker.at, [root, root]))
    return root / "mlflow.db"


@pytest.fixture(scope="session")
def tracked_root(tuned_root: Path, empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same data root, its study tracked."""
    shutil.copy(empty_store, tuned_root)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tmp_path_factory.mktemp("elsewhere"))
        tracked = ["tune", "asked", "--name", REFERENCE, *SEARCH, "--workers", "1", "--resume"]
        assert main([*tracked, "--data", str(tuned_root), "-q"]) == 0
    return tuned_root
