"""A model in a live run: waited for by a played market, not by a wall clock; its calls are journaled either way."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alphastrike.cli.main import main
from alphastrike.cli.models import models
from alphastrike.config.settings import Settings
from alphastrike.journal.inputs import Operator, OperatorAct
from alphastrike.journal.reader import Run
from alphastrike.live.advise import Resumed, Switch
from alphastrike.live.control import Desk
from alphastrike.live.session import Session
from alphastrike.live.wire import Override
from alphastrike.live.writer import Released
from alphastrike.model.errors import HaltError
from alphastrike.policy.guardian import Rules
from alphastrike.policy.llm.composing import model_policy
from alphastrike.policy.llm.policy import LlmPolicy
from alphastrike.policy.policies import Answered
from alphastrike.policy.settings import LlmSettings
from alphastrike.runs.recorder import record
from alphastrike.runs.registry import open_run
from alphastrike.runs.verify import verify
from tests.live.conftest import LIVELY, assert_same_rows
from tests.live.playing import During, play, run_feed
from tests.live.standing import Standing, listening
from tests.live.test_session import market_by_wall_clock
from tests.policy.facts import situation
from tests.policy.llm.stand_in import StandIn, Trouble

OF_MODELS = frozenset({"llm_calls", "llm_answers"})


def settings_of(server: StandIn) -> Settings:
    return LIVELY.model_copy(update={"llm": LlmSettings(url=server.url)})


def made(root: Path, server: StandIn) -> LlmPolicy:
    return model_policy({}, LlmSettings(url=server.url), root, asks_again=True)


def answers_of(run: Run) -> list[tuple[str, str, int]]:
    return [(str(row["key"]), str(row["answer"]), int(row["latency"])) for row in run.rows("llm_answers")]


def dies_after(answers: int) -> During:
    """Pull the plug once that many answers are durable."""

    def watched(session: Session) -> None:
        seen = 0

        def released(now: Released) -> None:
            nonlocal seen
            seen += "llm_answers" in now.kinds
            if seen >= answers:
                raise KeyboardInterrupt

        session.on_release.append(released)

    return watched


def test_a_played_market_waits_and_history_makes_the_same_run(live_root: Path) -> None:
    with StandIn(script=[None, Trouble.PROSE]) as server:
        settings = settings_of(server)
        outcome = play(live_root, "talk", policy=made(live_root, server), settings=settings)
        run = open_run(live_root, "talk")
        asked = len(server.chats)
        assert outcome.is_complete
        assert run.manifest.rows_of("llm_answers") == run.manifest.rows_of("situations") >= 3
        assert run.manifest.rows_of("llm_calls") == asked == run.manifest.rows_of("situations") + 1
        assert set(run.rows("advice")["policy"]) == {"llm"}
        assert verify(live_root, run).findings == ()

        record(live_root, "small", "llm", name="history", settings=settings, others=models(live_root))
        assert len(server.chats) == asked, "the same requests have the same answers"
    history = open_run(live_root, "history")
    assert history.manifest.digest == run.manifest.digest
    assert answers_of(history) == answers_of(run)
    assert_same_rows(history, run, but=OF_MODELS)


@pytest.mark.slow
def test_a_run_that_was_killed_takes_its_answers_from_the_journal(live_root: Path) -> None:
    with StandIn() as server:
        settings = settings_of(server)
        with pytest.raises(KeyboardInterrupt):
            play(live_root, "talk", policy=made(live_root, server), settings=settings, during=dies_after(2))
        before = answers_of(open_run(live_root, "talk"))
        asked = len(server.chats)
        (live_root / "llm" / "calls.sqlite").unlink()
        outcome = play(live_root, "talk", policy=made(live_root, server), settings=settings)
        run = open_run(live_root, "talk")
        assert outcome.is_complete
        assert answers_of(run)[: len(before)] == before
        assert len(server.chats) == asked + len(answers_of(run)) - len(before), "what is journaled is not asked again"
        assert verify(live_root, run).findings == ()


@pytest.mark.slow
def test_a_shadow_run_journals_both_accounts_answers(live_root: Path) -> None:
    with StandIn() as server:
        play(live_root, "talk", policy=made(live_root, server), settings=settings_of(server), shadow=True)
        run = open_run(live_root, "talk")
        keys = [key for key, _, _ in answers_of(run)]
        assert any(key.startswith("followed ") for key in keys)
        assert len([key for key in keys if not key.startswith("followed ")]) == run.manifest.rows_of("situations")
        assert not run.manifest.rows_of("interventions")
        asked = len(server.chats)
        assert verify(live_root, run).findings == ()
        assert len(server.chats) == asked


def test_a_wall_clock_goes_on_while_the_model_thinks(live_root: Path) -> None:
    with StandIn(seconds=0.05) as server:
        root = live_root
        feed, _ = market_by_wall_clock(root, 0.002)
        policy = made(root, server)
        run_feed(root, "talk", feed, policy=policy, settings=settings_of(server))
        run = open_run(root, "talk")
        assert run.manifest.rows_of("llm_answers") >= 3
        assert len(run.rows("llm_calls")) == len(server.chats)
        seqs = {str(row["key"]): row["seq"] for row in run.table("llm_answers").to_pylist()}
        assert all(row["seq"] < seqs[str(row["key"])] for row in run.table("llm_calls").to_pylist())
        assert all(run.rows("llm_answers")["tokens"] > 0)
        assert verify(root, run).findings == ()


@pytest.mark.slow
def test_a_server_that_is_down_is_looked_for_again(live_root: Path) -> None:
    with StandIn(models={}) as server:
        settings = settings_of(server)

        def comes_up(session: Session) -> None:
            def released(now: Released) -> None:
                if "llm_answers" in now.kinds:
                    server.models = StandIn().models

            session.on_release.append(released)

        play(live_root, "talk", policy=made(live_root, server), settings=settings, during=comes_up)
    run = open_run(live_root, "talk")
    errors = [str(row["error"]) for row in run.rows("llm_answers")]
    assert errors[0].startswith("llm could not be asked: model_missing")
    assert errors[-1] == ""
    assert str(run.rows("advice")["policy"][0]) == "rules"
    assert verify(live_root, run).findings == ()


def test_recovery_refuses_an_answer_to_another_situation() -> None:
    resumed = Resumed(Rules(), 0)
    resumed.given.append((7, Answered((), 5)))
    with pytest.raises(HaltError, match="holds an answer to situation 7, and 3 is asked now"):
        resumed.answer(situation())
    assert resumed.answer(situation()).advice == Rules().decide(situation())


@pytest.mark.slow
def test_a_person_keeps_the_model_out_and_lets_it_in_again(live_root: Path) -> None:
    with StandIn() as server:
        settings = settings_of(server)
        told: list[Mapping[str, Any]] = []

        async def overrules(session: Session) -> None:
            asked = asyncio.Event()
            session.on_release.append(lambda now: asked.set() if "llm_answers" in now.kinds else None)
            await asked.wait()
            told.append(await Desk(session).carry_out(Override(author="ada", hours=24 * 365)))
            session.stop("the test has seen enough")

        play(live_root, "talk", policy=made(live_root, server), settings=settings, during=overrules)
        assert play(live_root, "talk", policy=made(live_root, server), settings=settings).is_complete
        run = open_run(live_root, "talk")
    assert told[0]["until"] == told[0]["event_time"] + 24 * 365 * 3_600_000_000
    errors = [str(row["error"]) for row in run.rows("llm_answers")]
    kept_out = [error for error in errors if error.startswith("llm could not be asked: disabled by ada until 20")]
    assert errors[0] == ""
    assert len(kept_out) >= 2
    assert errors[-1] in kept_out
    (row,) = run.rows("operator")
    assert (int(row["act"]), str(row["author"]), int(row["number"])) == (OperatorAct.OVERRIDE, "ada", 24 * 365)
    assert str(row["detail"]) == "disable the model for 8760 h"
    assert str(run.rows("advice")["policy"][-1]) == "rules"
    assert verify(live_root, run).findings == ()


def test_a_run_without_a_model_has_none_to_keep_out(data_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with listening(data_root, Standing()):
        assert main(["override", "disable", "--data", str(data_root)]) == 2
        said = capsys.readouterr().err
        assert said == "error: the policy of this run is rules: it asks no model that could be kept out.\n"
        assert main(["override", "clear", "--data", str(data_root)]) == 0
        assert capsys.readouterr().out == "Cleared 2 interventions.\n"


def test_a_switch_is_off_until_its_hours_are_over() -> None:
    asked = situation()
    switch = Switch()
    hour = 3_600_000_000

    def said(act: OperatorAct, hours: int, at: int) -> None:
        switch.take(Operator(at, act, -1, hours, "ada", ""))

    assert switch.why(asked) == ""
    said(OperatorAct.OVERRIDE, 2, asked.event_time - hour)
    assert switch.why(asked).startswith("disabled by ada until ")
    said(OperatorAct.HALT, 0, asked.event_time)
    assert switch.why(asked)
    assert switch.why(replace(asked, event_time=asked.event_time + hour)) == ""
    said(OperatorAct.OVERRIDE, 0, asked.event_time)
    assert switch.why(asked) == ""
