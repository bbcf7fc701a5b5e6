"""The bench's figures as a table and as JSON."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alphastrike.cli.console import ABSENT, figure, out, say, table
from tests.bench.figures import Figure

HEADERS = ("section", "what", "figure", "unit", "goal", "", "note")


def show(figures: Sequence[Figure], facts: dict[str, Any]) -> None:
    """Print the table and what it was measured on."""
    rows = [
        (
            "" if place and each.section == figures[place - 1].section else each.section,
            each.what,
            _digits(each.value),
            each.unit,
            ABSENT if each.goal is None else f"{'≥' if each.better == 'more' else '≤'} {_digits(each.goal)}",
            each.verdict,
            each.note,
        )
        for place, each in enumerate(figures)
    ]
    out().print(table(HEADERS, rows, right=("figure", "goal")))
    load = " ".join(f"{load:g}" for load in facts["load"])
    say(f"{facts['cores']} cores, {facts['machine']['processor']}; load {load}; {facts['measured']}")


def write(figures: Sequence[Figure], facts: dict[str, Any], path: Path) -> None:
    """Write figures and facts as JSON."""
    rows = [
        {
            "section": each.section,
            "what": each.what,
            "value": each.value,
            "unit": each.unit,
            "goal": each.goal,
            "better": each.better,
            "met": each.is_met,
            "verdict": each.verdict,
            "note": each.note,
        }
        for each in figures
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**facts, "figures": rows}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _digits(value: float | None) -> str:
    """Show three significant digits, and whole numbers from a hundred on."""
    if value is None or value == 0.0:
        return figure(value, 0)
    return figure(value, max(0, 2 - math.floor(math.log10(abs(value)))))
