"""``alphastrike promote``: a planted optimum is written with its origin, noise is refused by the names of its gates."""

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from alphastrike.cli import tune as command
from alphastrike.cli.main import main
from alphastrike.config.resolve import resolve
from alphastrike.market.planted import plant_named
from alphastrike.market.simulate import simulate_market
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.runs.recorder import record
from alphastrike.runs.registry import open_run
from experiments.study import Study
from experiments.tuned import PROMOTED, opened
from tests.experiments.tuned import REFERENCE
from tests.replay.runs import OFTEN

UNLIMITED = (*OFTEN, "account.limits.daily_loss_max=1.0", "account.limits.drawdown_halt=0.95")
ONLY = "losses,cooldown_hours,loss_streak_multiplier,loss_streak_hours"
PLANTED_HOW = ("--trials", "24", "--folds", "3", "--calls-a-day", "4", "--only", ONLY, "--workers", "1", "--no-track")
KEPT = """\
# mine
[account.limits]
daily_loss_max = 1.0   # none
[account.triggers]
losses = 9 # too many
refire_hours = 0.0
"""


@pytest.fixture(scope="module")
def planted_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study on a market in which less size after losses helps."""
    made = tmp_path_factory.mktemp("planted")
    symbols = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    simulate_market(made, "crash", symbols, 360, MICROS_PER_HOUR, 3, plant=plant_named("leverage-crash"))
    record(made, "crash", "rules", name="crash", settings=resolve(None, UNLIMITED))
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(made)
        assert main(["tune", "crash", "--name", "crash", *PLANTED_HOW, "--data", str(made), "--quiet"]) == 0
    return made


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def promote(root: Path, *arguments: str) -> int:
    return main(["promote", *arguments, "--data", str(root), "--quiet"])


def study(root: Path, name: str) -> Study:
    return Study.open(command.default_storage(root), name)


def test_noise_is_refused_by_the_names_of_its_gates_and_the_holdout_stays_closed(
    tuned_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert promote(tuned_root, REFERENCE) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: study 'reference' is not promoted: ")
    assert said.err.count("\n") == 1
    assert "walk-forward (" in said.err
    assert "--override REASON" in said.err
    assert "closed: " in said.out
    assert not Path("alphastrike.toml").exists()
    assert opened(study(tuned_root, REFERENCE)) is None


@pytest.mark.slow
def test_a_planted_optimum_is_promoted_and_everything_that_follows_names_its_study(
    planted_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("alphastrike.toml").write_text(KEPT)
    assert promote(planted_root, "crash") == 0
    said = capsys.readouterr()
    assert "failed" not in said.out
    text = Path("alphastrike.toml").read_text()
    assert text.startswith("# mine\n[account.limits]\ndaily_loss_max = 1.0   # none\n[account.triggers]\n")
    assert "# too many" in text
    best = told(planted_root, capsys)
    written = tomllib.loads(text)
    assert written["account"]["triggers"]["losses"] == best["losses"]
    assert written["account"]["triggers"]["refire_hours"] == 0.0
    assert written["policy"]["guardian"]["loss_streak_hours"] == best["loss_streak_hours"]
    made = study(planted_root, "crash")
    origin = written["policy"]["thresholds_from"]
    assert origin.startswith("study crash point ")
    assert origin.endswith(f"market {made.facts.market_hash}")
    assert made.noted(PROMOTED)[-1]["failed"] == []
    assert opened(made) is not None

    assert main(["record", "crash", "--name", "after", "--data", str(planted_root)]) == 0
    assert f"Settings of alphastrike.toml; thresholds from {origin}." in capsys.readouterr().err
    assert open_run(planted_root, "after").manifest.settings["policy"]["thresholds_from"] == origin

    assert (
        main(["replay", "crash", "--policy", "rules", "--policy", "recorded", "--data", str(planted_root), "--json"])
        == 0
    )
    arms = json.loads(capsys.readouterr().out)
    told_of = Path(arms["page"]).read_text("utf-8")
    assert f"by, thresholds from {origin}." in told_of
    assert main(["replay", "crash", "--policy", "rules", "--data", str(planted_root), "--quiet"]) == 0
    there = capsys.readouterr().out
    Path("alphastrike.toml").unlink()
    assert main(["replay", "crash", "--policy", "rules", "--data", str(planted_root), "--quiet"]) == 0
    assert there != capsys.readouterr().out


@pytest.fixture
def own_root(tuned_root: Path, tmp_path: Path) -> Path:
    """A copy of the study for a test that opens its hold-out."""
    return Path(shutil.copytree(tuned_root, tmp_path / "own"))


def test_the_holdout_is_opened_for_one_point_and_never_for_another(
    own_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert promote(own_root, REFERENCE, "--override", " to try it ", "--config", "other.toml") == 0
    first = opened(study(own_root, REFERENCE))
    assert first is not None
    written = tomllib.loads(Path("other.toml").read_text())["policy"]["thresholds_from"]
    assert "against the gates " in written
    assert written.endswith(": to try it")
    noted = study(own_root, REFERENCE).noted(PROMOTED)[-1]
    assert noted["override"] == "to try it"
    assert "walk-forward" in noted["failed"]
    assert promote(own_root, REFERENCE, "--override", "again", "--config", "other.toml") == 0
    assert opened(study(own_root, REFERENCE)) == first
    study(own_root, REFERENCE).note("alphastrike holdout", {"place": first.place + 1, "at": first.at})
    capsys.readouterr()
    assert promote(own_root, REFERENCE, "--override", "once more", "--config", "other.toml") == 0
    assert f"opened for point {first.place + 1} already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "there is no study 'nowhere'"),
        ([REFERENCE, "--override", " "], "--override needs a reason"),
        ([REFERENCE, "--override", "x", "--config", "no/folder/a.toml"], "Choose another --config"),
        ([REFERENCE, "--override", "x", "--config", "bad.toml"], "bad.toml is not valid TOML"),
        ([REFERENCE, "--override", "x", "--config", "unknown.toml"], "Did you mean account?"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_half_written(
    tuned_root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    Path("bad.toml").write_text("[account\n")
    Path("unknown.toml").write_text("[acount]\nx = 1\n")
    before = sorted((path, path.read_text()) for path in Path().iterdir())
    assert promote(tuned_root, *arguments) == 2
    found = capsys.readouterr().err
    assert found.startswith("error: ")
    assert found.count("\n") == 1
    assert said in found
    assert sorted((path, path.read_text()) for path in Path().iterdir()) == before


def told(root: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The best point's values, as tune says them of the study."""
    capsys.readouterr()
    there = Path("alphastrike.toml").rename("aside.toml")
    assert main(["tune", "crash", "--name", "crash", *PLANTED_HOW, "--data", str(root), "--resume", "--json"]) == 0
    there.rename("alphastrike.toml")
    found = json.loads(capsys.readouterr().out)
    best: dict[str, Any] = next(point["values"] for point in found["points"] if point["place"] == found["best"])
    return best
