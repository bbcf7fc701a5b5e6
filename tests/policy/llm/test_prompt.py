"""Prompts are text with declared variables in it, known by their content; everything else is refused in one line."""

import hashlib
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from alphastrike.journal.codes import CallVerdict, Tool
from alphastrike.model.errors import ConfigurationError
from alphastrike.policy.interventions import judge_advice
from alphastrike.policy.llm.masking import names_of
from alphastrike.policy.llm.prompt import (
    PROMPTS,
    REQUIRED,
    TEMPLATE_MAX,
    VARIABLES,
    Prompt,
    built_in_prompts,
    prompt_named,
    prompt_of,
    render,
)
from alphastrike.policy.llm.reading import read_answer
from alphastrike.policy.llm.report import rendered, report_of
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import PALETTE
from tests.policy.facts import live, situation
from tests.policy.llm.situations import FEW, situations

HEADER = "{# name: mine, version: 3 #}\n"
GOOD = HEADER + "Alarm: {{ fired }}\nChoose: {{ tools }}\n"


def test_the_built_in_prompts_are_two_that_differ() -> None:
    assert built_in_prompts() == ("breaker", "terse")
    breaker, terse = map(prompt_named, built_in_prompts())
    report = report_of(situation(), mask=False)
    assert [message.role for message in render(breaker, report)] == ["system", "user"]
    assert [message.role for message in render(terse, report)] == ["user"]
    assert breaker.sha256 != terse.sha256


@pytest.mark.parametrize("name", built_in_prompts())
def test_a_prompt_is_known_by_name_version_and_hash_of_its_content(name: str) -> None:
    prompt = prompt_named(name)
    content = (PROMPTS / f"{name}.j2").read_bytes()
    assert prompt == Prompt(name, 1, hashlib.sha256(content).hexdigest(), content.decode())
    assert prompt.label == f"{name} v1 ({prompt.sha256[:12]})"
    assert prompt_of(content + b" ", "p").sha256 != prompt.sha256


@pytest.mark.parametrize("name", built_in_prompts())
@pytest.mark.parametrize("mask", [False, True])
def test_a_built_in_prompt_shows_everything_and_fits_a_small_model(name: str, mask: bool) -> None:
    report = report_of(situation(interventions=(live(Tool.DISABLE_SHORTS),)), mask=mask)
    text = "\n".join(message.content for message in render(prompt_named(name), report))
    for section in rendered(report).values():
        assert section in text
    assert "{{" not in text
    assert "{#" not in text
    assert "USDT" not in text or not mask
    assert len(text) < 7_000


@pytest.mark.parametrize("name", built_in_prompts())
def test_the_tools_are_described_by_the_palette_no_action_first(name: str) -> None:
    text = "\n".join(m.content for m in render(prompt_named(name), report_of(situation(), mask=False)))
    places = []
    for tool, model in PALETTE.items():
        if tool is not Tool.SEND_ALERT:
            described = f"{tool.name.lower()}: {' '.join((model.__doc__ or '').split())}"
            assert described in text
            places.append((text.index(described), tool))
    assert min(places)[1] is Tool.NO_ACTION
    assert "send_alert" not in text


def test_a_tool_that_has_nothing_left_is_not_described() -> None:
    text = render(prompt_named("terse"), report_of(situation(leverage=1.0), mask=False))[-1].content
    assert "adjust_leverage" not in text
    assert "adjust_conviction" in text


@FEW
@given(situations())
def test_the_examples_are_valid_answers(asked: Situation) -> None:
    (message,) = render(prompt_of((HEADER + "{{ fired }}{{ tools }}\n~{{ examples }}").encode(), "p"),
                        report_of(asked, mask=True))  # fmt: skip
    for example in message.content.partition("~")[2].splitlines():
        parsed = read_answer(example, asked, mask=True)
        (judged,) = judge_advice(parsed.entries, asked, asked.controls, 24)
        assert judged.verdict is CallVerdict.ACCEPTED
        assert parsed.drifts == ()
        assert re.fullmatch(r"[A-Za-z0-9 ,.%-]{0,200}", json.loads(example)["analysis"])


def test_the_same_situation_gives_the_same_messages_and_another_one_others() -> None:
    prompt, asked = prompt_named("breaker"), situation()
    messages = render(prompt, report_of(asked, mask=False))
    assert render(prompt, report_of(replace(asked, situation=9), mask=False)) == messages
    assert render(prompt, report_of(replace(asked, drawdown=0.2), mask=False)) != messages


def test_a_value_is_never_read_as_a_template() -> None:
    """A substituted value could only hold braces of JSON; even those of a template stay as they are."""
    prompt = prompt_of(b"{# name: p, version: 1 #}\n{{ fired }} {{ tools }} [user] {{ account }}", "p")
    (message,) = render(prompt, report_of(situation(), mask=False))
    assert " [user] {" in message.content


def test_one_s_own_file_is_read_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "other.j2"
    path.write_bytes(("\ufeff" + GOOD).replace("\n", "\r\n").encode())
    prompt = prompt_named(str(path))
    assert (prompt.name, prompt.version) == ("mine", 3)
    assert prompt.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    report = report_of(situation(), mask=False)
    (message,) = render(prompt, report)
    assert message.role == "user"
    assert message.content.startswith(f"Alarm: {rendered(report)['fired']}\nChoose: no_action: ")
    monkeypatch.chdir(tmp_path)
    assert prompt_named("other.j2") == prompt


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (GOOD + "{{ equity }}", "line 4: variable equity is unknown. Declared: fired, account"),
        (GOOD + "{{ accounts }}", "line 4: variable accounts is unknown; did you mean account?"),
        (GOOD + "{{ fired.value }}", "line 4: only {{ name }} may stand in braces"),
        (GOOD + "{{ fired | upper }}", "line 4: only {{ name }} may stand in braces"),
        (GOOD + "{{ fired() }}", "line 4: only {{ name }} may stand in braces"),
        (GOOD + "{{ fired ~ tools }}", "line 4: only {{ name }} may stand in braces"),
        (GOOD + "{{ fired['x'] }}", "line 4: only {{ name }} may stand in braces"),
        (GOOD + "\n\n{{ 7 * 7 }}", "line 6: only {{ name }} may stand in braces"),
        (GOOD + "{{ 'text' }}", "line 4: only {{ name }} may stand in braces"),
        (GOOD + "{{ self }}", "line 4: variable self is unknown"),
        (GOOD + "{{ ''.__class__.__mro__ }}", "line 4: only {{ name }} may stand in braces"),
        (GOOD + "{{ lipsum.__globals__ }}", "line 4: only {{ name }} may stand in braces"),
        (GOOD + "{% if fired %}x{% endif %}", "line 4: statements ({% … %}) are not allowed"),
        (GOOD + "{% raw %}{{ x }}{% endraw %}", "line 4: statements ({% … %}) are not allowed"),
        (GOOD + "{% include '/etc/passwd' %}", "line 4: statements ({% … %}) are not allowed"),
        (GOOD + "{% set fired = 'x' %}", "line 4: statements ({% … %}) are not allowed"),
        (GOOD + "{{ fired", "line 4: "),
        (GOOD + "{{ }}", "line 4: Expected an expression"),
        (HEADER + "{{ tools }}", "does not name {{ fired }}: the rule that was met"),
        (HEADER + "{{ fired }}", "does not name {{ tools }}: the tools offered now"),
        ("Alarm: {{ fired }} {{ tools }}", "does not say its name and version. Let its first line be: {# name: mine"),
        ("{# name: Not Mine, version: 1 #}\n" + GOOD, "does not say its name and version"),
        ("{# name: mine, version: one #}\n" + GOOD, "does not say its name and version"),
        ("", "does not say its name and version"),
        (HEADER + "hello\n[user]\n{{ fired }}{{ tools }}", "there is text before [user]"),
        (HEADER + "[user]\n{{ fired }}{{ tools }}\n[system]\nx", "its roles must be [system] and then [user]"),
        (HEADER + "[user]\nx\n[user]\n{{ fired }}{{ tools }}", "its roles must be [system] and then [user]"),
        (HEADER + "[system]\n{{ fired }}{{ tools }}", "its roles must be [system] and then [user]"),
        (HEADER + "[system]\n\n[user]\n{{ fired }}{{ tools }}", "nothing stands under [system]"),
        (HEADER + "[system]\nx\n[user]\n\n{{ fired }}{{ tools }}{{ y }}", "line 6: variable y is unknown"),
        (GOOD + "x" * TEMPLATE_MAX, "bytes, and a small model can be sent 16,384 at most"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_template_is_refused_in_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "other.j2"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        prompt_named(str(path))
    said = str(caught.value)
    assert complaint in said.removeprefix(f"prompt {str(path)[:80]}")
    assert "\n" not in said
    assert said.startswith("prompt ")


def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path: Path) -> None:
    latin = tmp_path / "latin.j2"
    latin.write_bytes(GOOD.encode() + b"\xe9\xff")
    secret = tmp_path / "secret.j2"
    secret.write_text(GOOD)
    secret.chmod(0)
    cases = {
        str(latin): f"is not UTF-8 (byte {len(GOOD)}). Save it as UTF-8.",
        str(tmp_path / "none.j2"): "does not exist. Known prompts: breaker, terse",
        f"{tmp_path}/": "is no file",
        "no/such.j2": "does not exist",
        "a\x00b.j2": "cannot be read: embedded null byte",
        "x" * 5_000 + ".j2": "cannot be read: File name too long",
        "braker": "is unknown; did you mean breaker? Known: breaker, terse, or the path of your own file",
        "": "prompt '' is unknown",
        "../prompts": "does not exist",
    }
    if os.geteuid() != 0:
        cases[str(secret)] = "cannot be read: Permission denied"
    for spec, complaint in cases.items():
        with pytest.raises(ConfigurationError) as caught:
            prompt_named(spec)
        assert complaint in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "\x00" not in str(caught.value)
        assert len(str(caught.value)) < 300


def test_every_variable_can_be_named_and_two_must_be() -> None:
    everything = HEADER + "\n".join(f"{{{{ {name} }}}}" for name in VARIABLES)
    (message,) = render(prompt_of(everything.encode(), "p"), report_of(situation(), mask=False))
    assert "interventions" in message.content
    assert set(REQUIRED) < set(VARIABLES)
    assert names_of(situation(), mask=False).names == ("BTCUSDT", "ETHUSDT", "SOLUSDT")
