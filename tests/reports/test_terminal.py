"""The tables of the terminal: readable at 100 columns whatever the number of arms, and adding up."""

import pytest

from reports import terminal
from tests.reports.world import made_comparison

MANY = ("no-llm", "always:tool=disable_asset", "random:seed=1", "swap:from=disable_asset,to=no_action,of=rules")


@pytest.mark.parametrize("policies", [("no-llm",), ("no-llm", "random:seed=1"), MANY, (*MANY, "llm:model=x")])
def test_no_table_is_wider_than_the_terminal(policies: tuple[str, ...]) -> None:
    for table in terminal.tables(made_comparison(policies, days=120)):
        assert table.width <= terminal.WIDTH
        assert {len(row) for row in table.rows} == {len(table.headers)}


def test_one_arm_stands_beside_the_factual_one_with_its_difference_and_interval() -> None:
    (table,) = terminal.tables(made_comparison())
    assert table.headers == ["", "rules", "no-llm", "no-llm − rules", "95 %"]
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["log growth"][3].startswith("[−")
    assert rows["interventions"][2].startswith("−")
    assert list(rows)[-6:] == [
        "price, USDT", "fees, USDT", "slippage, USDT", "funding, USDT", "liquidation, USDT", "= net P&L, USDT",
    ]  # fmt: skip


def test_many_arms_become_rows() -> None:
    first, activity, parts = terminal.tables(made_comparison(MANY, days=120))
    for table in (first, activity, parts):
        assert [row[0] for row in table.rows] == ["rules", *MANY[:3], "swap:from=disable_…,of=rules"]
    assert parts.headers[-1] == "= net P&L"
