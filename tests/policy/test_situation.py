"""A situation is built by one function from the journal's records, and holds numbers and fixed labels only."""

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from alphastrike.journal.codes import Rule, Tool
from alphastrike.journal.derived import SituationRow, SituationSymbol
from alphastrike.journal.kinds import KINDS
from alphastrike.model.controls import Controls
from alphastrike.model.symbols import SymbolTable
from alphastrike.policy.situation import Situation, SymbolReport, situation_from
from tests.policy.facts import BASELINE, SYMBOLS, live, situation


def test_every_field_of_the_journal_s_kinds_is_shown() -> None:
    shown = {field.name for field in fields(Situation)}
    assert {field.name for field in fields(SituationRow)} <= shown
    of_a_symbol = {field.name for field in fields(SymbolReport)}
    assert {field.name for field in fields(SituationSymbol)} - {"event_time", "situation"} <= of_a_symbol


def test_every_number_of_the_records_arrives_in_its_own_field() -> None:
    row = np.zeros(1, KINDS["situations"].record)
    lines = np.zeros(2, KINDS["situation_symbols"].record)
    for records in (row, lines):
        for place, name in enumerate(records.dtype.names):
            records[name] = place + 2
    row["symbol"], row["worst_symbol"], row["rule"], row["live_interventions"], row["halted"] = 1, 0, 1, 0, 1
    lines["symbol"], lines["regime"], lines["shorts_allowed"], lines["asset_enabled"] = (1, 0), 3, 0, 1
    made = situation_from(row[0], lines, (), SymbolTable(("BTCUSDT", "ETHUSDT")), BASELINE)
    coded = {"symbol": "ETHUSDT", "worst_symbol": "BTCUSDT", "rule": Rule.DRAWDOWN, "halted": True}
    for name in row.dtype.names:
        assert getattr(made, name) == coded.get(name, row[0][name].item()), name
    assert made.symbols == ("BTCUSDT", "ETHUSDT")
    for name in set(lines.dtype.names) - {"market_seq", "event_time", "situation", "symbol"}:
        assert getattr(made.reports[0], name) == lines[1][name].item(), name


def test_numbers_are_python_s_own() -> None:
    made = situation(interventions=(live(Tool.DISABLE_ASSET, value=24.0),))
    things: tuple[Any, ...] = (made, *made.reports, *made.live)
    for thing in things:
        for field in fields(thing):
            assert not isinstance(getattr(thing, field.name), np.generic), field.name


@pytest.mark.parametrize(
    ("symbol", "worst", "focus"),
    [
        ("SOLUSDT", "ETHUSDT", "SOLUSDT"),
        (None, "ETHUSDT", "ETHUSDT"),
        (None, "BTCUSDT", "BTCUSDT"),
        (None, None, "ETHUSDT"),
    ],
)
def test_a_tool_is_aimed_at_the_situation_s_symbol_or_the_one_that_lost_most(
    symbol: str | None, worst: str | None, focus: str
) -> None:
    assert situation(symbol=symbol, worst=worst).focus == focus


def test_controls_are_the_strictest_of_the_baseline_and_what_lives() -> None:
    made = situation(interventions=(live(Tool.ADJUST_LEVERAGE, None, 3.0), live(Tool.DISABLE_SHORTS, number=2)))
    assert made.controls["SOLUSDT"] == Controls(80.0, 1.0, 3.0, shorts_allowed=False, asset_enabled=True)
    assert made.controls["BTCUSDT"] == BASELINE._replace(leverage_cap=3.0)
    assert made.report("SOLUSDT").recent_pnl == -900.0


def test_a_situation_without_all_its_rows_is_no_situation() -> None:
    row = np.zeros(1, KINDS["situations"].record)
    lines = np.zeros(2, KINDS["situation_symbols"].record)
    with pytest.raises(AssertionError, match="not every symbol has a report"):
        situation_from(row[0], lines, (), SYMBOLS, BASELINE)
    row["live_interventions"] = 1
    with pytest.raises(AssertionError, match="live interventions are missing"):
        situation_from(row[0], lines, (), SYMBOLS, BASELINE)
