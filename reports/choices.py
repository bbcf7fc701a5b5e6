"""Would another tool have been better: the advantage of every action in every situation, drawn and told."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from replay.decisions import Decision, Suite
from replay.horizons import SUITE_HORIZONS
from reports import formulas, heat, numerals, words

GIVEN: Final = "answer given"
"""Name of the row that holds what was chosen, whichever action that was."""


TOLD: Final = (
    "In every situation the run was forked once per action of a stated grid: this decision alone, what stood before it "
    "ending as recorded, nothing after it. An action’s advantage is what it was worth over doing nothing."
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """The heat map at one horizon."""

    figure: heat.Heat
    labels: tuple[str, ...]
    means: list[str]
    told: tuple[str, ...]
    """The three edges, written."""


def heats(suite: Suite) -> list[tuple[str, Drawn]]:
    """Draw every horizon of a suite; the first row is the answer given."""
    labels = names(suite)
    chosen = [suite.grid.index(each.chosen) + 1 if each.chosen in suite.grid else None for each in suite.decisions]
    made = []
    for place, horizon in enumerate(SUITE_HORIZONS):
        figure = heat.heat(table(suite, place), chosen)
        made.append(
            (
                horizon.label,
                Drawn(
                    figure=figure,
                    labels=labels,
                    means=[numerals.number(row.mean, 2, signed=True) for row in figure.rows],
                    told=tuple(f"{edge:g}" for edge in figure.edges),
                ),
            )
        )
    return made


def names(suite: Suite) -> tuple[str, ...]:
    """Name the rows of the map."""
    known = {
        action.label: words.action(action.tool, action.value) for each in suite.decisions for action in each.actions
    }
    return (GIVEN, *(known.get(label, label) for label in suite.grid))


def table(suite: Suite, place: int) -> list[list[float]]:
    """Return the advantages at one horizon, thousandths: rows of actions, the answer given first."""
    columns = []
    for decision in suite.decisions:
        known = {each.label: 1_000.0 * each.advantage[place] for each in decision.actions}
        columns.append([known.get(label, math.nan) for label in (decision.chosen, *suite.grid)])
    return [list(row) for row in zip(*columns, strict=True)]


def readings(suite: Suite, told: Sequence[str]) -> dict[str, Any]:
    """Return what the script reads out: labels, a line a situation, and all advantages by horizon."""
    return {
        "labels": names(suite),
        "situations": [[decision.situation, line] for decision, line in zip(suite.decisions, told, strict=True)],
        "values": [
            [["" if math.isnan(value) else numerals.number(value, 2, signed=True) for value in row]
             for row in table(suite, place)]
            for place in range(len(SUITE_HORIZONS))
        ],
    }  # fmt: skip


def best(decision: Decision | None, place: int) -> tuple[str, str]:
    """Name the best action of a decision in hindsight and the regret, written."""
    if decision is None or not math.isfinite(decision.regret[place]):
        return numerals.ABSENT, numerals.ABSENT
    return told(decision, decision.best[place]), numerals.number(1_000.0 * decision.regret[place], 2)


def told(decision: Decision, label: str) -> str:
    """Say what the action of that label asked for in that situation."""
    action = decision.action(label)
    return label if action is None else words.asked_for(action.tool, action.symbol, action.value)


def regrets(suite: Suite) -> list[tuple[str, str, list[str]]]:
    """Return the rows of the table of regret: name, meaning, a value by horizon."""
    half = [
        numerals.number(1_000.0 * each.half_sample, 2, signed=True)
        + (f" ± {numerals.number(1_000.0 * each.half_sample_error, 2)}" if each.half_sample_error > 0.0 else "")
        for each in suite.regrets
    ]
    return [
        (name, meaning, cells)
        for (name, meaning), cells in zip(
            formulas.REGRETS,
            (
                [numerals.number(1_000.0 * each.naive, 2) for each in suite.regrets],
                [numerals.number(1_000.0 * each.in_sample, 2, signed=True) for each in suite.regrets],
                half,
                [f"{each.situations:,} in {each.clusters:,}" for each in suite.regrets],
            ),
            strict=True,
        )
    ]
