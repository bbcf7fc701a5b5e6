"""The key of a request: the same for the same question, another for every part that could change the answer."""

from dataclasses import replace
from typing import Any

import pytest

from alphastrike.policy.llm.request import CompletionRequest, Message, unverified

MESSAGES = (Message("system", "Be brief."), Message("user", "BTCUSDT lost 3.0"))
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}
REQUEST = CompletionRequest(
    provider="ollama",
    model="qwen2.5:1.5b",
    digest="65ec06548149",
    messages=MESSAGES,
    schema=SCHEMA,
    options={"temperature": 0, "seed": 7, "num_predict": 512},
)


def test_the_key_is_fixed_because_recordings_are_found_by_it() -> None:
    assert REQUEST.key == "ea81dcd77eaad65a69604aa11cb9def72e42cdbd3717e191e19bfb9aaed84884"


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("provider", replace(REQUEST, provider="openai")),
        ("model", replace(REQUEST, model="qwen2.5:3b")),
        ("digest", replace(REQUEST, digest=unverified("qwen2.5:1.5b"))),
        ("messages", replace(REQUEST, messages=MESSAGES[::-1])),
        ("messages", replace(REQUEST, messages=(Message("user", MESSAGES[0].content), MESSAGES[1]))),
        ("messages", replace(REQUEST, messages=(*MESSAGES[:1], Message("user", "BTCUSDT lost 3.1")))),
        ("schema", replace(REQUEST, schema={**SCHEMA, "required": ["a"]})),
        ("options", replace(REQUEST, options={**REQUEST.options, "seed": 8})),
        ("options", replace(REQUEST, options={**REQUEST.options, "top_k": 1})),
        ("think", replace(REQUEST, think=True)),
        ("sample", replace(REQUEST, sample=1)),
        ("attempt", replace(REQUEST, attempt=1)),
    ],
)
def test_each_part_changes_the_key_and_is_named(part: str, other: CompletionRequest) -> None:
    assert other.key != REQUEST.key
    assert [name for name in REQUEST.parts if REQUEST.parts[name] != other.parts[name]] == [part]


@pytest.mark.parametrize(
    "same",
    [
        replace(REQUEST, keep_alive="0"),
        replace(REQUEST, options=dict(sorted(REQUEST.options.items()))),
        replace(REQUEST, options={**REQUEST.options, "temperature": 0.0}),
    ],
    ids=["how long a model stays loaded", "order of options", "0 and 0.0"],
)
def test_what_changes_no_answer_changes_no_key(same: CompletionRequest) -> None:
    assert same.key == REQUEST.key


def test_the_order_of_a_schema_s_keys_counts_because_generation_follows_it() -> None:
    turned = replace(REQUEST, schema={**SCHEMA, "properties": dict(reversed(list(SCHEMA["properties"].items())))})
    assert turned.schema == REQUEST.schema
    assert turned.key != REQUEST.key


def test_two_conversations_that_join_to_the_same_text_have_two_keys() -> None:
    one = replace(REQUEST, messages=(Message("user", "a"), Message("user", "b")))
    assert one.key != replace(REQUEST, messages=(Message("user", "ab"),)).key
