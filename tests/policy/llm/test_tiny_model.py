"""A real inference server with constrained decoding, through both providers: what a stand-in cannot prove."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from alphastrike.journal.codes import Rule, Tool
from alphastrike.policy.llm.completion import Completion, Kind, Provider
from alphastrike.policy.llm.prompt import prompt_named, render
from alphastrike.policy.llm.providers import provider_named
from alphastrike.policy.llm.reading import read_answer
from alphastrike.policy.llm.report import report_of
from alphastrike.policy.llm.request import CompletionRequest, Message
from alphastrike.policy.llm.schema import answer_schema
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import RejectedCall
from tests.policy.facts import SYMBOLS, live, situation
from tests.policy.llm.stand_in import Model, StandIn, allows, relayed
from tests.policy.llm.tiny_model import NAME, serving

pytestmark = pytest.mark.llm_server

DEADLINE_S = 60.0
BUDGET = 512
SMALL_BUDGET = 24
"""Less than the shortest answer: its keys alone need more."""


@dataclass(frozen=True, slots=True)
class Servers:
    """The tiny model by both wires."""

    openai: Provider
    ollama: Provider

    def __iter__(self) -> Iterator[Provider]:
        return iter((self.openai, self.ollama))


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    pytest.importorskip("xllamacpp", reason="no inference server: install the extra llm-server")
    pytest.importorskip("gguf")
    with serving() as url, StandIn(relayed(url), models={NAME: Model()}) as front:
        yield Servers(provider_named("openai", url), provider_named("ollama", front.url))


def situations(count: int) -> list[Situation]:
    """Situations of every rule, with controls from untouched to nearly all used up."""
    chance = random.Random(5)
    found = []
    for number in range(count):
        names = [name for name in SYMBOLS if chance.random() < 0.4]
        interventions = [
            live(tool, None if tool is Tool.ADJUST_LEVERAGE else name, value, place)
            for place, (name, tool, value) in enumerate(
                ((name, *chance.choice(_INTERVENTIONS)) for name in names), start=1
            )
        ]
        found.append(
            situation(
                chance.choice(list(Rule)),
                round(chance.uniform(0.1, 8.0), 2),
                chance.choice([None, *SYMBOLS]),
                worst=chance.choice(list(SYMBOLS)),
                drawdown=round(chance.uniform(0.0, 0.4), 3),
                leverage=float(chance.randint(1, 10)),
                interventions=tuple(interventions),
                market_seq=1_000 + number,
            )
        )
    return found


_INTERVENTIONS = (
    (Tool.ADJUST_CONVICTION, 92.0),
    (Tool.ADJUST_POSITION_SIZE, 0.3),
    (Tool.ADJUST_LEVERAGE, 2.0),
    (Tool.DISABLE_SHORTS, 0.0),
    (Tool.DISABLE_ASSET, 24.0),
)


def request_of(provider: Provider, asked: Situation, seed: int, temperature: float = 1.0) -> CompletionRequest:
    report = report_of(asked, mask=bool(seed % 2))
    return CompletionRequest(
        provider=provider.name,
        model=NAME,
        digest=provider.identify(NAME).digest,
        messages=render(prompt_named(("breaker", "terse")[seed // 2 % 2]), report),
        schema=answer_schema(report),
        options={"temperature": temperature, "seed": seed, "num_ctx": 8192, "num_predict": BUDGET},
    )


def decided(provider: Provider, request: CompletionRequest, asked: Situation, seed: int) -> tuple[Tool, ...]:
    """Return the tools of a decision, which is valid in every respect."""
    completion = provider.complete(request, DEADLINE_S)
    assert (completion.kind, completion.error, completion.status) == (Kind.OK, "", 200)
    assert allows(request.schema, json.loads(completion.content)), completion.content
    parsed = read_answer(completion.content, asked, mask=bool(seed % 2))
    assert not [entry for entry in parsed.entries if isinstance(entry, RejectedCall)]
    assert not parsed.drifts
    assert completion.prompt_tokens > 500
    assert 0 < completion.answer_tokens < BUDGET
    return tuple(entry.code for entry in parsed.entries)


def cut_off(provider: Provider, request: CompletionRequest) -> Completion:
    """Return what a budget that is too small leaves: it is said to be cut off, and no answer."""
    completion = provider.complete(
        replace(request, options={**request.options, "num_predict": SMALL_BUDGET}), DEADLINE_S
    )
    assert (completion.kind, completion.done_reason) == (Kind.INVALID, "length")
    assert completion.error.startswith("truncated: ")
    assert completion.answer_tokens == SMALL_BUDGET
    with pytest.raises(json.JSONDecodeError):
        json.loads(completion.content)
    return completion


@pytest.mark.parametrize("count", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_every_situation_gets_a_valid_decision_and_every_cut_is_noticed(servers: Servers, count: int) -> None:
    tools: set[Tool] = set()
    keys = set()
    valid = noticed = 0
    for seed, asked in enumerate(situations(count)):
        for provider in servers:
            request = request_of(provider, asked, seed)
            keys.add(request.key)
            tools.update(decided(provider, request, asked, seed))
            valid += 1
            cut_off(provider, request)
            noticed += 1
    assert valid == noticed == len(keys) == 2 * count
    assert len(tools) >= 3, "a model that says one thing only would prove little"


def test_both_wires_bring_the_same_words(servers: Servers) -> None:
    for seed, asked in enumerate(situations(4)):
        said = {provider.complete(request_of(provider, asked, seed, 0.0), DEADLINE_S).content for provider in servers}
        assert len(said) == 1
        assert said != {""}


def test_an_answer_s_bytes_are_kept_as_they_came(servers: Servers) -> None:
    (asked,) = situations(1)
    for provider in servers:
        completion = provider.complete(request_of(provider, asked, 0), DEADLINE_S)
        assert json.dumps(completion.content)[1:-1].encode() in completion.response_bytes
        assert json.loads(completion.request_bytes)["model"] == NAME


def test_what_the_server_really_refuses_is_unavailable(servers: Servers) -> None:
    (asked,) = situations(1)
    for provider in servers:
        sound = request_of(provider, asked, 0)
        endless = replace(sound, messages=(Message("user", "0 1 " * 8192),))
        senseless = replace(sound, schema={"type": "no such type"})
        for request in (endless, senseless):
            completion = provider.complete(request, DEADLINE_S)
            assert (completion.kind, completion.error.partition(":")[0]) == (Kind.UNAVAILABLE, "refused")
            assert completion.status == 400


def test_both_providers_know_the_model(servers: Servers) -> None:
    assert [provider.identify(NAME).error for provider in servers] == ["", ""]
    assert servers.ollama.identify(NAME).digest == Model().digest
    assert all(provider.identify("other").error.startswith("model_missing: ") for provider in servers)
