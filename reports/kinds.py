"""Interventions by kind: what a tool, a trigger or a symbol was worth on average, with the error of many looks."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from replay.explained import Group, Groups
from reports import numerals
from reports.effects import thousandths


class Row(NamedTuple):
    """One kind."""

    label: str
    interventions: str
    episodes: str
    mean: str
    interval: str
    p: str
    q: str
    shapley: str


def tables(groups: Groups) -> Iterator[tuple[str, list[Row]]]:
    """Yield a table a way of sorting."""
    for name, rows in (("trigger", groups.by_trigger), ("tool", groups.by_tool), ("symbol", groups.by_symbol)):
        yield name, [_row(group) for group in rows]


def _row(group: Group) -> Row:
    interval = f"[{thousandths(group.low)}, {thousandths(group.high)}]" if math.isfinite(group.low) else ""
    return Row(
        label=group.label.replace("_", " "),
        interventions=f"{group.interventions:,}",
        episodes=f"{group.episodes:,}",
        mean=thousandths(group.mean),
        interval=interval,
        p=_share(group.p),
        q=_share(group.q),
        shapley=thousandths(group.shapley),
    )


def _share(value: float) -> str:
    return "< 0.001" if 0.0 <= value < 0.001 else numerals.number(value, 3)
