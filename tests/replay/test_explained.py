"""A run taken apart: everything adds up, every table says what it is of, and the page and the suite lie beside it."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from alphastrike.cli.main import main
from alphastrike.config.resolve import resolve
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.runs.recorder import record
from replay.card import card_of
from replay.compare import ADAPTIVE, FROZEN, NO_LLM
from replay.explained import AT, Explained, explain
from replay.suite_files import read_suite
from reports.card_text import actions, answer_lines, effects, headline
from reports.explained_figures import card_figures, figures
from reports.explained_text import SHOWN, interventions, tables
from reports.text_table import TextTable
from tests.replay.runs import OFTEN, RecordedRuns
from tests.runs.forging import rewrite, with_value


@pytest.fixture(scope="module")
def it(recorded: RecordedRuns) -> Explained:
    return explain(recorded.root, recorded.open("guarded"), pairs=2, threads=2)


def test_the_parts_add_up(it: Explained) -> None:
    attribution = it.worths.attribution
    assert math.fsum(attribution.parts) == pytest.approx(attribution.total, abs=1e-12)
    for table in it.groups:
        assert math.fsum(group.shapley for group in table) == pytest.approx(attribution.total, abs=1e-12)
        assert sum(group.interventions for group in table) == sum(not one.is_censored for one in it.interventions)
    frozen = it.whole_of(NO_LLM, FROZEN)
    assert frozen is not None
    assert frozen.effect == pytest.approx(attribution.total, abs=1e-9), "the whole is recorded − nobody, frozen"
    assert it.parts is not None
    assert it.parts.total == pytest.approx(frozen.parts.total)


def test_whole_effects_are_policy_minus_the_other_in_both_modes(it: Explained) -> None:
    arms = [(one.arm.partition(" ")[0], one.mode) for one in it.whole]
    assert arms == [
        ("no-llm", ADAPTIVE),
        ("random:seed=1", ADAPTIVE),
        ("oracle", ADAPTIVE),
        ("no-llm", FROZEN),
        ("random:seed=1", FROZEN),
    ]
    mine, theirs = it.adaptive.metrics[0], it.adaptive.metrics[1]
    assert it.whole[0].effect == pytest.approx(mine.log_growth - theirs.log_growth)
    assert it.whole[0].parts.total == pytest.approx(mine.net_pnl - theirs.net_pnl, abs=0.01)
    for one in it.whole:
        assert math.isnan(one.low) or one.low <= one.effect <= one.high
    assert it.judged == ADAPTIVE
    assert [name for name, _, _ in it.paths] == ["rules", "no-llm", "random:seed=1"]


def test_the_verdict_and_what_it_rests_on_are_sentences(it: Explained) -> None:
    assert it.headline == it.whole[0].headline
    assert any("(frozen)" in sentence for sentence in it.evidence)
    assert all(sentence.endswith((".", ")")) for sentence in it.evidence)
    assert it.counted(3, 9, "Nine.").evidence[-1] == "Nine."


def test_every_intervention_is_valued_and_every_situation_has_its_actions(
    it: Explained, recorded: RecordedRuns
) -> None:
    run = recorded.open("guarded")
    assert [one.situation for one in it.suite.decisions] == run.rows("situations")["situation"].tolist()
    begun = run.rows("interventions")
    assert len(it.interventions) == len(np.unique(begun["intervention"]))
    means = [one.leave_one_out.effect[AT] for one in it.interventions if not one.is_censored]
    assert it.curve[0][AT] == pytest.approx(np.mean(means))


def test_the_largest_effects_are_listed_unless_all_are_asked_for(it: Explained) -> None:
    assert len(it.interventions) > SHOWN
    some, every = interventions(it, shows_all=False), interventions(it, shows_all=True)
    assert len(some.rows) == SHOWN
    assert f"{SHOWN} of {len(it.interventions)}" in some.title
    assert "--all" in some.title
    assert len(every.rows) == len(it.interventions)
    numbers = [int(row[0]) for row in some.rows]
    assert numbers == sorted(numbers)
    smallest = min(abs(one.leave_one_out.effect[AT]) for one in it.interventions if one.number in numbers)
    others = [abs(one.leave_one_out.effect[AT]) for one in it.interventions if one.number not in numbers]
    assert smallest >= max(value for value in others if not math.isnan(value))


def test_tables_are_whole_and_fit(it: Explained) -> None:
    made = list(tables(it, shows_all=True))
    assert len(made) == 6
    for each in made:
        assert all(len(row) == len(each.headers) for row in each.rows)
        for part in each.fitting(100):
            assert part.width <= 100
            assert part.headers[0] == each.headers[0]
        assert [header for part in each.fitting(100) for header in part.headers[1:]] == each.headers[1:]


def test_a_column_wider_than_the_terminal_stands_alone() -> None:
    wide = TextTable("t", ["a", "b", "c"], [["1", "x" * 50, "y" * 50]])
    assert [part.headers for part in wide.fitting(40)] == [["a", "b"], ["a", "c"]]


def test_figures_are_all_there_and_json(it: Explained) -> None:
    told = figures(it)
    assert len(told["interventions"]) == len(it.interventions)
    first = told["interventions"][0]
    assert set(first["leave_one_out"]) == {"1 h", "4 h", "12 h", "24 h", "3 d", "7 d", "end"}
    assert {"interval", "placebo", "add_one_in", "shapley", "shapley_error", "parts"} <= set(first)
    assert math.fsum(one["part"] for one in told["attribution"]["parts"]) == pytest.approx(told["attribution"]["total"])
    assert len(told["suite"]["decisions"][0]["actions"]) >= 10


def test_a_card_says_what_the_whole_says_of_its_decision(it: Explained, recorded: RecordedRuns) -> None:
    worth = next(one for one in it.interventions if one.leave_one_out.effect[AT])
    card = card_of(recorded.root, recorded.open("guarded"), worth.situation)
    (own,) = card.worths
    assert own.leave_one_out == worth.leave_one_out
    assert own.interval == worth.interval
    assert own.parts == worth.parts
    whole = next(one for one in it.suite.decisions if one.situation == worth.situation)
    assert [one.advantage for one in card.decision.actions] == [one.advantage for one in whole.actions]
    assert card.decision.regret == whole.regret
    assert f"Situation {worth.situation} of guarded" in headline(card)
    assert any(row[0].startswith("> ") for row in actions(card).rows)
    assert effects(own).rows[0][0] == "left out"
    assert any("accepted" in line or "redundant" in line for line in answer_lines(card))
    assert card_figures(card)["situation"]["rule"] == worth.rule.name.lower()


def test_the_command_prints_and_writes_page_and_suite(
    recorded: RecordedRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(recorded.root, data)
    out = tmp_path / "out"
    command = ["explain", "late", "--data", str(data), "--out", str(out), "--permutations", "2", "--quiet"]
    assert main(command) == 0
    said = capsys.readouterr().out
    words = ["Verdict:", "Against no-llm (adaptive)", "trials have been", "The whole run", "In groups", "Page:"]
    places = [said.index(word) for word in words]
    assert places == sorted(places)
    assert sorted(path.name for path in out.iterdir()) == [
        "late-explained.html",
        "late-explained.suite.jsonl",
        "late-explained.suite.parquet",
    ]
    suite = read_suite(out / "late-explained.suite.parquet")
    assert len(suite.decisions) == recorded.open("late").manifest.rows_of("situations")


def test_the_card_as_json_writes_nothing(
    recorded: RecordedRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["explain", "slow", "--situation", "4", "--json", "--data", str(recorded.root)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["situation"]["situation"] == 4
    assert told["decision"]["actions"][0]["label"] == "no_action"
    assert list(tmp_path.iterdir()) == []
    assert main(["explain", "slow", "--situation", "4", "--data", str(recorded.root), "--quiet"]) == 0
    assert "What each action was worth" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["guardad"], "Nearest: guarded"),
        (["guarded", "--situation", "9999"], "numbered from 1"),
    ],
)
def test_bad_input_is_one_line(
    recorded: RecordedRuns, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["explain", *arguments, "--data", str(recorded.root)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1


@pytest.fixture(scope="module")
def others(recorded: RecordedRuns, tmp_path_factory: pytest.TempPathFactory) -> RecordedRuns:
    """Runs with less to take apart: nobody intervened, and nobody was asked."""
    root = tmp_path_factory.mktemp("less") / "data"
    shutil.copytree(recorded.root, root)
    record(root, "small", "no-llm", name="alone", settings=resolve(None, OFTEN))
    never = ("account.triggers.losses=50", "account.triggers.drawdown_above=1.0", "account.triggers.win_rate_below=0.0")
    record(root, "small", "rules", name="quiet", settings=resolve(None, (*OFTEN[3:], *never)))
    return RecordedRuns(root)


def test_a_run_in_which_nobody_intervened_still_has_situations(others: RecordedRuns) -> None:
    it = explain(others.root, others.open("alone"), pairs=1)
    assert it.interventions == ()
    assert it.parts is None
    assert it.insurance is None
    assert [one.arm.partition(" ")[0] for one in it.whole if one.mode == ADAPTIVE] == [
        "rules",
        "random:seed=1",
        "oracle",
    ]
    assert "It never intervened." in it.evidence
    assert [table.title[:10] for table in tables(it, shows_all=False)] == ["The whole ", "Would anot", "Was it ask"]
    card = card_of(others.root, others.open("alone"), 2)
    assert card.worths == ()
    assert card.decision.chosen == "no_action"


def test_a_run_in_which_nobody_was_asked_has_nothing_to_take_apart(
    others: RecordedRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "quiet", "--data", str(others.root), "--out", str(tmp_path / "out")]) == 0
    assert "nobody was asked" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
    assert main(["explain", "quiet", "--json", "--data", str(others.root), "--out", str(tmp_path / "out")]) == 0
    assert json.loads(capsys.readouterr().out)["interventions"] == []
    with pytest.raises(ConfigurationError, match="triggers never fired"):
        card_of(others.root, others.open("quiet"), 1)


def test_a_run_that_this_version_does_not_reproduce_is_refused(others: RecordedRuns) -> None:
    run = others.open("broken")
    rewrite(run, "equity", with_value("equity", 1_500, 1.0))
    with pytest.raises(DataError, match="does not reproduce run 'broken'"):
        explain(others.root, others.open("broken"), pairs=1)


def test_an_interruption_leaves_nothing_behind(
    recorded: RecordedRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("replay.explained.trigger_quality", interrupt)
    out = tmp_path / "out"
    command = ["explain", "slow", "--data", str(recorded.root), "--out", str(out), "--permutations", "2", "--quiet"]
    assert main(command) == 130
    assert not out.exists()
