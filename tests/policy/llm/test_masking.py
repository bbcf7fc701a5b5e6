"""Labels stand for symbols within a prompt, lead back to them, and say nothing about them."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.policy.llm.masking import SYMBOLS_MAX, names_of
from alphastrike.policy.situation import Situation
from tests.policy.facts import situation
from tests.policy.llm.situations import FEW, situations


@FEW
@given(situations(), st.booleans())
def test_names_and_symbols_lead_to_each_other(asked: Situation, mask: bool) -> None:
    names = names_of(asked, mask=mask)
    assert len(names.pairs) == min(len(asked.reports), SYMBOLS_MAX)
    for name, symbol in names.pairs:
        assert names.symbol_of(name) == symbol
        assert names.name_of(symbol) == name
    assert names.names == (
        tuple(f"A{place}" for place in range(1, len(names.pairs) + 1)) if mask else tuple(sorted(names.names))
    )
    assert {symbol for _, symbol in names.pairs} >= {asked.focus}
    assert names_of(asked, mask=mask) == names


@FEW
@given(situations(), st.permutations(range(10)))
def test_labels_depend_on_the_moment_and_the_symbols_alone(asked: Situation, order: list[int]) -> None:
    shuffled = [asked.reports[place] for place in order if place < len(asked.reports)]
    moved = replace(
        asked,
        situation=asked.situation + 1,
        equity=1.0,
        reports=tuple(replace(one, symbol_id=place, volatility=0.5) for place, one in enumerate(shuffled)),
    )
    if len(asked.reports) <= SYMBOLS_MAX:
        assert names_of(moved, mask=True) == names_of(asked, mask=True)


def test_no_symbol_keeps_a_label() -> None:
    labels = Counter(
        (symbol, name)
        for seq in range(600)
        for name, symbol in names_of(situation(market_seq=seq), mask=True).pairs
    )  # fmt: skip
    assert len(labels) == 9
    assert all(150 <= seen <= 250 for seen in labels.values())


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("A1 and A2 lose, A3 does not", "{A1} and {A2} lose, {A3} does not"),
        ("A10 BA1 a1 A1X A4", "A10 BA1 a1 A1X A4"),
        ("", ""),
    ],
)
def test_words_are_unmasked_for_people(words: str, read: str) -> None:
    names = names_of(situation(), mask=True)
    assert names.unmasked(words) == read.format(**dict(names.pairs))
    assert names_of(situation(), mask=False).unmasked(words) == words
