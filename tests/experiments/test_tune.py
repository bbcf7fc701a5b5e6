"""``alphastrike tune`` from outside: the same best with any workers, and nothing lost by Ctrl-C."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from alphastrike.cli import tune as command
from alphastrike.cli.main import INTERRUPTED, main
from alphastrike.cli.options import DATA
from experiments import ledger
from experiments.objective import Objective
from experiments.study import Done, Study
from experiments.tuning import basis_again
from tests.experiments.tuned import HOW, ONLY, REFERENCE, TRIALS
from tests.replay.runs import OFTEN


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def tune(root: Path, *arguments: str) -> int:
    return main(["tune", *arguments, "--no-track", "--data", str(root), "--quiet"])


@pytest.fixture
def reference(tuned_root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tuned_root / "reference.json").read_text())
    return found


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("workers", ["2", pytest.param("4", marks=pytest.mark.slow)])
def test_one_seed_has_the_same_best_with_one_two_and_four_workers(
    tuned_root: Path, reference: dict[str, Any], capsys: pytest.CaptureFixture[str], workers: str
) -> None:
    assert tune(tuned_root, "asked", "--name", f"by-{workers}", *HOW, "--workers", workers, "--json") == 0
    one, two = ({**each, "study": "", "page": ""} for each in (reference, told(capsys)))
    assert one == two
    best = next(point for point in one["points"] if point["place"] == one["best"])
    assert best["value"] == max(point["value"] for point in one["points"] if point["value"] is not None)


def test_a_study_tells_every_point_what_mattered_and_which_gates_are_open(
    tuned_root: Path, reference: dict[str, Any]
) -> None:
    points = reference["points"]
    assert [point["place"] for point in points] == list(range(TRIALS))
    assert points[0]["values"] == reference["configured"]["values"]
    assert set(reference["importance"]) == set(ONLY)
    assert sum(reference["importance"].values()) == pytest.approx(1.0)
    assert [gate["name"] for gate in reference["gates"] if gate["is_open"]] == ["fill band", "hold-out"]
    entered = {trial.subject["thresholds"] for trial in ledger.trials(tuned_root) if trial.by == "tune"}
    assert entered >= {
        ", ".join(f"{name} {value:g}" for name, value in sorted(point["values"].items())) for point in points
    }


def test_it_prints_the_points_the_gates_and_what_to_do_next(
    tuned_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = ["asked", "--name", REFERENCE, *HOW, "--workers", "1", "--resume", "--out", "pages"]
    assert tune(tuned_root, *again) == 0
    said = capsys.readouterr().out
    in_order = (
        "Growth of log equity a year", "configured", "What differs from the configuration", "losses",
        "Gates before promotion", "hold-out", "Tuned for the answers of rules", "no trial has seen them",
        "Study reference: chosen fold by fold", "Page: ", "Next: alphastrike promote reference",
    )  # fmt: skip
    assert [part for part in in_order if part not in said] == []
    places = [said.index(part) for part in in_order]
    assert places == sorted(places)
    page = Path("pages/tune-reference.html").read_text("utf-8")
    assert page.count("<circle") >= TRIALS
    assert f"alphastrike tune asked --name reference --trials {TRIALS}" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_interrupted_it_keeps_what_is_done_and_goes_on_to_the_same(
    tuned_root: Path, reference: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = command._Bar.done

    def stop_at_three(bar: command._Bar, one: Done) -> None:
        done(bar, one)
        if bar.own == 3:
            signal.raise_signal(signal.SIGINT)

    arguments = ("asked", "--name", "broken", *HOW, "--workers", "1")
    with monkeypatch.context() as patched:
        patched.setattr(command._Bar, "done", stop_at_three)
        assert tune(tuned_root, *arguments) == INTERRUPTED
    kept = capsys.readouterr().err
    assert f"3 of {TRIALS} points are kept. Go on: alphastrike tune asked --name broken" in kept
    assert "--resume" in kept
    assert tune(tuned_root, *arguments) == 2
    assert "is there already. Pass --resume" in capsys.readouterr().err
    assert tune(tuned_root, *arguments, "--resume", "--json") == 0
    assert told(capsys)["points"] == reference["points"]


def test_a_study_without_triggers_is_no_evidence_and_no_error(
    tuned_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        tune(tuned_root, "silent", "--only", "cooldown_hours", "--sampler", "grid", "--points", "2", "--folds", "2")
        == 0
    )
    said = capsys.readouterr().out
    assert "no evidence: in 2 points rules was asked too seldom" in said
    assert "promote" not in said


def test_a_worker_from_elsewhere_needs_the_studys_name_alone(
    tuned_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune(tuned_root, "asked", "--name", "shared", *HOW, "--workers", "1", "--timeout", "0", "--json") == 0
    assert told(capsys)["trials"] == 0
    assert main(["tune", "--worker", "shared", "--data", str(tuned_root), "--quiet"]) == 0
    assert f"{TRIALS} points were evaluated" in capsys.readouterr().out
    study = Study.open(command.default_storage(tuned_root), "shared")
    basis = basis_again(tuned_root, study.facts)
    assert isinstance(basis.objective(study.facts), Objective)
    assert len(study.done()) == TRIALS


def test_a_password_is_not_part_of_the_command_that_is_printed_and_kept() -> None:
    typed = command._places(DATA, "postgresql://me:secret@db.example/studies")
    assert typed == ["--storage", "postgresql://me:***@db.example/studies"]
    assert command._places(Path("own"), "sqlite:///own/studies.db") == [
        *("--data", "own"),
        *("--storage", "sqlite:///own/studies.db"),
    ]


def test_how_many_are_asked_at_once_belongs_to_the_study(tuned_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("asked", "--name", "narrow", *HOW, "--workers", "1")
    assert tune(tuned_root, *arguments, "--at-once", "3", "--timeout", "0") == 0
    assert "--at-once 3" in capsys.readouterr().out
    assert Study.open(command.default_storage(tuned_root), "narrow").facts.at_once == 3
    assert tune(tuned_root, *arguments, "--resume") == 2
    assert "was made with at_once 3, now it is 8" in capsys.readouterr().err


def test_a_market_is_tuned_on_with_the_perception_of_an_earlier_run(
    tuned_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("alphastrike.toml").write_text(
        "account.triggers = { losses = 3, cooldown_hours = 6 }\naccount.exit.hold_max_hours = 12\n"
        "perception.conviction = { minimum_days = 3, window_days = 10 }\n"
    )
    arguments = ["tune", "spring", "--trials", "2", "--folds", "2", "--only", "losses", "--workers", "1"]
    assert main([*arguments, "--no-track", "--data", str(tuned_root)]) == 0
    said = capsys.readouterr()
    assert "Settings of alphastrike.toml" in said.err
    assert "Perception is that of" in said.err
    assert Study.open(command.default_storage(tuned_root), "spring-rules").facts.first == {"losses": 3}


def test_a_market_is_tuned_on_under_the_settings_stated(tuned_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stated = [part for each in (*OFTEN, "account.triggers.losses=7") for part in ("--set", each)]
    arguments = ["spring", "--name", "stated", "--trials", "1", "--folds", "2", "--only", "losses", "--workers", "1"]
    assert tune(tuned_root, *arguments, *stated, "--timeout", "0") == 0
    assert "--set account.triggers.losses=7" in capsys.readouterr().out
    study = Study.open(command.default_storage(tuned_root), "stated")
    assert study.facts.first == {"losses": 7}
    assert study.facts.configured["account"]["exit"]["hold_max_hours"] == 12


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere"),
        (["asked", "--only", "loses"], "'loses' is no knob"),
        (["asked", "--sampler", "grid"], "1,594,323 points"),
        (["asked", "--folds", "40"], "or fewer --folds"),
        (["asked", "--policy", "llm:model=tiny"], "would be asked thousands of questions"),
        (["--worker", "nobody"], "there is no study 'nobody'"),
        (["asked", "--set", "account.triggers.losses=3"], "'asked' is no market here"),
        (["s3://bucket/tapes/asked"], "names no run: a run's address ends in runs/NAME"),
        (["asked", "--folds", "2", "--storage", "nonsense"], "is named as sqlite:///FILE"),
    ],
)
def test_bad_input_is_one_line(
    tuned_root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["tune", *arguments, "--data", str(tuned_root), "--quiet"]) == 2
    found = capsys.readouterr().err
    assert found.startswith("error: ")
    assert found.count("\n") == 1
    assert said in found
