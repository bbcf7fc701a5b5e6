"""A study of what lies in an object store comes to what one of the same here comes to, in any worker."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alphastrike.cli import tune as command
from alphastrike.cli.main import main
from alphastrike.market.store import find_market
from alphastrike.runs.object_store import ObjectStore
from alphastrike.runs.publishing import push
from alphastrike.runs.registry import list_runs, open_run
from experiments.study import Study
from tests.experiments.tuned import HOW, TRIALS
from tests.replay.runs import OFTEN
from tests.runs.s3 import prefix_of, s3


@pytest.fixture(scope="module")
def store(tuned_root: Path) -> Iterator[ObjectStore]:
    with s3() as endpoint:
        there = prefix_of(endpoint, "tuned by address")
        push(tuned_root, "asked", there)
        yield there


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_run_is_tuned_on_by_its_address_and_a_worker_finds_it_there(
    tuned_root: Path, store: ObjectStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = ["--storage", f"sqlite:///{tmp_path}/studies.db"]
    address = store.under("runs", "asked").address
    asker = ["tune", address, *HOW, "--workers", "1", "--timeout", "0", *storage, "--data", str(tmp_path / "asker")]
    assert main([*asker, "-q"]) == 0
    assert address in capsys.readouterr().out, "how to go on"
    worker = ["tune", "--worker", "asked-rules", *storage, "--data", str(tmp_path / "worker"), "-q"]
    assert main(worker) == 0
    assert f"{TRIALS} points were evaluated" in capsys.readouterr().out
    reference: dict[str, Any] = json.loads((tuned_root / "reference.json").read_text())
    done = Study.open(storage[1], "asked-rules").done()
    values = {one.place: one.trial.values for one in done}
    assert values == {point["place"]: point["values"] for point in reference["points"]}
    assert [one.value for one in done] == [point["value"] for point in reference["points"]]
    assert [run.name for run in list_runs(tmp_path / "worker")] == [], "what was fetched is apart"


def test_a_market_is_pulled_by_its_address_and_recorded_or_tuned_on(
    tuned_root: Path, store: ObjectStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = store.under("markets", "spring").address
    stated = [part for each in OFTEN for part in ("--set", each)]
    place = ["--data", str(tmp_path / "own"), "-q"]
    assert main(["record", address, "--policy", "rules", "--name", "asked", *stated, *place]) == 0
    assert open_run(tmp_path / "own", "asked").manifest.digest == open_run(tuned_root, "asked").manifest.digest
    few = ["--trials", "2", "--folds", "2", "--calls-a-day", "5", "--only", "losses", "--workers", "1", "--no-track"]
    assert main(["tune", address, *few, *stated, *place]) == 0
    capsys.readouterr()
    facts = Study.open(command.default_storage(tmp_path / "own"), "spring-rules").facts
    assert (facts.market, facts.run, facts.address) == ("spring", "", address)
    own, sent = find_market(tmp_path / "own", "spring"), find_market(tuned_root, "spring")
    assert own is not None
    assert sent is not None
    assert own.content_hash == sent.content_hash == facts.market_hash


def test_a_run_is_not_recorded_on(store: ObjectStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", store.under("runs", "asked").address, "--data", str(tmp_path), "-q"]) == 2
    assert "names no market" in capsys.readouterr().err
