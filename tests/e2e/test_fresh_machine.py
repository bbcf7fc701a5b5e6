"""A machine without data or runs: the first replay makes both, says so, and answers."""

import re

import pytest

from tests.e2e.conftest import Said, Terminal


@pytest.fixture(scope="module")
def first(terminal: Terminal) -> Said:
    return terminal.expect("replay", "--policy", "no-llm", "--out", "pages")


def test_the_first_replay_says_what_it_makes(first: Said) -> None:
    assert "No run here yet" in first.out + first.err
    assert "guardian" in first.out + first.err


def test_it_prints_the_arms_and_where_the_page_is(first: Said, terminal: Terminal) -> None:
    for row in ("log growth", "max drawdown", "price, USDT", "fees, USDT", "funding, USDT", "net P&L"):
        assert row in first.out
    page = re.search(r"Page: (\S+)", first.out)
    assert page is not None
    assert (terminal.folder / page[1]).stat().st_size > 100_000


def test_the_recorded_answers_give_the_run_again_bit_for_bit(first: Said, terminal: Terminal) -> None:
    said = terminal.expect("replay", "--policy", "recorded", "--out", "pages")
    assert "bit-identical" in said.out
    assert first.code == 0


def test_the_run_verifies(first: Said, terminal: Terminal) -> None:
    said = terminal.expect("verify", "sample-rules")
    digest = terminal.expect("runs", "--json").json[0]["digest"]
    assert "identical" in said.out
    assert digest in said.out
    assert first.code == 0


def test_the_numbers_of_every_arm_add_up(first: Said, terminal: Terminal) -> None:
    assert first.code == 0
    last = terminal.expect(
        "sql",
        "sample-rules",
        "--json",
        "select equity - 100000 as net, price_pnl - fees - slippage - funding - liquidation as parts"
        " from equity order by seq desc limit 1",
    ).json[0]
    assert last["net"] == pytest.approx(last["parts"], abs=0.005)
