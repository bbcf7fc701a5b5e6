"""The schema of an answer offers what would tighten something now, in integers and enumerations, and nothing else."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.journal.codes import CallVerdict, Tool
from alphastrike.model.controls import Controls
from alphastrike.policy.interventions import judge
from alphastrike.policy.llm.offers import Offer
from alphastrike.policy.llm.report import report_of
from alphastrike.policy.llm.schema import answer_schema
from alphastrike.policy.situation import LiveIntervention, Situation
from alphastrike.policy.tools import call_of
from tests.policy.facts import BASELINE, live, situation
from tests.policy.llm.situations import FEW, situations

ALL = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
HOURS = tuple(range(1, 169))


def offers(*interventions: LiveIntervention, leverage: float = 5.0, **baseline: Any) -> tuple[Offer, ...]:
    asked = situation(interventions=interventions, leverage=leverage, baseline=BASELINE._replace(**baseline))
    return report_of(asked, mask=False).offers


def test_what_is_offered_when_nothing_is_live() -> None:
    assert offers() == (
        Offer(Tool.NO_ACTION),
        Offer(Tool.ADJUST_CONVICTION, ALL, tuple(range(81, 96))),
        Offer(Tool.ADJUST_POSITION_SIZE, ALL, (10, 20, 30, 40, 50, 60, 70, 80, 90)),
        Offer(Tool.ADJUST_LEVERAGE, (), (1, 2, 3, 4)),
        Offer(Tool.DISABLE_SHORTS, ALL),
        Offer(Tool.DISABLE_ASSET, ALL, HOURS),
    )


@pytest.mark.parametrize(
    ("interventions", "settings", "expected"),
    [
        ((live(Tool.ADJUST_CONVICTION, value=90.0),), {},
         [Offer(Tool.ADJUST_CONVICTION, ALL[:2], tuple(range(81, 96))),
          Offer(Tool.ADJUST_CONVICTION, ALL[2:], (91, 92, 93, 94, 95))]),
        ((live(Tool.ADJUST_CONVICTION, value=95.0),), {},
         [Offer(Tool.ADJUST_CONVICTION, ALL[:2], tuple(range(81, 96)))]),
        ((), {"conviction_floor": 94.5}, [Offer(Tool.ADJUST_CONVICTION, ALL, (95,))]),
        ((), {"conviction_floor": 60.0}, [Offer(Tool.ADJUST_CONVICTION, ALL, tuple(range(80, 96)))]),
        ((), {"conviction_floor": 95.0}, [Offer(Tool.ADJUST_CONVICTION)]),
        ((live(Tool.ADJUST_POSITION_SIZE, value=0.3),), {},
         [Offer(Tool.ADJUST_POSITION_SIZE, ALL[:2], tuple(range(10, 100, 10))),
          Offer(Tool.ADJUST_POSITION_SIZE, ALL[2:], (10, 20))]),
        ((), {"size_multiplier": 0.1}, [Offer(Tool.ADJUST_POSITION_SIZE)]),
        ((live(Tool.ADJUST_LEVERAGE, None, 3.0),), {}, [Offer(Tool.ADJUST_LEVERAGE, (), (1, 2))]),
        ((), {"leverage": 2.5}, [Offer(Tool.ADJUST_LEVERAGE, (), (1, 2))]),
        ((), {"leverage": 1.0}, [Offer(Tool.ADJUST_LEVERAGE)]),
        ((live(Tool.DISABLE_SHORTS),), {}, [Offer(Tool.DISABLE_SHORTS, ALL[:2])]),
        ((), {"shorts_allowed": False}, [Offer(Tool.DISABLE_SHORTS)]),
        ((live(Tool.DISABLE_ASSET, value=24.0),), {}, [Offer(Tool.DISABLE_ASSET, ALL[:2], HOURS)]),
        ((), {"asset_enabled": False}, [Offer(Tool.DISABLE_ASSET)]),
    ],
)  # fmt: skip
def test_only_what_is_stricter_than_now_is_offered(
    interventions: tuple[LiveIntervention, ...], settings: dict[str, Any], expected: list[Offer]
) -> None:
    """An offer without symbols and numbers stands here for a tool that is left out."""
    (tool,) = {offer.tool for offer in expected}
    found = [offer for offer in offers(*interventions, **settings) if offer.tool is tool]
    assert found == [offer for offer in expected if offer.names or offer.values]


def test_where_nothing_can_be_tightened_no_action_alone_is_left() -> None:
    strict = Controls(95.0, 0.1, 1.0, shorts_allowed=False, asset_enabled=False)
    report = report_of(situation(baseline=strict), mask=False)
    assert report.offers == (Offer(Tool.NO_ACTION),)
    interventions = answer_schema(report)["properties"]["interventions"]
    assert interventions["items"]["properties"]["action"] == {"type": "string", "const": "no_action"}
    assert (interventions["minItems"], interventions["maxItems"]) == (1, 1)


@FEW
@given(situations(), st.booleans())
def test_every_single_offer_is_accepted_by_the_judge(asked: Situation, mask: bool) -> None:
    report = report_of(asked, mask=mask)
    controls = asked.controls
    for offer in report.offers:
        for name in offer.names or (None,):
            for value in {offer.values[0], offer.values[-1]} if offer.values else {None}:
                fields: dict[str, Any] = {"tool": offer.action, "reason": "r"}
                if name is not None:
                    fields["symbol"] = report.names.symbol_of(name)
                if offer.tool is Tool.ADJUST_POSITION_SIZE and value is not None:
                    fields["multiplier"] = value / 100
                elif value is not None:
                    fields[offer.argument] = value
                judged = judge(call_of(fields), asked, controls, 24)
                assert judged.verdict is CallVerdict.ACCEPTED, (offer, name, value, judged)


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for one in schema.values():
            yield from objects(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from objects(one)


@FEW
@given(situations(), st.booleans())
def test_a_schema_holds_only_what_every_engine_enforces(asked: Situation, mask: bool) -> None:
    schema = answer_schema(report_of(asked, mask=mask))
    for one in objects(schema):
        assert not set(one) & {"$ref", "$defs", "anyOf", "allOf", "not", "default", "description", "maxLength"}
        assert one.get("type") in {None, "object", "array", "string", "integer"} or isinstance(one["type"], dict)
        if one.get("type") == "object":
            assert one["properties"]
            assert list(one["properties"]) == sorted(one["properties"]) == one["required"]
            assert one["additionalProperties"] is False
        if one.get("type") == "integer":
            numbers = one.get("enum", [one.get("minimum"), one.get("maximum")])
            assert all(type(number) is int for number in numbers)
    assert list(schema["properties"]) == ["analysis", "interventions"]
    assert len(json.dumps(schema)) < 12_000


def test_no_action_stands_alone_and_at_most_three_others_together() -> None:
    nothing, calls = answer_schema(report_of(situation(), mask=False))["properties"]["interventions"]["oneOf"]
    assert nothing["items"]["properties"]["action"]["const"] == "no_action"
    assert (nothing["minItems"], nothing["maxItems"]) == (1, 1)
    assert [one["properties"]["action"]["const"] for one in calls["items"]["oneOf"]] == [
        "adjust_conviction", "adjust_position_size", "adjust_leverage", "disable_shorts", "disable_asset",
    ]  # fmt: skip
    assert (calls["minItems"], calls["maxItems"]) == (1, 3)


def test_masked_the_symbols_are_the_labels() -> None:
    text = json.dumps(answer_schema(report_of(situation(), mask=True)))
    assert '["A1", "A2", "A3"]' in text
    assert "USDT" not in text
