"""The ledger of trials: it counts each once, for everybody at once, and nothing is un-counted by deletion."""

import json
import multiprocessing
from pathlib import Path

import pytest

from alphastrike.model.errors import DataError
from experiments.ledger import Count, count_trials, trials

HERE, THERE = "a" * 32, "b" * 32
RULES = {"policy": "rules"}
HALVED = {"policy": "rules", "settings": '[["guardian.size", "0.5"]]'}


def test_a_trial_is_counted_once_a_market_however_often_it_is_run(tmp_path: Path) -> None:
    assert count_trials(tmp_path, "replay", HERE) == Count(0, 0)
    assert count_trials(tmp_path, "replay", HERE, [RULES, HALVED, RULES]) == Count(2, 2)
    assert count_trials(tmp_path, "explain", HERE, [dict(reversed(HALVED.items()))]) == Count(2, 2)
    assert count_trials(tmp_path, "replay", THERE, [RULES]) == Count(1, 3)
    assert [(trial.number, trial.by, trial.market, trial.subject) for trial in trials(tmp_path)] == [
        (1, "replay", HERE, RULES),
        (2, "replay", HERE, HALVED),
        (3, "replay", THERE, RULES),
    ]


def test_a_data_root_without_a_ledger_has_no_trials_and_gets_no_folder(tmp_path: Path) -> None:
    assert trials(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def write(root: Path, first: int) -> None:
    for number in range(first, first + 12):
        count_trials(root, "tune", HERE, [{"trial": str(number)}])


def test_processes_that_write_at_once_lose_nothing_and_count_nothing_twice(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    # Each shares half of its trials with the next.
    writers = [context.Process(target=write, args=(tmp_path, 6 * place)) for place in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert {int(trial.subject["trial"]) for trial in trials(tmp_path)} == set(range(30))
    assert [trial.number for trial in trials(tmp_path)] == list(range(1, 31))


def lines_of(root: Path) -> tuple[Path, list[bytes]]:
    path = root / "ledger" / "trials.jsonl"
    return path, path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("the last line is cut off", "it held 3 trials and holds 2"),
        ("all lines are deleted", "it held 3 trials and holds 0"),
        ("the first line is taken out", "line 1 does not follow"),
        ("a line in the middle is taken out", "line 2 does not follow"),
        ("a line is changed", "line 2 does not follow"),
        ("a line is no line", "line 2 cannot be read"),
        ("another chain is put in its place", "line 3 is not the one that was written"),
        ("the note is damaged", "head.json"),
    ],
)
def test_what_was_taken_out_is_missed(tmp_path: Path, tampering: str, said: str) -> None:
    count_trials(tmp_path, "replay", HERE, [RULES, HALVED, {"policy": "random:seed=1"}])
    path, lines = lines_of(tmp_path)
    match tampering:
        case "the last line is cut off":
            path.write_bytes(b"".join(lines[:2]))
        case "all lines are deleted":
            path.unlink()
        case "the first line is taken out":
            path.write_bytes(b"".join(lines[1:]))
        case "a line in the middle is taken out":
            path.write_bytes(lines[0] + lines[2])
        case "a line is changed":
            path.write_bytes(lines[0] + lines[1].replace(b"0.5", b"0.6") + lines[2])
        case "a line is no line":
            path.write_bytes(lines[0] + b"{}\n" + lines[2])
        case "another chain is put in its place":
            count_trials(tmp_path / "other", "replay", HERE, [{"policy": name} for name in ("x", "y", "z")])
            path.write_bytes(lines_of(tmp_path / "other")[0].read_bytes())
        case "the note is damaged":
            path.with_name("head.json").write_text("{")
    with pytest.raises(DataError, match=said) as refused:
        count_trials(tmp_path, "replay", HERE, [])
    assert "Put it back from a copy" in str(refused.value)


def test_a_process_that_dies_while_it_writes_leaves_the_trials_before_it(tmp_path: Path) -> None:
    count_trials(tmp_path, "replay", HERE, [RULES])
    path, lines = lines_of(tmp_path)
    # Half a line: cut away by the next writer.
    path.write_bytes(lines[0] + b'{"at": "2024')
    assert count_trials(tmp_path, "replay", HERE, []) == Count(1, 1)
    assert count_trials(tmp_path, "replay", HERE, [HALVED]) == Count(2, 2)
    # A whole line whose note was not written any more: it counts.
    path.with_name("head.json").write_text(json.dumps({"trials": 1, "chain": json.loads(lines[0])["chain"]}))
    assert count_trials(tmp_path, "replay", HERE, []) == Count(2, 2)
    assert len(trials(tmp_path)) == 2


def test_the_count_is_said_in_one_sentence() -> None:
    assert Count(1, 1).told() == "1 trial has been looked at on this market, 1 in all."
    assert Count(12, 1_040).told() == "12 trials have been looked at on this market, 1,040 in all."
