"""Recorded conversations replayed: the same prompts are asked, and their answers are read as they were."""

import json
from pathlib import Path
from typing import Any

import pytest

from alphastrike.journal.codes import CallVerdict, Tool
from alphastrike.policy.interventions import judge_advice
from alphastrike.policy.llm.completion import Identity
from alphastrike.policy.llm.conversation import Conversation
from alphastrike.policy.llm.policy import LlmPolicy
from alphastrike.policy.llm.prompt import prompt_named
from alphastrike.policy.llm.rows import answer_row, completion_of
from alphastrike.policy.llm.sources import CallKey, RecordedCalls
from alphastrike.policy.recorded_answers import answer_of
from alphastrike.policy.settings import LlmSettings
from tests.policy.llm.record_conversations import ANSWER_COLUMNS, FOLDER, HELD, SITUATIONS

FILES = sorted(FOLDER.glob("*.json"))


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def named(name: str) -> dict[str, Any]:
    return read(FOLDER / f"{name}.json")


def test_every_conversation_is_checked_in() -> None:
    assert [path.stem for path in FILES] == sorted(HELD)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_conversation_is_held_again_word_by_word(path: Path) -> None:
    recorded = read(path)
    situation = SITUATIONS[recorded["situation"]]
    calls = {
        CallKey(situation.situation, call["sample"], call["attempt"]): completion_of(call) for call in recorded["calls"]
    }
    source = RecordedCalls(calls)
    settings = LlmSettings(**recorded["settings"])
    identity = Identity("", recorded["calls"][0]["digest"], is_remote=False)
    talks: list[Conversation] = []
    policy = LlmPolicy("llm", settings, prompt_named(settings.prompt), identity, source, on_conversation=talks.append)
    policy.answer(situation)

    keys = [(call["sample"], call["attempt"], call["request_key"]) for call in recorded["calls"]]
    assert [(key.sample, key.attempt, request.key) for key, request in source.asked.items()] == keys, (
        "what is asked has changed: if that is meant, hold them anew with "
        "`python -m tests.policy.llm.record_conversations`"
    )
    assert [attempt.fault for attempt in talks[0].attempts] == [call["fault"] for call in recorded["calls"]]
    assert dict(zip(ANSWER_COLUMNS, answer_row(talks[0], str(situation.situation)), strict=True)) == recorded["answer"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_recorded_answer_raises_risk(path: Path) -> None:
    recorded = read(path)
    situation = SITUATIONS[recorded["situation"]]
    answered = answer_of(recorded["answer"]["answer"], 0)
    for judged in judge_advice(answered.advice, situation, situation.controls, 24):
        assert judged.verdict in (CallVerdict.ACCEPTED, CallVerdict.REDUNDANT, CallVerdict.REJECTED)
        if judged.verdict is CallVerdict.ACCEPTED and judged.tool is Tool.ADJUST_LEVERAGE:
            assert judged.value < situation.leverage


def test_the_article_s_example_is_three_interventions_and_an_alert() -> None:
    recorded = named("the_article_s_example")
    answered = answer_of(recorded["answer"]["answer"], 0)
    assert [call.code for call in answered.advice] == [
        Tool.ADJUST_CONVICTION, Tool.DISABLE_SHORTS, Tool.ADJUST_LEVERAGE, Tool.SEND_ALERT,
    ]  # fmt: skip
    assert dict(answered.drifts)["argument_name"] == 1
    assert answered.failed == ""


def test_injected_instructions_are_rejections_with_no_escape_in_their_words() -> None:
    recorded = named("instructions_injected")
    answered = answer_of(recorded["answer"]["answer"], 0)
    situation = SITUATIONS[recorded["situation"]]
    judged = judge_advice(answered.advice, situation, situation.controls, 24, leverage=situation.leverage)
    assert all(one.verdict is not CallVerdict.ACCEPTED for one in judged)
    assert "\x1b" not in "".join(call.words for call in answered.advice)
