"""``alphastrike ablate`` from outside: what it prints, writes and answers to bad input."""

import json
from pathlib import Path

import pytest

from alphastrike.cli.main import main
from alphastrike.market.simulate import simulate_market
from alphastrike.model.units import MICROS_PER_HOUR
from reports.ablation import fitted
from reports.text_table import TextTable


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with a market of eight months and one of two."""
    made = tmp_path_factory.mktemp("ablated")
    simulate_market(made, "year", ("BTCUSDT", "ETHUSDT"), 250, MICROS_PER_HOUR, 3)
    simulate_market(made, "spring", ("BTCUSDT", "ETHUSDT"), 60, MICROS_PER_HOUR, 3)
    return made


def ablate(root: Path, out: Path, *arguments: str) -> int:
    return main(["ablate", *arguments, "--data", str(root), "--out", str(out), "--quiet"])


def test_it_prints_the_table_what_it_rests_on_and_a_verdict(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ablate(root, tmp_path, "year", "--folds", "3") == 0
    said = capsys.readouterr().out
    in_order = (
        "Out of sample, ", "best single signal", "equal weights", "article's rule", "as configured",
        "Minus equal weights", "without price action",
        "chosen on all days before each fold", "Voted: ", "Trials: ", "Market year", "Verdict: ",
        "Page: ", "Again: alphastrike ablate year --folds 3",
    )  # fmt: skip
    places = [said.index(part) for part in in_order]
    assert places == sorted(places)
    assert "3 folds" in said
    page = (tmp_path / "ablate-year.html").read_text("utf-8")
    verdict = next(line for line in said.splitlines() if line.startswith("Verdict: ")).removeprefix("Verdict: ")
    assert verdict.split("; ")[1] in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


def test_json_carries_the_numbers_and_the_page_is_the_same_with_any_threads(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ablate(root, tmp_path / "one", "year", "--json", "--threads", "1") == 0
    told = json.loads(capsys.readouterr().out)
    assert ablate(root, tmp_path / "two", "year", "--json", "--threads", "2") == 0
    again = json.loads(capsys.readouterr().out)
    pages = [Path(each.pop("page")).read_bytes() for each in (told, again)]
    assert told == again
    assert pages[0] == pages[1]
    assert [row["name"] for row in told["rows"]][:2] == ["best single signal", "equal weights"]
    assert told["rows"][1]["standing"] == "baseline"
    assert told["rows"][0]["against"]["sharpe_interval"].keys() >= {"low", "high", "draws", "seed"}
    assert told["rows"][0]["band"].keys() == {"low", "high"}
    assert told["selection"]["trials"] == len(told["voters"]["voting"]) == len(told["singles"])
    assert len(told["folds"]) == 8
    assert sum(fold["end"] - fold["begin"] for fold in told["folds"]) == told["days_out_of_sample"] * 86_400_000_000


@pytest.mark.parametrize("width", [30, 48, 80, 100, 400])
def test_a_table_is_cut_by_columns_to_fit_a_terminal(width: int) -> None:
    headers = ["", *(f"column {n}" for n in range(9))]
    rows = [[f"row {r}", *(f"{r}.{n:06d}" for n in range(9))] for r in range(3)]
    parts = fitted(TextTable("all", headers, rows), width)
    assert all(part.width <= width for part in parts)
    assert len(parts) == 1 or parts[0].width + 12 > width
    assert [header for part in parts for header in part.headers[1:]] == headers[1:]
    assert [cell for part in parts for cell in part.rows[2][1:]] == rows[2][1:]
    assert all(part.rows[1][0] == "row 1" for part in parts)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere"),
        (["spring"], "the market has 60 days; walking forward needs"),
        (["year", "--folds", "40"], "Take a longer market, or fewer --folds"),
        (["year", "--past", "10"], "10 days before the first fold are too few"),
        (["year", "--set", "perception.tracker.windw=3"], "Did you mean window?"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert ablate(root, tmp_path, *arguments) == 2
    told = capsys.readouterr()
    assert told.err.startswith("error: ")
    assert told.err.count("\n") == 1
    assert said in told.err
    assert not list(tmp_path.iterdir())
