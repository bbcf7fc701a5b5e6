"""What every test stands on: no network, a data root of its own, reproducible examples, the real market if there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.network import no_network

PROJECT = Path(__file__).resolve().parent.parent

# Set before any test imports MLflow, which reports its use to its makers otherwise.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

# The same examples on every machine and every day: a failure on a colleague's desk is a failure on mine. The shared
# machine of a pipeline may stall at any time, so no example is timed.
settings.register_profile(
    "default", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("default")


@pytest.fixture(scope="session", autouse=True)
def _offline() -> Iterator[None]:
    """Fail every test that dials beyond this machine."""
    with no_network():
        yield


@pytest.fixture(scope="session")
def project() -> Path:
    """Return the project's root folder."""
    return PROJECT


@pytest.fixture(scope="session")
def shared_market() -> Path:
    """Return the folder of real market data beside the project; skip where there is none."""
    folder = PROJECT.parent / "shared" / "market"
    if not folder.is_dir():
        pytest.skip("no real market data: ../shared/market does not exist beside the project")
    return folder


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    """Return a data root of this test's own; it exists and is empty."""
    root = tmp_path / "data"
    root.mkdir()
    return root
