"""Reading what small models write: each stated drift is mended and counted, everything else is rejected."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.journal.codes import CallVerdict, Tool
from alphastrike.policy.interventions import judge_advice
from alphastrike.policy.normalise import DRIFTS, NO_REASON, TEXT_MAX, read_items, read_text
from alphastrike.policy.tools import (
    AdjustConviction,
    AdjustLeverage,
    AdjustPositionSize,
    DisableAsset,
    DisableShorts,
    NoAction,
    RejectedCall,
    SendAlert,
    ToolCall,
)
from tests.policy.facts import SYMBOLS, situation

ARTICLE = """
[
  {"tool": "adjust_conviction", "symbol": "SOL", "new_threshold": 85},
  {"tool": "adjust_leverage", "new_leverage": 3},
  {"tool": "disable_shorts", "symbol": "SOL"},
  {"tool": "send_alert", "severity": "warning", "message": "SOL shorts lose: 5 of the last 6 were stopped"}
]
"""
NESTED = json.dumps(
    [
        {"tool": call.pop("tool"), "params": call}
        for call in json.loads(ARTICLE)
    ]
)  # fmt: skip
SHORT_NAMES = {"argument_name": 1, "missing_reason": 3, "symbol_base": 2}


@pytest.mark.parametrize(
    ("text", "packing"),
    [
        (ARTICLE, {}),
        (f"The win rate has collapsed, so I will act.\n{ARTICLE}\nThese last a day.", {"prose": 1}),
        (f"```json\n{ARTICLE}\n```", {"fence": 1}),
        (f"Here is my answer:\n```\n{ARTICLE}\n```\nStay safe.", {"fence": 1, "prose": 1}),
        (f'{{"analysis": "SOL is weak", "interventions": {ARTICLE}}}', {"wrapped": 1}),
        (NESTED, {"nested": 4}),
    ],
)
def test_the_article_s_example_is_three_interventions_and_one_alert(text: str, packing: dict[str, int]) -> None:
    parsed = read_text(text, SYMBOLS)
    assert parsed.entries == (
        AdjustConviction(symbol="SOLUSDT", threshold=85, reason=NO_REASON),
        AdjustLeverage(new_leverage=3, reason=NO_REASON),
        DisableShorts(symbol="SOLUSDT", reason=NO_REASON),
        SendAlert(severity="warning", message="SOL shorts lose: 5 of the last 6 were stopped"),
    )
    assert dict(parsed.drifts) == SHORT_NAMES | packing
    asked = situation()
    judged = judge_advice(parsed.entries, asked, asked.controls, 24)
    assert [one.verdict for one in judged] == [CallVerdict.ACCEPTED] * 4
    assert [one.makes_intervention for one in judged] == [True, True, True, False]


@pytest.mark.parametrize(
    ("written", "call", "rule"),
    [
        ('{"tool":"no_action","reason":"r"}', NoAction(reason="r"), "single"),
        ('[{"action":"no_action","reason":"r"}]', NoAction(reason="r"), "tool_key"),
        ('[{"name":"no_action","arguments":{"reason":"r"}}]', NoAction(reason="r"), "nested"),
        ('[{"tool":"no_action","reason":null}]', NoAction(reason=NO_REASON), "missing_reason"),
        ('[{"tool":"no_action","reason":" "}]', NoAction(reason=NO_REASON), "missing_reason"),
        (
            '[{"tool":"adjust_leverage","leverage":2,"reason":"r"}]',
            AdjustLeverage(new_leverage=2, reason="r"),
            "argument_name",
        ),
        (
            '[{"tool":"adjust_position_size","symbol":"sol/usdt","multiplier":0.5,"reason":"r"}]',
            AdjustPositionSize(symbol="SOLUSDT", multiplier=0.5, reason="r"),
            "symbol_spelling",
        ),
        (
            '[{"tool":"adjust_position_size","symbol":"eth","new_multiplier":0.5,"reason":"r"}]',
            AdjustPositionSize(symbol="ETHUSDT", multiplier=0.5, reason="r"),
            "symbol_base",
        ),
        (
            '[{"tool":"disable_asset","symbol":"BTCUSDT","hours":24.0,"reason":"r"}]',
            DisableAsset(symbol="BTCUSDT", duration_hours=24, reason="r"),
            "whole_number",
        ),
        (
            '[{"tool":"send_alert","severity":"info","reason":"' + "x" * 600 + '"}]',
            SendAlert(severity="info", message="x" * 500),
            "long_words",
        ),
    ],
)  # fmt: skip
def test_a_stated_drift_is_mended_and_counted(written: str, call: ToolCall, rule: str) -> None:
    parsed = read_text(written, SYMBOLS)
    assert parsed.entries == (call,)
    assert dict(parsed.drifts)[rule] == 1
    assert rule in DRIFTS


@pytest.mark.parametrize(
    ("written", "rejection"),
    [
        ('{"tool":"close_position","symbol":"SOLUSDT"}', "unknown_tool: 'close_position' is no tool"),
        ('{"tool":"Adjust_Leverage","new_leverage":2}', "unknown_tool: 'Adjust_Leverage' is no tool"),
        ('{"tool":["no_action"]}', "unknown_tool: ['no_action'] is no tool"),
        ('[{"threshold":85,"symbol":"SOLUSDT"}]', "unknown_tool: no tool is named"),
        ('[85]', None),
        ('[{"tool":"no_action"}, 85]', "malformed: 85 is no call"),
        ('{"tool":"adjust_conviction","symbol":"SOL"}', "malformed: threshold is missing"),
        ('{"tool":"adjust_conviction","threshold":85}', "malformed: symbol is missing"),
        ('{"tool":"adjust_conviction","symbol":"SOL","threshold":99}',
         "out_of_bounds: threshold must be at most 95, was 99"),
        ('{"tool":"adjust_conviction","symbol":"SOL","threshold":85.5}',
         "malformed: threshold must be a whole number, was 85.5"),
        ('{"tool":"adjust_conviction","symbol":"SOL","threshold":"85"}',
         "malformed: threshold must be a whole number, was '85'"),
        ('{"tool":"adjust_conviction","symbol":"SOL","threshold":85,"new_threshold":90}',
         "malformed: new_threshold and threshold are both given"),
        ('{"tool":"adjust_conviction","symbol":"SOL","threshold":85,"params":{"threshold":90}}',
         "malformed: 'threshold' is given twice"),
        ('{"tool":"adjust_conviction","name":"no_action"}', "malformed: tool and name are both given"),
        ('{"tool":"adjust_position_size","symbol":"SOL","multiplier":517000893}',
         "out_of_bounds: multiplier must be at most 1.0, was 517000893"),
        ('{"tool":"adjust_position_size","symbol":"SOL","multiplier":1e400}',
         "out_of_bounds: multiplier must be a finite number, was inf"),
        ('{"tool":"adjust_position_size","symbol":"SOL","multiplier":50}',
         "out_of_bounds: multiplier must be at most 1.0, was 50"),
        ('{"tool":"adjust_leverage","new_leverage":"two"}', "malformed: new_leverage must be a number, was 'two'"),
        ('{"tool":"adjust_leverage","new_leverage":2,"symbol":"SOL"}',
         "malformed: symbol is no argument of this tool, was 'SOLUSDT'"),
        ('{"tool":"adjust_leverage","new_leverage":2,"ttl_hours":168}',
         "malformed: ttl_hours is no argument of this tool"),
        ('{"tool":"disable_asset","symbol":"S/O L;drop","duration_hours":24}',
         "malformed: symbol must be a name like BTCUSDT, was 'S/O L;drop'"),
        ('{"tool":"disable_shorts","symbol":"SOL or ETH"}',
         "malformed: symbol must be a name like BTCUSDT, was 'SOL or ETH'"),
        ('{"tool":"disable_shorts","symbol":"BTC/ETH"}',
         "malformed: symbol must be a name like BTCUSDT, was 'BTC/ETH'"),
        ('{"tool":"send_alert","severity":"panic","message":"m"}',
         "out_of_bounds: severity must be 'info', 'warning' or 'critical', was 'panic'"),
        ('{"tool":"send_alert","severity":"info"}', "malformed: message is missing"),
    ],
)  # fmt: skip
def test_everything_else_is_rejected_with_its_reason(written: str, rejection: str | None) -> None:
    parsed = read_text(written, SYMBOLS)
    if rejection is None:
        assert parsed.unreadable
    else:
        assert [one.rejection for one in parsed.rejections] == [rejection]


def test_one_bad_call_does_not_take_the_good_ones_with_it() -> None:
    text = '[{"tool":"buy"},{"tool":"adjust_leverage","new_leverage":2},{"tool":"adjust_leverage","new_leverage":50}]'
    parsed = read_text(text, SYMBOLS)
    assert [type(entry) for entry in parsed.entries] == [RejectedCall, AdjustLeverage, RejectedCall]
    assert [entry.code for entry in parsed.entries] == [Tool.UNKNOWN, Tool.ADJUST_LEVERAGE, Tool.ADJUST_LEVERAGE]
    assert parsed.entries[2].value == 50.0


def test_a_rejected_call_counts_no_drift() -> None:
    parsed = read_text('[{"tool":"adjust_conviction","symbol":"SOL","new_threshold":99}]', SYMBOLS)
    assert parsed.rejections
    assert parsed.drifts == ()


def test_an_unknown_symbol_is_read_and_left_to_the_judge() -> None:
    parsed = read_text('[{"tool":"disable_shorts","symbol":"DOGE"}]', SYMBOLS)
    asked = situation()
    (judged,) = judge_advice(parsed.entries, asked, asked.controls, 24)
    assert judged.rejection == "unknown_symbol: DOGE is not in this market"


def test_a_base_asset_quoted_twice_in_the_market_is_not_guessed() -> None:
    parsed = read_text('[{"tool":"disable_shorts","symbol":"BTC"}]', ("BTCUSDT", "BTCUSDC"))
    assert parsed.calls[0].about == "BTC"
    assert "symbol_base" not in dict(parsed.drifts)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I would do nothing for now.",
        "[]",
        "{}",
        '{"answer": 42}',
        '[{"tool":"no_action"',
        '[{"tool":"no_action","reason":"r"},',
        '{"tool":"no_action","tool":"disable_shorts"}',
        '[{"tool":"adjust_leverage","new_leverage":NaN}]',
        '[{"tool":"no_action"}] or rather [{"tool":"adjust_leverage","new_leverage":2}]',
        '{"interventions": [], "actions": [{"tool":"no_action"}]}',
        "[{" * 5_000,
        '[{"tool":"no_action","reason":' + "[" * 9_000,
        '[{"tool":"no_action"}]' + " " * TEXT_MAX,
        "<html><body>502 Bad Gateway</body></html>",
    ],
)
def test_an_answer_without_one_clear_list_is_unreadable(text: str) -> None:
    parsed = read_text(text, SYMBOLS)
    assert parsed.unreadable.startswith("malformed: ")
    assert parsed.entries == ()


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**5_000, 10**5_001)
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["adjust_leverage", "disable_asset", "SOL", "SOLUSDT", "no_action", "send_alert", "info"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["tool", "name", "params", "symbol", "threshold", "new_leverage", "duration_hours", "reason"]
            )
            | st.text(st.characters(), max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(st.lists(values, max_size=5))
def test_whatever_values_come_nothing_is_raised_and_nothing_is_loosened(items: list[object]) -> None:
    parsed = read_items(items, SYMBOLS)
    assert len(parsed.entries) == len(items)
    asked = situation()
    for entry, judged in zip(parsed.entries, judge_advice(parsed.entries, asked, asked.controls, 24), strict=True):
        judged.rejection.encode()
        entry.words.encode()
        assert len(judged.rejection) < 400
        assert (judged.verdict is CallVerdict.REJECTED) >= isinstance(entry, RejectedCall)


@given(st.text(st.characters(), max_size=300) | st.binary(max_size=300).map(lambda raw: raw.decode("latin-1")))
def test_whatever_text_comes_nothing_is_raised(text: str) -> None:
    parsed = read_text(text, SYMBOLS)
    parsed.unreadable.encode()
    assert parsed.unreadable or parsed.entries


@given(st.integers(0, len(ARTICLE.strip()) - 1))
def test_an_answer_cut_off_anywhere_is_unreadable(length: int) -> None:
    assert read_text(ARTICLE.strip()[:length], SYMBOLS).unreadable
