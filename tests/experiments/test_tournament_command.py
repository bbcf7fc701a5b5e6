"""``alphastrike tournament`` from outside: what it prints, writes, keeps, and answers to bad input."""

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alphastrike.cli.main import main
from alphastrike.config.resolve import resolve
from alphastrike.market.simulate import simulate_market
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.runs.recorder import record
from alphastrike.runs.registry import open_run
from experiments.ledger import trials
from experiments.tournament_result import PLACE
from experiments.tracking import Tracker
from replay.decisions import suite_of
from replay.ground import ground_of
from tests.experiments.test_tournament import OTHER, PROMPT, SELDOM, server
from tests.policy.llm.stand_in import Model, StandIn, Trouble
from tests.policy.llm.tiny_model import CONTEXT, NAME, serving

Held = Callable[..., tuple[int, str, str]]

HOSTILE = "<img/src>"
"""A name that a server may list."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with a run that asked seldom, one that never did, one of chance, and prompts."""
    made = tmp_path_factory.mktemp("held")
    simulate_market(made, "small", ("BTCUSDT", "ETHUSDT"), 240, MICROS_PER_HOUR, 5)
    record(made, "small", "rules", name="few", settings=resolve(None, SELDOM))
    never = ("account.triggers.losses=50", "account.triggers.drawdown_above=1", "account.triggers.win_rate_below=0")
    record(made, "small", "rules", name="never", settings=resolve(None, never))
    record(made, "small", "random:seed=3", name="drawn", settings=resolve(None, SELDOM))
    (made / "plain.j2").write_text(PROMPT)
    (made / "other.j2").write_text(OTHER)
    (made / "broken.j2").write_text("{# name: broken, version: 1 #}\n{{ fired }}\n{{ tools }}\n{{ secrets }}\n")
    return made


@pytest.fixture
def held(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Held:
    def hold(run: str, *arguments: object) -> tuple[int, str, str]:
        typed = ["tournament", run, *map(str, arguments), "--data", str(root), "--out", str(tmp_path)]
        code = main(typed)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return hold


@pytest.fixture
def url() -> Iterator[str]:
    with server() as asked:
        yield asked.url


def test_it_says_how_many_calls_it_makes_what_came_of_them_and_where_to_look(
    held: Held, root: Path, tmp_path: Path, url: str
) -> None:
    typed = ("--prompt", root / "plain.j2", "--prompt", root / "other.j2", "--model", "rules")
    code, out, err = held("few", *typed, "--url", url, "--controls", "2")
    assert code == 0
    calls = 2 * (10 * 2 + 2)
    assert f"Calls to make: {calls}, at most {2 * calls} with second attempts." in err
    in_order = (
        "Advantage over doing nothing", "over guardian", "plain × rules", "other × rules", "Answers: 1 sample",
        "Share of usable answers", "Seconds an answer", f"Calls made: {calls}.", "Verdict: not enough evidence: ",
        "2 trials have been looked at on this market", "Page: ", "Again: alphastrike tournament few --prompt",
        "Tracked in MLflow: experiment tournament",
    )  # fmt: skip
    places = [out.index(part) for part in in_order]
    assert places == sorted(places)
    code, again, err = held("few", *typed, "--url", url, "--controls", "2")
    assert code == 0
    assert f"All {calls} answers are recorded: no call is made." in err
    assert "Calls made: zero; every answer was recorded before." in again
    assert "2 trials have been looked at on this market" in again, "what is held again is no new trial"
    assert [one.by for one in trials(root)] == ["tournament"] * 2
    same = ("Calls made", "Page", "Again", "Tracked")
    assert [line for line in again.splitlines() if not line.startswith(same)] == [
        line for line in out.splitlines() if not line.startswith(same)
    ]
    page = (tmp_path / "few-tournament.html").read_text("utf-8")
    assert "Not enough evidence" in page
    for foreign in ("http://", "https://"):
        assert foreign not in page.replace("http://www.w3.org", "").replace(url, "")
    _is_tracked(root)


def _is_tracked(root: Path) -> None:
    client: Any = Tracker.at(root)._client
    home = client.get_experiment_by_name("tournament").experiment_id
    runs = client.search_runs([home])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert [run.info.run_name for run in parents] == ["few-tournament"], "held again, it is the same entry"
    assert {run.info.run_name for run in runs} - {"few-tournament"} == {
        "no_action", "guardian", "plain × rules", "other × rules",
    }  # fmt: skip
    assert {version.version for version in client.search_prompt_versions("plain")} == {1}
    rules = next(run for run in runs if run.info.run_name == "plain × rules")
    assert rules.data.metrics["valid"] == 1.0
    assert rules.data.metrics["over_guardian"] == 0.0
    traces = client.search_traces(locations=[home])
    assert traces, "what was asked is there to be read"


def test_json_has_every_number_and_its_absence(held: Held, root: Path, url: str) -> None:
    typed = ("--prompt", root / "plain.j2", "--model", "nobody", "--url", url, "--json", "--no-track")
    code, out, err = held("drawn", *typed, "--controls", "0", "--orders", "0")
    told = json.loads(out)
    assert (code, err) == (0, "")
    assert told["calls_made"] > 0
    assert len(told["rows"][0]["by_situation"]) == told["situations"] > 0
    assert told["policy"] == "random:seed=3"
    assert [row["kind"] for row in told["rows"]] == ["no_action", "guardian", "recorded", "model"]
    assert told["rows"][2]["name"] == "recorded: random:seed=3"
    own = told["rows"][3]
    assert own["advantage"]["7 d"] == 0.0
    assert own["answers"]["orders_agree"] is None
    assert own["no_action_at_controls"] is None
    assert len(own["by_situation"]) == told["situations"]
    assert told["spa_p"] is None
    assert Path(told["page"]).is_file()
    run = open_run(root, "drawn")
    suite = suite_of(run, ground_of(root, run))
    recorded = [next(one for one in each.actions if one.is_chosen).advantage[PLACE] for each in suite.decisions]
    assert told["rows"][2]["by_situation"] == [None if math.isnan(value) else value for value in recorded]


def test_recorded_answers_alone_need_no_server(held: Held, root: Path, url: str) -> None:
    typed = ("--prompt", root / "plain.j2", "--model", "nobody", "--no-track", "-q", "--controls", "0")
    assert held("few", *typed, "--url", url)[0] == 0
    away = ("--url", "http://127.0.0.1:9", "--llm-cache", "only")
    code, out, _ = held("few", *typed, *away)
    assert code == 0
    assert "Calls made: zero" in out
    code, _, err = held("few", *typed, *away, "--samples", "2")
    assert code == 2
    assert "sample 1, attempt 0 was not recorded" in err
    assert err.count("\n") == 1


def test_a_run_in_which_nobody_was_asked_is_no_evidence(held: Held) -> None:
    code, out, _ = held("never", "--url", "http://127.0.0.1:9")
    assert code == 0
    assert out.startswith("no evidence: no trigger of never ever fired")
    code, out, _ = held("never", "--json")
    assert (code, json.loads(out)["evidence"]) == (0, False)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["absent"], "no run named 'absent'|run 'absent'"),
        (["few", "--prompt", "missing.j2"], "missing.j2 does not exist"),
        (["few", "--prompt", "{root}/broken.j2"], "line 4: variable secrets is unknown"),
        (["few", "--model", "a,b"], "policy llm: model = 'a,b'"),
        (["few", "--set", "account.start_equity=5"], "only llm.KEY=VALUE may be set"),
        (["few", "--set", "llm.samples=5"], "name it with --samples"),
        (["few", "--set", "llm.hotness=5"], "option 'hotness' is unknown"),
        (["few", "--url", "http://127.0.0.1:9"], "cannot be asked: nothing answers at http://127.0.0.1:9"),
        (["few", "--url", "nowhere"], "url = 'nowhere'"),
        (["few", "--samples", "0"], "samples"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    held: Held, root: Path, tmp_path: Path, arguments: list[str], told: str
) -> None:
    before = len(trials(root))
    code, out, err = held(*(each.format(root=root) for each in arguments), "--no-track")
    assert (code, out) == (2, "")
    assert re.search(told, err), err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    assert len(trials(root)) == before


def test_a_server_that_fails_in_the_middle_leaves_no_page(held: Held, root: Path, tmp_path: Path) -> None:
    typed = ("--prompt", root / "other.j2", "--model", "coin", "--no-track", "-q")
    with server(script=[None, None, None, Trouble.LOAD]) as asked:
        code, out, err = held("few", *typed, "--url", asked.url)
    assert (code, out) == (2, "")
    assert "model coin could be asked no longer: " in err
    assert "3 of " in err
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_keeps_the_answers_and_says_how_to_go_on(
    held: Held, root: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from experiments.tournament_answers import Sheet

    whole = Sheet.ask

    def interrupted(sheet: Sheet, progress: Any) -> None:
        def stop(stage: str, done: int, total: int) -> None:
            if done == 4:
                raise KeyboardInterrupt
            progress(stage, done, total)

        whole(sheet, stop)

    typed = ("--prompt", root / "other.j2", "--model", "first", "--url", url, "--controls", "0", "--no-track")
    monkeypatch.setattr(Sheet, "ask", interrupted)
    code, out, err = held("few", *typed)
    assert (code, out) == (130, "")
    assert "4 of 20 answers are kept. Go on: alphastrike tournament few --prompt" in err
    monkeypatch.undo()
    code, out, err = held("few", *typed)
    assert code == 0
    assert "4 of 20 answers are recorded. Calls to make: 16" in err
    assert "Calls made: 16." in out


def test_hostile_names_and_answers_are_text_on_the_page(held: Held, root: Path, tmp_path: Path) -> None:
    evil = '{"analysis":"<script>alert(1)</script>","interventions":[{"action":"no_action","reason_code":"<b>"}]}'
    with StandIn(lambda _: evil, models={HOSTILE: Model("e" * 64)}) as asked:
        code, out, _ = held(
            "few", "--prompt", root / "plain.j2", "--model", HOSTILE, "--url", asked.url, "--no-track", "-q"
        )
    assert code == 0
    assert f"plain × {HOSTILE}" in out
    page = (tmp_path / "few-tournament.html").read_text("utf-8")
    assert HOSTILE not in page
    assert "&lt;img/src&gt;" in page
    assert "<script>" not in page


@pytest.mark.llm_server
@pytest.mark.slow
def test_a_real_server_is_asked_and_asked_no_more(held: Held, root: Path) -> None:
    pytest.importorskip("xllamacpp", reason="no inference server: install the extra llm-server")
    pytest.importorskip("gguf")
    typed = ("--prompt", "terse", "--model", NAME, "--provider", "openai", "--set", f"llm.num_ctx={CONTEXT}")
    with serving() as url:
        code, out, err = held("few", *typed, "--url", url, "--controls", "1", "--samples", "2", "--no-track")
        assert code == 0, err
        assert "Verdict: not enough evidence" in out
        assert "100 % (one)" in out, "at temperature 0 both samples are one"
        assert f"Calls to make: {10 * 3 + 2}" in err
    code, again, _ = held(
        "few", *typed, "--url", url, "--controls", "1", "--samples", "2", "--no-track", "--llm-cache", "only"
    )
    assert code == 0
    assert "Calls made: zero" in again
    assert [line for line in again.splitlines() if "terse × tiny" in line and "Again" not in line] == [
        line for line in out.splitlines() if "terse × tiny" in line and "Again" not in line
    ]
