"""Recording: everything both halves made, once, whole, and the same from any number of threads."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from alphastrike.config.settings import Settings
from alphastrike.engine.perception import perceive
from alphastrike.journal.kinds import KINDS, Role
from alphastrike.journal.manifest import Manifest, chain_faults
from alphastrike.journal.segments import CHECKPOINTS
from alphastrike.model.errors import ConfigurationError
from alphastrike.runs.computed import account_inputs, recorded_inputs
from alphastrike.runs.recorder import default_name, record
from alphastrike.runs.registry import list_runs, market_of, open_run, runs_folder
from alphastrike.runs.summary import summary
from tests.runs.conftest import Recorded


def test_the_run_holds_every_row_that_was_computed(recorded: Recorded) -> None:
    run = recorded.run
    for name, (kind, rows) in recorded.computed.tables.items():
        read = run.rows(name)
        assert len(read) == len(rows["market_seq"]), name
        for column in kind.columns:
            same = np.array_equal(read[column.name], rows[column.name], equal_nan=column.numpy_type == "f8")
            assert same, f"{name}.{column.name}"
    assert len(run.rows("ticks")) == market_of(recorded.root, run).ticks
    assert set(run.manifest.tables) == {*recorded.computed.tables, CHECKPOINTS}


def test_the_run_is_worth_testing_with(recorded: Recorded) -> None:
    run = recorded.run
    for name in ("features", "signals", "forecasts", "targets", "fills", "trades", "triggers", "situations"):
        assert run.manifest.rows_of(name) > 0, name
    assert run.manifest.rows_of("interventions") > 0
    assert run.manifest.rows_of(CHECKPOINTS) == run.manifest.rows_of("situations")


def test_rows_of_all_tables_are_in_the_total_order(recorded: Recorded) -> None:
    run = recorded.run
    places = set()
    for name in recorded.computed.tables:
        table = run.table(name)
        here = list(zip(table["seq"].to_pylist(), table["part"].to_pylist(), strict=True))
        assert here == sorted(here), name
        places.update(here)
    assert len(places) == sum(run.manifest.rows_of(name) for name in recorded.computed.tables)


def test_the_manifest_says_what_is_needed_to_do_it_again(recorded: Recorded) -> None:
    manifest = recorded.run.manifest

    assert manifest.policy == "rules"
    assert manifest.settings == Settings().as_dict()
    assert manifest.market.content_hash == market_of(recorded.root, recorded.run).content_hash
    assert {"alphastrike", "source", "python", "numpy", "numba", "pyarrow", "duckdb"} <= set(manifest.versions)
    assert {"system", "architecture", "processor", "c_library"} == set(manifest.machine)
    assert (len(manifest.digest), manifest.state, manifest.parent) == (32, "complete", None)
    assert chain_faults(manifest) == []


def test_two_threads_and_a_second_time_give_the_same_digest(own: Recorded) -> None:
    again = record(own.root, "small", "rules", settings=Settings(), threads=2, reuse=False)

    assert again.name == "small-rules"
    assert again.digest == own.run.manifest.digest
    first, second = own.run.manifest, again
    assert [(s.table, s.digest) for s in first.segments] == [(s.table, s.digest) for s in second.segments]


IN_A_PROCESS_OF_ITS_OWN = """
import sys
from pathlib import Path
from alphastrike.config.settings import Settings
from alphastrike.runs.recorder import record
print(record(Path(sys.argv[1]), "small", "rules", name="seed" + sys.argv[2], settings=Settings(), reuse=False).digest)
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["0", "1"])
def test_the_order_of_sets_and_dictionaries_does_not_reach_the_digest(own: Recorded, seed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS_OF_ITS_OWN, str(own.root), seed],
        env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip

    assert done.stdout.strip() == own.run.manifest.digest


def test_another_policy_changes_the_account_and_not_perception(own: Recorded) -> None:
    other = record(own.root, "small", "no-llm", settings=Settings(), reuse=False)
    first = own.run.manifest

    assert other.perception_digest == first.perception_digest
    assert other.account_digest != first.account_digest
    assert other.digest != first.digest


def test_what_the_account_learned_of_perception_can_be_read_back(recorded: Recorded) -> None:
    run = recorded.run
    market = market_of(recorded.root, run)
    perceived = account_inputs(perceive(market, Settings().perception))

    read = recorded_inputs(run, market)

    assert np.array_equal(read.decision_row, perceived.decision_row)
    assert read.forecasts.tobytes() == perceived.forecasts.tobytes()
    assert np.array_equal(read.rejected, perceived.rejected)


def test_a_self_contained_run_opens_without_its_market(own: Recorded) -> None:
    record(own.root, "small", "rules", name="whole", settings=Settings(), self_contained=True)
    shutil.rmtree(own.root / "markets")
    run = open_run(own.root, "whole")

    assert run.is_self_contained
    assert market_of(own.root, run).content_hash == run.manifest.market.content_hash
    ticks = run.manifest.rows_of("ticks")
    assert run.sql("select count(*) from candles where symbol = 'BTCUSDT'").rows == [(ticks,)]
    assert run.manifest.digest == own.run.manifest.digest


def test_default_names_say_market_and_policy() -> None:
    assert default_name("majors", "rules") == "majors-rules"
    assert default_name("majors", "always:tool=disable_asset") == "majors-always-tool-disable_asset"
    assert default_name("majors", "own/rule.py:Ladder:a=1") == "majors-own-rule.py-Ladder-a-1"


def attempt(recorded: Recorded, **other: object) -> Manifest:
    wanted: dict[str, object] = {"market_name": "small", "policy_spec": "rules", "settings": Settings()}
    return record(recorded.root, **(wanted | other))  # type: ignore[arg-type] # each case says what is wrong


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"market_name": "smal"}, "no market 'smal'"),
        ({"policy_spec": "rulez"}, "policy 'rulez' is unknown"),
        ({"name": "first"}, "a run called 'first' exists"),
        ({"name": "a/b"}, "a run cannot be called 'a/b'"),
        ({"name": ""}, "a run cannot be called ''"),
    ],
)
def test_a_wrong_word_is_told_before_anything_is_computed(
    recorded: Recorded, other: dict[str, object], said: str
) -> None:
    before = sorted(runs_folder(recorded.root).rglob("*"))

    with pytest.raises(ConfigurationError, match=said):
        attempt(recorded, **other)

    assert sorted(runs_folder(recorded.root).rglob("*")) == before


@pytest.mark.parametrize("stage", ["perceive", "account", "write"])
def test_ctrl_c_in_any_stage_leaves_no_run_behind(own: Recorded, stage: str) -> None:
    def interrupt(now: str, done: int, total: int) -> None:
        if now == stage and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(own, progress=interrupt, reuse=False)

    assert [path.name for path in runs_folder(own.root).iterdir()] == ["first"]
    assert [entry.name for entry in list_runs(own.root)] == ["first"]


def test_a_run_is_summed_up(recorded: Recorded) -> None:
    run = recorded.run
    found = summary(run)

    assert found.decisions * found.symbols == len(run.rows("forecasts"))
    assert found.triggers == int(run.rows("triggers")["fired"].sum())
    assert found.final_equity == run.rows("equity")["equity"][-1]
    assert found.start_equity == Settings().account.start_equity
    assert found.interventions == len(set(run.rows("interventions")["intervention"].tolist()))


def test_every_derived_kind_of_history_is_recorded(recorded: Recorded) -> None:
    derived = {name for name, kind in KINDS.items() if kind.role is Role.DERIVED}
    assert set(recorded.computed.tables) == derived - {"shadow"} | {"ticks"}
