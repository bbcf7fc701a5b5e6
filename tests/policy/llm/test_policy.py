"""The model as a policy, against a server that can go wrong: what is asked, what is answered, what is kept."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from alphastrike.journal.codes import Tool
from alphastrike.model.errors import ConfigurationError
from alphastrike.policy.llm.composing import STORE, model_policy
from alphastrike.policy.llm.conversation import Agreement, Conversation, agreement, modal
from alphastrike.policy.llm.policy import LlmPolicy
from alphastrike.policy.llm.store import CallStore
from alphastrike.policy.naming import policy_named
from alphastrike.policy.policies import Answered, ask
from alphastrike.policy.settings import CacheMode, LlmSettings, is_model
from tests.policy.facts import situation
from tests.policy.llm.stand_in import MODEL, Model, Said, StandIn, Trouble

HALVED = (
    '{"analysis":"SOL keeps losing.","interventions":[{"action":"adjust_position_size","multiplier_pct":50,'
    '"reason_code":"LOSS_STREAK","symbol":"SOLUSDT"}]}'
)
NOTHING = '{"analysis":"Few losses.","interventions":[{"action":"no_action","reason_code":"WITHIN_NOISE"}]}'
OUTSIDE = HALVED.replace("50", "517000893")
RAISED = (
    '{"analysis":"","interventions":[{"action":"adjust_conviction","threshold":80,'
    '"reason_code":"LOSS_STREAK","symbol":"NOSUCH"}]}'
)


def made(
    root: Path, server: StandIn, mode: CacheMode = CacheMode.USE, told: list[str] | None = None, **settings: Any
) -> tuple[LlmPolicy, list[Conversation]]:
    talks: list[Conversation] = []
    chosen = LlmSettings(url=server.url, **settings)
    policy = model_policy({}, chosen, root, mode=mode, tell=(told if told is not None else []).append)
    policy.on_conversation = talks.append
    return policy, talks


def calls(answered: Answered) -> list[tuple[Tool, str | None, float]]:
    return [(call.code, call.about, call.value) for call in answered.advice]


def test_an_answer_becomes_calls_with_the_time_it_took(data_root: Path) -> None:
    with StandIn(script=[HALVED]) as server:
        policy, talks = made(data_root, server)
        answered = ask(policy, situation())
    assert calls(answered) == [(Tool.ADJUST_POSITION_SIZE, "SOLUSDT", 0.5)]
    assert answered.advice[0].words == "LOSS_STREAK: SOL keeps losing."
    assert (answered.failed, answered.drifts, answered.policy) == ("", (), "")
    (attempt,) = talks[0].attempts
    assert answered.latency_us == attempt.completion.latency_us > 0
    assert talks[0].agreement == Agreement(1, 1.0, 0.0)


def test_the_same_situation_is_not_asked_twice_and_takes_the_same_time_again(data_root: Path) -> None:
    with StandIn(seconds=0.02) as server:
        first = made(data_root, server)[0].answer(situation())
        policy, talks = made(data_root, server)
        assert policy.answer(situation()) == first
        assert policy.decide(situation()) == first.advice
        assert len(server.chats) == 1
    assert [talk.calls_made for talk in talks] == [0, 0]


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (OUTSIDE, "out_of_bounds: multiplier_pct must be 10 to 100, was 517000893"),
        (RAISED, "unknown_symbol: NOSUCH is not in the report"),
        ("I would rather not.", "malformed: the answer holds no JSON"),
        (Trouble.TRUNCATE, "truncated: "),
        (Trouble.EMPTY, "empty: "),
    ],
)
def test_an_unusable_answer_is_asked_for_once_more_with_what_was_wrong(
    data_root: Path, bad: str | Trouble, fault: str
) -> None:
    with StandIn(script=[bad, HALVED]) as server:
        policy, talks = made(data_root, server)
        answered = policy.answer(situation())
        first, second = server.chats
    assert calls(answered) == [(Tool.ADJUST_POSITION_SIZE, "SOLUSDT", 0.5)]
    assert [attempt.request.attempt for attempt in talks[0].attempts] == [0, 1]
    assert talks[0].attempts[0].fault.startswith(fault)
    assert talks[0].attempts[1].fault == ""
    assert answered.latency_us == sum(attempt.completion.latency_us for attempt in talks[0].attempts)
    added = second["messages"][-1]["content"].removeprefix(first["messages"][-1]["content"])
    assert "was rejected" in added
    assert "517000893" not in added
    assert "rather not" not in added
    assert first["messages"][:-1] == second["messages"][:-1]


def test_without_a_usable_answer_it_has_failed_and_what_was_said_is_kept(data_root: Path) -> None:
    with StandIn(script=[OUTSIDE, OUTSIDE]) as server:
        policy, talks = made(data_root, server)
        answered = policy.answer(situation())
        assert len(server.chats) == 2
    assert answered.failed == "llm gave no usable call: out_of_bounds: multiplier_pct must be 10 to 100, was 517000893"
    assert [call.code for call in answered.advice] == [Tool.ADJUST_POSITION_SIZE]
    assert talks[0].agreement == Agreement(1, 1.0, 0.0)


@pytest.mark.parametrize("trouble", [Trouble.BUSY, Trouble.HTML, Trouble.DROP, Trouble.LOAD, Trouble.BINARY])
def test_a_server_that_fails_is_not_asked_again_at_once_nor_remembered(data_root: Path, trouble: Trouble) -> None:
    with StandIn(script=[trouble]) as server:
        policy, talks = made(data_root, server)
        failed = policy.answer(situation())
        assert len(server.chats) == 1
        assert failed.failed.startswith("llm gave no usable call: ")
        assert failed.advice == ()
        later = policy.answer(situation())
        assert len(server.chats) == 2
    assert later.failed == ""
    assert [attempt.from_cache for talk in talks for attempt in talk.attempts] == [False, False]
    assert CallStore(data_root / STORE).count() == 2, "the failure is kept for the record"


def test_no_server_is_said_once_and_every_answer_fails(data_root: Path) -> None:
    with StandIn() as server:
        pass
    told: list[str] = []
    policy, talks = made(data_root, server, told=told)
    (line,) = told
    assert line.startswith(f"The model cannot be asked: unreachable: nothing answers at {server.url}.")
    assert line.endswith("Situations are answered by policy.on_failure (rules).")
    assert "\n" not in line
    answered = policy.answer(situation())
    assert answered.failed.startswith("llm could not be asked: unreachable: ")
    assert (answered.advice, answered.latency_us, talks[0].attempts) == ((), 0, ())


def test_another_model_under_the_same_name_is_not_mistaken_for_the_one_that_was_asked(data_root: Path) -> None:
    other = Model(digest="b" * 64)
    with StandIn() as server:
        policy, talks = made(data_root, server)
        server.models = {MODEL: other}
        policy.answer(situation())
        policy.answer(situation())
        assert len(server.chats) == 2, "the first answer was not the model's that was asked"
    digests = [(one.request.digest, one.completion.digest) for talk in talks for one in talk.attempts]
    assert digests == [(Model().digest, other.digest), (other.digest, other.digest)]
    assert CallStore(data_root / STORE).digest_of("ollama", MODEL) == other.digest


def test_who_looks_again_finds_a_server_that_came_up(data_root: Path) -> None:
    with StandIn(models={}) as server:
        policy = model_policy({}, LlmSettings(url=server.url), data_root, asks_again=True)
        assert policy.answer(situation()).failed
        server.models = StandIn().models
        assert policy.answer(situation()).failed == ""


def test_the_modal_answer_of_several_samples_is_taken(data_root: Path) -> None:
    with StandIn(script=[NOTHING, HALVED, OUTSIDE, OUTSIDE, HALVED, NOTHING.replace("Few", "Small")]) as server:
        policy, talks = made(data_root, server, samples=5, temperature=0.7, top_k=40)
        answered = policy.answer(situation())
        seeds = [chat["options"]["seed"] for chat in server.chats]
    assert calls(answered) == [(Tool.NO_ACTION, None, 0.0)], "of a tie the first"
    assert talks[0].agreement == pytest.approx((5, 0.4, 1.5219), abs=1e-4)
    assert seeds == [7, 8, 9, 9, 10, 11]
    assert [(one.request.sample, one.request.attempt) for one in talks[0].attempts] == [
        (0, 0), (1, 0), (2, 0), (2, 1), (3, 0), (4, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "usable", "taken", "agreed"),
    [
        ("a", [True], 0, (1, 1.0, 0.0)),
        ("abb", [True] * 3, 1, (3, 2 / 3, 0.9183)),
        ("ab", [True] * 2, 0, (2, 0.5, 1.0)),
        ("abcd", [True] * 4, 0, (4, 0.25, 2.0)),
        ("xxxa", [False, False, False, True], 3, (4, 0.25, 0.8113)),
        ("xx", [False, False], 1, (2, 1.0, 0.0)),
    ],
)
def test_agreement_has_known_values(
    said: str, usable: list[bool], taken: int, agreed: tuple[int, float, float]
) -> None:
    assert modal(said, usable) == taken
    assert agreement(said, taken) == pytest.approx(agreed, abs=1e-4)


def test_samples_that_cannot_differ_are_said_to_be_one(data_root: Path) -> None:
    told: list[str] = []
    with StandIn() as server:
        made(data_root, server, told=told, samples=5)
        made(data_root, server, told=told, samples=5, temperature=0.5, top_k=20)
    (line,) = told
    assert line.startswith("5 samples at temperature 0 with top_k 1 are one and the same answer: set llm.temperature")


def test_a_latency_that_is_stated_replaces_the_measured_one(data_root: Path) -> None:
    with StandIn() as server:
        assert made(data_root, server, latency_ms=1_500)[0].answer(situation()).latency_us == 1_500_000


def test_a_recorded_answer_that_took_too_long_is_too_late_again(data_root: Path) -> None:
    with StandIn(seconds=0.3, always=None) as server:
        assert made(data_root, server)[0].answer(situation()).failed == ""
        answered = made(data_root, server, deadline_s=0.1)[0].answer(situation())
        assert len(server.chats) == 1
    assert re.search(r"deadline: the recorded answer took \d+\.\d s, 0\.1 s were left\.", answered.failed)


def test_off_asks_anew_and_leaves_the_store_alone(data_root: Path) -> None:
    with StandIn() as server:
        for _ in range(2):
            made(data_root, server, CacheMode.OFF)[0].answer(situation())
        assert len(server.chats) == 2
    assert CallStore(data_root / STORE).count() == 0


def test_only_never_asks_and_names_what_was_not_recorded(data_root: Path) -> None:
    with StandIn() as server:
        first = made(data_root, server)[0].answer(situation())
        asked = len(server.requests)
        only, _ = made(data_root, server, CacheMode.ONLY)
        assert only.answer(situation()) == first
        for changes, part in (
            ({"seed": 8}, "options"),
            ({"prompt": "terse"}, "messages"),
            ({"mask": True}, "messages"),
        ):
            other, _ = made(data_root, server, CacheMode.ONLY, **changes)
            with pytest.raises(ConfigurationError, match=rf"situation 3, sample 0, attempt 0 was not .* in {part}"):
                other.answer(situation())
        with pytest.raises(ConfigurationError, match="differs in messages, schema"):
            only.answer(situation(symbol="BTCUSDT", leverage=2.0))
        assert len(server.requests) == asked


def test_only_without_any_recording_says_so(data_root: Path) -> None:
    with StandIn() as server:
        policy, _ = made(data_root, server, CacheMode.ONLY)
        with pytest.raises(ConfigurationError, match="nothing was ever recorded"):
            policy.answer(situation())


@pytest.mark.parametrize(
    "spec",
    [
        "llm",
        "llm:model=qwen2.5:1.5b",
        "llm:prompt=terse,mask=true,samples=3,temperature=0.5,top_k=9",
        "llm:latency_ms=250",
    ],
)
def test_a_name_makes_the_same_policy_again(data_root: Path, spec: str) -> None:
    with StandIn() as server:
        base = LlmSettings(url=server.url)

        def maker(options: Mapping[str, str]) -> LlmPolicy:
            return model_policy(options, base, data_root)

        policy = policy_named(spec, others={"llm": maker})
        assert policy.name == spec
        again = policy_named(policy.name, others={"llm": maker})
    assert isinstance(policy, LlmPolicy)
    assert isinstance(again, LlmPolicy)
    assert again.settings == policy.settings
    assert is_model(policy.name)
    assert not is_model("llm.py:Mine")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"modle": "x"}, "option 'modle' is unknown. Known: provider, url, model"),
        ({"samples": "0"}, "samples = '0'"),
        ({"mask": "perhaps"}, "mask = 'perhaps'"),
        ({"prompt": "nowhere.j2"}, r"prompt nowhere\.j2 does not exist"),
        ({"url": "ftp://here"}, "url = 'ftp://here'"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_line(data_root: Path, options: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as raised:
        model_policy(options, LlmSettings(), data_root)
    assert "\n" not in str(raised.value)


def test_masked_answers_are_about_the_market_s_symbols(data_root: Path) -> None:
    asked = situation()
    with StandIn() as server:
        policy, _ = made(data_root, server, mask=True)
        answered = policy.answer(asked)
        (chat,) = server.chats
    assert not any(symbol in chat["messages"][-1]["content"] for symbol in asked.symbols)
    assert {call.about for call in answered.advice} <= {None, *asked.symbols}


def test_a_flood_of_words_is_neither_raised_nor_acted_on(data_root: Path) -> None:
    with StandIn(answer=lambda _: Said("[" * 30_000)) as server:
        answered = made(data_root, server, num_predict=4096, retries=0)[0].answer(situation())
    assert answered.failed
    assert answered.advice == ()
