"""What commands track: whole, once, on again after ``--resume``, and never at the cost of what was found."""

import json
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from alphastrike.cli import tune as command
from alphastrike.cli.main import INTERRUPTED, main
from alphastrike.policy.llm.prompt import prompt_named
from experiments import tracking
from experiments.study import Study
from experiments.tracked_plots import best_so_far, front
from experiments.tracked_study import study_key
from experiments.tracking import Tracker
from tests.experiments.tuned import REFERENCE, SEARCH, TRIALS


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def root(tracked_root: Path) -> Path:
    return tracked_root


def tune(root: Path, name: str, *arguments: str, how: tuple[str, ...] = SEARCH) -> int:
    return main(["tune", "asked", "--name", name, *how, "--workers", "1", *arguments, "--data", str(root), "-q"])


def runs(root: Path, asked: str, experiment: str = "tune") -> list[Any]:
    client = Tracker.at(root)._client
    home = client.get_experiment_by_name(experiment)
    assert home is not None
    return list(client.search_runs([home.experiment_id], asked))


def the_study(root: Path, name: str) -> Any:
    (found,) = runs(root, f"tags.kind = 'study' and attributes.run_name = '{name}'")
    return found


def nested_in(root: Path, run: Any, experiment: str = "tune") -> dict[str, Any]:
    found = runs(root, f"tags.`mlflow.parentRunId` = '{run.info.run_id}'", experiment)
    assert len({each.info.run_name for each in found}) == len(found), "nothing is logged twice"
    return {each.info.run_name: each for each in found}


def test_a_study_is_a_run_with_its_points_nested(root: Path) -> None:
    told = json.loads((root / "reference.json").read_text())
    study = the_study(root, REFERENCE)
    assert study.info.status == "FINISHED"
    assert study.data.params["policy"] == "rules"
    assert study.data.params["configured/losses"] == str(told["configured"]["values"]["losses"])
    metrics = study.data.metrics
    assert metrics["headline"] == pytest.approx(told["stitched"]["value"])
    assert metrics["best_point"] == told["best"]
    assert metrics["best_so_far"] == metrics["best_value"]
    assert {key.removeprefix("importance/") for key in metrics if key.startswith("importance/")} == set(
        told["importance"]
    )
    assert study.data.tags["headline"] == told["headline"]
    assert study.data.tags["gate/hold-out"].startswith("open: closed")
    assert {key for key in study.data.tags if key.startswith("gate/")} == {
        f"gate/{gate['name']}" for gate in told["gates"]
    }
    (dataset,) = study.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("spring", told["market_hash"])
    nested = nested_in(root, study)
    assert set(nested) == {f"point {place}" for place in range(TRIALS)}
    for point in told["points"]:
        run = nested[f"point {point['place']}"]
        assert {name: float(value) for name, value in run.data.params.items()} == pytest.approx(point["values"])
        assert run.data.metrics.get("value") == (None if point["value"] is None else pytest.approx(point["value"]))
        assert run.data.metrics["calls_a_day"] == pytest.approx(point["calls_a_day"])
        assert [run.data.metrics.get(f"fold_{fold}") for fold in (1, 2)] == pytest.approx(point["folds"])


def test_its_artifacts_are_the_page_the_figures_and_both_tables(root: Path) -> None:
    study = the_study(root, REFERENCE)
    folder = root / "mlflow-artifacts" / study.info.artifact_uri.removeprefix("mlflow-artifacts:/")
    laid = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    figures = {"plots/history.png", "plots/slices.png", "plots/importance.png"}
    assert laid == {"study.json", "trials.parquet", "daily_differences.parquet", "tune-reference.html", *figures}
    assert {(folder / name).read_bytes()[:8] for name in figures} == {b"\x89PNG\r\n\x1a\n"}
    stated = json.loads((folder / "study.json").read_text())
    assert stated["facts"]["seed"] == 1
    trials = pq.read_table(folder / "trials.parquet").to_pandas()
    assert list(trials["point"]) == list(range(TRIALS))
    assert stated["points"][3]["value"] == pytest.approx(trials["value"][3])
    days = pq.read_table(folder / "daily_differences.parquet").to_pandas()
    done = Study.open(command.default_storage(root), REFERENCE).done()[3]
    assert np.array_equal(days[days["point"] == 3]["difference"], done.trial.differences)


def test_a_study_that_goes_on_goes_on_in_its_run(root: Path) -> None:
    few = ("--trials", "4", *SEARCH[2:])
    assert tune(root, "longer", how=few) == 0
    begun = the_study(root, "longer")
    assert len(nested_in(root, begun)) == 4
    assert tune(root, "longer", "--resume") == 0
    gone_on = the_study(root, "longer")
    assert gone_on.info.run_id == begun.info.run_id
    assert gone_on.data.metrics["points"] == TRIALS
    assert len(nested_in(root, gone_on)) == TRIALS
    history = Tracker.at(root)._client.get_metric_history(gone_on.info.run_id, "best_so_far")
    steps = [metric.step for metric in history]
    assert sorted(set(steps)) == sorted(steps)
    assert max(steps) == TRIALS - 1


def test_interrupted_while_tracking_the_study_is_kept_and_tracked_later(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    few = ("--trials", "2", *SEARCH[2:])
    with monkeypatch.context() as patched:
        patched.setattr(tracking.Tracker, "_log", interrupt)
        assert tune(root, "stopped", how=few) == INTERRUPTED
    said = capsys.readouterr()
    assert "Study stopped: " in said.out
    assert "is done and kept; not all of it is tracked. To track it: alphastrike tune asked --name stopped" in said.err
    assert tune(root, "stopped", "--resume", how=few) == 0
    assert "Tracked in MLflow: experiment tune, run stopped. Look: alphastrike ui --data" in capsys.readouterr().out
    assert len(nested_in(root, the_study(root, "stopped"))) == 2


def test_a_store_that_breaks_takes_nothing_from_the_study(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ("--trials", "1", *SEARCH[2:])
    with monkeypatch.context() as patched:
        patched.setattr(tracking, "_replace", _full)
        assert tune(root, "unwritten", how=few) == 2
    said = capsys.readouterr()
    assert "Study unwritten: " in said.out
    assert said.err.startswith("error: study unwritten is done and kept, but not tracked: nothing can be tracked under")
    assert "(No space left on device)" in said.err
    assert "To track it then: alphastrike tune asked --name unwritten" in said.err
    assert said.err.count("\n") == 1


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_damaged_store_is_told_before_any_work(
    tuned_root: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data_root / "mlflow.db").write_bytes(b"damaged" * 999)
    assert tune(data_root, "early") == 2
    assert "is damaged" in capsys.readouterr().err
    assert sorted(path.name for path in data_root.iterdir()) == ["mlflow.db"]


def test_the_key_of_a_study_is_all_that_decides_it_but_not_how_long_it_is(root: Path) -> None:
    facts = Study.open(command.default_storage(root), REFERENCE).facts
    assert study_key(replace(facts, trials=999)) == study_key(facts)
    others = [replace(facts, seed=2), replace(facts, name="other"), replace(facts, settings="0"), facts]
    assert len({study_key(each) for each in others}) == len(others)


def test_best_so_far_knows_only_points_that_may_be_chosen(root: Path) -> None:
    trials = Study.open(command.default_storage(root), REFERENCE).done()
    every = best_so_far(trials, 99.0)
    assert every == sorted(every)
    assert every[-1] == max(done.value for done in trials if done.value is not None)
    assert all(np.isnan(best_so_far(trials, -1.0)))


@pytest.mark.parametrize(
    ("drawdowns", "values", "kept"),
    [
        ([0.3, 0.1, 0.2], [3.0, 1.0, 2.0], [1, 2, 0]),
        ([0.1, 0.1, 0.2], [1.0, 2.0, 2.0], [1]),
        ([0.2, 0.1], [1.0, 2.0], [1]),
        ([], [], []),
    ],
)
def test_the_front_holds_what_no_other_point_beats(
    drawdowns: list[float], values: list[float], kept: list[int]
) -> None:
    assert front(drawdowns, values) == kept


@pytest.fixture(scope="module")
def replayed(tracked_root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a replay of the run said, tracked twice."""
    policies = ("--policy", "no-llm", "--policy", "llm:prompt=terse", "--policy", "no-llm")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tmp_path_factory.mktemp("elsewhere"))
        said = [tracked(tracked_root, "replay", "asked", *policies) for _ in range(2)]
    assert said[0] == said[1]
    return said[0]


def tracked(root: Path, *arguments: str) -> dict[str, Any]:
    with redirect_stdout(StringIO()) as heard:
        assert main([*arguments, "--track", "--json", "--quiet", "--data", str(root)]) == 0
    told: dict[str, Any] = json.loads(heard.getvalue())
    return told


def the_one(root: Path, experiment: str) -> Any:
    (found,) = runs(root, f"tags.kind = '{experiment}'", experiment)
    return found


def test_a_replay_is_a_run_with_its_arms_nested_and_logged_once(root: Path, replayed: dict[str, Any]) -> None:
    told, run = replayed, the_one(root, "replay")
    assert run.info.run_name == Path(told["page"]).stem
    assert run.data.tags["verdict"] == told["summary"]
    assert [each.dataset.name for each in run.inputs.dataset_inputs] == ["spring", "asked"]
    effect = told["effects"][0]
    assert run.data.metrics["no-llm/log_growth_difference"] == pytest.approx(effect["differences"]["log_growth"])
    nested = nested_in(root, run, "replay")
    names = [arm["name"] for arm in told["arms"]]
    assert len(nested) == len(names)
    assert nested["rules (factual)"].data.metrics["log_growth"] == pytest.approx(
        told["arms"][0]["metrics"]["log_growth"]
    )
    arm = nested["no-llm"]
    assert arm.data.tags["standing"] == effect["standing"]
    assert arm.data.metrics["net_pnl"] == pytest.approx(told["arms"][1]["metrics"]["net_pnl"])
    assert arm.data.metrics["parts/fees"] == pytest.approx(told["arms"][1]["parts"]["fees"])
    folder = root / "mlflow-artifacts" / run.info.artifact_uri.removeprefix("mlflow-artifacts:/")
    assert {path.name for path in folder.iterdir()} == {Path(told["page"]).name, "replay.json", "daily_equity.parquet"}
    days = pq.read_table(folder / "daily_equity.parquet").to_pandas()
    assert set(days["arm"]) == set(names)
    assert days[days["arm"] == "no-llm"]["equity"].iloc[-1] == pytest.approx(told["arms"][1]["metrics"]["equity_end"])


def test_a_prompt_that_was_used_is_in_the_registry(root: Path, replayed: dict[str, Any]) -> None:
    prompt = prompt_named("terse")
    run = the_one(root, "replay")
    assert run.data.tags[f"prompt/terse/{prompt.sha256[:12]}"] == "prompts:/terse/1"
    kept = Tracker.at(root)._client.get_prompt_version("terse", 1)
    assert kept.template == prompt.template
    assert kept.tags["sha256"] == prompt.sha256


@pytest.mark.slow
def test_an_explanation_is_a_run_with_every_intervention_in_its_table(root: Path) -> None:
    told, again = (tracked(root, "explain", "asked") for _ in range(2))
    assert told == again
    run = the_one(root, "explain")
    assert run.data.tags["verdict"] == told["headline"]
    assert run.data.metrics["interventions"] == len(told["interventions"])
    assert run.data.metrics["shapley_total"] == pytest.approx(told["attribution"]["total"])
    whole = next(one for one in told["whole"] if one["arm"] == "no-llm" and one["mode"] == "adaptive")
    assert run.data.metrics["against/no-llm/adaptive"] == pytest.approx(whole["effect"])
    folder = root / "mlflow-artifacts" / run.info.artifact_uri.removeprefix("mlflow-artifacts:/")
    made = {Path(told["page"]).name, *(Path(each).name for each in told["suite"])}
    assert {path.name for path in folder.iterdir()} == {*made, "explain.json", "interventions.parquet"}
    table = pq.read_table(folder / "interventions.parquet").to_pandas()
    assert list(table["leave_one_out"].fillna(0.0)) == pytest.approx(
        [one["leave_one_out"]["7 d"] or 0.0 for one in told["interventions"]]
    )


def test_a_refused_promotion_is_noted_at_the_study(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["promote", REFERENCE, "--data", str(root), "--quiet"]) == 2
    study = the_study(root, REFERENCE)
    assert study.data.tags["promotion"].startswith("refused: study 'reference' is not promoted: ")
    assert study.data.tags["gate/fill band"].startswith(("passed: ", "failed: "))
