"""The four commands on a small run: what they print, for people and for programs, and their exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest

from alphastrike.cli.main import main
from alphastrike.runs.registry import runs_folder
from tests.runs.conftest import Recorded
from tests.runs.forging import flip, rewrite, with_value

Captured = pytest.CaptureFixture[str]


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_record_says_what_came_of_it_and_where_it_lies(own: Recorded, capsys: Captured) -> None:
    assert main(["record", "small", "--policy", "no-llm", "--data", str(own.root)]) == 0

    printed = capsys.readouterr()
    said = lines(printed.out)
    assert said[0].startswith("Recorded run small-no-llm digest ")
    assert any("trades" in line and "triggers fired" in line and "0 interventions" in line for line in said)
    assert any(line.startswith("Final equity ") and "USDT" in line for line in said)
    assert str(runs_folder(own.root) / "small-no-llm") in said[-1]
    assert "account: 5,760" in printed.err


def test_record_is_silent_and_readable_by_programs_when_told(own: Recorded, capsys: Captured) -> None:
    arguments = ["record", "small", "--name", "x", "--set", "account.start_equity=5000", "--json", "--quiet"]
    assert main([*arguments, "--data", str(own.root)]) == 0

    printed = capsys.readouterr()
    made = json.loads(printed.out)
    assert (made["run"], made["start_equity"], len(made["digest"])) == ("x", 5000.0, 32)
    assert printed.err == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["record", "smal"], "no market 'smal'"),
        (["record", "small", "--policy", "nobody"], "policy 'nobody' is unknown"),
        (["record", "small", "--name", "first"], "a run called 'first' exists"),
        (["record", "small", "--set", "account.nothing=1"], "unknown key account.nothing"),
        (["sql", "firs", "select 1"], "Nearest: first"),
        (["sql", "first", "selec 1"], "syntax error"),
        (["verify", "other"], "there is no run 'other'"),
    ],
)
def test_a_wrong_word_is_one_line_and_exit_code_2(
    own: Recorded, capsys: Captured, arguments: list[str], said: str
) -> None:
    assert main([*arguments, "--data", str(own.root)]) == 2

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert said in printed.err
    assert [path.name for path in runs_folder(own.root).iterdir()] == ["first"]


def test_ctrl_c_while_recording_exits_with_130(
    own: Recorded, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("alphastrike.runs.recorder.computed_run", interrupted)

    assert main(["record", "small", "--recompute", "--quiet", "--data", str(own.root)]) == 130

    assert "interrupted; nothing was half written" in capsys.readouterr().err
    assert [path.name for path in runs_folder(own.root).iterdir()] == ["first"]


def test_runs_lists_for_people_and_programs(own: Recorded, capsys: Captured) -> None:
    (runs_folder(own.root) / "broken").mkdir()

    assert main(["runs", "--data", str(own.root)]) == 0
    printed = capsys.readouterr()
    assert "first small rules" in " ".join(printed.out.split())
    assert "broken" in printed.err

    assert main(["runs", "--json", "--data", str(own.root)]) == 0
    first, broken = json.loads(capsys.readouterr().out)
    assert set(first) == {"name", "market", "policy", "parent", "digest", "created", "rows", "state"}
    assert first["created"].endswith("Z")
    assert (broken["name"], broken["state"]) == ("broken", "damaged")


def test_runs_on_a_fresh_machine_says_how_to_begin(tmp_path: Path, capsys: Captured) -> None:
    assert main(["runs", "--data", str(tmp_path)]) == 0
    assert "Record one with" in capsys.readouterr().err
    assert main(["runs", "--json", "--data", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_sql_answers_in_a_table(recorded: Recorded, capsys: Captured) -> None:
    query = "select symbol, count(*), avg(conviction) from forecasts group by 1 order by 1"
    assert main(["sql", "first", query, "--data", str(recorded.root)]) == 0

    printed = capsys.readouterr()
    assert lines(printed.out)[0] == "symbol count_star() avg(conviction)"
    assert lines(printed.out)[2].startswith("BTCUSDT 5,760 ")
    assert printed.err == "3 rows\n"


def test_sql_shows_a_hundred_rows_and_says_so(recorded: Recorded, capsys: Captured) -> None:
    assert main(["sql", "first", "select seq from ticks", "--data", str(recorded.root)]) == 0

    printed = capsys.readouterr()
    assert len(lines(printed.out)) == 102
    assert printed.err == "100 of 5,760 rows shown; --limit 5760 shows all.\n"


def test_sql_gives_programs_every_row(recorded: Recorded, capsys: Captured) -> None:
    query = "select seq, seq, event_time, 0.1::decimal(4,2) as d, 'x'::blob as b, [1, 2] as l from ticks"
    assert main(["sql", "first", query, "--json", "--data", str(recorded.root)]) == 0

    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 5760
    assert set(rows[0]) == {"seq", "seq_2", "event_time", "d", "b", "l"}
    assert (rows[0]["b"], rows[0]["l"]) == ("78", [1, 2])


def test_verify_says_identical_the_level_and_the_digest(recorded: Recorded, capsys: Captured) -> None:
    assert main(["verify", "first", "--quiet", "--data", str(recorded.root)]) == 0

    said = lines(capsys.readouterr().out)
    assert said[:2] == ["identical", "same machine and versions: everything re-derived"]
    assert said[-1] == f"digest {recorded.run.manifest.digest}"


def test_verify_gives_a_line_a_finding_and_exits_with_2(own: Recorded, capsys: Captured) -> None:
    rewrite(own.run, "fills", with_value("price", 3, 1.5), reseal=False)
    flip(own.run.folder / "trades-000001.parquet", 6)

    assert main(["verify", "first", "--quiet", "--data", str(own.root)]) == 2
    said = lines(capsys.readouterr().out)
    assert any(line.startswith("fills-000001.parquet: the bytes of this segment of fills") for line in said)
    assert any("price is 1.5 as recorded, " in line for line in said)
    assert any(line.startswith("trades-000001.parquet: ") for line in said)
    assert any(line.startswith("different: ") for line in said)
    assert "identical" not in said

    assert main(["verify", "first", "--json", "--data", str(own.root)]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found["identical"] is False
    assert any(f["difference"] and f["difference"]["field"] == "price" for f in found["findings"])


def test_verify_quick_looks_at_the_chain(own: Recorded, capsys: Captured) -> None:
    assert main(["verify", "first", "--quick", "--data", str(own.root)]) == 0
    assert lines(capsys.readouterr().out)[:2] == ["intact", "bytes and chain only: nothing re-derived"]
