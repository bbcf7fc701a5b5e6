"""The part of a page about other histories: bins that hold every world, words that say how sure, tables behind it."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from replay.fills import BAND, FillBand
from replay.likeness import Likeness
from replay.worlds import Worlds
from reports.counterfactual import Beside, page
from reports.worlds import arm_worlds, as_json, likeness_rows, notes, rendered, sentence, spread_table, terminal_tables
from tests.reports.world import made_comparison

HOSTILE = "<b>user:Policy</b>"


def made(effects: dict[str, np.ndarray], **changed: object) -> Worlds:
    count = len(next(iter(effects.values())))
    fields: dict[str, object] = {
        "factual": "rules",
        "arms": tuple(effects),
        "effects": effects,
        "here": {arm: float(values[0]) for arm, values in effects.items()},
        "shallower": {arm: np.zeros(count) for arm in effects},
        "growth": np.zeros(count),
        "stubs": (("llm:prompt=calm", "rules"),),
        "left_out": (("oracle", "it knows one history only"),),
        "remarks": (),
        "original": Likeness((0.2, 0.1, float("nan")), 0.7, 0.03),
        "likenesses": tuple(Likeness((0.1 + 0.001 * n, 0.1, float("nan")), 0.7, 0.03) for n in range(count)),
        "block_days": 30.0,
        "seed": 1,
        "days": 365.0,
    }
    return Worlds(**{**fields, **changed})  # type: ignore[arg-type]


@pytest.fixture
def worlds() -> Worlds:
    random = np.random.default_rng(1)
    return made({"no-llm": random.normal(0.02, 0.05, 200), HOSTILE: random.normal(-0.3, 0.1, 200)})


def test_no_column_of_the_drawing_holds_both_signs(worlds: Worlds) -> None:
    for one in arm_worlds(worlds):
        for column in one.columns:
            assert column.is_above == (column.place >= one.zero - 1e-6)
            assert column.place + column.width <= 100.001
        assert one.low <= one.median <= one.high


def test_columns_stand_as_high_as_their_worlds_are_many() -> None:
    (one,) = arm_worlds(made({"x": np.array([-0.9, 0.05, 0.051, 0.052, 0.9])}))
    assert sorted(column.height for column in one.columns) == [33.3, 33.3, 100.0]


def test_one_sentence_says_how_often_how_much_and_how_sure(worlds: Worlds) -> None:
    share = np.mean(worlds.effects["no-llm"] > 0.0)
    said = sentence(worlds, "no-llm")
    assert f"no-llm grew more than rules in {100 * share:.0f} % of 200 worlds" in said
    assert re.search(r"\[\d+, \d+\] %", said)
    assert "On the history that was recorded" in said


def test_lost_accounts_and_worlds_without_a_difference_are_told() -> None:
    lost = made({"x": np.array([-np.inf, 0.0, 0.1, 0.2])}, here={"x": -np.inf})
    said = sentence(lost, "x")
    assert "In 1 one of the two accounts was lost" in said
    assert "In 25 % nothing differed" in said
    told = as_json(lost)
    assert json.dumps(told, allow_nan=False)
    assert told["arms"][0]["effects"] == [None, 0.0, 0.1, 0.2]
    assert next(iter(arm_worlds(lost))).here is None
    assert "−∞" in spread_table(lost).rows[0]


def test_all_effects_zero_can_still_be_drawn() -> None:
    (one,) = arm_worlds(made({"x": np.zeros(5)}))
    assert len(one.columns) == 1


def test_what_is_unlike_the_original_is_marked(worlds: Worlds) -> None:
    rows = {row.label: row for row in likeness_rows(worlds)}
    assert rows["autocorrelation of |returns|, 24 h"].is_outside is False
    few = made({"x": np.zeros(5)})
    assert "lies outside of what nine worlds of ten have" in " ".join(notes(few))
    assert next(row for row in likeness_rows(few) if row.label.endswith(", 1 h")).is_outside
    assert rows["autocorrelation of |returns|, 7 d"].original == "–"


def test_stubs_and_what_is_left_out_are_said(worlds: Worlds) -> None:
    said = " ".join(notes(worlds))
    assert "llm:prompt=calm is a model and was not asked in the worlds: rules stands for it" in said
    assert "oracle is left out" in said
    assert "mean block 30 days, seed 1" in said
    assert "much alike" not in said
    assert "much alike" in " ".join(notes(made({"x": np.zeros(5)}, days=100.0)))


def test_the_part_of_the_page_is_text_with_a_table_behind_it(worlds: Worlds) -> None:
    html = rendered(worlds)
    assert HOSTILE not in html
    assert "&lt;b&gt;user:Policy" in html
    assert "Other histories as a table" in html
    assert html.count('class="spread"') == 2
    for headers, rows in ((table.headers, table.rows) for table in terminal_tables(worlds)):
        assert all(len(row) == len(headers) for row in rows)


def test_without_an_arm_the_part_says_so() -> None:
    html = rendered(replace(made({"x": np.zeros(3)}), arms=(), effects={}, here={}, shallower={}))
    assert "No arm could be run" in html


def test_the_page_tells_of_fills_beside_the_verdict_and_of_worlds_behind_the_interventions() -> None:
    compared = made_comparison(("no-llm", "random:seed=1"))
    band = FillBand(
        BAND, {effect.arm: (effect, effect, effect) for effect in compared.effects}, (0.1, 0.1, 0.1), ("no-llm",)
    )
    random = np.random.default_rng(2)
    drawn = made({effect.arm: random.normal(0.0, 0.1, 50) for effect in compared.effects})
    html = page(compared, beside=Beside(worlds=drawn, band=band))
    sections = re.findall(r'<section id="(\w+)"', html)
    assert sections.index("worlds") == sections.index("interventions") + 1
    verdict = html[html.index('id="verdict"') : html.index('id="paths"')]
    for said in ("Under other fills", "optimistic", "pessimistic", "The fill band as a table", "Not asked anew"):
        assert said in verdict
    assert "--fills band" not in verdict
    assert "Other histories as a table" in html
    assert html == page(compared, beside=Beside(worlds=drawn, band=band))
    assert "--fills band" in page(compared)
