"""The suite as files: what is written is read again, whole or not at all, and tells what the policy was told."""

import json
import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from alphastrike.model.errors import DataError, TryAgainError
from alphastrike.policy.situation import Situation
from replay.cases import cases_of
from replay.decisions import Suite, suite_from, suite_of
from replay.ground import ground_of
from replay.horizons import SUITE_HORIZONS
from replay.suite_files import SCHEMA, read_suite, suite_lines, suite_table, write_suite
from tests.replay.runs import RecordedRuns


@pytest.fixture(scope="module", params=["guarded", "slow"])
def made(request: pytest.FixtureRequest, recorded: RecordedRuns) -> tuple[Suite, list[Situation]]:
    run = recorded.open(request.param)
    ground = ground_of(recorded.root, run)
    return suite_of(run, ground), [case.situation for case in cases_of(run, ground)]


def test_a_suite_written_is_read_again(made: tuple[Suite, list[Situation]], tmp_path: Path) -> None:
    suite, situations = made
    files = write_suite(suite, situations, tmp_path / "deep" / "er", "mine")
    again = read_suite(files.parquet)
    assert (again.run, again.policy, again.grid, again.regrets) == (suite.run, suite.policy, suite.grid, suite.regrets)
    assert len(again.decisions) == len(suite.decisions)
    for read, written in zip(again.decisions, suite.decisions, strict=True):
        assert (read.situation, read.asked, read.rule, read.scope, read.focus, read.episode, read.cluster) == (
            written.situation, written.asked, written.rule, written.scope, written.focus, written.episode,
            written.cluster,
        )  # fmt: skip
        assert (read.chosen, read.best, read.regret) == (written.chosen, written.best, written.regret)
        for one, other in zip(read.actions, written.actions, strict=True):
            assert (one.label, one.tool, one.symbol, one.value, one.ttl_hours) == (
                other.label, other.tool, other.symbol, other.value, other.ttl_hours,
            )  # fmt: skip
            assert (one.is_chosen, one.is_redundant) == (other.is_chosen, other.is_redundant)
            assert np.array_equal(one.advantage, other.advantage, equal_nan=True)
    assert [file.name for file in sorted((tmp_path / "deep" / "er").iterdir())] == [
        "mine.suite.jsonl", "mine.suite.parquet",
    ]  # fmt: skip


def test_the_same_suite_gives_the_same_bytes(made: tuple[Suite, list[Situation]], tmp_path: Path) -> None:
    one, other = (write_suite(*made, tmp_path, name) for name in ("one", "other"))
    assert one.parquet.read_bytes() == other.parquet.read_bytes()
    assert one.jsonl.read_bytes() == other.jsonl.read_bytes()


def test_a_row_is_a_situation_an_action_and_a_horizon(made: tuple[Suite, list[Situation]], tmp_path: Path) -> None:
    suite, situations = made
    table = pq.read_table(write_suite(suite, situations, tmp_path, "mine").parquet)
    assert table.schema.remove_metadata() == SCHEMA
    rows = table.to_pylist()
    assert len(rows) == sum(len(each.actions) for each in suite.decisions) * len(SUITE_HORIZONS)
    assert len({(row["situation"], row["action"], row["horizon"]) for row in rows}) == len(rows)
    for row in rows:
        decision = suite.decisions[row["situation"] - 1]
        action = decision.action(row["action"])
        place = [horizon.label for horizon in SUITE_HORIZONS].index(row["horizon"])
        assert action is not None
        assert (row["advantage_log_equity"] is None) == math.isnan(action.advantage[place])
        assert row["is_best"] == (decision.best[place] == row["action"])


def test_a_line_shows_what_the_policy_was_shown_and_what_each_action_was_worth(
    made: tuple[Suite, list[Situation]],
) -> None:
    suite, situations = made
    lines = [json.loads(line) for line in suite_lines(suite, situations)]
    for line, decision, situation in zip(lines, suite.decisions, situations, strict=True):
        assert line["report"]["fired"]["rule"] == situation.rule.name
        assert line["report"]["account"]["drawdown_pct"] == pytest.approx(100 * situation.drawdown, abs=0.051)
        assert {each["symbol"] for each in line["report"]["symbols"]} <= set(situation.symbols)
        assert [each["action"] for each in line["actions"]] == [each.label for each in decision.actions]
        best = line["best"]["7 d"]
        worth = {each["action"]: each["advantage"]["7 d"] for each in line["actions"]}
        assert best is None or worth[best] == max(worth.values())
        assert line["chosen"]["action"] == decision.chosen
        chosen = next(each for each in decision.actions if each.is_chosen)
        assert len(line["chosen"]["interventions"]) == len(chosen.plan)
    # Nothing tells when it was, or at what price: neither times nor money.
    text = "\n".join(suite_lines(suite, situations))
    for situation in situations:
        assert str(situation.event_time) not in text
        assert f"{situation.equity:.2f}" not in text


def test_a_run_that_was_never_asked_has_an_empty_suite(tmp_path: Path) -> None:
    empty = suite_from("quiet", "no-llm", ())
    files = write_suite(empty, [], tmp_path, "quiet")
    assert read_suite(files.parquet).decisions == ()
    assert read_suite(files.parquet).run == "quiet"
    assert files.jsonl.read_text() == ""
    assert math.isnan(empty.regrets[0].half_sample)


def test_what_is_no_suite_is_refused(made: tuple[Suite, list[Situation]], tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    pq.write_table(suite_table(made[0]).drop_columns(["cluster"]), other)
    with pytest.raises(DataError, match="is no situation suite of version 1"):
        read_suite(other)
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="not readable"):
        read_suite(tmp_path / "torn.parquet")


def test_a_file_is_written_whole_or_not_at_all(made: tuple[Suite, list[Situation]], tmp_path: Path) -> None:
    suite, situations = made
    files = write_suite(suite, situations, tmp_path, "mine")
    before = files.parquet.read_bytes()
    with pytest.raises(ValueError, match="shorter"):
        write_suite(suite, situations[:-1], tmp_path, "mine")
    assert files.parquet.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2
    (tmp_path / "taken").write_text("a file, no folder")
    with pytest.raises(TryAgainError, match="Choose another folder"):
        write_suite(suite, situations, tmp_path / "taken", "mine")


def test_every_column_is_described() -> None:
    described = (Path(__file__).parents[2] / "docs" / "suite.md").read_text(encoding="utf-8")
    assert [name for name in SCHEMA.names if f"`{name}`" not in described] == []
