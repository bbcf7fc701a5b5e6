"""The stand-in is what it stands in for, as far as Ollama's own client can tell, and says what schemas allow."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import ollama
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.policy.llm.reading import read_answer
from alphastrike.policy.llm.report import report_of
from alphastrike.policy.llm.schema import answer_schema
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import RejectedCall
from tests.policy.facts import situation
from tests.policy.llm.situations import FEW, situations, valid_answers
from tests.policy.llm.stand_in import MODEL, Model, StandIn, Trouble, allows, from_schema

SCHEMA = answer_schema(report_of(situation(), mask=False))
ASKED = [{"role": "user", "content": "What now?"}]


def client(server: StandIn) -> ollama.Client:
    return ollama.Client(server.url, trust_env=False, timeout=20, headers={"connection": "close"})


def test_a_chat_whole_and_in_pieces_says_the_same() -> None:
    with StandIn(answer=lambda _: '{"analysis":"calm"}') as server:
        whole = client(server).chat(MODEL, ASKED, format=SCHEMA)
        pieces = list(client(server).chat(MODEL, ASKED, format=SCHEMA, stream=True))
    assert whole.message.content == "".join(piece.message.content or "" for piece in pieces)
    assert [piece.done for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert whole.done_reason == pieces[-1].done_reason == "stop"
    assert whole.eval_count == pieces[-1].eval_count == 5


def test_models_are_listed_shown_loaded_and_unloaded() -> None:
    with StandIn(models={MODEL: Model(digest="ab" * 32)}) as server:
        listed = client(server).list().models
        assert [(model.model, model.digest) for model in listed] == [(MODEL, "ab" * 32)]
        assert "completion" in (client(server).show(MODEL).capabilities or ())
        assert not client(server).ps().models
        assert client(server).chat(MODEL, []).done_reason == "load"
        assert [model.digest for model in client(server).ps().models] == ["ab" * 32]
        assert client(server).chat(MODEL, [], keep_alive=0).done_reason == "unload"
        assert not client(server).ps().models


@pytest.mark.parametrize(
    ("status", "asking"),
    [
        (404, {"model": "nope"}),
        (400, {"think": True}),
        (500, {"options": {"temperature": "cold"}}),
    ],
)
def test_what_ollama_refuses_is_refused(status: int, asking: dict[str, object]) -> None:
    with StandIn() as server, pytest.raises(ollama.ResponseError) as refused:
        client(server).chat(**{"model": MODEL, "messages": ASKED, "format": SCHEMA, **asking})  # type: ignore[call-overload]
    assert refused.value.status_code == status
    assert not server.loaded


def test_an_error_in_mid_stream_ends_a_stream_that_had_begun_well() -> None:
    with StandIn(always=Trouble.MIDSTREAM) as server:
        stream = client(server).chat(MODEL, ASKED, stream=True)
        assert next(stream).message.content == "{"
        with pytest.raises(ollama.ResponseError, match="an error was encountered") as failed:
            next(stream)
    assert failed.value.status_code == -1


def test_a_script_is_followed_and_then_left() -> None:
    with StandIn(script=["one", Trouble.BUSY, None], answer=lambda _: "own") as server:
        assert client(server).chat(MODEL, ASKED).message.content == "one"
        with pytest.raises(ollama.ResponseError):
            client(server).chat(MODEL, ASKED)
        assert [client(server).chat(MODEL, ASKED).message.content for _ in range(2)] == ["own", "own"]
        assert len(server.chats) == 4


def test_the_same_request_is_answered_alike() -> None:
    with StandIn() as server:
        said = [client(server).chat(MODEL, ASKED, format=SCHEMA, options={"seed": seed}) for seed in (1, 1, 2, 3, 4)]
    contents = [answer.message.content for answer in said]
    assert contents[0] == contents[1]
    assert len(set(contents)) > 1


@FEW
@given(asked=situations(), masked=st.booleans(), seed=st.integers(0, 2**32))
def test_what_it_draws_is_a_valid_answer(asked: Situation, masked: bool, seed: int) -> None:
    schema = answer_schema(report_of(asked, mask=masked))
    answer = from_schema(schema, Random(seed))
    assert allows(schema, answer)
    entries = read_answer(json.dumps(answer), asked, mask=masked).entries
    assert entries
    assert not [entry for entry in entries if isinstance(entry, RejectedCall)]


@given(answer=valid_answers(SCHEMA), data=st.data())
def test_a_schema_does_not_allow_an_answer_with_one_thing_changed(
    answer: dict[str, object], data: st.DataObject
) -> None:
    assert allows(SCHEMA, answer)
    calls = answer["interventions"]
    assert isinstance(calls, list)
    call = data.draw(st.sampled_from(calls))
    key = data.draw(st.sampled_from(sorted(call)))
    other: object = data.draw(st.sampled_from(["sell", True, 9_999, 0.5, None, [], ("gone",)]))
    call.pop(key) if other == ("gone",) else call.update({key: other})
    assert not allows(SCHEMA, answer)


def test_it_can_be_run_by_hand() -> None:
    command = [sys.executable, "-m", "tests.policy.llm.stand_in", "--model", "mine"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            listed = ollama.Client(url, trust_env=False, timeout=20).list().models
        finally:
            process.kill()
    assert [model.model for model in listed] == ["mine"]
