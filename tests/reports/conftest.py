import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from replay.explained import Explained
from reports.recorded import Recorded
from tests.replay.runs import RecordedRuns, make_runs
from tests.reports.explained_world import made_explained

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIETLY = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> RecordedRuns:
    """Real runs under a data root of the session's own."""
    return make_runs(tmp_path_factory.mktemp("reported"))


@pytest.fixture(scope="session")
def explained() -> tuple[Explained, Recorded]:
    """A run of 41 situations taken apart."""
    return made_explained()


@pytest.fixture(scope="session")
def long_explained() -> tuple[Explained, Recorded]:
    """One of more than 500 interventions."""
    return made_explained(584, 1280)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window; skips where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no Chromium on this machine: none of {', '.join(NAMES)} is on the path")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=list(QUIETLY))
        yield opened
        opened.close()
