"""Judging calls: only less risk, never clamped, and the strictest live intervention in force."""

import itertools
from random import Random as Shuffler

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.journal.codes import CallVerdict, Rule, Tool
from alphastrike.model.controls import Controls
from alphastrike.policy.interventions import effective_controls, judge, judge_advice, tightened
from alphastrike.policy.situation import LiveIntervention
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
from tests.policy.facts import BASELINE, SYMBOLS, live, situation

ACCEPTED, REDUNDANT, REJECTED = CallVerdict.ACCEPTED, CallVerdict.REDUNDANT, CallVerdict.REJECTED


def conviction(threshold: int, symbol: str = "SOLUSDT") -> AdjustConviction:
    return AdjustConviction(symbol=symbol, threshold=threshold, reason="r")


def size(multiplier: float, symbol: str = "SOLUSDT", ttl: int | None = None) -> AdjustPositionSize:
    return AdjustPositionSize(symbol=symbol, multiplier=multiplier, reason="r", ttl_hours=ttl)


def leverage(new: float) -> AdjustLeverage:
    return AdjustLeverage(new_leverage=new, reason="r")


def shorts(symbol: str = "SOLUSDT") -> DisableShorts:
    return DisableShorts(symbol=symbol, reason="r")


def asset(hours: int = 24, symbol: str = "SOLUSDT") -> DisableAsset:
    return DisableAsset(symbol=symbol, duration_hours=hours, reason="r")


STRICT = Controls(85.0, 0.8, 4.0, shorts_allowed=True, asset_enabled=True)
FLOOR_90 = live(Tool.ADJUST_CONVICTION, value=90.0)
HALF = live(Tool.ADJUST_POSITION_SIZE, value=0.5)
CAP_3 = live(Tool.ADJUST_LEVERAGE, None, 3.0)
NO_SHORTS = live(Tool.DISABLE_SHORTS)
OFF = live(Tool.DISABLE_ASSET, value=24.0)


@pytest.mark.parametrize(
    ("call", "baseline", "already", "verdict", "label"),
    [
        (conviction(85),            BASELINE, None,      ACCEPTED,  ""),
        (conviction(80),            BASELINE, None,      REDUNDANT, ""),
        (conviction(90),            BASELINE, FLOOR_90,  REDUNDANT, ""),
        (conviction(85),            BASELINE, FLOOR_90,  REDUNDANT, ""),
        (conviction(95),            BASELINE, FLOOR_90,  ACCEPTED,  ""),
        (conviction(84),            STRICT,   None,      REJECTED,  "loosens_risk"),
        (conviction(85),            STRICT,   None,      REDUNDANT, ""),
        (conviction(90, "ETHUSDT"), BASELINE, FLOOR_90,  ACCEPTED,  ""),
        (conviction(90, "XRPUSDT"), BASELINE, None,      REJECTED,  "unknown_symbol"),
        (size(0.5),                 BASELINE, None,      ACCEPTED,  ""),
        (size(1.0),                 BASELINE, None,      REDUNDANT, ""),
        (size(0.5),                 BASELINE, HALF,      REDUNDANT, ""),
        (size(0.75),                BASELINE, HALF,      REDUNDANT, ""),
        (size(0.25),                BASELINE, HALF,      ACCEPTED,  ""),
        (size(0.9),                 STRICT,   None,      REJECTED,  "loosens_risk"),
        (size(0.8),                 STRICT,   None,      REDUNDANT, ""),
        (size(0.5, "XRPUSDT"),      BASELINE, None,      REJECTED,  "unknown_symbol"),
        (leverage(2),               BASELINE, None,      ACCEPTED,  ""),
        (leverage(5),               BASELINE, None,      REDUNDANT, ""),
        (leverage(10),              BASELINE, None,      REDUNDANT, ""),
        (leverage(3),               BASELINE, CAP_3,     REDUNDANT, ""),
        (leverage(2),               BASELINE, CAP_3,     ACCEPTED,  ""),
        (leverage(4.5),             STRICT,   None,      REJECTED,  "loosens_risk"),
        (leverage(4),               STRICT,   None,      REDUNDANT, ""),
        (shorts(),                  BASELINE, None,      ACCEPTED,  ""),
        (shorts(),                  BASELINE, NO_SHORTS, REDUNDANT, ""),
        (shorts("XRPUSDT"),         BASELINE, None,      REJECTED,  "unknown_symbol"),
        (asset(),                   BASELINE, None,      ACCEPTED,  ""),
        (asset(168),                BASELINE, OFF,       REDUNDANT, ""),
        (asset(24, "XRPUSDT"),      BASELINE, None,      REJECTED,  "unknown_symbol"),
        (NoAction(reason="r"),      BASELINE, OFF,       ACCEPTED,  ""),
        (SendAlert(severity="info", message="m"), BASELINE, None, ACCEPTED, ""),
        (RejectedCall("unknown_tool: 'buy' is no tool"), BASELINE, None, REJECTED, "unknown_tool"),
    ],
)  # fmt: skip
def test_the_verdict_on_each_tool(
    call: ToolCall, baseline: Controls, already: LiveIntervention | None, verdict: CallVerdict, label: str
) -> None:
    asked = situation(baseline=baseline, interventions=() if already is None else (already,))
    judged = judge(call, asked, asked.controls, 24)
    assert (judged.verdict, judged.rejection.partition(":")[0]) == (verdict, label)
    assert (judged.tool, judged.value) == (call.code, call.value)
    assert judged.symbol_id == (SYMBOLS.index(call.about) if call.about in SYMBOLS else -1)


@pytest.mark.parametrize(
    ("call", "hours"),
    [
        (size(0.5), 36),
        (size(0.5, ttl=72), 72),
        (size(1.0), 36),
        (asset(100), 100),
        (leverage(2), 36),
        (NoAction(reason="r"), 0),
        (SendAlert(severity="critical", message="m"), 0),
        (size(0.5, "XRPUSDT"), 0),
    ],
)
def test_how_long_what_a_call_makes_will_live(call: ToolCall, hours: int | None) -> None:
    asked = situation()
    judged = judge(call, asked, asked.controls, 36)
    assert judged.ttl_hours == hours
    assert judged.makes_intervention is (hours > 0)


def test_a_call_forged_past_its_own_bounds_is_rejected_and_not_clamped() -> None:
    forged = size(0.5).model_copy(update={"multiplier": 3.0})
    asked = situation()
    judged = judge(forged, asked, asked.controls, 24)
    assert judged.verdict is REJECTED
    assert judged.rejection == "out_of_bounds: multiplier must be at most 1.0, was 3.0"
    assert judged.value == 3.0


def test_the_fourth_trading_call_is_one_too_many_but_an_alert_beside_three_is_not() -> None:
    asked = situation()
    alert = SendAlert(severity="critical", message="m")
    judged = judge_advice((size(0.5), alert, conviction(90), leverage(2), shorts()), asked, asked.controls, 24)
    assert [one.verdict for one in judged] == [ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED, REJECTED]
    assert judged[-1].rejection == "too_many_calls: an advice may hold 3, this is call 4"


def test_a_flood_of_alerts_ends_after_the_third() -> None:
    asked = situation()
    judged = judge_advice((SendAlert(severity="info", message="m"),) * 5, asked, asked.controls, 24)
    assert [one.verdict for one in judged] == [ACCEPTED] * 3 + [REJECTED] * 2


def test_the_second_of_two_like_calls_changes_nothing() -> None:
    asked = situation()
    judged = judge_advice((size(0.5), size(0.5), leverage(2), leverage(3)), asked, asked.controls, 24)
    assert [one.verdict for one in judged] == [ACCEPTED, REDUNDANT, ACCEPTED, REJECTED]
    assert [one.verdict for one in judge_advice((leverage(2), leverage(3)), asked, asked.controls, 24)] == [
        ACCEPTED,
        REDUNDANT,
    ]


def test_controls_that_moved_since_the_question_decide_what_is_redundant() -> None:
    asked = situation()
    moved = {symbol: controls._replace(size_multiplier=0.25) for symbol, controls in asked.controls.items()}
    assert judge(size(0.5), asked, moved, 24).verdict is REDUNDANT
    assert judge(leverage(2), asked, asked.controls, 24, leverage=1.5).verdict is REDUNDANT


# --- properties ---

symbol_names = st.sampled_from(SYMBOLS)
calls: st.SearchStrategy[ToolCall] = st.one_of(
    st.builds(conviction, st.integers(80, 95), symbol_names),
    st.builds(size, st.floats(0.1, 1.0), symbol_names),
    st.builds(leverage, st.floats(1.0, 10.0)),
    st.builds(shorts, symbol_names),
    st.builds(asset, st.integers(1, 168), symbol_names),
    st.just(NoAction(reason="r")),
)
interventions = st.lists(
    st.one_of(
        st.builds(live, st.just(Tool.ADJUST_CONVICTION), symbol_names, st.integers(80, 95).map(float)),
        st.builds(live, st.just(Tool.ADJUST_POSITION_SIZE), symbol_names, st.floats(0.1, 1.0)),
        st.builds(live, st.just(Tool.ADJUST_LEVERAGE), st.none(), st.floats(1.0, 10.0)),
        st.builds(live, st.just(Tool.DISABLE_SHORTS), symbol_names),
        st.builds(live, st.just(Tool.DISABLE_ASSET), symbol_names, st.integers(1, 168).map(float)),
    ),
    max_size=5,
)
baselines = st.builds(
    Controls,
    conviction_floor=st.floats(0.0, 99.0),
    size_multiplier=st.floats(0.05, 1.0),
    leverage_cap=st.floats(1.0, 10.0),
    shorts_allowed=st.booleans(),
    asset_enabled=st.booleans(),
)


def is_no_looser(tighter: Controls, than: Controls) -> bool:
    return (
        tighter.conviction_floor >= than.conviction_floor
        and tighter.size_multiplier <= than.size_multiplier
        and tighter.leverage_cap <= than.leverage_cap
        and tighter.shorts_allowed <= than.shorts_allowed
        and tighter.asset_enabled <= than.asset_enabled
    )


@given(calls, interventions, baselines)
def test_no_call_that_stands_loosens_any_control_of_any_symbol(
    call: ToolCall, already: list[LiveIntervention], baseline: Controls
) -> None:
    asked = situation(interventions=tuple(already), baseline=baseline)
    judged = judge(call, asked, asked.controls, 24)
    if not judged.makes_intervention:
        return
    made = LiveIntervention(9, judged.tool, call.about, judged.value, 0, 1)
    for symbol in SYMBOLS:
        after = effective_controls(baseline, (*already, made), symbol)
        assert is_no_looser(after, asked.controls[symbol])
        assert is_no_looser(after, baseline)
        if judged.verdict is REDUNDANT and judged.tool is not Tool.ADJUST_LEVERAGE:
            assert after == asked.controls[symbol]
    # What stands binds against the baseline alone too: it is never looser than what was configured.
    assert tightened(baseline, judged.tool, judged.value) == effective_controls(
        baseline, (made,), call.about or SYMBOLS[0]
    )


@given(calls, interventions)
def test_an_accepted_intervention_changes_something_now(call: ToolCall, already: list[LiveIntervention]) -> None:
    asked = situation(interventions=tuple(already))
    judged = judge(call, asked, asked.controls, 24)
    if judged.makes_intervention and judged.verdict is ACCEPTED:
        made = LiveIntervention(9, judged.tool, call.about, judged.value, 0, 1)
        assert any(
            effective_controls(BASELINE, (*already, made), symbol) != asked.controls[symbol] for symbol in SYMBOLS
        )


@given(interventions, st.randoms(use_true_random=False))
def test_the_order_of_interventions_does_not_matter(already: list[LiveIntervention], shuffler: Shuffler) -> None:
    shuffled = list(already)
    shuffler.shuffle(shuffled)
    for symbol in SYMBOLS:
        assert effective_controls(BASELINE, already, symbol) == effective_controls(BASELINE, shuffled, symbol)


@given(interventions)
def test_an_expiry_never_loosens_beyond_the_baseline(already: list[LiveIntervention]) -> None:
    for left in itertools.combinations(already, max(0, len(already) - 1)):
        for symbol in SYMBOLS:
            assert is_no_looser(effective_controls(BASELINE, left, symbol), BASELINE)
            assert is_no_looser(
                effective_controls(BASELINE, already, symbol), effective_controls(BASELINE, left, symbol)
            )


def test_an_intervention_on_one_symbol_leaves_the_others_alone() -> None:
    asked = situation(Rule.DRAWDOWN, 0.2, interventions=(HALF, CAP_3))
    assert asked.controls["SOLUSDT"].size_multiplier == 0.5
    assert asked.controls["ETHUSDT"].size_multiplier == 1.0
    assert {controls.leverage_cap for controls in asked.controls.values()} == {3.0}
