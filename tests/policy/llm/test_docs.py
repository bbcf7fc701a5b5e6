"""The manual's page on prompts says what the code does."""

import re
from pathlib import Path

import pytest

from alphastrike.journal.codes import Tool
from alphastrike.policy.llm.masking import SYMBOLS_MAX
from alphastrike.policy.llm.prompt import TEMPLATE_MAX, VARIABLES, built_in_prompts, prompt_named, prompt_of, render
from alphastrike.policy.llm.reading import read_answer
from alphastrike.policy.llm.report import INTERVENTIONS_MAX, NUMBER_MAX, report_of
from alphastrike.policy.tools import DisableShorts
from tests.policy.facts import live, situation

FILE = Path(__file__).parents[3] / "docs" / "prompts.md"
PAGE = FILE.read_text(encoding="utf-8")
REPORT = report_of(situation(interventions=(live(Tool.ADJUST_POSITION_SIZE, value=0.5),)), mask=False)
EXAMPLE = render(prompt_named("breaker"), REPORT)[1].content


@pytest.mark.parametrize("name", VARIABLES)
def test_the_page_tells_every_variable(name: str) -> None:
    assert f"| `{name}` | {VARIABLES[name]} |" in PAGE


@pytest.mark.parametrize("name", built_in_prompts())
def test_the_page_tells_every_prompt(name: str) -> None:
    assert f"| `{name}` | " in PAGE


def test_the_page_s_bounds_are_the_code_s() -> None:
    assert f"{TEMPLATE_MAX:,} bytes" in PAGE
    assert f"±{NUMBER_MAX:,.0f}" in PAGE
    assert (SYMBOLS_MAX, INTERVENTIONS_MAX) == (8, 12)


def test_the_page_s_example_is_what_is_sent() -> None:
    assert re.findall(r"```text\n(.*?)\n```", PAGE, re.DOTALL) == [EXAMPLE]


def test_the_page_s_own_prompt_is_one() -> None:
    template = re.findall(r"```\n(\{#.*?)```", PAGE, re.DOTALL)[0]
    prompt = prompt_of(template.encode(), "the page's")
    assert prompt.label.startswith("mine v1 (")
    assert [message.role for message in render(prompt, REPORT)] == ["system", "user"]


def test_the_page_s_answer_is_read_as_it_says() -> None:
    (answer,) = re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)
    (call,) = read_answer(answer, situation(), mask=False).entries
    assert call == DisableShorts(symbol="SOLUSDT", reason="AGAINST_TREND: SOL shorts keep losing.")
    assert call.words in " ".join(PAGE.split())
