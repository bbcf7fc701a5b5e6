"""Another answer to one situation, in words and tables for a terminal, and as figures for a program."""

import math
from typing import Any, Final

from alphastrike.journal.codes import Rule
from alphastrike.runs.forks import ADAPTIVE
from alphastrike.runs.transcript import Told
from replay.calls import call_text
from replay.horizons import PRIMARY
from replay.what_if import Outcome, Reading, WhatIf
from reports import numerals
from reports.sparkline import sparkline
from reports.text_table import TextTable

FIRST: Final = ["after", "until UTC", "recorded", "what if", "USDT", "‰ of equity"]
PARTS: Final = ["after", "USDT", "= price", "fees", "slippage", "funding", "liquidation"]


def headline(asked: WhatIf) -> str:
    """Say in one sentence what the other answer would have moved."""
    readings = asked.outcome.readings
    said = " and ".join(call_text(call) for call in asked.calls)
    if not readings:
        return f"{said}: the run ends before it could move anything."
    if all(reading.branch == reading.recorded for reading in readings):
        return f"{said} in situation {asked.situation.situation} would have changed nothing."
    primary = next((one for one in readings if one.horizon is PRIMARY), None)
    last = readings[-1]
    told = [one for one in (primary, last) if one is not None]
    moved = ", ".join(f"{_moved(one)} {_when(one)}" for one in told)
    return f"{said} in situation {asked.situation.situation} would have left the account {moved}."


def situation_line(asked: WhatIf) -> str:
    """Say what was asked, and how it was answered in the run."""
    one = asked.situation
    where = one.symbol or f"the account, {one.focus} lost most"
    fired = f"{_RULES[one.rule].format(value=one.value, percent=numerals.percent(one.value))} ({where})"
    when = numerals.time(one.event_time)
    return f"Situation {one.situation} of {asked.run}, {when} UTC: {fired}. {answer_line(asked.told)}"


def answer_line(told: Told) -> str:
    """Say how a situation was answered in the run."""
    if not told.answered_by:
        return "The run ended before an answer came."
    calls = "; ".join(
        f"{one.tool}{f' {one.symbol}' if one.symbol else ''}{f' {one.value:g}' if one.value else ''} ({one.verdict})"
        for one in told.verdicts
    )
    return f"Answered by {told.answered_by}: {calls or 'no call'}."


_RULES: Final = {
    Rule.WIN_RATE: "a win rate of {percent}",
    Rule.DRAWDOWN: "a drawdown of {percent}",
    Rule.LOSS_STREAK: "{value:.0f} losses in a row",
}


def mode_line(outcome: Outcome, policy: str) -> str:
    """Say how later situations are answered in a branch."""
    if outcome.mode != ADAPTIVE:
        return "frozen: nobody is asked after the fork; the run's other interventions stand as they were recorded."
    by = f", {outcome.by_guardian:,} by the guardian because no answer of the model was recorded"
    count = f"{outcome.situations:,} later situation" + ("" if outcome.situations == 1 else "s")
    return f"adaptive: {policy} answers the branch's own {count}{by if outcome.by_guardian else ''}."


def tables(outcome: Outcome) -> list[TextTable]:
    """Return the paths by horizon, and of what their difference is made."""
    paths = [
        [
            one.horizon.label,
            numerals.time(one.time),
            numerals.number(one.recorded, 2),
            numerals.number(one.branch, 2),
            numerals.number(one.branch - one.recorded, 2, signed=True),
            numerals.number(1_000.0 * one.effect, 2, signed=True),
        ]
        for one in outcome.readings
    ]
    parts = [
        [
            one.horizon.label,
            numerals.number(one.branch - one.recorded, 2, signed=True),
            *(numerals.number(part, 2, signed=True) for part in one.parts),
        ]
        for one in outcome.readings
    ]
    return [TextTable("", FIRST, paths), TextTable("", PARTS, parts)]


def short_table(outcome: Outcome) -> TextTable:
    """Return the differences by horizon in a line each, for the mode that was not asked for."""
    rows = [
        ["USDT", *(numerals.number(one.branch - one.recorded, 2, signed=True) for one in outcome.readings)],
        ["‰ of equity", *(numerals.number(1_000.0 * one.effect, 2, signed=True) for one in outcome.readings)],
    ]
    return TextTable("", ["", *(one.horizon.label for one in outcome.readings)], rows)


def meeting_line(outcome: Outcome) -> str:
    """Say when the paths met again."""
    if outcome.same_from is not None:
        same = f"; from {numerals.time(outcome.same_from)} UTC on the accounts are the same"
    else:
        same = ""
    if outcome.met_at is None:
        return (
            "The paths do not meet again before the run ends: what stands at the end is compounding and chance as much "
            "as the answer."
        )
    return f"Same sides, exposure within 1 % and same controls from {numerals.time(outcome.met_at)} UTC{same}."


def trail_line(outcome: Outcome) -> str:
    """Draw the difference of log equity from the fork to the end."""
    values = [1_000.0 * value for _, value in outcome.trail]
    known = [value for value in values if not math.isnan(value)]
    if not known or min(known) == max(known):
        return ""
    low, high = (numerals.number(value, 1, signed=True) for value in (min(known), max(known)))
    return f"Difference, ‰, from the fork to the end: {low} to {high}  {sparkline(values)}"


def as_json(asked: WhatIf) -> dict[str, Any]:
    """Return everything as plain data; effects in log equity, branch − recorded."""
    return {
        "run": asked.run,
        "digest": asked.digest,
        "situation": asked.situation.situation,
        "asked": asked.situation.event_time,
        "applied": asked.applied,
        "answered": {
            "by": asked.told.answered_by,
            "calls": [vars(verdict) for verdict in asked.told.verdicts],
        },
        "calls": [
            {"call": call_text(call), "verdict": judged.verdict.name.lower(), "ttl_hours": judged.ttl_hours}
            for call, judged in zip(asked.calls, asked.verdicts, strict=True)
        ],
        "headline": headline(asked),
        "branches": [_outcome(one) for one in asked.outcomes],
    }


def _outcome(one: Outcome) -> dict[str, Any]:
    return {
        "mode": one.mode,
        "situations": one.situations,
        "by_guardian": one.by_guardian,
        "interventions": one.interventions,
        "reconverged_at": one.met_at,
        "same_from": one.same_from,
        "horizons": [
            {
                "after": reading.horizon.label,
                "time": reading.time,
                "recorded": reading.recorded,
                "branch": reading.branch,
                "effect": reading.effect,
                "difference": reading.branch - reading.recorded,
                "parts": reading.parts._asdict(),
            }
            for reading in one.readings
        ],
        "trail": [[time, value] for time, value in one.trail],
    }


def _moved(one: Reading) -> str:
    difference = one.branch - one.recorded
    if difference == 0.0:
        return "unmoved"
    said = "up" if difference > 0.0 else "down"
    return (
        f"{said} {numerals.number(abs(difference), 2)} USDT ({numerals.number(1_000.0 * one.effect, 2, signed=True)} ‰)"
    )


def _when(one: Reading) -> str:
    return "at the end of the run" if one.horizon.micros is None else f"after {one.horizon.label}"
