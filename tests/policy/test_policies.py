"""Who answers, and with what: the guardian's table, fixed tools, swaps, chance, and the user's own classes."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.journal.codes import CallVerdict, Rule, Tool
from alphastrike.policy.actions import action_grid
from alphastrike.policy.guardian import GuardianParams, Rules
from alphastrike.policy.interventions import judge
from alphastrike.policy.naming import policy_named
from alphastrike.policy.normalise import NO_REASON
from alphastrike.policy.policies import Always, NoLlm, Random, Swap, ask
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import (
    PALETTE,
    AdjustConviction,
    AdjustLeverage,
    AdjustPositionSize,
    Advice,
    DisableAsset,
    DisableShorts,
    NoAction,
    RejectedCall,
    SendAlert,
)
from tests.policy.facts import BASELINE, live, situation


@pytest.mark.parametrize(
    ("rule", "value", "symbol", "expected"),
    [
        (Rule.LOSS_STREAK, 5.0,  "SOLUSDT", (Tool.ADJUST_POSITION_SIZE, "SOLUSDT", 0.5, 24)),
        (Rule.DRAWDOWN,    0.17, "SOLUSDT", (Tool.ADJUST_POSITION_SIZE, "SOLUSDT", 0.5, 72)),
        (Rule.WIN_RATE,    0.35, "SOLUSDT", (Tool.ADJUST_CONVICTION,    "SOLUSDT", 90,  72)),
        (Rule.LOSS_STREAK, 5.0,  None,      (Tool.ADJUST_POSITION_SIZE, "ETHUSDT", 0.5, 24)),
        (Rule.DRAWDOWN,    0.17, None,      (Tool.ADJUST_POSITION_SIZE, "ETHUSDT", 0.5, 72)),
        (Rule.WIN_RATE,    0.35, None,      (Tool.ADJUST_CONVICTION,    "ETHUSDT", 90,  72)),
    ],
)  # fmt: skip
def test_what_the_guardian_does(rule: Rule, value: float, symbol: str | None, expected: object) -> None:
    (call,) = Rules().decide(situation(rule, value, symbol))
    assert (call.code, call.about, call.value, call.hours) == expected


def test_the_guardian_takes_its_parameters_from_the_settings() -> None:
    params = GuardianParams(drawdown_multiplier=0.25, drawdown_hours=12)
    (call,) = policy_named("rules", guardian=params).decide(situation(Rule.DRAWDOWN, 0.2))
    assert (call.value, call.hours) == (0.25, 12)


@given(
    st.sampled_from(Rule),
    st.floats(0.0, 100.0),
    st.floats(0.01, 1.0),
    st.sampled_from(["SOLUSDT", None]),
)
def test_the_guardian_is_never_rejected_whatever_the_baseline(
    rule: Rule, floor: float, multiplier: float, symbol: str | None
) -> None:
    baseline = BASELINE._replace(conviction_floor=floor, size_multiplier=multiplier)
    asked = situation(rule, 5.0, symbol, baseline=baseline)
    for call in Rules().decide(asked):
        assert judge(call, asked, asked.controls, 24).verdict is not CallVerdict.REJECTED


def test_nobody_changes_nothing() -> None:
    assert [call.code for call in NoLlm().decide(situation())] == [Tool.NO_ACTION]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("always:tool=adjust_conviction", AdjustConviction(symbol="ETHUSDT", threshold=90, reason="r")),
        ("always:tool=adjust_conviction,threshold=95,ttl_hours=72",
         AdjustConviction(symbol="ETHUSDT", threshold=95, reason="r", ttl_hours=72)),
        ("always:tool=adjust_position_size,multiplier=0.25",
         AdjustPositionSize(symbol="ETHUSDT", multiplier=0.25, reason="r")),
        ("always:tool=adjust_leverage,new_leverage=1.5", AdjustLeverage(new_leverage=1.5, reason="r")),
        ("always:tool=disable_shorts", DisableShorts(symbol="ETHUSDT", reason="r")),
        ("always:tool=disable_asset,duration_hours=168",
         DisableAsset(symbol="ETHUSDT", duration_hours=168, reason="r")),
        ("always:tool=no_action", NoAction(reason="r")),
        ("always:tool=send_alert,severity=critical", SendAlert(severity="critical", message="a trigger fired")),
    ],
)  # fmt: skip
def test_one_tool_always_on_the_symbol_that_lost_most(spec: str, expected: object) -> None:
    (call,) = policy_named(spec).decide(situation(symbol=None))
    if not isinstance(call, SendAlert):
        call = call.model_copy(update={"reason": "r"})
    assert call == expected


@pytest.mark.parametrize("tool", list(PALETTE))
def test_a_swap_changes_the_tool_and_keeps_symbol_and_life(tool: Tool) -> None:
    asked = situation(Rule.DRAWDOWN, 0.2)
    (call,) = Swap(Tool.ADJUST_POSITION_SIZE, tool, Rules()).decide(asked)
    assert call.code is tool
    if call.intervenes:
        assert call.hours == 72
        assert call.about == (None if tool is Tool.ADJUST_LEVERAGE else "SOLUSDT")


def test_a_swap_leaves_other_tools_alone() -> None:
    asked = situation(Rule.WIN_RATE, 0.3)
    assert policy_named("swap:from=adjust_position_size,to=disable_asset").decide(asked) == Rules().decide(asked)


def test_arguments_given_to_a_swap_win_over_what_is_kept() -> None:
    swap = policy_named("swap:from=adjust_position_size,to=disable_asset,duration_hours=6")
    (call,) = swap.decide(situation(Rule.DRAWDOWN, 0.2))
    assert call.value == 6


def test_a_swap_in_a_replay_is_of_the_recorded_answers() -> None:
    recorded = RecordedStandIn()
    swap = policy_named("swap:from=disable_shorts,to=adjust_leverage,new_leverage=1", recorded=recorded)
    assert swap.name == "swap:from=disable_shorts,to=adjust_leverage,of=recorded,new_leverage=1"
    shown = swap.decide(situation())
    assert [type(call) for call in shown] == [AdjustLeverage, NoAction]
    guarded = policy_named("swap:from=disable_shorts,to=no_action,of=rules", recorded=recorded)
    assert guarded == Swap(Tool.DISABLE_SHORTS, Tool.NO_ACTION, Rules())


class RecordedStandIn:
    """A policy by the name of a recording; a real one is made from a run."""

    name = "recorded"

    def decide(self, _situation: Situation) -> Advice:
        return (DisableShorts(symbol="BTCUSDT", reason="r", ttl_hours=5), NoAction(reason="r"))


# --- chance ---


def test_the_grid_is_what_it_is_stated_to_be() -> None:
    grid = action_grid(situation(), "r")
    assert [(call.code.name.lower(), call.value) for call in grid] == [
        ("no_action", 0),
        ("adjust_conviction", 85), ("adjust_conviction", 90), ("adjust_conviction", 95),
        ("adjust_position_size", 0.25), ("adjust_position_size", 0.5), ("adjust_position_size", 0.75),
        ("adjust_leverage", 1), ("adjust_leverage", 2), ("adjust_leverage", 3),
        ("disable_shorts", 0),
        ("disable_asset", 24), ("disable_asset", 72),
    ]  # fmt: skip


def test_the_grid_leaves_out_what_would_loosen_the_baseline() -> None:
    strict = BASELINE._replace(conviction_floor=88.0, size_multiplier=0.6, leverage_cap=2.0)
    values = [call.value for call in action_grid(situation(baseline=strict), "r")]
    assert not {85, 0.75, 3.0} & set(values)
    assert {90, 95, 0.25, 0.5, 1.0, 2.0} <= set(values)


@given(
    st.integers(0, 2**40),
    st.integers(0, 10**9),
    st.sampled_from(Rule),
    st.sampled_from([None, "SOLUSDT", "BTCUSDT"]),
    st.floats(0.0, 0.9),
)
def test_chance_depends_on_nothing_but_its_key(
    seed: int, market_seq: int, rule: Rule, symbol: str | None, drawdown: float
) -> None:
    asked = situation(rule, 5.0, symbol, market_seq=market_seq)
    drawn = Random(seed).decide(asked)
    elsewhere = replace(
        asked,
        drawdown=drawdown,
        situation=77,
        equity=1.0,
        live=(live(Tool.ADJUST_POSITION_SIZE, value=0.5),),
        live_interventions=1,
    )
    assert Random(seed).decide(elsewhere) == drawn
    assert drawn[0] in action_grid(asked, drawn[0].words)


def test_chance_draws_every_action_alike_often() -> None:
    counts = Counter(Random(1).decide(situation(market_seq=seq))[0].model_dump_json() for seq in range(2_600))
    assert len(counts) == 13
    # 200 expected, standard deviation 13.6: five of them are allowed, and the draw is fixed for ever.
    assert min(counts.values()) > 132
    assert max(counts.values()) < 268


def test_another_seed_rule_symbol_or_moment_draws_anew() -> None:
    def draws(
        seed: int = 1, rule: Rule = Rule.DRAWDOWN, symbol: str | None = "SOLUSDT", start: int = 0
    ) -> list[tuple[Tool, float]]:
        asked = [situation(rule, 5.0, symbol, market_seq=start + step) for step in range(30)]
        return [(call.code, call.value) for one in asked for call in Random(seed).decide(one)]

    base = draws()
    assert base == draws()
    for other in (
        draws(seed=2),
        draws(rule=Rule.WIN_RATE),
        draws(symbol="BTCUSDT"),
        draws(symbol=None),
        draws(start=30),
    ):
        assert other != base


def test_the_first_draws_are_the_same_on_every_machine() -> None:
    drawn = [Random(1).decide(situation(market_seq=seq))[0] for seq in (1, 2, 3, 4)]
    assert [(call.code.name.lower(), call.value) for call in drawn] == [
        ("adjust_leverage", 1.0),
        ("disable_asset", 24.0),
        ("adjust_conviction", 95.0),
        ("adjust_leverage", 1.0),
    ]


# --- asking ---


class Answers:
    """A user's policy that answers what it was made with, or raises it."""

    name = "mine"

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def decide(self, _situation: Situation) -> Any:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


CALL = AdjustLeverage(new_leverage=2, reason="r")


@pytest.mark.parametrize(
    "answer",
    [
        (CALL,),
        [CALL],
        CALL,
        {"tool": "adjust_leverage", "new_leverage": 2, "reason": "r"},
        ({"tool": "adjust_leverage", "leverage": 2, "reason": "r"},),
    ],
)
def test_calls_and_dictionaries_are_answers(answer: object) -> None:
    answered = ask(Answers(answer), situation(), latency_us=5)
    assert (answered.advice, answered.latency_us, answered.failed) == ((CALL,), 5, "")


def test_a_user_s_dictionary_may_set_its_life() -> None:
    answered = ask(Answers({"tool": "disable_shorts", "symbol": "sol", "ttl_hours": 48}), situation())
    assert answered.advice == (DisableShorts(symbol="SOLUSDT", reason=NO_REASON, ttl_hours=48),)
    assert dict(answered.drifts) == {"missing_reason": 1, "symbol_base": 1}


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (ValueError("no\nidea"), "mine raised ValueError: no idea (test_policies.py, line "),
        (KeyError("x"), "mine raised KeyError: 'x' (test_policies.py, line "),
        (None, "mine answered with NoneType, not with tool calls"),
        ("disable_asset", "mine answered with str, not with tool calls"),
        (0.5, "mine answered with float, not with tool calls"),
        ((), "mine gave no call; a policy that changes nothing says NoAction"),
        ([None], "mine gave no usable call: malformed: None is no call"),
        ({"tool": "buy"}, "mine gave no usable call: unknown_tool: 'buy' is no tool"),
    ],
)
def test_an_answer_that_is_none_fails_with_its_name(answer: object, failed: str) -> None:
    answered = ask(Answers(answer), situation())
    assert answered.failed.startswith(failed)
    assert not [call for call in answered.advice if not isinstance(call, RejectedCall)]


def test_a_call_made_past_its_bounds_is_the_author_s_error() -> None:
    class Bold(Answers):
        def decide(self, _situation: Situation) -> Any:
            return (AdjustLeverage(new_leverage=50, reason="r"),)

    assert "less than or equal to 10" in ask(Bold(None), situation()).failed


def test_good_calls_stand_beside_a_bad_one() -> None:
    answered = ask(Answers([CALL, {"tool": "buy"}]), situation())
    assert answered.failed == ""
    assert [type(call) for call in answered.advice] == [AdjustLeverage, RejectedCall]


def test_an_interrupt_is_not_a_failure_of_the_policy() -> None:
    with pytest.raises(KeyboardInterrupt):
        ask(Answers(KeyboardInterrupt()), situation())


def test_built_in_policies_answer_with_the_configured_latency() -> None:
    for policy in (NoLlm(), Rules(), Random(), Always(Tool.DISABLE_ASSET)):
        answered = ask(policy, situation(), latency_us=250_000)
        assert (answered.advice, answered.latency_us) == (policy.decide(situation()), 250_000)
