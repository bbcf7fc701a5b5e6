"""A report in another order tells the same, and only what is a set changes places."""

import json
from collections import Counter

from hypothesis import given

from alphastrike.journal.codes import Tool
from alphastrike.policy.llm.orders import orders_of
from alphastrike.policy.llm.policy import Wording
from alphastrike.policy.llm.prompt import examples, prompt_named
from alphastrike.policy.llm.report import report_of
from alphastrike.policy.situation import Situation
from tests.policy.facts import live, situation
from tests.policy.llm.situations import FEW, situations


@FEW
@given(situations())
def test_every_order_holds_the_same_lines_and_the_same_offers(asked: Situation) -> None:
    report = report_of(asked, mask=False)
    for other in orders_of(report, 3):
        assert (other.fired, other.account) == (report.fired, report.account)
        assert Counter(other.symbols) == Counter(report.symbols)
        assert Counter(other.interventions) == Counter(report.interventions)
        assert (other.symbols, other.interventions) != (report.symbols, report.interventions)
        assert [offer.tool for offer in other.offers] == [offer.tool for offer in report.offers]
        assert {(one.tool, frozenset(one.names), one.values) for one in other.offers} == {
            (one.tool, frozenset(one.names), one.values) for one in report.offers
        }
    assert orders_of(report, 3)[:1] == orders_of(report, 1), "the first order of many is the one of few"


def test_orders_differ_from_one_another_while_there_are_any() -> None:
    report = report_of(situation(), mask=False)
    found = orders_of(report, 9)
    assert len({tuple(line.symbol for line in each.symbols) for each in found}) == len(found) == 5
    alone = situation()
    one = report_of(alone, mask=False)
    assert orders_of(one, 0) == ()


def test_a_prompt_in_another_order_has_the_same_lines_and_the_same_examples() -> None:
    asked = situation(
        interventions=(live(Tool.ADJUST_POSITION_SIZE, value=0.5), live(Tool.ADJUST_LEVERAGE, None, 3.0, number=2))
    )
    for name in ("breaker", "terse"):
        plain, *others = Wording(prompt_named(name), mask=False).in_orders(asked, 2)
        assert plain == Wording(prompt_named(name), mask=False).messages(asked)[0]
        told = examples(report_of(asked, mask=False).offers).splitlines()
        for other in others:
            assert other != plain
            assert _words(other[-1].content) == _words(plain[-1].content)
            if name == "breaker":
                assert all(line in other[-1].content for line in told)
                assert json.loads(told[-1])["interventions"][0]["symbol"] == "ETHUSDT"


def _words(text: str) -> Counter[str]:
    return Counter(text.replace(":", " ").replace(",", " ").split())
