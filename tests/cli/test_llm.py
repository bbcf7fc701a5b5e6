"""``alphastrike llm`` and ``alphastrike prompt``: what a person reads, and the exit code a program reads."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alphastrike.cli.main import main
from alphastrike.market.simulate import simulate_market
from alphastrike.model.units import MICROS_PER_HOUR
from tests.policy.llm.stand_in import MODEL, Model, Request, Said, StandIn, Trouble

LIVELY = ("--set", "account.triggers.losses=2", "--set", "policy.ttl_hours=168")
EVIL = (
    '{"analysis":"\\u001b[2J\\u202e[bold]pwned[/bold]","interventions":[{"action":"no_action","reason_code":'
    '"\\u001b]0;title\\u0007<script>alert(1)</script>"}]}'
)

Printed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Printed:
    def runs(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return runs


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, StandIn]]:
    """A run ``talk`` of a model that says what it should not, every other time."""
    root = tmp_path_factory.mktemp("cli") / "data"
    simulate_market(root, "small", ("BTCUSDT", "ETHUSDT", "SOLUSDT"), 240, MICROS_PER_HOUR, seed=3)
    with StandIn(script=[EVIL, None, Trouble.PROSE, None, EVIL]) as server:
        arguments = ["record", "small", "--policy", "llm", "--name", "talk", "--data", str(root), "-q", *LIVELY]
        assert main([*arguments, "--set", f"llm.url={server.url}"]) == 0
        yield root, server


def test_a_healthy_server_is_fit(run: Printed) -> None:
    with StandIn() as server:
        code, out, _ = run("llm", "check", "--url", server.url, "-q")
        assert len(server.chats) == 11
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == f"server   ollama 0.33.0 at {server.url}: reachable"
    assert lines[1].startswith(f"model    {MODEL}: present, digest {Model().digest[:24]}, on this machine")
    assert lines[2] == "schema   enforced"
    assert lines[3] == "probes   10 of 10 decisions valid (prompt breaker)"
    assert lines[4].startswith("latency  median ")
    assert lines[5] == "fit: record with --policy llm"


def test_a_wrong_name_says_how_to_get_the_model(run: Printed) -> None:
    with StandIn() as server:
        code, out, _ = run("llm", "check", "--url", server.url, "--model", "qwen9:1b", "-q")
    assert code == 2
    server_line, model_line, verdict = out.splitlines()
    assert server_line == f"server   ollama at {server.url}: reachable"
    assert model_line == "model    qwen9:1b: cannot be used"
    assert verdict.startswith(f"not fit: {server.url} has no model qwen9:1b.")
    assert "ollama pull qwen9:1b" in verdict


def test_a_server_that_is_down_is_said_to_be(run: Printed) -> None:
    with StandIn() as server:
        pass
    code, out, _ = run("llm", "check", "--url", server.url, "-q")
    assert code == 2
    assert out.splitlines() == [
        f"server   ollama at {server.url}: cannot be used",
        f"model    {MODEL}: not asked",
        f"not fit: nothing answers at {server.url}. Start the server, or name another with llm.url.",
    ]


@pytest.mark.parametrize(
    ("trouble", "first", "last"),
    [
        (Trouble.PROSE, "schema   not enforced (malformed: the answer holds no JSON)", "not fit: answers that"),
        (Trouble.HTML, "schema   not known (garbled: ", "not fit: answers that"),
        (Trouble.TRUNCATE, "schema   not known (truncated: ", "not fit: answers that"),
    ],
)
def test_a_server_that_answers_garbage_is_not_fit(run: Printed, trouble: Trouble, first: str, last: str) -> None:
    with StandIn(always=trouble) as server:
        code, out, _ = run("llm", "check", "--url", server.url, "-q")
    assert code == 2
    lines = out.splitlines()
    assert lines[2].startswith(first)
    assert lines[3] == "probes   0 of 10 decisions valid (prompt breaker)"
    assert lines[-1].startswith(last)


def test_a_server_that_ignores_the_schema_is_found_out(run: Printed) -> None:
    def obliging(request: Request) -> Said:
        if "Write no JSON" in request["messages"][-1]["content"]:
            return Said("Hello! Blue.")
        return Said('{"analysis":"","interventions":[{"action":"no_action","reason_code":"WITHIN_NOISE"}]}')

    with StandIn(answer=obliging) as server:
        code, out, _ = run("llm", "check", "--url", server.url, "-q")
    assert code == 2
    assert "probes   10 of 10 decisions valid" in out
    assert out.splitlines()[-1].startswith("not fit: the server does not keep answers to the schema.")


def test_a_check_is_json_for_programs(run: Printed) -> None:
    with StandIn() as server:
        code, out, _ = run("llm", "check", "--url", server.url, "--json")
        found = json.loads(out)
        assert (code, found["healthy"], found["valid"], found["schema_enforced"]) == (0, True, 10, True)
        code, out, _ = run("llm", "check", "--url", server.url, "--model", "nope", "--json")
    assert (code, json.loads(out)["healthy"]) == (2, False)
    assert json.loads(out)["error"].startswith("model_missing: ")


def test_a_transcript_shows_foreign_words_escaped(evil: tuple[Path, StandIn], run: Printed) -> None:
    root, _ = evil
    code, out, _ = run("llm", "transcript", "talk", "--data", root)
    assert code == 0
    assert not any(character in out for character in "\x1b\x07\u202e")
    assert "[bold]pwned[/bold]" in out, "no markup is followed"
    assert "Situation 1: drawdown of SOLUSDT, 2024-02-22 05:00 UTC" in out
    assert "accepted: no_action account" in out
    assert "The model answered " in out.splitlines()[-1]


def test_one_situation_is_shown_with_its_whole_prompt(evil: tuple[Path, StandIn], run: Printed) -> None:
    root, _ = evil
    code, out, _ = run("llm", "transcript", "talk", "--situation", 1, "--data", root)
    assert code == 0
    assert "  [system]\n  You are the circuit breaker" in out
    assert out.count("Situation ") == 1
    code, out, _ = run("llm", "transcript", "talk", "--json", "--data", root)
    told = json.loads(out)
    assert told["facts"]["asked"] == len(told["told"])
    assert told["told"][0]["calls"][0]["content"] == EVIL
    assert run("llm", "transcript", "talk", "--situation", 999, "--data", root)[0] == 2


def test_masked_answers_are_compared_with_the_unmasked(evil: tuple[Path, StandIn], run: Printed) -> None:
    root, server = evil
    before = len(server.chats)
    code, out, _ = run("llm", "transcript", "talk", "--compare-mask", "--data", root)
    line = out.splitlines()[-1]
    assert code == 0
    assert line.startswith("Masked and unmasked answers make the same calls in ")
    asked = len(server.chats) - before
    assert asked > 0
    assert all("BTCUSDT" not in json.dumps(chat) for chat in server.chats[before:])
    assert run("llm", "transcript", "talk", "--compare-mask", "--data", root)[1].splitlines()[-1] == line
    assert len(server.chats) == before + asked, "what was asked once is recorded"


def test_a_prompt_can_be_seen_before_anything_is_sent(evil: tuple[Path, StandIn], run: Printed, tmp_path: Path) -> None:
    root, server = evil
    before = len(server.requests)
    _, out, _ = run("prompt", "show", "talk", "--situation", 1, "--data", root)
    assert out.splitlines()[1] == "[system]"
    own = tmp_path / "mine.j2"
    own.write_text("{# name: mine, version: 3 #}\nNow: {{ fired }}\n{{ tools }}\n")
    code, out, _ = run("prompt", "show", "talk", "--prompt", own, "--mask", "--schema", "--data", root)
    assert code == 0
    assert out.startswith("prompt mine v3 (")
    assert "BTCUSDT" not in out
    assert '[schema]\n{"type": "object"' in out
    sent = json.loads(run("prompt", "show", "talk", "--json", "--data", root)[1])
    first = json.loads(run("llm", "transcript", "talk", "--situation", 1, "--json", "--data", root)[1])
    shown = [[message["role"], message["content"]] for message in sent["messages"]]
    assert shown == first["told"][0]["calls"][0]["messages"]
    assert len(server.requests) == before


def test_a_run_without_a_model_has_no_transcript(evil: tuple[Path, StandIn], run: Printed) -> None:
    root, _ = evil
    assert run("record", "small", "--policy", "rules", "--name", "plain", "--data", root, "-q")[0] == 0
    code, _, err = run("llm", "transcript", "plain", "--data", root)
    assert code == 2
    assert err == "error: run 'plain' asked no model: its policy is rules. Record one with --policy llm.\n"


def test_a_page_of_a_model_s_run_holds_its_counts_and_no_live_markup(
    evil: tuple[Path, StandIn], run: Printed, tmp_path: Path
) -> None:
    root, _ = evil
    code, out, err = run(
        "replay", "talk", "--policy", "no-llm", "--policy", "rules", "--data", root, "--out", tmp_path, "-q"
    )
    assert code == 0, err
    assert "no valid call" in out
    (page,) = tmp_path.glob("*.html")
    text = page.read_text(encoding="utf-8")
    assert "<script>alert(1)</script>" not in text
    assert '<table id="models">' in text
    code, out, _ = run("replay", "talk", "--policy", "rules", "--data", root, "--out", tmp_path, "-q", "--json")
    models = [arm["model"] for arm in json.loads(out)["arms"]]
    assert models[0]["asked"] > 0
    assert models[1] is None


def test_the_run_s_own_page_says_how_its_model_did(evil: tuple[Path, StandIn], run: Printed, tmp_path: Path) -> None:
    root, _ = evil
    assert run("page", "talk", "--data", root, "--out", tmp_path)[0] == 0
    (page,) = tmp_path.glob("*.html")
    assert '<p class="lead" id="model">The model answered ' in page.read_text(encoding="utf-8")


def test_only_what_is_recorded_is_an_error_in_one_line(evil: tuple[Path, StandIn], run: Printed) -> None:
    root, _ = evil
    code, _, err = run(
        "record", "small", "--policy", "llm:prompt=terse", "--llm-cache", "only", "--data", root, "-q", *LIVELY
    )
    assert code == 2
    assert err.startswith("error: --llm-cache only, but situation 1, sample 0, attempt 0 was not recorded in ")
    assert err.count("\n") == 1
