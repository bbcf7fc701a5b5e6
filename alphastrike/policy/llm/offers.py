"""What a situation leaves to decide: each tool with the symbols and whole numbers that would tighten something now.

Schema and prompt are both made of these offers, so that a model is told what it can say and no more. A call that
would change nothing, or loosen the present controls, is not offered; a tool without any value left is left out.
"""

import inspect
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from alphastrike.journal.codes import Tool
from alphastrike.model.controls import (
    CONVICTION_FLOOR_MAX,
    CONVICTION_FLOOR_MIN,
    DISABLE_HOURS_MAX,
    LEVERAGE_MAX,
    LEVERAGE_MIN,
)
from alphastrike.policy.llm.masking import Names
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import PALETTE

PERCENTS: Final = tuple(range(10, 100, 10))
"""Steps of a size multiplier, whole percent: grammars enforce integers and not fractions."""

PERCENT_ARGUMENT: Final = "multiplier_pct"


class ActionReason(StrEnum):
    """Why a call is made, for machines to count."""

    LOW_WIN_RATE = "LOW_WIN_RATE"
    DRAWDOWN = "DRAWDOWN"
    LOSS_STREAK = "LOSS_STREAK"
    HIGH_VOLATILITY = "HIGH_VOLATILITY"
    AGAINST_TREND = "AGAINST_TREND"


class NoActionReason(StrEnum):
    """Why nothing is done."""

    WITHIN_NOISE = "WITHIN_NOISE"
    ALREADY_MITIGATED = "ALREADY_MITIGATED"
    RECOVERING = "RECOVERING"
    TOO_FEW_TRADES = "TOO_FEW_TRADES"


@dataclass(frozen=True, slots=True)
class Offer:
    """One tool with what it can be called with."""

    tool: Tool
    names: tuple[str, ...] = ()
    """Symbols by their names in the prompt; empty for a tool that takes none."""
    values: tuple[int, ...] = ()
    """Whole numbers in rising order; empty for a tool that takes none."""

    @property
    def action(self) -> str:
        """The tool's name as the model writes it."""
        return self.tool.name.lower()

    @property
    def argument(self) -> str:
        """Name of the tool's number as the model writes it; empty when it has none."""
        argument = PALETTE[self.tool].argument
        return PERCENT_ARGUMENT if argument == "multiplier" else argument


def reason_codes(tool: Tool) -> tuple[str, ...]:
    """Return the reasons that a call of the tool may give."""
    return tuple(NoActionReason if tool is Tool.NO_ACTION else ActionReason)


Offers = tuple[Offer, ...]


def offers_of(situation: Situation, names: Names) -> Offers:
    """Return the situation's offers, ``no_action`` first, then from mild to strong.

    Symbols that admit different numbers make an offer each.

    Args:
        situation: what is asked about.
        names: the symbols that the prompt shows.
    """
    in_force = situation.controls
    controls = {name: in_force[symbol] for name, symbol in names.pairs}
    thresholds = {
        name: tuple(
            range(max(CONVICTION_FLOOR_MIN, math.floor(now.conviction_floor) + 1), int(CONVICTION_FLOOR_MAX) + 1)
        )
        for name, now in controls.items()
    }
    percents = {
        name: tuple(percent for percent in PERCENTS if percent / 100 < now.size_multiplier)
        for name, now in controls.items()
    }
    leverage = min((situation.leverage, *(now.leverage_cap for now in controls.values())))
    leverages = tuple(step for step in range(int(LEVERAGE_MIN), int(LEVERAGE_MAX) + 1) if step < leverage)
    short = tuple(name for name, now in controls.items() if now.shorts_allowed)
    enabled = tuple(name for name, now in controls.items() if now.asset_enabled)
    return (
        Offer(Tool.NO_ACTION),
        *_alike(Tool.ADJUST_CONVICTION, thresholds),
        *_alike(Tool.ADJUST_POSITION_SIZE, percents),
        *((Offer(Tool.ADJUST_LEVERAGE, values=leverages),) if leverages else ()),
        *((Offer(Tool.DISABLE_SHORTS, short),) if short else ()),
        *((Offer(Tool.DISABLE_ASSET, enabled, tuple(range(1, DISABLE_HOURS_MAX + 1))),) if enabled else ()),
    )


def described(offers: Offers) -> str:
    """Return the offers as a prompt's text: what each tool is for, how it is written, and what it can be given.

    What a tool is for is its model's own docstring: the palette says it once for everybody.
    """
    lines: list[str] = []
    for place, offer in enumerate(offers):
        if place == 0 or offers[place - 1].tool is not offer.tool:
            lines += [f"{offer.action}: {' '.join((inspect.getdoc(PALETTE[offer.tool]) or '').split())}", _form(offer)]
        if offer.names and offer.values:
            lines.append(f"  {offer.argument} for {', '.join(offer.names)}: {_numbers(offer.values)}")
        elif offer.names:
            lines.append(f"  symbol: {', '.join(offer.names)}")
        elif offer.values:
            lines.append(f"  {offer.argument}: {_numbers(offer.values)}")
    lines.append(f"reason_code of no_action: {', '.join(NoActionReason)}")
    if len(offers) > 1:
        lines.append(f"reason_code of every other action: {', '.join(ActionReason)}")
    return "\n".join(lines)


def _alike(tool: Tool, values: dict[str, tuple[int, ...]]) -> Offers:
    """Return one offer for all symbols that admit the same numbers."""
    groups: dict[tuple[int, ...], list[str]] = {}
    for name, admitted in values.items():
        if admitted:
            groups.setdefault(admitted, []).append(name)
    return tuple(Offer(tool, tuple(names), admitted) for admitted, names in groups.items())


def _form(offer: Offer) -> str:
    """Return how a call is written, its keys in the schema's order."""
    blanks = {"action": f'"{offer.action}"', "reason_code": "CODE"}
    if offer.argument:
        blanks[offer.argument] = "NUMBER"
    if offer.names:
        blanks["symbol"] = "SYMBOL"
    note = " with the multiplier in whole percent: 50 is 0.5" if offer.argument == PERCENT_ARGUMENT else ""
    return "  {" + ",".join(f'"{key}":{blanks[key]}' for key in sorted(blanks)) + "}" + note


def _numbers(values: tuple[int, ...]) -> str:
    if len(values) == 1:
        return str(values[0])
    if values[-1] - values[0] == len(values) - 1:
        return f"{values[0]} to {values[-1]}"
    return f"{', '.join(map(str, values[:-1]))} or {values[-1]}"
