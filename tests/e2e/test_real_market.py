"""The whole way on real perpetuals: five symbols, three and a half years, both crashes in it."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Said, Terminal

MAJORS = "BTCUSDT,ETHUSDT,SOLUSDT,BNBUSDT,ADAUSDT"
ARMS = ("no-llm", "always:tool=disable_asset", "random:seed=1")


@pytest.fixture(scope="module")
def imported(terminal: Terminal, shared_market: Path) -> Said:
    return terminal.expect(
        "import", str(shared_market / "binance_um"), "--symbols", MAJORS, "--interval", "15m", "--name", "majors",
        "--funding-missing", "bound:0.0001",
    )  # fmt: skip


@pytest.fixture(scope="module")
def recorded(imported: Said, terminal: Terminal) -> Said:
    assert imported.code == 0
    return terminal.expect("record", "majors", "--policy", "rules", "--name", "majors-rules")


def test_the_import_says_where_funding_was_assumed(imported: Said) -> None:
    assert "SOLUSDT: funding assumed from 2022-01-01" in imported.out
    assert "BNBUSDT: funding assumed from 2022-01-01" in imported.out


def test_missing_funding_is_refused_unless_it_is_bounded(
    imported: Said, terminal: Terminal, shared_market: Path
) -> None:
    assert imported.code == 0
    folder = str(shared_market / "binance_um")
    said = terminal.type("import", folder, "--symbols", "BNBUSDT", "--interval", "15m", "--name", "unfunded")
    assert said.code == 2
    assert "BNBUSDT" in said.err
    assert "--funding-missing" in said.err
    assert not (terminal.folder / "data" / "markets" / "unfunded").exists()


def test_the_crashes_of_2022_and_2024_are_in_it(recorded: Said, terminal: Terminal) -> None:
    assert recorded.code == 0
    query = (
        "select min(low) filter (where event_time between '2022-11-08' and '2022-11-10') as ftx,"
        " min(low) filter (where event_time between '2024-08-05' and '2024-08-06') as carry"
        " from candles where symbol = 'SOLUSDT'"
    )
    row = terminal.expect("sql", "majors-rules", query, "--json").json[0]
    assert row["ftx"] < 15.0
    assert row["carry"] < 125.0


def test_every_arm_s_parts_sum_to_its_net_result(recorded: Said, terminal: Terminal) -> None:
    assert recorded.code == 0
    policies = [word for arm in ARMS for word in ("--policy", arm)]
    said = terminal.expect("replay", "majors-rules", *policies, "--json", "--out", "pages")
    arms = json.loads(said.out)["arms"]
    assert [arm["name"] for arm in arms] == ["rules", *ARMS]
    for arm in arms:
        parts = [arm["parts"][name] for name in ("price", "fees", "slippage", "funding", "liquidation")]
        assert arm["metrics"]["net_pnl"] == pytest.approx(sum(parts), abs=0.005)
    assert len(list((terminal.folder / "pages").glob("majors-rules*.html"))) == 1


def test_the_recorded_answers_give_the_run_again(recorded: Said, terminal: Terminal) -> None:
    assert recorded.code == 0
    assert "bit-identical" in terminal.expect("replay", "majors-rules", "--policy", "recorded", "--out", "pages").out


def test_the_run_verifies_and_answers_questions(recorded: Said, terminal: Terminal) -> None:
    assert recorded.code == 0
    assert "identical" in terminal.expect("verify", "majors-rules").out
    table = terminal.expect(
        "sql", "majors-rules", "select symbol, count(*), avg(conviction) from forecasts group by 1"
    ).out
    assert all(symbol in table for symbol in MAJORS.split(","))
