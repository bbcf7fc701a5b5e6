"""Runs of a model: its calls are inputs, so the run is re-derived from them, and nothing is asked twice."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from alphastrike.cli.models import models
from alphastrike.config.resolve import resolve
from alphastrike.config.settings import Settings
from alphastrike.journal.kinds import KINDS, Role
from alphastrike.journal.reader import Run
from alphastrike.model.errors import ConfigurationError
from alphastrike.policy.llm.prompt import prompt_named
from alphastrike.runs.model_calls import call_faults, situations_of
from alphastrike.runs.model_facts import facts_of
from alphastrike.runs.recorder import record, recorded_settings
from alphastrike.runs.registry import open_run
from alphastrike.runs.transcript import transcript
from alphastrike.runs.verify import verify
from experiments.tracked_prompts import prompts_of
from replay.rerun import compare
from tests.policy.llm.stand_in import StandIn, Trouble
from tests.runs.conftest import Recorded
from tests.runs.forging import rewrite, with_value


def settings_of(server: StandIn, *more: str) -> Settings:
    """Triggers that fire often, and interventions that live long enough to meet one another."""
    own = ["account.triggers.losses=2", "policy.ttl_hours=168", f"llm.url={server.url}"]
    return resolve(None, [*own, *more])


@dataclass
class World:
    """A data root, a server, and what was told."""

    root: Path
    server: StandIn
    told: list[str] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return settings_of(self.server)

    def record(self, name: str, policy: str = "llm", cache: str = "use", settings: Settings | None = None) -> Run:
        others = models(self.root, cache, self.told.append)
        record(self.root, "small", policy, name=name, settings=settings or self.settings, others=others)
        return open_run(self.root, name)


@pytest.fixture(scope="module")
def asked(recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A run ``asked`` of a model whose second answer is prose; do not change it."""
    root = tmp_path_factory.mktemp("asked") / "data"
    shutil.copytree(recorded.root, root)
    with StandIn(script=[None, Trouble.PROSE]) as server:
        world = World(root, server)
        world.record("asked")
        yield world


@pytest.fixture
def own(asked: World, tmp_path: Path) -> World:
    """The same in a data root of the test's own."""
    shutil.copytree(asked.root, tmp_path / "data")
    return World(tmp_path / "data", asked.server)


def test_every_situation_was_asked_about_once_and_every_call_kept(asked: World) -> None:
    run = open_run(asked.root, "asked")
    situations, answers, calls = (run.rows(kind) for kind in ("situations", "llm_answers", "llm_calls"))
    assert len(situations) == len(answers) >= 4
    assert len(calls) == len(situations) + 1, "one answer was asked for again"
    assert len(asked.server.chats) == len(calls)
    assert [row["request"].encode() for row in calls] == [
        body for path, _, body in asked.server.requests if path == "/api/chat"
    ]
    assert all("was rejected" in str(row["request"]) for row in calls[calls["attempt"] == 1])
    assert run.manifest.policy == "llm"
    assert set(run.rows("advice")["policy"]) == {"llm"}
    assert not any(run.rows("advice")["failed"])


def test_the_model_s_inputs_have_numbers_of_their_own(asked: World) -> None:
    run = open_run(asked.root, "asked")
    inputs = np.sort(
        np.concatenate([run.table(kind)["seq"].to_numpy() for kind in ("ticks", "llm_calls", "llm_answers")])
    )
    assert len(np.unique(inputs)) == len(inputs), "no two inputs share a number"
    ticks = run.table("ticks")
    before = ticks["seq"].to_numpy() - ticks["market_seq"].to_numpy()
    assert before[0] == 0
    assert before[-1] == run.manifest.rows_of("llm_calls") + run.manifest.rows_of("llm_answers")
    assert (np.diff(before) >= 0).all()
    for kind in KINDS.values():
        if kind.role is Role.DERIVED and run.manifest.rows_of(kind.name):
            table = run.table(kind.name)
            places = list(zip(table["seq"].to_pylist(), table["part"].to_pylist(), strict=True))
            assert places == sorted(places), kind.name
    for row in run.table("llm_calls").to_pylist():
        (tick,) = [one["seq"] for one in ticks.to_pylist() if one["market_seq"] == row["market_seq"]]
        assert row["seq"] > tick, "asked after its tick"


def test_situations_read_back_are_those_that_were_shown(asked: World) -> None:
    run = open_run(asked.root, "asked")
    tables = {kind: run.rows(kind) for kind in ("situations", "situation_symbols", "interventions")}
    assert call_faults(run, recorded_settings(run), tables, run.symbols) == []
    assert any(situation.live for situation in situations_of(tables, run.symbols, recorded_settings(run)))


def test_tracking_finds_the_prompt_in_the_run_s_calls_and_those_asked_for_now(asked: World) -> None:
    run = open_run(asked.root, "asked")
    assert prompts_of(run) == [prompt_named("breaker")]
    assert prompts_of(run, ["no-llm", "llm:prompt=terse"]) == [prompt_named("breaker"), prompt_named("terse")]


def test_verify_finds_nothing_and_asks_nobody(asked: World) -> None:
    before = len(asked.server.requests)
    found = verify(asked.root, open_run(asked.root, "asked"))
    assert found.findings == ()
    assert found.is_identical
    assert len(asked.server.requests) == before


@pytest.mark.parametrize(
    ("table", "column", "value", "said"),
    [
        ("llm_calls", "request_key", "0" * 64, "the prompt rendered again is not what was asked; they differ in the"),
        ("llm_calls", "content", '{"interventions": []}', "the run made no call for situation 1, sample 0, attempt 1"),
        ("llm_calls", "digest", "d" * 64, "they differ in digest"),
        ("llm_answers", "answer", '{"calls": [], "failed": "forged", "drifts": []}', "give another answer than the"),
    ],
)
def test_verify_names_the_situation_of_a_forged_call(
    own: World, table: str, column: str, value: str, said: str
) -> None:
    run = open_run(own.root, "asked")
    rewrite(run, table, with_value(column, 0, value))
    findings = [finding.text for finding in verify(own.root, open_run(own.root, "asked")).findings]
    assert any(text.startswith("llm_calls: situation 1") and said in text for text in findings), findings


def test_a_second_record_makes_no_call_and_the_same_run(own: World) -> None:
    before = len(own.server.chats)
    again = own.record("again")
    assert len(own.server.chats) == before
    assert again.manifest.digest == open_run(own.root, "asked").manifest.digest
    assert again.rows("llm_calls")["from_cache"].all()
    assert facts_of(again).sent == 0


def test_only_needs_no_server_and_a_miss_is_an_error(own: World) -> None:
    before = len(own.server.requests)
    only = own.record("only", cache="only")
    assert only.manifest.digest == open_run(own.root, "asked").manifest.digest
    with pytest.raises(ConfigurationError, match="the nearest recorded call differs in messages"):
        own.record("other", "llm:prompt=terse", cache="only")
    assert len(own.server.requests) == before
    assert not (own.root / "runs" / "other").exists()


def test_without_a_server_the_guardian_answers_and_it_shows(own: World) -> None:
    with StandIn() as gone:
        pass
    run = own.record("alone", settings=settings_of(gone))
    (line,) = own.told
    assert line.startswith("The model cannot be asked: unreachable")
    advice = run.rows("advice")
    assert set(advice["policy"]) == {"rules"}
    assert all(str(failed).startswith("llm could not be asked: unreachable") for failed in advice["failed"])
    rules = own.record("guarded", "rules")
    assert run.manifest.account_digest == rules.manifest.account_digest, "the guardian did what it does alone"
    assert verify(own.root, run).findings == ()
    facts = facts_of(run)
    assert (facts.valid, facts.no_valid_call, facts.calls, facts.latency_max_s) == (0, facts.asked, 0, None)


def test_errors_are_served_to_the_same_run_and_to_no_other(own: World) -> None:
    with StandIn(always=Trouble.BUSY) as server:
        world = World(own.root, server)
        run = world.record("busy", settings=settings_of(server, "llm.seed=99"))
        tried = len(server.chats)
        assert tried == run.manifest.rows_of("situations")
        assert verify(own.root, run).findings == ()
        assert len(server.chats) == tried, "the journal's errors are enough"
        world.record("busy2", settings=settings_of(server, "llm.seed=99"))
        assert len(server.chats) == 2 * tried, "and are no answers for another run"


def test_replay_gives_the_recording_bit_for_bit_and_asks_only_what_is_new(own: World) -> None:
    before = len(own.server.chats)
    others = models(own.root, "use", own.told.append)
    run = open_run(own.root, "asked")
    policies = ["no-llm", "rules", "recorded", "llm", "llm:prompt=terse"]
    compared = compare(own.root, run, policies, others=others)
    arms = {arm.name: arm for arm in compared.arms}
    assert arms["recorded"].digest == run.manifest.digest == arms["llm (again)"].digest
    assert arms["llm (again)"].model is not None
    assert arms["llm (again)"].model.sent == 0
    terse = arms["llm:prompt=terse"].model
    assert terse is not None
    assert terse.sent == terse.calls == len(own.server.chats) - before > 0
    assert arms["no-llm"].model is arms["rules"].model is None
    compare(own.root, run, ["llm:prompt=terse"], others=others)
    assert len(own.server.chats) == before + terse.sent


def test_the_transcript_tells_prompt_answer_and_verdicts(asked: World) -> None:
    run = open_run(asked.root, "asked")
    told = transcript(run)
    assert [one.situation for one in told] == list(range(1, len(told) + 1))
    second = told[1]
    assert [call.attempt for call in second.calls] == [0, 1]
    assert second.calls[0].content.startswith("I am sorry")
    assert second.calls[0].fault.startswith("malformed")
    assert [role for role, _ in second.calls[0].messages] == ["system", "user"]
    assert second.verdicts
    assert second.answered_by == "llm"
    assert transcript(run, 2) == [second]
    with pytest.raises(ConfigurationError, match=r"run 'asked' has no situation 99\. It has \d+, numbered from 1\."):
        transcript(run, 99)


def test_a_run_of_rules_takes_no_perception_over_from_a_model_s(own: World) -> None:
    taken: list[str] = []
    record(own.root, "small", "no-llm", name="after", settings=Settings(), on_reuse=taken.append)
    assert taken == ["first"]


def test_a_late_answer_is_the_guardian_s_and_counted_as_late(own: World) -> None:
    with StandIn() as server:
        world = World(own.root, server)
        settings = settings_of(server, "llm.latency_ms=61000", "llm.seed=5")
        run = world.record("late", settings=settings)
    facts = facts_of(run)
    assert facts.late == facts.asked > 0
    assert facts.valid == facts.no_valid_call == 0
    assert set(run.rows("advice")["policy"][run.rows("advice")["late"] == 0]) == {"rules"}
    assert verify(own.root, run).findings == ()
