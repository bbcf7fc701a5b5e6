"""The store of calls: found by all that determines an answer, only ever added to, by any number of processes."""

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from alphastrike.model.errors import AlphaStrikeError, DataError
from alphastrike.policy.llm.completion import Completion, Kind
from alphastrike.policy.llm.request import CompletionRequest, Message
from alphastrike.policy.llm.store import CallStore

REQUEST = CompletionRequest(
    "ollama", "m", "d1", (Message("user", "What now?"),), {"type": "object"}, {"temperature": 0, "seed": 7}
)
ANSWER = Completion(b'{"a":1}', b"\xff\x00raw", 200, "words ✓", "stop", 12, 3, 250_000, "0.33", "d1", "", Kind.OK)


@pytest.fixture
def store(tmp_path: Path) -> CallStore:
    return CallStore(tmp_path / "llm" / "calls.sqlite")


def test_what_was_said_is_found_whole(store: CallStore) -> None:
    assert store.find(REQUEST.key) is None
    assert not store.path.exists(), "looking makes no file"
    store.add(REQUEST, ANSWER)
    assert store.find(REQUEST.key) == ANSWER
    assert CallStore(store.path).find(REQUEST.key) == ANSWER


@pytest.mark.parametrize("changes", [{"sample": 1}, {"attempt": 1}, {"digest": "d2"}, {"options": {"seed": 8}}])
def test_another_request_is_another_one(store: CallStore, changes: dict[str, object]) -> None:
    store.add(REQUEST, ANSWER)
    assert store.find(replace(REQUEST, **changes).key) is None  # type: ignore[arg-type]


def test_of_two_answers_the_first_stands(store: CallStore) -> None:
    store.add(REQUEST, ANSWER)
    store.add(REQUEST, replace(ANSWER, content="another"))
    assert store.find(REQUEST.key) == ANSWER
    assert store.count() == 1


def test_failures_are_kept_and_never_found(store: CallStore) -> None:
    failure = replace(ANSWER, content="", error="busy: too much to do.", kind=Kind.UNAVAILABLE)
    store.add(REQUEST, failure)
    store.add(REQUEST, failure)
    assert store.find(REQUEST.key) is None
    assert store.digest_of("ollama", "m") is None
    store.add(REQUEST, ANSWER)
    assert store.find(REQUEST.key) == ANSWER
    assert store.count() == 3


def test_a_broken_off_answer_is_the_model_s_and_is_found(store: CallStore) -> None:
    cut = replace(ANSWER, done_reason="length", error="truncated: it broke off.", kind=Kind.INVALID)
    store.add(REQUEST, cut)
    assert store.find(REQUEST.key) == cut


def test_the_model_is_the_one_that_answered_last(store: CallStore) -> None:
    store.add(REQUEST, ANSWER)
    store.add(replace(REQUEST, digest="d2"), ANSWER)
    store.add(replace(REQUEST, model="other", digest="d3"), ANSWER)
    assert store.digest_of("ollama", "m") == "d2"
    assert store.digest_of("openai", "m") is None


def test_the_nearest_request_says_what_differs(store: CallStore) -> None:
    assert store.nearest(REQUEST) is None
    store.add(replace(REQUEST, model="other", sample=4), ANSWER)
    store.add(replace(REQUEST, options={"temperature": 1, "seed": 7}), ANSWER)
    near = store.nearest(REQUEST)
    assert near is not None
    assert near.differing == ("options",)


def test_several_processes_add_without_losing_a_call(store: CallStore) -> None:
    script = (
        "import sys\nfrom dataclasses import replace\nfrom pathlib import Path\n"
        "from tests.policy.llm.test_store import ANSWER, REQUEST\n"
        "from alphastrike.policy.llm.store import CallStore\n"
        "store = CallStore(Path(sys.argv[1]))\n"
        "for n in range(40):\n    store.add(replace(REQUEST, sample=n), ANSWER)\n"
        "    store.add(replace(REQUEST, model=sys.argv[2], sample=n), ANSWER)\n"
    )
    root = Path(__file__).resolve().parents[3]
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(store.path), f"m{number}"], cwd=root) for number in range(3)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert store.count() == 40 + 3 * 40
    assert all(store.find(replace(REQUEST, sample=n).key) == ANSWER for n in range(40))


def test_what_is_no_store_is_refused_in_one_line(store: CallStore) -> None:
    store.path.parent.mkdir()
    store.path.write_bytes(b"not a database at all, only text that is long enough to be read as a header of one.")
    with pytest.raises(DataError, match=r"store of model calls is damaged .*: file is not a database"):
        store.find(REQUEST.key)
    store.path.unlink()
    other = sqlite3.connect(store.path)
    other.execute("create table mine (a)")
    other.commit()
    other.close()
    with pytest.raises(DataError, match="is no store of model calls"):
        store.add(REQUEST, ANSWER)


def test_a_newer_store_is_refused(store: CallStore) -> None:
    store.add(REQUEST, ANSWER)
    store.close()
    with sqlite3.connect(store.path) as other:
        other.execute("pragma user_version = 99")
    with pytest.raises(AlphaStrikeError, match="is of version 99"):
        CallStore(store.path).find(REQUEST.key)
