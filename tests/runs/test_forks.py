"""Branches of runs that hold inputs of their own: a model's answers, and a market that came one event at a time."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from alphastrike.cli.main import main
from alphastrike.cli.models import models
from alphastrike.journal.reader import Run
from alphastrike.model.errors import ConfigurationError
from alphastrike.runs.recorder import record
from alphastrike.runs.registry import open_run
from alphastrike.runs.reuse import PERCEPTION_TABLES
from alphastrike.runs.verify import verify
from replay.card import card_of
from replay.explained import explain
from replay.what_if import Mode, fork
from tests.policy.llm.stand_in import StandIn, Trouble
from tests.runs.conftest import Recorded
from tests.runs.live import Played
from tests.runs.test_model_runs import settings_of

AT = 2


@dataclass
class Asked:
    """A data root with a run ``asked`` of a model, and the model."""

    root: Path
    server: StandIn

    @property
    def run(self) -> Run:
        return open_run(self.root, "asked")


@pytest.fixture(scope="module")
def asked(recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    root = tmp_path_factory.mktemp("forked") / "data"
    shutil.copytree(recorded.root, root)
    with StandIn(script=[None, Trouble.PROSE]) as server:
        record(root, "small", "llm", name="asked", settings=settings_of(server), others=models(root, "use"))
        yield Asked(root, server)


def kept(asked: Asked, name: str, *tools: str, mode: Mode | None = None) -> tuple[Run, int]:
    """Keep a branch; return it with how many situations the guardian answered."""
    forked, called = fork(asked.root, asked.run, AT, tools, mode=mode, keep_as=name, others=models(asked.root, "only"))
    return open_run(asked.root, forked.keep(asked.root, asked.run, called).name), forked.what_if.outcome.by_guardian


def test_a_branch_of_a_models_run_is_frozen_unless_told_otherwise_and_asks_nobody(asked: Asked) -> None:
    before = len(asked.server.requests)
    child, _ = kept(asked, "frozen", "disable_asset:duration_hours=168")
    assert child.manifest.parent is not None
    assert child.manifest.parent.mode == "frozen"
    assert [int(row["key"]) for row in child.rows("llm_answers")] == list(range(1, AT))
    assert max(child.rows("situations")["situation"]) == AT
    found = verify(asked.root, child)
    assert found.findings == ()
    assert len(asked.server.requests) == before
    for kind in PERCEPTION_TABLES:
        theirs, mine = asked.run.rows(kind), child.rows(kind)
        assert all(np.array_equal(theirs[name], mine[name], equal_nan=theirs[name].dtype.kind == "f")
                   for name in theirs.dtype.names or ()), kind  # fmt: skip


def test_an_adaptive_one_is_answered_from_the_cache_and_by_the_guardian_beside_it(asked: Asked) -> None:
    before = len(asked.server.requests)
    child, missed = kept(asked, "adaptive", "disable_asset:duration_hours=168", mode="adaptive")
    later = child.rows("advice")
    by_guardian = int(np.sum((later["situation"] > AT) & (later["policy"] == "rules")))
    assert by_guardian == missed > 0
    assert verify(asked.root, child).findings == ()
    assert len(asked.server.requests) == before, "only what was recorded is used"


def test_a_card_shows_the_models_own_words(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    card = card_of(asked.root, asked.run, AT)
    assert [call.attempt for call in card.told.calls] == [0, 1]
    assert main(["explain", "asked", "--situation", str(AT), "--data", str(asked.root), "--quiet"]) == 0
    assert "said (sample 0, attempt 0)" in capsys.readouterr().out


def test_a_models_run_is_judged_frozen(asked: Asked) -> None:
    before = len(asked.server.requests)
    it = explain(asked.root, asked.run, pairs=1)
    assert it.judged == "frozen"
    assert {one.arm for one in it.whole if one.mode == "frozen"} == {"no-llm", "rules", "random:seed=1"}
    assert len(asked.server.requests) == before


@pytest.mark.slow
def test_a_run_that_still_goes_on_is_taken_apart_as_far_as_it_is(recorded: Recorded, tmp_path: Path) -> None:
    shutil.copytree(recorded.root, tmp_path / "data")
    root = tmp_path / "data"
    played = Played(root, "going").to(24 * 40)
    try:
        run = open_run(root, "going")
        assert run.manifest.state == "recording"
        situations = run.manifest.rows_of("situations")
        assert situations >= 2
        it = explain(root, run, pairs=1)
        assert len(it.suite.decisions) == situations
        assert card_of(root, run, 1).decision.actions
        forked, _ = fork(root, run, 1, ["disable_asset:duration_hours=48"], keep_as=None)
        assert forked.what_if.outcomes[0].readings
        with pytest.raises(ConfigurationError, match=r"is a live run.*--no-save"):
            fork(root, run, 1, ["no_action"])
    finally:
        played.journal.close()
