"""A tournament among models whose answers are known: what each must be worth, and that nothing is asked twice."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alphastrike.config.resolve import resolve
from alphastrike.journal.codes import Rule
from alphastrike.market.simulate import simulate_market
from alphastrike.model.errors import ConfigurationError, TryAgainError
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.policy.settings import CacheMode
from alphastrike.runs.recorder import record, recorded_settings
from alphastrike.runs.registry import open_run
from experiments.contestants import contestants_of
from experiments.tournament import judged, moments_of
from experiments.tournament_answers import Sheet
from experiments.tournament_plans import on_failure, planned, recorded_plan
from experiments.tournament_result import GUARDIAN, NO_ACTION, PLACE, Row, Tournament
from replay.cases import cases_of
from replay.controls import Control, controls_of
from replay.decisions import suite_of
from replay.ground import ground_of
from replay.pool import Threads, pool_at
from reports.tournament_text import as_json, headline
from tests.policy.llm.stand_in import Model, Request, StandIn, Trouble
from tests.replay.test_pool import bits

PROMPT = "{# name: plain, version: 1 #}\n{{ fired }}\n{{ account }}\n{{ symbols }}\n{{ tools }}\n"
OTHER = PROMPT.replace("plain", "other") + "{{ examples }}\n"
NOTHING = '{"analysis":"","interventions":[{"action":"no_action","reason_code":"WITHIN_NOISE"}]}'
DRAWN = ("--set", "llm.temperature=0.8", "--set", "llm.top_k=40")


SELDOM = (
    "account.triggers.losses=4",
    "account.triggers.drawdown_above=0.2",
    "account.triggers.win_rate_below=0.2",
    "account.exit.hold_max_hours=24",
    "perception.conviction.minimum_days=3",
    "perception.conviction.window_days=10",
    "policy.guardian.drawdown_hours=24",
    "policy.guardian.win_rate_hours=24",
)
"""Settings under which the policy is asked every few weeks, and the guardian says what a model can say."""


def answer(**call: object) -> str:
    return json.dumps({"analysis": "", "interventions": [{"reason_code": "DRAWDOWN", **call}]})


def halved(symbol: str) -> str:
    return answer(action="adjust_position_size", multiplier_pct=50, symbol=symbol)


def as_the_guardian(request: Request) -> str:
    """Return the guardian's call, read off the report."""
    fired, account = (json.loads(line) for line in request["messages"][-1]["content"].splitlines()[:2])
    symbol = fired["symbol"] or account["worst_symbol"]
    if fired["rule"] == "WIN_RATE":
        return answer(action="adjust_conviction", threshold=90, symbol=symbol)
    return halved(symbol)


def first_listed(request: Request) -> str:
    """Halve whatever symbol the report lists first."""
    return halved(re.findall(r"^([A-Z]+) \{", request["messages"][-1]["content"], re.MULTILINE)[0])


def by_seed(request: Request) -> str:
    return NOTHING if request["options"]["seed"] % 2 else halved("BTCUSDT")


def at_second_try(request: Request) -> str:
    return NOTHING if "rejected" in request["messages"][-1]["content"] else "I would rather not say."


KNOWN: dict[str, Callable[[Request], str]] = {
    "nobody": lambda _: NOTHING,
    "rules": as_the_guardian,
    "garbage": lambda _: "As a language model I cannot give financial advice.",
    "second": at_second_try,
    "first": first_listed,
    "coin": by_seed,
}


@dataclass(frozen=True)
class Place:
    """A data root with a run of a dozen clusters, one of fewer than ten, and prompts."""

    root: Path
    prompt: Path
    other: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    root = tmp_path_factory.mktemp("tournament")
    for name, market, days, seed in (("guarded", "small", 360, 7), ("few", "smaller", 240, 5)):
        simulate_market(root, market, ("BTCUSDT", "ETHUSDT"), days, MICROS_PER_HOUR, seed)
        record(root, market, "rules", name=name, settings=resolve(None, SELDOM))
    (root / "plain.j2").write_text(PROMPT)
    (root / "other.j2").write_text(OTHER)
    return Place(root, root / "plain.j2", root / "other.j2")


def server(**known: Any) -> StandIn:
    return StandIn(
        lambda request: KNOWN[request["model"]](request),
        models={name: Model(f"{number:064x}") for number, name in enumerate(KNOWN, start=1)},
        **known,
    )


def sheet_of(
    place: Place, url: str, *models: str, samples: int = 1, orders: int = 1, mode: str = "use", name: str = "guarded"
) -> Sheet:
    run = open_run(place.root, name)
    ground = ground_of(place.root, run)
    contestants = contestants_of(
        [str(place.prompt)],
        models,
        ground.settings.llm,
        place.root,
        options={"url": url, "temperature": "0.8", "top_k": "40"},
        mode=CacheMode(mode),
    )
    controls = controls_of(run, ground, 3)
    return Sheet(contestants, moments_of(cases_of(run, ground), controls), samples, orders)


def judge(place: Place, sheet: Sheet, name: str = "guarded") -> Tournament:
    run = open_run(place.root, name)
    ground = ground_of(place.root, run)
    return judged(run, ground, cases_of(run, ground), controls_of(run, ground, 3), sheet, Threads(2))


USABLE = ("nobody", "rules", "first", "coin")


@pytest.fixture(scope="module")
def it(place: Place) -> Tournament:
    with server() as asked:
        sheet = sheet_of(place, asked.url, *USABLE, samples=2)
        sheet.read()
        assert not sheet.answers
        sheet.ask()
        assert sheet.calls_made == len(asked.chats)
    return judge(place, sheet)


@pytest.fixture(scope="module")
def few(place: Place) -> Tournament:
    with server() as asked:
        sheet = sheet_of(place, asked.url, "garbage", "second", "rules", name="few")
        sheet.ask()
    return judge(place, sheet, "few")


def row(it: Tournament, model: str) -> Row:
    return next(one for one in it.rows if one.model == model)


def test_doing_nothing_is_worth_exactly_nothing(it: Tournament) -> None:
    for one in (it.row(NO_ACTION), row(it, "nobody")):
        assert not one.advantage[~np.isnan(one.advantage)].any()
        assert one.did == {"no_action": 1.0}
        assert one.quiet_at_triggers == 1.0
        assert one.quiet_at_controls == 1.0
        assert one.interval[PLACE] == (0.0, 0.0, 0.0, 1.0, it.clusters[PLACE])


def test_whoever_answers_as_the_guardian_is_worth_what_it_is(it: Tournament) -> None:
    guarded, own = it.row(GUARDIAN), row(it, "rules")
    assert bits(own.advantage) == bits(guarded.advantage)
    assert (own.interval, own.regret, own.honest_regret) == (guarded.interval, guarded.regret, guarded.honest_regret)
    assert own.answers is not None
    assert own.answers.valid_at_once == 1.0
    assert own.did == guarded.did
    assert own.over_guardian == 0.0
    assert own.among_best == guarded.among_best


def test_the_guardian_is_the_runs_own_policy_as_the_suite_has_it(it: Tournament, place: Place) -> None:
    run = open_run(place.root, "guarded")
    suite = suite_of(run, ground_of(place.root, run))
    chosen = [next(one for one in each.actions if one.is_chosen).advantage for each in suite.decisions]
    assert bits(it.row(GUARDIAN).advantage) == bits(np.array(chosen))
    for own, known in zip(it.row(GUARDIAN).regret, suite.regrets, strict=True):
        assert own == pytest.approx(known.naive, nan_ok=True)
    assert it.row(GUARDIAN).honest_regret == pytest.approx(suite.regrets[PLACE].half_sample)
    assert [one.kind for one in it.rows][:3] == [NO_ACTION, GUARDIAN, "model"], "the run's policy is the guardian"


def test_garbage_is_never_valid_and_does_what_on_failure_does(few: Tournament) -> None:
    own = row(few, "garbage")
    assert own.answers is not None
    assert (own.answers.valid_at_once, own.answers.valid) == (0.0, 0.0)
    assert own.answers.calls == 2 * (len(few.asked) * 2 + few.controls), "everything is asked once more"
    assert bits(own.advantage) == bits(few.row(GUARDIAN).advantage)
    assert math.isnan(own.quiet_at_triggers)
    assert math.isnan(own.answers.samples_agree)
    assert math.isnan(own.answers.orders_agree)


def test_a_second_attempt_is_told_from_the_first(few: Tournament) -> None:
    answers = row(few, "second").answers
    assert answers is not None
    assert (answers.valid_at_once, answers.valid) == (0.0, 1.0)


def test_agreement_over_samples_and_over_orders_are_two_things(it: Tournament) -> None:
    coin, first = row(it, "coin").answers, row(it, "first").answers
    assert coin is not None
    assert first is not None
    assert coin.samples_agree == 0.5
    assert coin.orders_agree == 1.0, "an order is asked with the seed of the first sample"
    assert first.samples_agree == 1.0
    assert 0.0 <= first.orders_agree < 0.7
    assert first.orders == len(it.asked)


def test_a_situation_is_worth_the_mean_of_its_samples(it: Tournament) -> None:
    coin = row(it, "coin")
    assert coin.did == {"adjust_position_size": 0.5, "no_action": 0.5}
    assert coin.quiet_at_triggers == 0.5
    with_one = coin.advantage[:, PLACE]
    assert np.nanmax(np.abs(with_one)) > 0.0


def test_all_rows_are_compared_at_once(it: Tournament) -> None:
    assert it.several is not None
    assert set(it.several.best) == {one.name for one in it.rows}
    assert max(one.among_best for one in it.rows) == 1.0
    assert {one.name for one in it.rows if one.among_best > 0.05} == set(it.several.confidence_set)
    assert it.several.how.block_days == 1.0, "clusters are drawn again, one at a time"
    assert "16 situations in 11 clusters" in headline(it)
    assert (len(it.asked), it.controls, it.quiet_controls) == (17, 3, 3)


def test_too_few_clusters_are_no_evidence(few: Tournament) -> None:
    assert few.clusters[PLACE] < 10
    assert few.several is None
    assert all(one.interval[PLACE] is None for one in few.rows)
    assert headline(few).startswith("not enough evidence: 9 situations in 7 clusters")
    told = as_json(few)
    assert told["evidence"] is False
    assert [each["interval"]["7 d"] for each in told["rows"]] == [None] * len(few.rows)


def test_what_was_answered_is_asked_by_nobody_again(it: Tournament, place: Place) -> None:
    with server() as asked:
        sheet = sheet_of(place, asked.url, *USABLE, samples=2)
        sheet.read()
        assert not sheet.missing
        sheet.ask()
        assert asked.chats == []
        again = judge(place, sheet)
    assert again.calls_made == 0
    assert bits_of(again) == bits_of(it)
    offline = sheet_of(place, "http://127.0.0.1:1", *USABLE, samples=2, mode="only")
    offline.read()
    assert not offline.missing


def bits_of(it: Tournament) -> object:
    return bits([replace(one, did={}) for one in it.rows]), [one.did for one in it.rows]


def test_an_interrupted_tournament_keeps_its_answers_and_goes_on(place: Place) -> None:
    def stop_at(stage: str, done: int, _total: int) -> None:
        if stage == "ask" and done == 5:
            raise KeyboardInterrupt

    with server() as asked:
        sheet = sheet_of(place, asked.url, "nobody", samples=4)
        sheet.read()
        there = len(sheet.answers)
        with pytest.raises(KeyboardInterrupt):
            sheet.ask(stop_at)
        assert len(asked.chats) == 5
        further = sheet_of(place, asked.url, "nobody", samples=4)
        further.read()
        assert len(further.answers) == there + 5
        missing = len(further.missing)
        further.ask()
        assert len(asked.chats) == 5 + missing
        assert len(further.answers) == len(further.questions)


def test_a_server_that_goes_away_ends_it_in_one_line_and_keeps_what_it_said(place: Place) -> None:
    with server(script=[None, None, Trouble.DROP]) as asked:
        sheet = sheet_of(place, asked.url, "nobody", samples=6)
        sheet.read()
        there = len(sheet.answers)
        with pytest.raises(TryAgainError, match=r"model nobody could be asked no longer: .* 2 of \d+ questions"):
            sheet.ask()
        again = sheet_of(place, asked.url, "nobody", samples=6)
        again.read()
        assert len(again.answers) == there + 2


def test_an_answer_that_comes_too_late_has_failed_and_is_asked_again(place: Place) -> None:
    run = open_run(place.root, "few")
    ground = ground_of(place.root, run)
    with server(seconds=0.1) as asked:
        for _ in range(2):
            own = contestants_of(
                [str(place.other)], ["nobody"], ground.settings.llm, place.root,
                options={"url": asked.url, "deadline_s": "0.02"},
            )  # fmt: skip
            sheet = Sheet(own, moments_of(cases_of(run, ground), ())[:2], 1, 0)
            sheet.read()
            assert len(sheet.missing) == 2
            sheet.ask()
            assert all("deadline: no whole answer within" in answer.failed for answer in sheet.answers.values())


def test_a_failed_answer_halts_the_account_where_the_run_says_so(place: Place) -> None:
    settings = resolve(None, (*SELDOM, "policy.on_failure=halt"))
    record(place.root, "smaller", "tests.replay.runs:Broken", name="halting", settings=settings)
    ground = ground_of(place.root, open_run(place.root, "halting"))
    cases = cases_of(open_run(place.root, "halting"), ground)
    assert cases
    for case in cases:
        acts = on_failure(case.situation, settings)
        assert [act.label for act in acts] == ["halt"]
        assert planned(ground, case, acts) == recorded_plan(case), "the plan of an answer is the one of the engine"


def test_controls_are_quiet_and_told_as_they_are(place: Place) -> None:
    run = open_run(place.root, "guarded")
    ground = ground_of(place.root, run)
    found = controls_of(run, ground, 1_000)
    asked = [case.situation.event_time for case in cases_of(run, ground)]
    for one in found:
        _is_quiet(one)
        assert not any(0 <= one.situation.event_time - time < 7 * 24 * MICROS_PER_HOUR for time in asked)
    few = controls_of(run, ground, 2)
    assert set(few) <= set(found)
    assert controls_of(run, ground, 0) == ()


def _is_quiet(one: Control) -> None:
    seen = one.situation
    assert not seen.live
    assert not seen.halted
    line = seen if seen.symbol is None else seen.report(seen.symbol)
    match seen.rule:
        case Rule.DRAWDOWN:
            assert seen.value == line.drawdown <= seen.threshold
        case Rule.LOSS_STREAK:
            assert seen.value == line.loss_streak < seen.threshold
        case Rule.WIN_RATE:
            assert seen.value == line.win_rate >= seen.threshold


@pytest.mark.parametrize(
    ("prompts", "models", "told"),
    [
        (["plain", "plain"], ["nobody"], "is there twice"),
        (["plain"], ["nobody", "nobody"], "model nobody is there twice"),
        (["plain"], ["absent"], "model absent cannot be asked: .* has no model absent"),
        (["missing"], ["nobody"], "does not exist"),
    ],
)
def test_bad_input_is_refused_before_anything_is_asked(
    place: Place, prompts: list[str], models: list[str], told: str
) -> None:
    settings = recorded_settings(open_run(place.root, "guarded")).llm
    with server() as asked:
        with pytest.raises(ConfigurationError, match=told):
            contestants_of(
                [str(place.root / f"{each}.j2") for each in prompts], models, settings, place.root,
                options={"url": asked.url},
            )  # fmt: skip
        assert asked.chats == []


@pytest.mark.slow
def test_workers_give_the_same_bits(place: Place) -> None:
    pytest.importorskip("distributed", reason="Dask's distributed is not installed")
    run = open_run(place.root, "guarded")
    ground = ground_of(place.root, run)
    with server() as asked:
        sheet = sheet_of(place, asked.url, "coin", "first", samples=2)
        sheet.read()
        sheet.ask()
    controls = controls_of(run, ground, 3)
    with pool_at("local", place.root, run, None, 2) as pool:
        there = judged(run, ground, cases_of(run, ground), controls_of(run, ground, 3, pool=pool), sheet, pool)
    here = judged(run, ground, cases_of(run, ground), controls, sheet, Threads(1))
    assert bits_of(there) == bits_of(here)
