"""The page that takes a run apart, as a document: its order, its sums, foreign text, its size, and real runs."""

import json
import math
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alphastrike.cli.models import models
from alphastrike.config.resolve import resolve
from alphastrike.runs.recorder import record
from alphastrike.runs.registry import open_run
from replay.decisions import suite_from
from replay.explained import Explained, Groups, explain
from replay.fills import BAND, FillBand
from replay.oracle import oracles
from reports.decision_cards import cards
from reports.explain import page, write_explained
from reports.recorded import Recorded
from reports.recorded import recorded as read
from tests.policy.llm.stand_in import StandIn, Trouble
from tests.replay.runs import OFTEN, RecordedRuns
from tests.reports.explained_world import made_attribution, made_explained
from tests.reports.test_other_histories import made as made_worlds
from tests.reports.test_page import HOSTILE, MEGABYTE, outline

NAN = math.nan


@pytest.fixture(scope="module")
def made(explained: tuple[Explained, Recorded]) -> tuple[Explained, Recorded]:
    return explained


@pytest.fixture(scope="module")
def html(made: tuple[Explained, Recorded]) -> str:
    return page(*made)


@pytest.fixture(scope="module")
def taken_apart(recorded: RecordedRuns, tmp_path_factory: pytest.TempPathFactory) -> tuple[Explained, Path]:
    run = recorded.open("guarded")
    it = explain(recorded.root, run, pairs=2, others=lambda _: oracles(recorded.root, run))
    return it, write_explained(it, tmp_path_factory.mktemp("explained"), None, run)


def section(html: str, name: str) -> str:
    begin = html.index(f'<section id="{name}">')
    return html[begin : html.index("</section>", begin)]


def embedded(html: str, name: str) -> Any:
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def numbers(cells: list[str]) -> list[float]:
    return [float(cell.replace(",", "").replace("−", "-")) for cell in cells]


def test_sections_stand_in_the_order_in_which_a_reader_asks(html: str) -> None:
    assert outline(html).sections == [
        "verdict", "paths", "difference", "interventions", "choices", "triggers", "decisions", "limits", "again",
    ]  # fmt: skip


def test_nothing_is_loaded_and_every_link_leads_somewhere(html: str) -> None:
    found = outline(html)
    assert all(address.startswith(("#", "data:")) for address in found.addresses)
    assert "url(" not in found.styles
    assert "@import" not in found.styles
    assert {"iframe", "object", "embed", "base", "img"}.isdisjoint(found.tags)
    assert len(found.ids) == len(set(found.ids))
    assert {address[1:] for address in found.addresses if address.startswith("#")} <= set(found.ids)


def test_the_verdict_comes_first_with_every_arm_in_both_modes(html: str, made: tuple[Explained, Recorded]) -> None:
    verdict = section(html, "verdict")
    assert verdict.index("Undecided") < verdict.index("95 % [")
    assert verdict.count('<div class="bar">') == len(made[0].whole) == 4
    assert verdict.count("<small>adaptive</small>") == verdict.count("<small>frozen</small>") == 2
    plain = re.sub(r"<[^>]+>", "", verdict).replace("\u00a0", " ")
    for said in ("over histories, decisions fixed", "Fills: base model only", "episodes", *made[0].evidence):
        assert said in plain


@pytest.mark.parametrize("case", range(4), ids=["intervention", "trigger", "tool", "symbol"])
def test_the_steps_of_every_waterfall_add_up_to_the_whole_as_written(
    html: str, made: tuple[Explained, Recorded], case: int
) -> None:
    whole = 1_000.0 * made[0].worths.attribution.total
    drawn = html.split('data-of="fall"')[1 + case].split("<h3>By part", maxsplit=1)[0]
    assert f'data-case="{case}"' in drawn
    *steps, total = numbers(re.findall(r'class="told" role="cell">([^<]+)<', drawn))
    assert total == pytest.approx(whole, abs=0.006)
    assert sum(steps) == pytest.approx(total, abs=0.006 * len(steps))
    assert len(steps) <= 21
    *_, last, summed = numbers(re.findall(r'class="told sum" role="cell">([^<]+)<', drawn))
    assert last == summed == total


def test_every_intervention_has_its_row_its_number_its_events_and_its_card(
    html: str, made: tuple[Explained, Recorded]
) -> None:
    table = section(html, "interventions")
    rows = re.findall(r'<th data-v="(\d+)"><a href="#s(\d+)">', table)
    own = made[0].worths.interventions
    assert sorted((int(number), int(situation)) for number, situation in rows) == [
        (each.number, each.situation) for each in own
    ]
    told = re.findall(r'<abbr title="1,000 × \[ln[^"]*market events ([\d,]+) to ([\d,]+), (\S+ \S+) to', table)
    assert len(told) == len(own)
    assert all(float(first.replace(",", "")) < float(last.replace(",", "")) for first, last, _ in told)
    shown = re.findall(r'td class="effect" data-v="[^"]*"><abbr[^>]*>([^<–]+)<', table)
    effects = [abs(value) for value in numbers(shown)]
    assert effects == sorted(effects, reverse=True)


def test_a_card_holds_the_whole_decision(html: str, made: tuple[Explained, Recorded]) -> None:
    data = embedded(html, "cards-json")
    assert set(data["cards"]) == {str(each.situation) for each in made[1].answers}
    card = data["cards"]["5"]
    headings = [text for kind, text, *_ in card if kind == "h"]
    assert headings == [
        "What it was shown", "What it answered", "What each action would have done", "What intervention 5 was worth",
    ]  # fmt: skip
    heads = data["heads"]
    for kind, name, *rest in card:
        if kind == "t":
            assert {len(row) for row in rest[0]} == {len(heads[name])}
    (actions,) = (rest[0] for kind, name, *rest in card if kind == "t" and name == "actions")
    assert len(actions) == 13
    assert [row[0][1] for row in actions if isinstance(row[0], list)] == ["chosen"]
    (parts,) = (rest[0] for kind, name, *rest in card if kind == "t" and name == "parts")
    *each, total = numbers(parts[0][1:])
    assert sum(each) == pytest.approx(total, abs=0.03)


def test_the_heat_map_and_its_readings_hold_the_same_situations_and_actions(
    html: str, made: tuple[Explained, Recorded]
) -> None:
    heat = embedded(html, "heat-json")
    decisions = made[0].suite.decisions
    assert [number for number, _ in heat["situations"]] == [each.situation for each in decisions]
    assert heat["labels"][:3] == ["answer given", "no action", "conviction floor 85"]
    assert {len(rows) for rows in heat["values"]} == {len(heat["labels"])}
    assert {len(row) for rows in heat["values"] for row in rows} == {len(decisions)}
    assert section(html, "choices").count('data-of="heat"') == 4


def test_every_chart_has_its_table_and_every_number_its_formula(html: str) -> None:
    for name, said in {
        "paths": "The paths as a table", "interventions": "All horizons as a table", "choices": "as a table",
    }.items():  # fmt: skip
        assert said in section(html, name)
    for name in ("difference", "interventions", "choices", "triggers"):
        assert "How each number is computed" in section(html, name)


def test_foreign_text_stays_text_wherever_it_stands() -> None:
    it, run = made_explained(8, 60, symbols=(HOSTILE, HOSTILE, HOSTILE), reason=HOSTILE)
    html = page(it, replace(run, messages={1: [HOSTILE, "</script><script>document.title=3</script>"]}))
    assert "<img" not in html
    assert html.count("<script") == html.count("</script>") == 4
    assert next(block for block in embedded(html, "cards-json")["cards"]["1"] if block[0] == "m")[2] == HOSTILE
    assert HOSTILE in json.dumps(embedded(html, "cards-json"), ensure_ascii=False).replace('\\"', '"')


def test_a_page_of_500_interventions_is_of_a_size_to_send(long_explained: tuple[Explained, Recorded]) -> None:
    html = page(*long_explained)
    assert len(long_explained[0].interventions) > 500
    assert len(html.encode()) < 15 * MEGABYTE
    assert len(html.encode()) < 5 * MEGABYTE, "well below what was promised"
    assert len(outline(html).tags) < 40_000


def test_other_fills_stand_beside_the_verdict_and_other_histories_behind_the_triggers(
    made: tuple[Explained, Recorded],
) -> None:
    it, run = made
    effects = {effect.arm: (effect, effect, effect) for effect in it.adaptive.effects}
    band = FillBand(BAND, effects, (0.1, 0.1, 0.1), ())
    worlds = made_worlds({effect.arm: np.linspace(-0.1, 0.2, 40) for effect in it.adaptive.effects})
    html = page(it, run, worlds, band)
    assert outline(html).sections[5:7] == ["triggers", "worlds"]
    assert "--fills band" not in html
    for said in ("optimistic", "pessimistic"):
        assert said in section(html, "verdict")


def test_undefined_numbers_are_a_dash_and_a_run_without_an_interval_has_none(made: tuple[Explained, Recorded]) -> None:
    it, run = made
    none = tuple(each._replace(low=NAN, high=NAN) for each in it.whole)
    flat = ((NAN,) * 7, (NAN,) * 7, (NAN,) * 7)
    html = page(replace(it, whole=none, curve=flat, mean=None), run)
    assert "95 % [" not in section(html, "verdict")
    assert "no interval" in section(html, "verdict")
    assert not re.search(r"\bnan\b", re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL).lower())


def test_a_policy_that_never_intervened_has_a_page_all_the_same(made: tuple[Explained, Recorded]) -> None:
    it, run = made
    nothing = made_attribution([], np.random.default_rng(1), 1.0)
    quiet = replace(it, worths=nothing, groups=Groups((), (), ()), parts=None, suite=suite_from("run", "rules", ()))
    html = page(quiet, replace(run, answers=[]))
    assert "never intervened" in section(html, "interventions")
    assert "No trigger fired" in section(html, "decisions")
    assert "choices" not in outline(html).sections
    assert {address[1:] for address in outline(html).addresses if address.startswith("#")} <= set(outline(html).ids)


def test_the_same_explanation_gives_the_same_bytes_in_any_process() -> None:
    program = (
        "from tests.reports.explained_world import made_explained; from reports.explain import page; "
        "import sys; sys.stdout.buffer.write(page(*made_explained(8, 60)).encode())"
    )
    environment = {"PYTHONHASHSEED": "7", "PATH": ""}
    again = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, env=environment).stdout
    assert again.decode() == page(*made_explained(8, 60))


def test_what_a_model_said_is_read_from_its_run(recorded: RecordedRuns, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(recorded.root / "markets", root / "markets")
    with StandIn(script=[None, Trouble.PROSE]) as server:
        settings = resolve(None, (*OFTEN, f"llm.url={server.url}"))
        record(root, "small", "llm", name="asked", settings=settings, others=models(root, "use", print))
    run = read(open_run(root, "asked"))
    assert run.model is not None
    assert run.model.asked == len(run.answers)
    assert [len(run.messages[number]) for number in (1, 2, 3)] == [1, 2, 1]
    assert "as a language model" in run.messages[2][0]
    assert all(json.loads(messages[-1])["interventions"] is not None for messages in run.messages.values())
    card = json.loads(cards(run.answers, (), (), run.messages, recorded.open("guarded").symbols))["cards"]["2"]
    assert [name for kind, name, *_ in card if kind == "m"] == ["Raw answer 1", "Raw answer 2"]


def test_a_real_run_is_taken_apart_on_its_page(taken_apart: tuple[Explained, Path]) -> None:
    it, path = taken_apart
    html = path.read_text("utf-8")
    assert path.name == "guarded-explained.html"
    assert it.headline.split(":")[0] in section(html, "verdict")
    assert "hindsight" in section(html, "verdict")
    assert len(re.findall(r'<details class="card"', html)) == len(it.suite.decisions)
    assert f"alphastrike explain {it.origin.run}" in section(html, "again")
    times = [each.applied for each in it.interventions]
    assert all(begin <= time <= end for time in times for begin, end in [(it.origin.begin, it.origin.end)])
