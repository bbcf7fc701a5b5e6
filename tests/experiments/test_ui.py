"""``alphastrike ui``: MLflow's real server on this machine alone in a real browser, and what stands in its way."""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alphastrike.cli.main import main
from experiments.tracking import Tracker
from tests.experiments.tuned import REFERENCE
from tests.reports.conftest import NAMES, QUIETLY


@dataclass(frozen=True)
class Served:
    """A running ``alphastrike ui``."""

    process: subprocess.Popen[str]
    page: str

    @property
    def address(self) -> str:
        return self.page.partition("/#")[0]

    def post(self, path: str, asked: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, json.dumps(asked).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


@contextmanager
def served(root: Path, project: Path) -> Iterator[Served]:
    process = subprocess.Popen(
        [sys.executable, "-m", "alphastrike", "ui", "--port", "0", "--data", str(root)],
        cwd=root.parent,
        env={**os.environ, "PYTHONPATH": str(project), "MLFLOW_BACKEND_STORE_URI": "sqlite:///elsewhere.db"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.match(r"MLflow: (http://127\.0\.0\.1:[0-9]+/\S*) \(stop: Ctrl-C\)\n", said)
        assert found is not None, said + process.communicate(timeout=60)[1]
        yield Served(process, found[1])
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=60)


@pytest.fixture(scope="module")
def moved(tracked_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root that was tracked in at another place and then moved here."""
    root = tmp_path_factory.mktemp("moved") / "data"
    root.mkdir()
    # What is written ahead goes into the file when the last connection to it is closed.
    Tracker.at(tracked_root)._client._tracking_client.store.engine.dispose()
    shutil.copy(tracked_root / "mlflow.db", root)
    shutil.copytree(tracked_root / "mlflow-artifacts", root / "mlflow-artifacts")
    return root


@pytest.mark.browser
def test_it_shows_a_study_its_points_figures_and_page_and_ends_whole(moved: Path, project: Path) -> None:
    with served(moved, project) as ui:
        found = ui.post("/api/2.0/mlflow/runs/search", {"experiment_ids": ["1"], "filter": "tags.kind = 'study'"})
        study = next(run for run in found["runs"] if run["info"]["run_name"] == REFERENCE)
        page = f"get-artifact?path=tune-{REFERENCE}.html&run_uuid={study['info']['run_id']}"
        with urllib.request.urlopen(f"{ui.address}/{page}", timeout=60) as answer:
            assert b"<!doctype html>" in answer.read().lower()
        chromium = next((path for name in NAMES if (path := shutil.which(name))), None)
        if chromium is not None:
            _look(ui, chromium, study["info"]["run_id"])
        port, group = int(ui.address.rpartition(":")[2]), _child_of(ui.process.pid)
        ui.process.send_signal(signal.SIGTERM)
        assert ui.process.wait(timeout=60) == 0
        with pytest.raises(ProcessLookupError):
            os.killpg(group, 0)
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", port))
    assert sorted(path.name for path in moved.iterdir()) == ["mlflow-artifacts", "mlflow.db"]
    if chromium is None:
        pytest.skip("no Chromium on this machine: looked at over HTTP alone")


def _look(ui: Served, chromium: str, run: str) -> None:
    """Find the study, a point of it, a figure and the page as a person would."""
    from playwright.sync_api import sync_playwright

    asked: set[str] = set()
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=list(QUIETLY))
        page = opened.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(60_000)
        page.on("request", lambda request: asked.add(request.url.split("/")[2]))
        page.goto(ui.page)
        page.get_by_role("link", name=REFERENCE, exact=True).first.click()
        page.wait_for_url(f"**/runs/{run}*")
        page.get_by_role("link", name="point 11", exact=True).first.wait_for()
        page.get_by_role("tab", name="Artifacts").click()
        page.get_by_text(f"tune-{REFERENCE}.html").first.click()
        page.frame_locator("iframe").get_by_role("heading", name="All points").wait_for()
        page.get_by_text("plots", exact=True).first.click()
        page.get_by_text("history.png").first.click()
        page.wait_for_function("() => [...document.images].some(image => image.naturalWidth > 500)")
        opened.close()
    assert asked - {""} == {ui.address.removeprefix("http://")}


def _child_of(process: int) -> int:
    """The server that ``alphastrike ui`` started, which leads a group of its own."""
    said = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=True)
    return int(said.stdout.split()[0])


def store(root: Path) -> Path:
    """A file that passes for a store at first sight, where nothing is to be started anyway."""
    with closing(sqlite3.connect(root / "mlflow.db")) as made:
        made.execute("create table alembic_version (version_num text)")
    return root


def test_without_a_store_it_says_what_makes_one(data_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ui", "--data", str(data_root)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith(f"error: nothing is tracked in {data_root} yet. `alphastrike tune RUN` tracks its study")


def test_a_taken_port_is_named(data_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["ui", "--port", str(port), "--data", str(store(data_root))]) == 2
    said = capsys.readouterr().err
    assert said == f"error: port {port} is taken. Name another with --port; --port 0 takes a free one.\n"


def test_a_damaged_store_is_told_before_anything_starts(data_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data_root / "mlflow.db").write_bytes(b"damaged" * 999)
    assert main(["ui", "--port", "0", "--data", str(data_root)]) == 2
    assert f"the tracking store {data_root / 'mlflow.db'} is damaged" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
