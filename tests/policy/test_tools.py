"""The palette: what may be said, within which bounds, and how a call is written down and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from alphastrike.journal.codes import Tool
from alphastrike.policy.policies import build_call
from alphastrike.policy.tools import (
    PALETTE,
    TOOL_NAMES,
    AdjustConviction,
    AdjustLeverage,
    AdjustPositionSize,
    DisableAsset,
    NoAction,
    PaletteTool,
    SendAlert,
    Severity,
    call_from,
    call_of,
    palette_schema,
    plain,
)


def test_every_tool_of_the_journal_has_one_model() -> None:
    assert set(PALETTE) == set(Tool) - {Tool.UNKNOWN}
    assert all(model.code is tool for tool, model in PALETTE.items())
    assert all(
        model.model_fields["tool"].default == name for name, model in zip(TOOL_NAMES, PALETTE.values(), strict=True)
    )


@pytest.mark.parametrize(
    ("model", "argument", "inside", "outside"),
    [
        (AdjustConviction, "threshold", (80, 95), (79, 96, 85.0, "85", True, None)),
        (AdjustPositionSize, "multiplier", (0.1, 0.37, 1), (0.0999, 1.01, 0, -1, float("nan"), float("inf"), "0.5")),
        (AdjustLeverage, "new_leverage", (1, 2.5, 10), (0.99, 10.1, float("inf"), -3, "two")),
        (DisableAsset, "duration_hours", (1, 168), (0, 169, 24.0, "24")),
    ],
)
def test_a_number_outside_its_bounds_cannot_be_said(
    model: type[PaletteTool], argument: str, inside: tuple[float, ...], outside: tuple[object, ...]
) -> None:
    others = {"symbol": "SOLUSDT"} if "symbol" in model.model_fields else {}

    def made(number: dict[str, object]) -> PaletteTool:
        return model.model_validate(others | number | {"reason": "r"})

    for value in inside:
        assert made({argument: value}).value == value
    for wrong in outside:
        with pytest.raises(ValidationError):
            made({argument: wrong})


@pytest.mark.parametrize("hours", [0, 169, -1, 24.0])
def test_a_life_outside_one_to_168_hours_cannot_be_asked_for(hours: int | None) -> None:
    with pytest.raises(ValidationError):
        AdjustLeverage(new_leverage=2, reason="r", ttl_hours=hours)


@pytest.mark.parametrize("symbol", ["solusdt", "SOL/USDT", "S", "", "SOLUSDT\n", "ＳＯＬＵＳＤＴ", "A" * 21])
def test_a_symbol_is_two_to_twenty_capitals_and_digits(symbol: str) -> None:
    with pytest.raises(ValidationError):
        DisableAsset(symbol=symbol, duration_hours=24, reason="r")


def test_an_argument_that_the_tool_does_not_have_is_refused() -> None:
    with pytest.raises(ValidationError):
        call_of({"tool": "adjust_leverage", "new_leverage": 2, "reason": "r", "symbol": "SOLUSDT"})


@pytest.mark.parametrize(
    "reason", ["", " \n\t ", "\x00\x1b", "x" * 501]
)  # fmt: skip
def test_a_reason_is_one_to_five_hundred_characters(reason: str) -> None:
    with pytest.raises(ValidationError):
        NoAction(reason=reason)


def test_words_lose_what_could_move_a_cursor_or_break_a_file() -> None:
    said = "loss\x1b[31m\r\nstreak\u202e\ud800\u2028 of\x00 five"
    assert NoAction(reason=said).reason == "loss [31m streak of five"


@given(st.text(st.characters(), max_size=200))
def test_plain_text_is_one_printable_line_that_stays_as_it_is(text: str) -> None:
    once = plain(text)
    once.encode()
    assert not {"\n", "\x1b"} & set(once)
    assert plain(once) == once


@pytest.mark.parametrize("tool", list(PALETTE))
@pytest.mark.parametrize("hours", [None, 48])
def test_a_call_is_read_back_from_what_the_journal_keeps(tool: Tool, hours: int | None) -> None:
    call = build_call(tool, {}, "SOLUSDT", "because")
    if "ttl_hours" in type(call).model_fields:
        call = build_call(tool, {"ttl_hours": hours}, "SOLUSDT", "because")
    assert call_from(call.code, call.about, call.value, call.words, call.hours) == call


@pytest.mark.parametrize("severity", ["info", "warning", "critical"])
def test_an_alert_keeps_its_severity_as_its_number(severity: Severity) -> None:
    alert = SendAlert(severity=severity, message="look")
    assert call_from(Tool.SEND_ALERT, None, alert.value, alert.words) == alert


def test_the_schema_says_every_tool_its_ranges_and_nothing_of_lives() -> None:
    schema = palette_schema()
    tools = schema["$defs"]
    assert set(tools) == {model.__name__ for model in PALETTE.values()}
    assert "ttl_hours" not in str(schema)
    for model in PALETTE.values():
        told = tools[model.__name__]
        assert told["description"] == str(model.__doc__).strip().replace("\n    ", "\n")
        assert told["additionalProperties"] is False
        assert set(told["required"]) == set(told["properties"])
    threshold = tools["AdjustConviction"]["properties"]["threshold"]
    assert (threshold["type"], threshold["minimum"], threshold["maximum"]) == ("integer", 80, 95)


def test_a_subclass_of_a_tool_is_read_as_the_tool_it_claims_to_be() -> None:
    class Loud(AdjustPositionSize):
        @property
        def value(self) -> float:
            return 7.0

    heard = call_of(Loud(symbol="SOLUSDT", multiplier=0.5, reason="r"))
    assert type(heard) is AdjustPositionSize
    assert heard.value == 0.5
