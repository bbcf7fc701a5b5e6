"""``alphastrike replay`` from outside: what it prints, writes and answers to bad input."""

import json
from pathlib import Path

import pytest

from alphastrike.cli.main import main
from tests.replay.runs import RecordedRuns


def replay(recorded: RecordedRuns, out: Path, *arguments: str) -> int:
    return main(["replay", *arguments, "--data", str(recorded.root), "--out", str(out), "--quiet"])


def test_it_says_what_happened_then_the_difference_the_verdict_and_where_to_look(
    recorded: RecordedRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay(recorded, tmp_path, "guarded", "--policy", "no-llm") == 0
    said = capsys.readouterr().out
    places = [said.index(word) for word in ("Factual: rules", "log growth", "= net P&L", "Verdict:", "Page:", "Again:")]
    assert places == sorted(places)
    assert (tmp_path / "guarded-vs-no-llm.html").stat().st_size > 1_000_000
    assert f"alphastrike replay guarded --policy no-llm --data {recorded.root}" in said


def test_the_latest_run_and_no_llm_are_the_defaults(
    recorded: RecordedRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay(recorded, tmp_path, "--json", "--name", "mine") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["run"] == "broken"
    assert [arm["policy"] for arm in told["arms"]][1:] == ["no-llm"]
    assert told["page"] == str(tmp_path / "mine.html")
    for arm in told["arms"]:
        parts = arm["parts"]
        assert sum(value for name, value in parts.items() if name != "total") == pytest.approx(parts["total"])
        assert parts["total"] == pytest.approx(arm["metrics"]["net_pnl"], abs=0.005)


def test_the_recorded_policy_is_said_to_be_bit_identical(
    recorded: RecordedRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay(recorded, tmp_path, "slow", "--policy", "recorded") == 0
    said = capsys.readouterr().out
    assert "bit-identical" in said
    assert recorded.open("slow").manifest.digest in said


def test_the_same_replay_writes_the_same_page(recorded: RecordedRuns, tmp_path: Path) -> None:
    assert replay(recorded, tmp_path / "one", "guarded", "--threads", "1") == 0
    assert replay(recorded, tmp_path / "two", "guarded", "--threads", "2") == 0
    pages = [next((tmp_path / name).iterdir()).read_bytes() for name in ("one", "two")]
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["guardad"], "Nearest: guarded"),
        (["guarded", "--policy", "no-lm"], "did you mean no-llm"),
        (["guarded", "--policy", "swap:from=disable_asset,to=nothing"], "tool 'nothing' is unknown"),
        (["guarded", "--policy", "recorded:x=1"], "option 'x' is unknown"),
        (["guarded", "--worlds", "1"], "no distribution"),
        (["guarded", "--worlds", "9", "--block-days", "10"], "too short"),
        (["guarded", "--policy", "oracle", "--mode", "frozen"], "Choose --mode adaptive"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing_behind(
    recorded: RecordedRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert replay(recorded, tmp_path, *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_mode_fills_and_worlds_stand_in_the_numbers_and_in_the_command(
    recorded: RecordedRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["guarded", "--policy", "no-llm", "--mode", "frozen", "--fills", "band", "--worlds", "3", "--seed", "4"]
    assert replay(recorded, tmp_path, *asked, "--threads", "1", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["mode"] == "frozen"
    assert told["fidelity"]["is_exact"] is True
    assert [each["arm"] for each in told["price_taker"]] == ["rules", "no-llm"]
    assert [model["name"] for model in told["fill_band"]["models"]] == ["optimistic", "base", "pessimistic"]
    assert told["fill_band"]["mode"] == "frozen"
    histories = told["other_histories"]
    assert (histories["worlds"], histories["seed"], histories["mode"]) == (3, 4, "adaptive")
    assert len(histories["arms"][0]["effects"]) == 3
    page = Path(told["page"]).read_text("utf-8")
    assert "Frozen: every arm answered the situations of the recorded run" in page
    assert 'id="worlds"' in page
    assert "--mode frozen --fills band --worlds 3 --seed 4" in page


def test_worlds_fills_and_mode_are_printed(
    recorded: RecordedRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay(recorded, tmp_path, "guarded", "--fills", "band", "--worlds", "2", "--threads", "1") == 0
    said = capsys.readouterr().out
    for words in (
        "Adaptive: every arm",
        "no-llm, pessimistic",
        "over 2 other histories",
        "correlation between symbols",
    ):
        assert words in said
    assert "alphastrike replay guarded --policy no-llm --fills band --worlds 2" in said


@pytest.mark.slow
def test_a_fresh_machine_makes_its_own_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["replay", "--data", str(tmp_path / "data"), "--out", str(out)]) == 0
    told = capsys.readouterr()
    assert "No run here yet" in told.err
    assert "Recorded run sample-rules" in told.err
    assert "Factual: rules" in told.out
    assert (out / "sample-rules-vs-no-llm.html").exists()
