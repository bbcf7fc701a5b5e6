"""What an intervention does to entries and open positions, how long, and who answers when the policy does not.

A drawdown of the account beyond 2 % asks the policy once; the tests choose what it says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from alphastrike.config.account import packed
from alphastrike.engine.account import begin
from alphastrike.engine.control import apply_intervention, revoke_intervention
from alphastrike.engine.outputs import Collected, new_out
from alphastrike.engine.state import INTERVENTIONS, new_buffer, views
from alphastrike.journal.codes import CallVerdict, Change, HaltCause, Reason, RiskRule, Tool
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.policy.policies import Answered
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import (
    AdjustConviction,
    AdjustLeverage,
    AdjustPositionSize,
    Advice,
    DisableAsset,
    DisableShorts,
    NoAction,
    RejectedCall,
    SendAlert,
    ToolCall,
)
from tests.engine.worlds import FRICTIONLESS, World, world

BTC = "BTCUSDT"
ASKING = (
    "account.triggers.drawdown_above=0.02",
    "account.triggers.drawdown_rearm=0.0",
    "account.limits.daily_loss_max=1",
    "account.exit.stop_atr=0",
    "policy.ttl_hours=3",
    *FRICTIONLESS,
)
FREE = {"taker_fee": 0.0, "maker_fee": 0.0}


@dataclass(frozen=True)
class Says:
    """Says the same to the first situation, and nothing to the others."""

    calls: Advice
    name: str = "says"

    def decide(self, situation: Situation) -> Advice:
        return self.calls if situation.situation == 1 else (NoAction(reason="said already"),)


def asked(convictions: Sequence[float], *overrides: str, ticks: int = 12, **options: Any) -> World:
    """A position of 500 bought at 100 loses 2.5 % of equity at tick 2, where the policy is asked."""
    side = 1 if convictions[0] >= 0 else -1
    prices = [100.0, 100.0] + [100.0 - side * 5.0] * (ticks - 2)
    return world(prices, convictions, *ASKING, *overrides, terms=FREE, **options)


def positions(made: World, *calls: ToolCall) -> list[float]:
    """The position after every fill."""
    found: list[float] = made.run(Says(calls)).tables["fills"]["position"].tolist()
    return found


# ------------------------------------------------------------------------------------------------ open positions


def test_nobody_asked_means_nothing_done() -> None:
    assert positions(asked([+90.0]), NoAction(reason="wait")) == [500.0]


def test_a_smaller_size_shrinks_an_open_position_by_a_reduce_only_order_from_the_next_decision_on() -> None:
    made = asked([+90.0])
    run = made.run(Says((AdjustPositionSize(symbol=BTC, multiplier=0.5, reason="test"),)))
    assert run.tables["fills"]["position"].tolist() == [500.0, 250.0]
    target, order = run.tables["targets"][1], run.tables["orders"][2]
    assert target["event_time"] == made.time(3), "asked and answered at tick 2, after that tick's decision"
    assert (target["reason"], target["quantity_target"]) == (Reason.SHRINK, 250.0)
    assert (order["event_time"], order["reduce_only"]) == (made.time(3), 1)
    assert run.tables["fills"]["event_time"][1] == made.time(4)
    verdict = run.tables["risk_verdicts"][1]
    assert (verdict["answer"], verdict["rule"], verdict["quantity"]) == (1, RiskRule.NONE, -250.0)


def test_a_lower_leverage_cap_shrinks_every_position_entered_above_it() -> None:
    assert positions(asked([+90.0]), AdjustLeverage(new_leverage=2.0, reason="test")) == [500.0, 200.0]


def test_multiplier_and_cap_together() -> None:
    calls = (AdjustPositionSize(symbol=BTC, multiplier=0.5, reason="a"), AdjustLeverage(new_leverage=2.0, reason="b"))
    assert positions(asked([+90.0]), *calls) == [500.0, 100.0]


def test_of_two_multipliers_the_smaller_counts_and_they_do_not_multiply() -> None:
    calls = [AdjustPositionSize(symbol=BTC, multiplier=m, reason="a") for m in (0.5, 0.4)]
    assert positions(asked([+90.0]), *calls) == [500.0, 200.0]


@pytest.mark.parametrize(
    "call",
    [
        AdjustConviction(symbol=BTC, threshold=95, reason="a"),
        DisableShorts(symbol=BTC, reason="a"),
        DisableAsset(symbol=BTC, duration_hours=5, reason="a"),
    ],
    ids=lambda call: call.tool,
)
@pytest.mark.parametrize("side", [+1, -1])
def test_an_open_position_runs_to_its_own_exit_under_the_tools_that_stop_entries(call: ToolCall, side: int) -> None:
    assert positions(asked([side * 90.0]), call) == [side * 500.0]
    assert positions(asked([side * 90.0] * 4 + [0.0]), call) == [side * 500.0, 0.0], "and that exit is not blocked"


@pytest.mark.parametrize(
    ("call", "side", "closes"),
    [
        (DisableAsset(symbol=BTC, duration_hours=5, reason="a"), +1, True),
        (DisableAsset(symbol=BTC, duration_hours=5, reason="a"), -1, True),
        (DisableShorts(symbol=BTC, reason="a"), -1, True),
        (DisableShorts(symbol=BTC, reason="a"), +1, False),
        (AdjustConviction(symbol=BTC, threshold=95, reason="a"), +1, False),
    ],
)
def test_on_open_close_closes_what_is_disabled(call: ToolCall, side: int, closes: bool) -> None:
    made = asked([side * 90.0], 'policy.on_open="close"', ticks=6)
    run = made.run(Says((call,)))
    assert run.tables["fills"]["position"].tolist() == [side * 500.0, *([0.0] if closes else [])]
    assert run.tables["trades"]["reason"].tolist() == ([Reason.DISABLED] if closes else [])


# ------------------------------------------------------------------------------------------------ entries


def waiting(conviction: float, *overrides: str) -> World:
    """Like ``asked``, but BTC leaves at tick 3 and wants in again at tick 4, for good."""
    side = 1 if conviction >= 0 else -1
    return asked([side * 90.0, side * 90.0, 0.0, 0.0, conviction], *overrides, ticks=14)


@pytest.mark.parametrize(
    ("call", "conviction", "waits"),
    [
        (NoAction(reason="a"),                                       +90.0, 0),
        (AdjustConviction(symbol=BTC, threshold=95, reason="a"),     +90.0, 1),
        (AdjustConviction(symbol=BTC, threshold=85, reason="a"),     +90.0, 0),
        (DisableShorts(symbol=BTC, reason="a"),                      -90.0, 1),
        (DisableShorts(symbol=BTC, reason="a"),                      +90.0, 0),
        (DisableAsset(symbol=BTC, duration_hours=3, reason="a"),     +90.0, 1),
    ],
)  # fmt: skip
def test_the_tools_that_stop_entries_do_so_until_they_expire(call: ToolCall, conviction: float, waits: int) -> None:
    made = waiting(conviction)
    run = made.run(Says((call,)))
    entries = run.tables["fills"][run.tables["fills"]["reason"] == Reason.ENTRY]
    # Applied at tick 2 for three hours: gone at tick 5, in time for that tick's decision.
    assert entries["event_time"].tolist() == [made.time(1), made.time(5 + waits)]


def test_a_smaller_size_and_a_leverage_cap_size_the_next_entry() -> None:
    made = waiting(+90.0, "policy.ttl_hours=5")
    calls = (AdjustPositionSize(symbol=BTC, multiplier=0.5, reason="a"), AdjustLeverage(new_leverage=2.0, reason="b"))
    target = made.run(Says(calls)).tables["targets"][-1]
    assert (target["leverage"], target["size_multiplier"]) == (2.0, 0.5)
    assert target["quantity_target"] == pytest.approx(97_500 * 0.1 * 2.0 * 0.5 / 95.0)


def test_expiry_restores_the_knob_and_re_enters_nothing() -> None:
    made = asked([+90.0])
    run = made.run(Says((AdjustPositionSize(symbol=BTC, multiplier=0.5, reason="a"),)))
    applied, expired = run.tables["interventions"]
    assert (applied["change"], applied["before"], applied["after"]) == (Change.APPLIED, 1.0, 0.5)
    assert (expired["change"], expired["before"], expired["after"]) == (Change.EXPIRED, 0.5, 1.0)
    assert applied["expires"] == expired["event_time"] == made.time(2) + 3 * MICROS_PER_HOUR
    assert run.tables["fills"]["position"].tolist() == [500.0, 250.0], "half stays half"


def test_a_call_may_name_its_own_life_and_disable_asset_lives_by_its_hours() -> None:
    calls = (
        AdjustPositionSize(symbol=BTC, multiplier=0.5, reason="a", ttl_hours=2),
        DisableAsset(symbol=BTC, duration_hours=4, reason="b"),
        AdjustLeverage(new_leverage=3.0, reason="c"),
    )
    made = asked([+90.0])
    rows = made.run(Says(calls)).tables["interventions"]
    ended = rows[rows["change"] == Change.EXPIRED]
    assert dict(zip(ended["tool"], (ended["event_time"] - made.time(2)) // MICROS_PER_HOUR, strict=True)) == {
        Tool.ADJUST_POSITION_SIZE: 2, Tool.ADJUST_LEVERAGE: 3, Tool.DISABLE_ASSET: 4
    }  # fmt: skip


def test_a_reduction_still_being_filled_does_not_stand_in_the_way_of_an_exit() -> None:
    made = asked([+90.0] * 5 + [0.0], ticks=9)
    made.market.bars["volume"][4:7, 0] = 100.0
    run = made.run(Says((AdjustPositionSize(symbol=BTC, multiplier=0.5, reason="a"),)))
    assert run.tables["fills"]["reason"].tolist()[-1] == Reason.EXIT_SIGNAL
    assert run.tables["fills"]["position"].tolist()[-1] == 0.0
    exits = run.tables["targets"][run.tables["targets"]["reason"] == Reason.EXIT_SIGNAL]
    assert exits["event_time"][0] == made.time(5), "at once, though 230 of the reduction were still open"


# ------------------------------------------------------------------------------------------------ the state's slots


def test_when_every_slot_is_taken_the_next_intervention_is_rejected_and_a_revoked_one_frees_its_slot() -> None:
    made = asked([0.0])
    params = packed(made.settings.account_params())
    state, out = views(new_buffer(1), 1), new_out()
    begin(state, params)
    for number in range(1, INTERVENTIONS + 1):
        assert apply_intervention(state, params, 1, Tool.ADJUST_LEVERAGE, -1, 9.0, 10**18, out, 1) == number
    assert apply_intervention(state, params, 1, Tool.ADJUST_LEVERAGE, -1, 9.0, 10**18, out, 1) == 0
    assert revoke_intervention(state, params, 5, out, 1)
    assert not revoke_intervention(state, params, 5, out, 1), "once only"
    assert not revoke_intervention(state, params, 0, out, 1), "0 marks a free slot"
    assert apply_intervention(state, params, 1, Tool.ADJUST_LEVERAGE, -1, 8.0, 10**18, out, 1) == INTERVENTIONS + 1
    collected = Collected(out)
    collected.drain()
    revoked = collected.tables()["interventions"][INTERVENTIONS]
    assert (revoked["change"], revoked["intervention"], revoked["before"], revoked["after"]) == (
        Change.REVOKED, 5, 9.0, 9.0
    )  # fmt: skip


def test_without_a_free_slot_a_call_is_journaled_as_rejected() -> None:
    many = tuple(AdjustLeverage(new_leverage=4.0, reason="a", ttl_hours=168) for _ in range(3))

    @dataclass(frozen=True)
    class Insists:
        name: str = "insists"

        def decide(self, situation: Situation) -> Advice:  # noqa: ARG002
            return many

    overrides = ("account.triggers.refire_hours=1", "account.triggers.cooldown_hours=0")
    run = asked([+90.0], *overrides, ticks=20).run(Insists())
    calls = run.tables["tool_calls"]
    assert (calls["intervention"] > 0).sum() == INTERVENTIONS
    refused = calls[calls["intervention"] == 0]
    assert len(refused) > 0
    assert set(refused["verdict"]) == {CallVerdict.REJECTED}
    assert all(text == "no_slot: 32 interventions are live" for text in refused["rejection"])


# ------------------------------------------------------------------------------------------------ latency, failure


@pytest.mark.parametrize(("latency_ms", "acts"), [(0, 3), (1, 4), (2 * 3_600_000, 5)])
def test_advice_acts_from_the_next_decision_after_its_latency(latency_ms: int, acts: int) -> None:
    made = asked([+90.0], f"policy.latency_ms={latency_ms}", "policy.deadline_s=36000")
    run = made.run(Says((AdjustPositionSize(symbol=BTC, multiplier=0.5, reason="a"),)))
    assert run.tables["targets"]["event_time"][1] == made.time(acts)
    (advice, *_) = run.tables["advice"]
    assert (advice["asked"], advice["late"], advice["failed"]) == (made.time(2), 0, "")
    assert advice["event_time"] == made.time(acts - 1)


@pytest.mark.parametrize(
    ("mode", "answered_by", "tool"),
    [("rules", "rules", Tool.ADJUST_POSITION_SIZE), ("halt", "on_failure:halt", Tool.NO_ACTION),
     ("no_action", "on_failure:no_action", Tool.NO_ACTION)],
)  # fmt: skip
def test_late_advice_is_journaled_as_late_and_on_failure_answers_at_the_deadline(
    mode: str, answered_by: str, tool: Tool
) -> None:
    made = asked(
        [+90.0], "policy.latency_ms=14400000", "policy.deadline_s=7200", f'policy.on_failure="{mode}"',
        "account.triggers.cooldown_hours=99",
    )  # fmt: skip
    run = made.run(Says((DisableAsset(symbol=BTC, duration_hours=5, reason="a"),)))
    number = run.tables["situations"]["situation"][0]
    answer, late = run.tables["advice"][run.tables["advice"]["situation"] == number]
    assert (answer["policy"], answer["late"], answer["event_time"]) == (answered_by, 0, made.time(4))
    assert answer["failed"] == "no answer before the deadline"
    assert (late["policy"], late["late"], late["calls"], late["event_time"]) == ("says", 1, 0, made.time(6))
    calls = run.tables["tool_calls"][run.tables["tool_calls"]["situation"] == number]
    assert calls["tool"].tolist() == [tool]
    halts = run.tables["halts"]
    # The symbol's situation and the account's are two answers, and two reasons to halt.
    ends = made.time(4) + 3 * MICROS_PER_HOUR
    assert halts["event_time"].tolist() == ([made.time(4), made.time(4), ends] if mode == "halt" else [])
    assert set(halts["cause"]) <= {HaltCause.POLICY_FAILURE}


def test_a_halt_for_a_failed_policy_takes_no_new_risk() -> None:
    made = waiting(+90.0, 'policy.on_failure="halt"', "account.triggers.cooldown_hours=99")

    class Breaks:
        name = "breaks"

        def decide(self, situation: Situation) -> Advice:  # noqa: ARG002
            raise RuntimeError("no idea")

    run = made.run(Breaks())
    assert "no idea" in run.tables["advice"]["failed"][0]
    verdicts = run.tables["risk_verdicts"]
    refused = verdicts[verdicts["rule"] == RiskRule.POLICY_HALT]
    assert refused["event_time"].tolist() == [made.time(4)]
    assert refused["value"][0] < refused["limit"][0] == made.time(5)
    entries = run.tables["fills"][run.tables["fills"]["reason"] == Reason.ENTRY]
    assert entries["event_time"].tolist() == [made.time(1), made.time(6)]


class TestUnusableAnswers:
    """An answer of which no call stands is a failure: it is journaled, and on_failure answers."""

    LOOSE = AdjustConviction(symbol=BTC, threshold=80, reason="looser")
    STRANGE = AdjustPositionSize(symbol="DOGEUSDT", multiplier=0.5, reason="who?")
    RULED = (Tool.ADJUST_POSITION_SIZE, CallVerdict.ACCEPTED)

    def answered(self, *calls: ToolCall | RejectedCall, **options: Any) -> tuple[np.void, list[Any]]:
        class Answers:
            name = "answers"

            def answer(self, situation: Situation) -> Answered:
                return Answered(calls if situation.situation == 1 else (NoAction(reason="-"),), 0, **options)

        made = asked([+90.0], "account.entry.conviction_floor=85", "account.triggers.cooldown_hours=99")
        run = made.run(answer=Answers())
        rows = run.tables["tool_calls"]
        return run.tables["advice"][0], rows[rows["situation"] == 1].tolist()

    def verdicts(self, rows: list[Any]) -> list[tuple[int, int]]:
        return [(row[4], row[8]) for row in rows]

    def test_every_call_rejected(self) -> None:
        advice, rows = self.answered(self.LOOSE, self.STRANGE)
        assert advice["policy"] == "rules"
        assert advice["failed"].startswith("answers gave no call that stands: loosens_risk")
        assert advice["calls"] == len(rows) == 3
        rejected = CallVerdict.REJECTED
        assert self.verdicts(rows) == [
            (Tool.ADJUST_CONVICTION, rejected), (Tool.ADJUST_POSITION_SIZE, rejected), self.RULED
        ]  # fmt: skip
        assert [row[3] for row in rows] == [0, 1, 2], "places go on"
        assert rows[0][10] == "looser", "the policy's own words stay"

    def test_three_rejected_calls_leave_the_guardian_its_place(self) -> None:
        _, rows = self.answered(self.STRANGE, self.STRANGE, self.STRANGE, self.STRANGE)
        assert self.verdicts(rows)[-1] == self.RULED
        assert len(rows) == 5

    def test_one_call_that_stands_is_an_answer(self) -> None:
        advice, rows = self.answered(self.STRANGE, SendAlert(severity="info", message="look"))
        assert (advice["policy"], advice["failed"]) == ("answers", "")
        assert self.verdicts(rows) == [
            (Tool.ADJUST_POSITION_SIZE, CallVerdict.REJECTED), (Tool.SEND_ALERT, CallVerdict.ACCEPTED)
        ]  # fmt: skip

    def test_a_failed_answers_rejected_calls_are_journaled_before_the_guardians(self) -> None:
        rejected = RejectedCall("unknown_tool: 'moon' is no tool", words="to the moon")
        advice, rows = self.answered(rejected, failed="answers gave no usable call")
        assert (advice["policy"], advice["failed"]) == ("rules", "answers gave no usable call")
        assert self.verdicts(rows) == [(Tool.UNKNOWN, CallVerdict.REJECTED), self.RULED]
        assert rows[0][9] == "unknown_tool: 'moon' is no tool"

    def test_no_call_at_all(self) -> None:
        advice, rows = self.answered()
        assert advice["failed"] == "the answer holds no call"
        assert self.verdicts(rows) == [self.RULED]

    def test_a_recording_of_a_failure_stands_as_recorded(self) -> None:
        recorded = (
            RejectedCall(
                "unknown_symbol: DOGEUSDT is not in this market", Tool.ADJUST_POSITION_SIZE, None, 0.5, "who?"
            ),
            AdjustPositionSize(symbol=BTC, multiplier=0.2, reason="as recorded"),
        )
        advice, rows = self.answered(*recorded, failed="it failed", policy="rules")
        assert (advice["policy"], advice["failed"], advice["calls"]) == ("rules", "it failed", 2)
        assert self.verdicts(rows) == [(Tool.ADJUST_POSITION_SIZE, CallVerdict.REJECTED), self.RULED]
        assert rows[1][6] == 0.2


def test_alerts_are_kept_and_change_nothing() -> None:
    made = asked([+90.0])
    run = made.run(Says((SendAlert(severity="critical", message="look here"),)))
    assert run.tables["alerts"].tolist()[0][-2:] == ("critical", "look here")
    assert len(run.tables["interventions"]) == 0


def test_a_redundant_call_is_an_intervention_all_the_same() -> None:
    run = asked([+90.0]).run(Says((AdjustLeverage(new_leverage=9.0, reason="a"),)))
    call = run.tables["tool_calls"][0]
    assert call["verdict"] == CallVerdict.REDUNDANT
    assert call["intervention"] == run.tables["interventions"]["intervention"][0] == 1
