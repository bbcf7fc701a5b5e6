"""The screen says what the engine's state says, in words, and nothing that it does not know."""

import copy
import io
import math

import pytest
from rich.console import Console

from alphastrike.live.screen import line, moment, number, percent, picture
from alphastrike.live.status import Status
from alphastrike.live.wire import encoded, reply_of
from tests.live.standing import Standing


def drawn(status: Status, width: int = 200) -> str:
    written = io.StringIO()
    Console(file=written, width=width).print(picture(status))
    return written.getvalue()


@pytest.fixture(scope="module")
def _status() -> Status:
    return Standing().status()


@pytest.fixture
def status(_status: Status) -> Status:
    """A status of the test's own."""
    return copy.deepcopy(_status)


def test_everything_that_was_promised_is_on_the_screen(status: Status) -> None:
    shown = drawn(status)
    for head in ("equity", "drawdown", "leverage", "volatility", "performance", "position", "forecast", "triggers"):
        assert head in shown
    assert f"equity {number(status['equity']['equity'])}" in shown
    for symbol in status["symbols"]:
        row = next(row for row in shown.splitlines() if row.lstrip().startswith(symbol["symbol"]))
        assert number(symbol["mark"]) in row or number(symbol["mark"], 4) in row
        assert ("flat" in row) == (symbol["quantity"] == 0.0)
    for live in status["interventions"]:
        assert f"{number(live['hours_left'], 1)} h" in shown


def test_the_factors_on_the_screen_make_the_leverage(status: Status) -> None:
    leverage = status["leverage"]
    product = leverage["base"]
    product *= leverage["volatility_factor"] * leverage["drawdown_factor"] * leverage["performance_factor"]
    assert leverage["leverage"] == pytest.approx(min(max(product, 1.0), 10.0), rel=1e-12)


def test_a_trigger_stands_as_far_from_firing_as_its_rule_says(status: Status) -> None:
    live = Standing()
    rules = live.settings.account.triggers
    account = live.stepper.state.account[0]
    account.drawdown, account.loss_streak = 0.04, 3
    found = {one["rule"]: one for one in live.status()["triggers"] if one["scope"] == "account"}
    assert found["drawdown"]["left"] == pytest.approx(rules.drawdown_above - 0.04)
    assert found["loss_streak"]["left"] == rules.losses - 3
    account.trades = rules.win_rate_window - 1
    assert [one["left"] for one in live.status()["triggers"] if one["rule"] == "win_rate"][-1] is None
    assert "too few trades" in drawn(live.status())


def test_the_win_rate_is_that_of_the_window(status: Status) -> None:
    live = Standing()
    window = live.settings.account.triggers.win_rate_window
    everyone = len(live.market.symbols)
    live.stepper.state.account[0].trades = 57
    live.stepper.state.outcomes[everyone] = -1.0
    for k in range(7):
        live.stepper.state.outcomes[everyone, (56 - k) % 50] = 1.0
    found = next(one for one in live.status()["triggers"] if (one["scope"], one["rule"]) == ("account", "win_rate"))
    assert found["value"] == 7 / window


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"operator_halt": 1}, "HALTED account: operator, until a person resumes"),
        ({"daily_halt": 1}, "HALTED account: daily loss, until the next UTC day"),
        ({"drawdown_halt_since": 1}, "HALTED account: drawdown, until a person resumes, or 30 days pass"),
        (
            {"policy_halt_until": 2_000_000_000_000_000},
            "HALTED account: policy failure, until its time passes (by 2033-05-18 03:33 UTC)",
        ),
        ({"bankrupt": 1}, "HALTED account: bankrupt, for good"),
    ],
)
def test_every_halt_says_its_cause_and_what_clears_it(change: dict[str, int], shown: str) -> None:
    live = Standing()
    assert "HALTED" not in drawn(live.status())
    assert "not halted" in line(live.status())
    for name, value in change.items():
        live.stepper.state.account[0][name] = value
    assert shown in drawn(live.status())
    assert "not halted" not in line(live.status())


@pytest.mark.parametrize("halt", range(1, 6))
def test_a_symbol_that_perception_halts_is_named(halt: int) -> None:
    live = Standing()
    live.stepper.state.symbols[1].halt = halt
    shown = drawn(live.status())
    assert "HALTED ETHUSDT: " in shown
    assert "not halted" in line(live.status()), "a symbol's halt is not the account's"


def test_before_the_first_tick_there_is_a_screen_too(status: Status) -> None:
    status["event_time"] = 0
    status["equity"] = {**status["equity"], "equity": 0.0, "exposure": 0.0}
    status["interventions"] = []
    assert "–" in drawn(status)
    assert "no live intervention" in drawn(status)
    assert line(status).startswith("–")


def test_a_shadow_run_shows_what_following_would_have_been_worth(status: Status) -> None:
    status["followed_equity"] = status["equity"]["equity"] + 1_234.5
    assert "(+1,234.50)" in drawn(status)


def test_hostile_names_are_text(status: Status) -> None:
    status["run"] = "[bold red]x[/]\x1b[2J"
    status["symbols"][0]["symbol"] = "[link=file:x]\x1b]0;x\x07"
    shown = drawn(status)
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "[bold red]x[/]" in shown
    assert "\x1b" not in line({**status, "halts": []})


def test_the_line_is_one_line(status: Status) -> None:
    assert "\n" not in line(status)


def test_a_status_survives_the_wire(status: Status) -> None:
    sent = encoded({"done": {**status, "feed_age_s": math.nan}})
    assert reply_of(sent) == {**status, "feed_age_s": None}


def test_a_status_looked_at_twice_is_the_same_and_changes_nothing() -> None:
    live = Standing()
    before = live.stepper.digest()
    assert live.status() == live.status()
    assert live.stepper.digest() == before


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(1234.5, 2, "1,234.50"), (-0.004, 2, "0.00"), (-3.0, 1, "−3.0"), (None, 2, "–"), (math.inf, 2, "–")],
)
def test_numbers(value: float | None, digits: int, text: str) -> None:
    assert number(value, digits) == text


def test_times_and_shares() -> None:
    assert moment(1_704_067_200_000_000) == "2024-01-01 00:00"
    assert percent(-0.0312) == "−3.1 %"
