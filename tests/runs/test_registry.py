"""Runs are found by name or path, newest first; what is no run is never taken for one."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alphastrike.journal.kinds import KINDS
from alphastrike.journal.manifest import MarketReference, Parent
from alphastrike.journal.segments import RunWriter
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.runs.registry import latest_run, list_runs, market_of, open_run, runs_folder, unused_name
from tests.builders import BTC, SYMBOLS, fill, rows_of, write_run
from tests.runs.conftest import Recorded


def made_on(day: int) -> datetime:
    return datetime(2024, 5, day, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_run(tmp_path / "runs" / "older", created=made_on(1))
    write_run(tmp_path / "runs" / "newest", created=made_on(3))
    write_run(
        tmp_path / "runs" / "branch", created=made_on(2), parent=Parent(run="older", digest="d" * 32, situation=4)
    )
    return tmp_path


def test_the_list_is_newest_first(root: Path) -> None:
    assert [entry.name for entry in list_runs(root)] == ["newest", "branch", "older"]
    newest = latest_run(root)
    assert newest is not None
    assert newest.name == "newest"


def test_without_runs_the_list_is_empty(tmp_path: Path) -> None:
    assert list_runs(tmp_path) == []
    assert latest_run(tmp_path) is None


def test_a_run_is_summed_up_for_programs(root: Path) -> None:
    summary = list_runs(root)[1].summary()

    assert summary == {
        "name": "branch",
        "market": "handmade",
        "policy": "rules",
        "parent": {"run": "older", "digest": "d" * 32, "situation": 4},
        "digest": "d" * 32,
        "created": made_on(2),
        "rows": 12,
        "state": "complete",
    }


def test_a_damaged_run_is_listed_last_with_what_ails_it(root: Path) -> None:
    (runs_folder(root) / "newest" / "manifest.json").write_text("{")

    listed = list_runs(root)

    assert [entry.name for entry in listed] == ["branch", "older", "newest"]
    assert listed[-1].summary()["state"] == "damaged"
    assert "manifest.json is damaged" in listed[-1].trouble
    latest = latest_run(root)
    assert latest is not None
    assert latest.name == "branch"


def test_a_run_being_written_is_no_run(root: Path) -> None:
    with RunWriter(runs_folder(root) / "coming", SYMBOLS) as writer:
        writer.append(KINDS["fills"], rows_of("fills", fill(BTC, 1.0)))
        assert [entry.name for entry in list_runs(root)] == ["newest", "branch", "older"]
        assert unused_name(root, "coming") == "coming-2"
        with pytest.raises(ConfigurationError, match="there is no run 'coming'"):
            open_run(root, "coming")


def test_names_are_made_unique(root: Path) -> None:
    assert unused_name(root, "fresh") == "fresh"
    assert unused_name(root, "older") == "older-2"
    write_run(runs_folder(root) / "older-2")
    assert unused_name(root, "older") == "older-3"


def test_a_run_opens_by_name_and_by_the_path_of_its_folder(root: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "kept"
    shutil.copytree(runs_folder(root) / "older", moved)

    assert open_run(root, "older").manifest.name == "older"
    assert open_run(root, str(moved)).name == "kept"
    assert len(open_run(root, moved).rows("fills")) == 2


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("oldr", "there is no run 'oldr' in .*. Nearest: older."),
        ("zzz", "Nearest: newest, branch, older."),
        ("", "there is no run ''"),
        (".hidden", "there is no run"),
        ("../runs", "is not a run"),
    ],
)
def test_an_unknown_run_is_answered_with_the_nearest_names(root: Path, asked: str, said: str) -> None:
    with pytest.raises((ConfigurationError, DataError), match=said):
        open_run(root, asked)


def test_on_a_fresh_machine_the_answer_is_how_to_record(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nor any other\. Record one with"):
        open_run(tmp_path, "any")


def test_another_market_under_the_same_name_is_refused(own: Recorded) -> None:
    run = own.run
    assert market_of(own.root, run).content_hash == run.manifest.market.content_hash

    run.manifest = run.manifest.model_copy(update={"market": MarketReference(name="small", content_hash="0" * 32)})

    with pytest.raises(DataError, match="market 'small' is another than the one run 'first' was made on"):
        market_of(own.root, run)
    with pytest.raises(DataError, match=r"reads candles from market 'small' .* which is not here"):
        run.sql("select * from candles")
