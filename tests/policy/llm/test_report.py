"""The report holds relative numbers, fixed labels and the market's own symbols, whatever the situation holds."""

import json
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.journal.codes import Rule, Tool
from alphastrike.model.errors import DataError
from alphastrike.model.forecast import Regime
from alphastrike.model.units import MICROS_PER_DAY
from alphastrike.policy.llm.masking import SYMBOLS_MAX
from alphastrike.policy.llm.report import (
    INTERVENTIONS_MAX,
    AccountLine,
    Fired,
    InterventionLine,
    Scope,
    Side,
    SymbolLine,
    Unit,
    fixed,
    rendered,
    report_of,
)
from alphastrike.policy.situation import Situation
from tests.policy.facts import live, situation
from tests.policy.llm.situations import FEW, SYMBOLS, situations

LINES = (Fired, AccountLine, SymbolLine, InterventionLine)
WORDS = {
    *(name for line in LINES for name in line.__dataclass_fields__),
    *(member.name for group in (Rule, Regime, Side, Unit, Scope) for member in group),
    *(tool.name.lower() for tool in Tool),
    "true", "false", "null", "none",
}  # fmt: skip


def test_a_report_known_in_full() -> None:
    asked = situation(interventions=(live(Tool.ADJUST_POSITION_SIZE, value=0.5),))
    text = rendered(report_of(asked, mask=False))
    assert json.loads(text["fired"]) == {
        "rule": "LOSS_STREAK", "scope": "SYMBOL", "symbol": "SOLUSDT",
        "threshold": 5, "unit": "LOSSES_IN_A_ROW", "value": 5,
    }  # fmt: skip
    assert json.loads(text["account"]) == {
        "drawdown_pct": 8.0, "equity_pct_of_peak": 92.0, "exposure_pct": 48.91, "halted": False,
        "interventions_not_shown": 0, "leverage": 5.0, "leverage_cap": 10.0, "live_interventions": 1,
        "loss_streak": 5, "symbols_not_shown": 0, "trades": 40, "volatility_pct": 3.5, "win_loss_ratio": 1.8,
        "win_rate_pct": 35.0, "worst_pnl_pct": -2.61, "worst_symbol": "ETHUSDT",
    }  # fmt: skip
    names, lines = zip(*(line.split(" ", 1) for line in text["symbols"].splitlines()), strict=True)
    assert names == ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    assert json.loads(lines[2]) == {
        "asset_enabled": True, "conviction": 0.0, "conviction_floor": 80.0, "drawdown_pct": 0.0, "forecast": "FLAT",
        "loss_streak": 0, "open_pnl_pct": 0.0, "position": "SHORT", "position_pct": 0.0, "recent_pnl_pct": -0.98,
        "regime": "RANGE", "shorts_allowed": True, "size_pct": 50, "trades": 20, "volatility_pct": 0.0,
        "win_rate_pct": 30.0,
    }  # fmt: skip
    assert text["interventions"] == (
        '{"hours_left":24.0,"hours_old":1.0,"symbol":"SOLUSDT","tool":"adjust_position_size","value":50}'
    )


@pytest.mark.parametrize(
    ("rule", "value", "shown"),
    [
        (Rule.WIN_RATE, 0.35, {"threshold": 40.0, "unit": "PERCENT", "value": 35.0}),
        (Rule.DRAWDOWN, 0.1234, {"threshold": 15.0, "unit": "PERCENT", "value": 12.3}),
        (Rule.LOSS_STREAK, 7.0, {"threshold": 5, "unit": "LOSSES_IN_A_ROW", "value": 7}),
    ],
)
def test_what_fired_stands_with_its_number_and_unit(rule: Rule, value: float, shown: dict[str, object]) -> None:
    fired = json.loads(rendered(report_of(situation(rule, value, symbol=None), mask=False))["fired"])
    assert fired == {"rule": rule.name, "scope": "ACCOUNT", "symbol": None, **shown}


def test_what_is_not_known_is_null() -> None:
    unknown = replace(situation(worst=None), equity=0.0, trades=0, win_loss_ratio=0.0, volatility=float("nan"))
    account = json.loads(rendered(report_of(unknown, mask=False))["account"])
    assert {name for name, value in account.items() if value is None} == {
        "exposure_pct", "volatility_pct", "win_loss_ratio", "win_rate_pct", "worst_pnl_pct", "worst_symbol"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "places", "shown"),
    [
        (-0.004, 2, "0.00"), (-0.005001, 2, "-0.01"), (12.25, 1, "12.2"), (5.0, 0, "5"), (1e300, 2, "9999.00"),
        (-1e300, 1, "-9999.0"), (0.0, 1, "0.0"), (-0.0, 1, "0.0"),
    ],
)  # fmt: skip
def test_numbers_have_fixed_decimals_and_a_bound(value: float, places: int, shown: str) -> None:
    assert fixed(value, places) == Decimal(shown)
    assert str(fixed(value, places)) == shown


@pytest.mark.parametrize("symbol", ["SOL USDT", "solusdt", "S", "X" * 21, "IGNORE:ALL", "", "SOLUSDT\n", "ЅOLUSDT"])
@pytest.mark.parametrize("mask", [False, True])
def test_a_symbol_that_could_carry_words_is_refused(symbol: str, mask: bool) -> None:
    asked = situation()
    asked = replace(asked, reports=(replace(asked.reports[0], symbol=symbol), *asked.reports[1:]))
    with pytest.raises(DataError, match="may not be shown to a model"):
        report_of(asked, mask=mask)


@FEW
@given(situations(), st.booleans())
def test_no_text_but_labels_and_symbols_and_never_much_of_it(asked: Situation, mask: bool) -> None:
    report = report_of(asked, mask=mask)
    sections = rendered(report)
    allowed = WORDS | set(report.names.names)
    for text in sections.values():
        assert re.fullmatch(r'[A-Za-z0-9_.,:\-{}" \n]*', text)
        assert set(re.findall(r"[A-Za-z0-9_]*[A-Za-z_][A-Za-z0-9_]*", text)) <= allowed
        for number in re.findall(r":(-?[0-9.]+)", text):
            assert re.fullmatch(r"(-?[0-9]{1,4}(\.[0-9]{1,2})?|[0-9]{1,6})", number)
            assert not re.fullmatch(r"-0(\.0*)?", number)
        for line in text.splitlines():
            keys = re.findall(r'"([a-z_]+)":', line)
            assert keys == sorted(keys)
    assert len(report.symbols) <= SYMBOLS_MAX
    assert len(report.interventions) <= INTERVENTIONS_MAX
    assert sum(map(len, sections.values())) < 5_500


@FEW
@given(situations(), st.booleans(), st.integers(1, 3_000), st.sampled_from([0.25, 2.0, 1024.0]))
def test_neither_the_date_nor_the_size_of_the_account_can_be_seen(
    asked: Situation, mask: bool, days: int, factor: float
) -> None:
    """Amounts are scaled by powers of two, so that their ratios keep every bit."""
    if not 1e-3 < asked.equity < 1e9:
        asked = replace(asked, equity=50_000.0)
    later = days * MICROS_PER_DAY
    moved = replace(
        asked,
        situation=asked.situation + 7,
        event_time=asked.event_time + later,
        deadline=asked.deadline + later,
        equity=asked.equity * factor,
        exposure=asked.exposure * factor,
        worst_symbol_pnl=asked.worst_symbol_pnl * factor,
        live=tuple(replace(one, applied=one.applied + later, expires=one.expires + later) for one in asked.live),
        reports=tuple(
            replace(
                one,
                quantity=one.quantity * 2,
                notional=one.notional * factor,
                unrealised_pnl=one.unrealised_pnl * factor,
                recent_pnl=one.recent_pnl * factor,
            )
            for one in asked.reports
        ),
    )
    report = report_of(asked, mask=mask)
    assert rendered(report_of(moved, mask=mask)) == rendered(report)
    assert report_of(moved, mask=mask).offers == report.offers


@FEW
@given(situations())
def test_masked_no_symbol_is_named(asked: Situation) -> None:
    report = report_of(asked, mask=True)
    words = set(re.findall(r"[A-Z0-9]{2,20}", " ".join(rendered(report).values())))
    assert not words & (set(SYMBOLS) - set(report.names.names))
    for symbol, line in zip((symbol for _, symbol in report.names.pairs), report.symbols, strict=True):
        assert line.loss_streak == min(asked.report(symbol).loss_streak, 999_999)


@pytest.mark.parametrize(
    ("aimed_at", "shown"),
    [
        ("S15USDT", [0, 1, 2, 3, 4, 5, 15, 19]),
        ("S19USDT", [0, 1, 2, 3, 4, 5, 6, 19]),
        (None, [0, 1, 2, 3, 4, 5, 6, 19]),
    ],
)
def test_of_many_symbols_the_ones_that_matter_are_shown_and_the_rest_counted(
    aimed_at: str | None, shown: list[int]
) -> None:
    asked = situation()
    many = tuple(
        replace(asked.reports[0], symbol=f"S{place:02}USDT", symbol_id=place, recent_pnl=float(place))
        for place in range(20)
    )
    report = report_of(replace(asked, reports=many, symbol=aimed_at, worst_symbol="S19USDT"), mask=False)
    assert [line.symbol for line in report.symbols] == [f"S{place:02}USDT" for place in shown]
    assert report.account.symbols_not_shown == 12


def test_of_many_interventions_those_that_live_longest_are_shown_and_the_rest_counted() -> None:
    hour = 3_600_000_000
    lives = tuple(
        replace(live(Tool.DISABLE_SHORTS, number=number), expires=live(Tool.DISABLE_SHORTS).expires + number * hour)
        for number in range(1, 21)
    )
    report = report_of(situation(interventions=lives), mask=False)
    assert [line.hours_left for line in report.interventions] == [Decimal(24 + number) for number in range(20, 8, -1)]
    assert report.account.interventions_not_shown == 8
