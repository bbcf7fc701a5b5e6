"""``alphastrike tune`` from outside: the same best with any workers, and nothing lost by Ctrl-C."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from alphastrike.cli import tune as command
from alphastrike.cli.main import INTERRUPTED, main
from alphastrike.config.resolve import resolve
from alphastrike.market.simulate import simulate_market
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.runs.recorder import record
from experiments import ledger
from experiments.objective import Objective
from experiments.study import Study
from experiments.tuning import basis_again
from tests.replay.runs import OFTEN, often

TRIALS = "12"
ONLY = "losses,drawdown_above,cooldown_hours,loss_streak_multiplier"
NEVER = (
    *OFTEN,
    "account.triggers.losses=50",
    "account.triggers.win_rate_below=0",
    "account.triggers.drawdown_above=1.0",
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tuned")
    simulate_market(made, "spring", ("BTCUSDT", "ETHUSDT"), 130, MICROS_PER_HOUR, 3)
    record(made, "spring", "rules", name="asked", settings=often())
    record(made, "spring", "rules", name="silent", settings=resolve(None, NEVER))
    return made


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def tune(root: Path, *arguments: str, trials: str = TRIALS) -> int:
    return main(
        ["tune", *arguments, "--trials", trials, "--folds", "2", "--calls-a-day", "5", "--data", str(root), "--quiet"]
    )


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_one_seed_has_the_same_best_with_one_and_two_workers(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = []
    for workers in ("1", "2"):
        name = f"by-{workers}"
        assert tune(root, "asked", "--name", name, "--only", ONLY, "--workers", workers, "--json") == 0
        both.append(told(capsys))
    one, two = ({**each, "study": "", "page": ""} for each in both)
    assert one == two
    assert len(one["points"]) == int(TRIALS)
    assert one["best"] is not None
    best = next(point for point in one["points"] if point["place"] == one["best"])
    assert best["value"] == max(point["value"] for point in one["points"] if point["value"] is not None)
    assert one["points"][0]["values"] == one["configured"]["values"]
    assert set(one["importance"]) == set(ONLY.split(","))
    assert sum(one["importance"].values()) == pytest.approx(1.0)
    assert [gate["name"] for gate in one["gates"]][-2:] == ["fill band", "hold-out"]
    assert all(gate["is_open"] for gate in one["gates"][-2:])
    tuned = [trial for trial in ledger.trials(root) if trial.by == "tune"]
    assert len(tuned) == len({json.dumps(point["values"]) for point in one["points"]})


def test_it_prints_the_points_the_gates_and_what_to_do_next(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune(root, "asked", "--name", "shown", "--only", ONLY, "--workers", "1", "--out", "pages") == 0
    said = capsys.readouterr().out
    in_order = (
        "Growth of log equity a year", "configured", "What differs from the configuration", "losses",
        "Gates before promotion", "hold-out", "Tuned for the answers of rules", "no trial has seen them",
        "Study shown: chosen fold by fold", "Page: ",
    )  # fmt: skip
    places = [said.index(part) for part in in_order]
    assert places == sorted(places)
    page = Path("pages/tune-shown.html").read_text("utf-8")
    assert page.count("<circle") >= int(TRIALS)
    assert f"alphastrike tune asked --name shown --trials {TRIALS}" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_interrupted_it_keeps_what_is_done_and_goes_on_to_the_same(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = command._Bar.done

    def stop_at_three(bar: command._Bar, place: int, value: float | None) -> None:
        done(bar, place, value)
        if bar.own == 3:
            signal.raise_signal(signal.SIGINT)

    arguments = ("asked", "--name", "broken", "--only", ONLY, "--workers", "1")
    with monkeypatch.context() as patched:
        patched.setattr(command._Bar, "done", stop_at_three)
        assert tune(root, *arguments) == INTERRUPTED
    kept = capsys.readouterr().err
    assert f"3 of {TRIALS} points are kept. Go on: alphastrike tune asked --name broken" in kept
    assert "--resume" in kept
    assert tune(root, *arguments) == 2
    assert "is there already. Pass --resume" in capsys.readouterr().err
    assert tune(root, *arguments, "--resume", "--json") == 0
    resumed = told(capsys)
    assert tune(root, "asked", "--name", "whole", "--only", ONLY, "--workers", "1", "--json") == 0
    assert resumed["points"] == told(capsys)["points"]


def test_a_study_without_triggers_is_no_evidence_and_no_error(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune(root, "silent", "--only", "cooldown_hours", "--workers", "1", trials="2") == 0
    said = capsys.readouterr().out
    assert "no evidence: in 2 points rules was asked too seldom" in said
    assert "promote" not in said


def test_a_worker_from_elsewhere_needs_the_studys_name_alone(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("asked", "--name", "shared", "--only", ONLY, "--workers", "1")
    assert tune(root, *arguments, "--timeout", "0", "--json") == 0
    assert told(capsys)["trials"] == 0
    assert main(["tune", "--worker", "shared", "--data", str(root), "--quiet"]) == 0
    assert f"{TRIALS} points were evaluated" in capsys.readouterr().out
    study = Study.open(command.default_storage(root), "shared")
    basis = basis_again(root, study.facts)
    assert isinstance(basis.objective(study.facts), Objective)
    assert len(study.done()) == int(TRIALS)


def test_how_many_are_asked_at_once_belongs_to_the_study(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("asked", "--name", "narrow", "--only", "losses", "--workers", "1")
    assert tune(root, *arguments, "--at-once", "3", "--timeout", "0", trials="6") == 0
    assert "--at-once 3" in capsys.readouterr().out
    assert Study.open(command.default_storage(root), "narrow").facts.at_once == 3
    assert tune(root, *arguments, "--resume", trials="6") == 2
    assert "was made with at_once 3, now it is 8" in capsys.readouterr().err


def test_a_market_is_tuned_on_with_the_perception_of_an_earlier_run(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("alphastrike.toml").write_text(
        "account.triggers = { losses = 3, cooldown_hours = 6 }\naccount.exit.hold_max_hours = 12\n"
        "perception.conviction = { minimum_days = 3, window_days = 10 }\n"
    )
    arguments = ["tune", "spring", "--trials", "2", "--folds", "2", "--only", "losses", "--workers", "1"]
    assert main([*arguments, "--data", str(root)]) == 0
    said = capsys.readouterr()
    assert "Settings of alphastrike.toml" in said.err
    assert "Perception is that of" in said.err
    assert Study.open(command.default_storage(root), "spring-rules").facts.first == {"losses": 3}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere"),
        (["asked", "--only", "loses"], "'loses' is no knob"),
        (["asked", "--sampler", "grid"], "1,594,323 points"),
        (["asked", "--folds", "40"], "or fewer --folds"),
        (["asked", "--policy", "llm:model=tiny"], "would be asked thousands of questions"),
        (["--worker", "nobody"], "there is no study 'nobody'"),
        (["asked", "--folds", "2", "--storage", "nonsense"], "is named as sqlite:///FILE"),
    ],
)
def test_bad_input_is_one_line(root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert main(["tune", *arguments, "--data", str(root), "--quiet"]) == 2
    found = capsys.readouterr().err
    assert found.startswith("error: ")
    assert found.count("\n") == 1
    assert said in found
