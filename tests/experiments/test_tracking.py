"""The edge to MLflow on its real SQLite store: what is logged, once, and what a broken store says."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alphastrike.model.errors import AlphaStrikeError
from experiments.tracking import Dataset, Entry, Tracker, check

ODD = "k'e\"y` \\ %_ – ü\n\U0001f600"


@pytest.fixture(scope="module")
def tracker(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Tracker:
    root = tmp_path_factory.mktemp("tracked") / "not there yet"
    root.mkdir()
    shutil.copy(empty_store, root)
    return Tracker.at(root)


def runs(tracker: Tracker, experiment: str) -> list[Any]:
    home = tracker._client.get_experiment_by_name(experiment)
    assert home is not None
    return list(tracker._client.search_runs([home.experiment_id]))


LOG_ONE = """
import sys
from pathlib import Path
from experiments.tracking import Entry, Tracker
children = tuple(Entry(f"trial {number}", {"number": number}) for number in range(3))
print(Tracker.at(Path(sys.argv[1])).log("first", Entry("both", children=children), key="shared"))
"""


@pytest.mark.slow
def test_two_processes_that_begin_at_once_make_one_store_and_one_run(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "not there yet"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", LOG_ONE, str(root)],
            cwd=project,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    told = [each.communicate(timeout=300)[0] for each in started]
    # MLflow's own words would stand beside the id.
    assert told[0] == told[1]
    assert re.fullmatch(r"[0-9a-f]{32}\n", told[0])
    assert sorted(run.info.run_name for run in runs(Tracker.at(root), "first")) == [
        "both", "trial 0", "trial 1", "trial 2",
    ]  # fmt: skip


def test_two_that_begin_at_once_make_one_store(empty_store: Path) -> None:
    # The fixture let two threads begin at once.
    assert sorted(path.name for path in empty_store.parent.iterdir()) == [".mlflow.lock", "mlflow.db"]
    with closing(sqlite3.connect(empty_store)) as opened:
        assert opened.execute("select count(*) from experiments").fetchone() == (1,)


def test_an_entry_is_logged_whole(tracker: Tracker, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>")
    entry = Entry(
        "study – ü",
        params={"seed": 1, "share": 0.1, "on": True, "sampler": "tpe"},
        metrics={"value": 0.25},
        series={"best": [0.1, 0.2]},
        tags={"verdict": "it's ok"},
        datasets=(Dataset("majors", "ab" * 32),),
        artifacts=(page,),
        files={"plots/history.png": b"\x89PNG"},
        tables={"trials": pa.table({"value": [1.0]})},
    )
    run = tracker._client.get_run(tracker.log("whole", entry, key="one"))
    assert run.info.run_name == "study – ü"
    assert run.info.status == "FINISHED"
    assert run.data.params == {"seed": "1", "share": "0.1", "on": "True", "sampler": "tpe"}
    assert run.data.metrics == {"value": 0.25, "best": 0.2}
    assert run.data.tags["verdict"] == "it's ok"
    assert run.inputs is not None
    (stated,) = (each.dataset for each in run.inputs.dataset_inputs)
    assert (stated.name, stated.digest) == ("majors", "ab" * 18)
    assert "ab" * 32 in stated.source
    assert run.info.artifact_uri.startswith("mlflow-artifacts:/whole/")
    folder = tracker.place.artifacts / run.info.artifact_uri.removeprefix("mlflow-artifacts:/")
    laid = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert laid == {"page.html", "plots/history.png", "trials.parquet"}
    assert pq.read_table(folder / "trials.parquet").to_pylist() == [{"value": 1.0}]


def test_the_same_key_goes_on_with_the_same_run(tracker: Tracker) -> None:
    client = tracker._client
    trials = tuple(Entry(f"trial {number}", {"losses": number}, {"value": number / 2}) for number in range(4))
    first = Entry("study", {"seed": 1}, {"value": 1.0}, {"best": [float("nan"), 1.0]}, children=trials[:2])
    begun = tracker.log("again", first, key=ODD)
    half = client.create_run(
        client.get_run(begun).info.experiment_id,
        tags=_tags_of(tracker, "again", "trial 1") | _keys_of(tracker, "trial 2"),
        run_name="trial 2",
    )
    gone_on = replace(
        first,
        params={"seed": 2, "sampler": "tpe"},
        metrics={"value": 3.0},
        series={"best": [float("nan"), 1.0, 1.5, 2.0]},
        children=trials,
    )
    assert tracker.log("again", gone_on, key=ODD) == begun
    assert tracker.log("again", gone_on, key=ODD) == begun
    run = client.get_run(begun)
    assert run.data.params == {"seed": "1", "sampler": "tpe"}
    assert run.data.metrics == {"value": 3.0, "best": 2.0}
    assert [(each.step, each.value) for each in client.get_metric_history(begun, "best")] == [(1, 1), (2, 1.5), (3, 2)]
    assert len(client.get_metric_history(begun, "value")) == 2
    nested = [each for each in runs(tracker, "again") if each.data.tags.get("mlflow.parentRunId") == begun]
    assert sorted(each.info.run_name for each in nested) == [trial.name for trial in trials]
    assert {each.info.status for each in nested} == {"FINISHED"}
    completed = client.get_run(half.info.run_id)
    assert completed.data.params == {"losses": "2"}
    assert tracker.tag("again", ODD, {"promoted": "refused"})
    assert client.get_run(begun).data.tags["promoted"] == "refused"
    assert not tracker.tag("again", "never logged", {"promoted": "refused"})


def _tags_of(tracker: Tracker, experiment: str, name: str) -> dict[str, str]:
    """What a nested run of a name is tagged with."""
    return next(dict(each.data.tags) for each in runs(tracker, experiment) if each.info.run_name == name)


def _keys_of(tracker: Tracker, name: str) -> dict[str, str]:
    """The tags by which a nested run is known, taken from one that was logged under another parent."""
    tracker.log("keys", Entry("parent", children=(Entry(name),)), key="parent")
    tags = _tags_of(tracker, "keys", name)
    return {"mlflow.runName": name, **{key: tags[key] for key in ("alphastrike.key", "alphastrike.key_hash")}}


def test_interrupted_it_is_completed_by_the_next_call(tracker: Tracker) -> None:
    def interrupt(stage: str, done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    entry = Entry("study", children=tuple(Entry(f"trial {number}") for number in range(4)))
    with pytest.raises(KeyboardInterrupt):
        tracker.log("interrupted", entry, key="one", progress=interrupt)
    assert sorted(run.info.status for run in runs(tracker, "interrupted")) == ["FINISHED", "FINISHED", "RUNNING"]
    tracker.log("interrupted", entry, key="one")
    assert [run.info.status for run in runs(tracker, "interrupted")] == ["FINISHED"] * 5


@pytest.mark.parametrize(
    "entry",
    [
        Entry("x" * 5000, params={"p" * 400: "v" * 9000}, tags={"t" * 400: "v" * 20_000}),
        Entry(ODD, params={ODD: ODD, "": "", "a//b/../c": 2}, tags={ODD: ODD, "": ""}),
        Entry("", metrics={"nan": float("nan"), "inf": float("inf"), "none": None, "a b/ü%": 1.0}),
        Entry("many", {f"p{n}": n for n in range(250)}, {f"m{n}": n for n in range(1700)}, {"s": range(900)}),
        Entry("files", files={"../../outside": b"", "/etc/x": b"", ODD: b""}, tables={"../t": pa.table({})}),
        Entry("set", datasets=(Dataset(ODD, ""), Dataset("n" * 999, "0" * 99))),
    ],
    ids=["long", "odd", "not finite", "many", "paths", "datasets"],
)
def test_what_mlflow_would_refuse_does_not_break_it(tracker: Tracker, entry: Entry, tmp_path: Path) -> None:
    outside = {path for path in tracker.place.root.parent.rglob("*") if tracker.place.artifacts not in path.parents}
    run = tracker._client.get_run(tracker.log("odd", entry, key=f"odd {entry.name}"))
    assert run.info.status == "FINISHED"
    assert "nan" not in run.data.metrics
    assert len(run.data.params) == len(entry.params)
    after = {path for path in tracker.place.root.parent.rglob("*") if tracker.place.artifacts not in path.parents}
    assert after == outside


def test_a_prompt_has_one_version_a_text(tracker: Tracker) -> None:
    one, other = "{# name: mine, version: 1 #}\n[user]\n{{ fired }} {{ tools }}", "[user] {{ fired }}"
    texts = [one, other, one, other, one + "\n"]
    assert [tracker.prompt("my prompt/ü", text, {"sha256": "0"}) for text in texts] == [1, 2, 1, 2, 3]
    kept = tracker._client.get_prompt_version("my_prompt__", 1)
    assert kept.template == one
    assert kept.tags == {"sha256": "0"}


def test_a_conversation_is_one_trace_with_its_own_times(tracker: Tracker) -> None:
    run = tracker.log("asked", Entry("model"), key="model")
    told = {
        "request": {"messages": [{"role": "user", "content": "3 losses"}]},
        "response": {"content": "no_action"},
        "begun": 1_700_000_000_123_456,
        "seconds": 1.5,
    }
    one = tracker.trace("asked", "situation 1", key="q1", tokens=(30, 4), tags={"valid": "yes"}, run=run, **told)  # type: ignore[arg-type]
    assert tracker.trace("asked", "situation 1", key="q1", **told) == one  # type: ignore[arg-type]
    failed = tracker.trace("asked", "situation 2", key="q2", error="timed out", **{**told, "response": None})  # type: ignore[arg-type]
    trace = tracker._client.get_trace(one)
    assert trace.info.request_time == 1_700_000_000_123
    assert trace.info.execution_duration == 1500
    assert trace.info.tags["valid"] == "yes"
    assert trace.info.trace_metadata["mlflow.sourceRun"] == run
    assert trace.data.spans[0].inputs == told["request"]
    assert trace.data.spans[0].outputs == told["response"]
    assert trace.info.token_usage == {"input_tokens": 30, "output_tokens": 4, "total_tokens": 34}
    assert tracker._client.get_trace(failed).info.state == "ERROR"


def test_a_deleted_run_is_logged_anew_and_a_deleted_experiment_comes_back(tracker: Tracker) -> None:
    first = tracker.log("deleted", Entry("one"), key="one")
    tracker._client.delete_run(first)
    second = tracker.log("deleted", Entry("one"), key="one")
    assert second != first
    tracker._client.delete_experiment(tracker._client.get_run(second).info.experiment_id)
    assert tracker.log("deleted", Entry("one"), key="one")


def test_the_database_names_no_folder(tracker: Tracker) -> None:
    with sqlite3.connect(tracker.place.database) as opened:
        dumped = "\n".join(opened.iterdump())
    assert str(tracker.place.root) not in dumped
    assert "mlruns" not in dumped


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not a database, and long enough to be looked at" * 30, "is damaged (file is not a database)"),
        (b"", "is damaged (it is no store of MLflow's)"),
    ],
)
def test_a_damaged_store_is_one_line(data_root: Path, content: bytes, said: str) -> None:
    (data_root / "mlflow.db").write_bytes(content)
    with pytest.raises(AlphaStrikeError, match=re.escape(said)) as caught:
        check(data_root)
    assert "\n" not in str(caught.value)
    assert "move it away" in str(caught.value)


def test_a_store_that_is_torn_in_the_middle_is_one_line(tracker: Tracker, data_root: Path) -> None:
    whole = tracker.place.database.read_bytes()
    (data_root / "mlflow.db").write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    with pytest.raises(AlphaStrikeError) as caught:
        Tracker.at(data_root).log("torn", Entry("one"), key="one")
    assert str(data_root) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_that_cannot_be_written_is_one_line(tracker: Tracker, data_root: Path) -> None:
    (data_root / "mlflow.db").write_bytes(tracker.place.database.read_bytes())
    (data_root / "mlflow.db").chmod(0o444)
    with pytest.raises(AlphaStrikeError, match="cannot be used"):
        check(data_root)


def test_a_path_that_mlflow_cannot_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AlphaStrikeError, match=r"Take another --data"):
        check(tmp_path / "what?")
