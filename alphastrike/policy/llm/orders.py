"""A report's rows in another order: the same information, for what is listed is a set and no sequence.

Symbols, live interventions and the symbols that a tool is offered for change places; what fired, the account, the
tools from mild to strong, every number and the examples stay where they are. A model that reads what it is told says
the same.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final, TypeVar

from alphastrike.policy.llm.offers import Offer, Offers
from alphastrike.policy.llm.report import Report, rendered

DRAWS: Final = 32
"""Orders drawn for each that is wanted, until it is none of those before."""

_Row = TypeVar("_Row")


def orders_of(report: Report, count: int) -> tuple[Report, ...]:
    """Return the report in other orders, all different, at most ``count``; none where a single line is listed.

    They are drawn by a hash of the report: the same report has the same orders, and the first of many is the one of
    few.
    """
    content = "\n".join(rendered(report).values())
    found = [report]
    for draw in range(DRAWS * count):
        if len(found) > count:
            break
        drawn = _in_order(report, f"order/{draw}/{content}")
        if all(drawn.symbols != one.symbols or drawn.interventions != one.interventions for one in found):
            found.append(drawn)
    return tuple(found[1:])


def _in_order(report: Report, key: str) -> Report:
    symbols = _shuffled(report.symbols, f"{key}/symbols")
    names = tuple(str(line.symbol) for line in symbols)
    return replace(
        report,
        symbols=symbols,
        interventions=_shuffled(report.interventions, f"{key}/interventions"),
        offers=tuple(_offers(report.offers, names, f"{key}/offers")),
    )


def _offers(offers: Offers, names: Sequence[str], key: str) -> Iterator[Offer]:
    """Yield offers, their symbols in the order of ``names``; those of one tool change places among themselves."""
    for tool, own in groupby(offers, lambda offer: offer.tool):
        for offer in _shuffled(tuple(own), f"{key}/{tool.name}"):
            yield replace(offer, names=tuple(sorted(offer.names, key=names.index)))


def _shuffled(rows: tuple[_Row, ...], key: str) -> tuple[_Row, ...]:
    places = sorted(
        range(len(rows)), key=lambda place: hashlib.blake2b(f"{key}/{place}".encode(), digest_size=8).digest()
    )
    return tuple(rows[place] for place in places)
