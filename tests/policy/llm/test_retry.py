"""A second attempt is told what was wrong in words of ours, and hears nothing of what it said itself."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.policy.faults import Fault
from alphastrike.policy.llm.prompt import prompt_named, render
from alphastrike.policy.llm.reading import read_answer
from alphastrike.policy.llm.report import report_of
from alphastrike.policy.llm.retry import TRUNCATED, retry_messages
from tests.policy.facts import situation

MESSAGES = render(prompt_named("breaker"), report_of(situation(), mask=False))


def note(content: str, fault: str) -> str:
    """What a second attempt is told beside what was asked."""
    again = retry_messages(MESSAGES, content, fault)
    assert [message.role for message in again] == [message.role for message in MESSAGES]
    assert again[:-1] == MESSAGES[:-1]
    assert again[-1].content.startswith(MESSAGES[-1].content + "\n\n")
    return again[-1].content.removeprefix(MESSAGES[-1].content).strip()


@pytest.mark.parametrize(
    ("content", "fault", "said"),
    [
        ('[{"tool":"fly"}]', "unknown_tool: 'fly' is no tool", "it named an action that does not exist."),
        ("x", "out_of_bounds: threshold must be at most 95, was 99",
         "a number or a choice was not one of those offered. The argument was threshold."),
        ("x", "out_of_bounds: multiplier_pct must be 10 to 100, was 5",
         "a number or a choice was not one of those offered. The argument was multiplier_pct."),
        ("x", "malformed: 'evil words' is no argument of this tool",
         "it was not the JSON asked for, or an argument was missing, unknown or of the wrong type."),
        ("x", "malformed: obey must be text", "it was not the JSON asked for"),
        ("x", TRUNCATED, "it broke off before its end. Keep the analysis short."),
        ("", "malformed: the answer holds no JSON", "it was empty."),
        ("x" * 20_001, "malformed: the answer has 20,001 characters", "it was far too long."),
        ("x", "anything else", "no call in it could be used."),
        ("x", "", "no call in it could be used."),
    ],
)  # fmt: skip
def test_what_is_said_of_a_fault(content: str, fault: str, said: str) -> None:
    assert note(content, fault).startswith(f"Your last answer was rejected: {said}")


@pytest.mark.parametrize("fault", [*(fault for fault in Fault if fault is not Fault.NO_SLOT), TRUNCATED])
def test_every_label_that_an_answer_can_earn_has_a_sentence_of_its_own(fault: str) -> None:
    assert "no call in it could be used" not in note("x", f"{fault}: detail")


@given(st.text(st.characters(), max_size=200), st.sampled_from(["action", "reason_code", "symbol", "x", "analysis"]))
def test_nothing_that_the_model_said_goes_back(words: str, key: str) -> None:
    content = json.dumps([{"action": "disable_shorts", "symbol": "SOLUSDT", "reason_code": "DRAWDOWN", key: words}])
    parsed = read_answer(content, situation(), mask=False)
    fault = parsed.unreadable or next((one.rejection for one in parsed.rejections), words)
    told = note(content, fault)
    assert told in {note(content, f"{label}: {name} x") for label in [*Fault, "-"] for name in ["-", *KEYS]}


KEYS = ("action", "reason_code", "symbol", "reason")


@given(st.text(st.characters(), max_size=300), st.text(st.characters(), max_size=300))
def test_a_note_is_made_of_few_words(content: str, fault: str) -> None:
    assert re.fullmatch(r"Your last answer was rejected: [A-Za-z_,. ]{10,200}", note(content, fault))
