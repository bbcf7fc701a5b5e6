"""The commands as they are typed: what they print, where, and with which exit code."""

import json
from pathlib import Path

import pytest

from alphastrike.cli.main import main
from tests.market.files import broken, candles, funding, leftovers, parquet


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    for symbol in ("BTCUSDT", "ETHUSDT"):
        parquet(folder / f"{symbol}_15m.parquet", candles(96))
        parquet(folder / f"{symbol}_funding.parquet", funding(4))
    (folder / "README.md").write_text("notes")
    return folder


def test_an_import_reports_what_it_found(data_root: Path, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(files), "--name", "small", "--data", str(data_root)]) == 0
    printed = capsys.readouterr()
    assert "Market small written: 192 bars of 15m, 2 symbols, 2024-01-01 00:00 to 2024-01-02 00:00" in printed.out
    assert "no mark prices" in printed.out
    assert "skipped 1 files: neither Parquet nor CSV" in printed.err
    assert main(["import", str(files), "--name", "small", "--data", str(data_root), "--quiet"]) == 0
    assert "already stands, unchanged" in capsys.readouterr().out


def test_json_is_one_object_with_everything(data_root: Path, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(files), "--name", "small", "--data", str(data_root), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [facts["bars"] for facts in told["facts"]] == [96, 96]
    assert told["was_there"] is False
    assert [Path(skipped["file"]).name for skipped in told["skipped"]] == ["README.md"]
    assert main(["markets", "--data", str(data_root), "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed["content_hash"] == told["content_hash"]
    assert (listed["name"], listed["symbols"], listed["interval"]) == ("small", ["BTCUSDT", "ETHUSDT"], "15m")
    assert listed["funding_assumed_share"] == 0.0


def test_bad_input_is_one_line_and_exit_code_2(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = parquet(tmp_path / "BTCUSDT_15m.parquet", broken(candles(), "close", 5, -1.0))
    assert main(["import", str(file), "--name", "small", "--data", str(data_root), "--quiet"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"error: {file}, row 5: close -1 must be positive. Mend or remove the row.\n"
    assert leftovers(data_root) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["import", "x", "--name", "n", "--interval", "7m"], "interval '7m'"),
        (["import", "x", "--name", "n", "--from", "soon"], "--from 'soon'"),
        (["import", "x", "--name", "n", "--funding-missing", "zero"], "--funding-missing 'zero'"),
        (["import", "nowhere", "--name", "n"], "no file or folder nowhere"),
        (["import", "x"], "--name"),
        (["simulate", "--days", "0"], "--days must be from 1"),
        (["simulate", "--interval", "1d"], "longer than 8h"),
        (["simulate", "--days", "many"], "--days"),
        (["simulate", "--plant", "gold"], "Choose of nothing, shorts-trap, leverage-crash"),
        (["simulate", "--plant", "leverage-crash:dose=0"], "takes dose=NUMBER, above 0 and up to 3"),
        (["simulate", "--plant", "leverage-crash:size=2"], "takes dose=NUMBER"),
        (["simulate", "--plant", "nothing:dose=1"], "nothing takes no option"),
    ],
)
def test_a_wrong_argument_is_named(
    data_root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main([*arguments, "--data", str(data_root)]) == 2
    printed = capsys.readouterr()
    assert words in printed.err
    assert printed.err.startswith("error: ")
    assert leftovers(data_root) == []


def test_an_empty_list_tells_what_to_type(data_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["markets", "--data", str(data_root)]) == 0
    assert "alphastrike simulate" in capsys.readouterr().out
    assert main(["markets", "--data", str(data_root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_planted_truth_is_told_and_kept(data_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["simulate", "--name", "crash", "--symbols", "BTCUSDT", "--days", "3", "--interval", "1h"]
    planted = ["--plant", "leverage-crash:dose=0.5"]
    assert main([*arguments, *planted, "--data", str(data_root), "--quiet"]) == 0
    assert "Planted: leverage-crash:dose=0.5: crashes and squeezes come in herds" in capsys.readouterr().out
    assert main(["markets", "crash", "--data", str(data_root)]) == 0
    assert "Planted: leverage-crash:dose=0.5;" in capsys.readouterr().out


def test_a_simulated_market_is_listed(data_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["simulate", "--name", "world", "--symbols", "BTCUSDT,FOOUSDT", "--days", "3", "--interval", "1h"]
    assert main([*arguments, "--seed", "9", "--data", str(data_root), "--quiet"]) == 0
    assert "Market world: simulated with seed 9, 144 bars of 1h" in capsys.readouterr().out
    assert main(["markets", "--data", str(data_root)]) == 0
    listed = capsys.readouterr().out
    assert "world" in listed
    assert "BTCUSDT,FOOUSDT" in listed
    assert "assumed" in listed
