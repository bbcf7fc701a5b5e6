"""The card of every decision, as data that the page's script lays out when a card is opened.

A card is a list of blocks; every text in it is written here and becomes a text node there, so that what a model said
stays text. Kinds of blocks: ``h`` a heading, ``p`` a sentence, ``d`` pairs of a name and a value, ``t`` a table by
the name of its head, ``q`` words of the policy, ``m`` a message in full.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from alphastrike.journal.codes import Tool
from alphastrike.model.forecast import Regime
from replay.answers import AnsweredSituation, Call
from replay.cases import CHOSEN
from replay.decisions import ActionValue, Decision
from replay.horizons import HORIZONS, PRIMARY, SUITE_HORIZONS
from replay.measures import PARTS
from replay.participation import LIMIT
from replay.worth import Worth
from reports import choices, numerals, words
from reports.effects import interval_told, thousandths

Block = list[Any]

MESSAGE_MAX: Final = 20_000
"""Characters of a model's answer that a card shows."""

HEADS: Final[Mapping[str, tuple[str, ...]]] = {
    "lines": (
        "symbol", "#notional", "#unrealised", "#recent P&L", "#win rate", "#losses in a row", "#conviction", "regime",
        "#floor", "#size", "allowed",
    ),
    "calls": ("tool", "asks for", "verdict", "control", "active"),
    "actions": ("action", *(f"#{each.label}" for each in SUITE_HORIZONS), f"{PRIMARY.label} against zero"),
    "worth": ("‰ of log equity", *(f"#{each.label}" for each in HORIZONS)),
    "parts": ("", *(f"#{name}" for name in PARTS), "#= equity"),
}  # fmt: skip
"""Heads of the tables; ``#`` before one says that its column holds numbers."""


def cards(
    answers: Sequence[AnsweredSituation],
    decisions: Sequence[Decision],
    worths: Sequence[Worth],
    messages: Mapping[int, Sequence[str]],
    symbols: Sequence[str],
) -> Markup:
    """Return all cards by situation as JSON that is safe inside a script element."""
    of_decision = {each.situation: each for each in decisions}
    of_worth: dict[int, list[Worth]] = {}
    for each in worths:
        of_worth.setdefault(each.situation, []).append(each)
    made = {
        str(answer.situation): [
            *_seen(answer, symbols),
            *_answered(answer, messages.get(answer.situation, ())),
            *_others(of_decision.get(answer.situation)),
            *(block for worth in of_worth.get(answer.situation, []) for block in _worth(worth)),
        ]
        for answer in answers
    }
    return safe_json({"heads": HEADS, "cards": made})


def safe_json(value: Any) -> Markup:
    """Write JSON that cannot end the script element it stands in."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


def _seen(answer: AnsweredSituation, symbols: Sequence[str]) -> list[Block]:
    report = answer.report
    facts = [
        ("equity", numerals.number(report.equity, 0)),
        ("drawdown", numerals.percent(report.drawdown)),
        ("win rate", numerals.percent(report.win_rate)),
        ("win ÷ loss", numerals.number(report.win_loss_ratio, 2)),
        ("trades", numerals.number(report.trades, 0)),
        ("losses in a row", numerals.number(report.loss_streak, 0)),
        ("leverage", f"{numerals.number(report.leverage, 2)}×"),
        ("exposure", numerals.number(report.exposure, 0)),
        ("daily volatility", numerals.percent(report.volatility)),
        ("live interventions", numerals.number(report.live_interventions, 0)),
        ("halted", "yes" if report.halted else "no"),
    ]
    if report.worst_symbol >= 0:
        worst = f"{symbols[report.worst_symbol]} {numerals.quote(report.worst_symbol_pnl, signed=True)}"
        facts.append(("lost most", worst))
    lines = [
        [
            symbols[line.symbol],
            numerals.number(line.notional, 0, signed=True),
            numerals.number(line.unrealised_pnl, 0, signed=True),
            numerals.number(line.recent_pnl, 0, signed=True),
            numerals.percent(line.win_rate),
            numerals.number(line.loss_streak, 0),
            numerals.number(line.conviction * (line.direction or 1), 0, signed=line.direction != 0),
            words.label(Regime(int(line.regime))),
            numerals.number(line.conviction_floor, 0),
            f"× {numerals.number(line.size_multiplier, 1)}",
            "disabled" if not line.asset_enabled else "both sides" if line.shorts_allowed else "longs only",
        ]
        for line in answer.lines
    ]
    return [["h", "What it was shown"], ["d", facts], *([["t", "lines", lines]] if lines else [])]


def _answered(answer: AnsweredSituation, messages: Sequence[str]) -> list[Block]:
    if answer.latency_s is None:
        told = "The run ends before the answer comes."
    else:
        after = "at once" if answer.latency_s == 0 else f"after {numerals.number(answer.latency_s, 1)} s"
        told = f"Answered by {answer.answered_by or 'nobody'} {after}{', too late' if answer.late else ''}."
    failed = f" Failed: {answer.failed}." if answer.failed else ""
    blocks: list[Block] = [["h", "What it answered"], ["p", told + failed]]
    if answer.calls:
        blocks.append(["t", "calls", [_call(call) for call in answer.calls]])
    blocks += [["q", f"{words.tool(call)}: “{call.reason}”"] for call in answer.calls if call.reason]
    names = (
        ["The raw answer"] if len(messages) == 1 else [f"Raw answer {number + 1}" for number in range(len(messages))]
    )
    blocks += [["m", name, message[:MESSAGE_MAX]] for name, message in zip(names, messages, strict=True)]
    return blocks


def _call(call: Call) -> list[str]:
    made = call.intervention
    control = active = numerals.ABSENT
    if made is not None:
        control = f"{numerals.number(made.before, 2)} → {numerals.number(made.after, 2)}"
        span = numerals.duration(made.active.end - made.active.begin)
        active = f"{numerals.time(made.active.begin)}, {span}, {words.ended(made.ended)}"
    rejected = f": {call.rejection}" if call.rejection else ""
    return [words.tool(call), words.call(call), words.verdict(call) + rejected, control, active]


def _others(decision: Decision | None) -> list[Block]:
    if decision is None:
        return []
    place = [each.label for each in SUITE_HORIZONS].index(PRIMARY.label)
    known = [abs(each.advantage[place]) for each in decision.actions if math.isfinite(each.advantage[place])]
    most = max(known, default=0.0) or 1.0
    rows: list[list[Any]] = []
    for each in decision.actions:
        value = each.advantage[place]
        share = value / most if math.isfinite(value) else 0.0
        label = _label(each) + (" · redundant" if each.is_redundant else "")
        rows.append(
            [
                [label, "chosen"] if each.is_chosen else label,
                *(thousandths(one) for one in each.advantage),
                round(50.0 * share, 1),
            ]
        )
    named = [
        f"{horizon.label} {choices.told(decision, best)} ({thousandths(regret)} ‰)"
        for horizon, best, regret in zip(SUITE_HORIZONS, decision.best, decision.regret, strict=True)
        if math.isfinite(regret)
    ]
    told = f"Best in hindsight, with what the answer fell short of it: {'; '.join(named)}." if named else ""
    hours = sorted({each.ttl_hours for each in decision.actions if each.ttl_hours and _is_usual(each)})
    stands = f", standing for {' or '.join(str(each) for each in hours)} h" if hours else ""
    return [
        ["h", "What each action would have done"],
        [
            "p",
            f"Thousandths of log equity over no action; this decision alone, aimed at {decision.focus}{stands}. {told}",
        ],
        ["t", "actions", rows],
    ]


def _label(action: ActionValue) -> str:
    if action.label != CHOSEN:
        return words.action(action.tool, action.value) + (" · chosen" if action.is_chosen else "")
    if len(action.plan) != 1:
        return "the answer given, all calls"
    hours = "" if action.tool is Tool.DISABLE_ASSET else f", {action.ttl_hours} h"
    return f"{words.asked_for(action.tool, action.symbol, action.value)}{hours} · chosen"


def _is_usual(action: ActionValue) -> bool:
    """Whether an action of the grid stands for the configured life, and not for hours of its own."""
    return action.label != CHOSEN and action.tool is not Tool.DISABLE_ASSET


def _worth(worth: Worth) -> list[Block]:
    curves = [
        ["with it − without it", *(thousandths(value) for value in worth.leave_one_out.effect)],
        ["it alone − none", *(thousandths(value) for value in worth.add_one_in.effect)],
        ["harmless in its place", *(thousandths(value) for value in worth.placebo.effect)],
    ]
    met = numerals.ABSENT
    if worth.reconverged_at is not None:
        met = f"{numerals.time(worth.reconverged_at)} ({numerals.duration(worth.reconverged_at - worth.applied)})"
    same = numerals.ABSENT
    if worth.same_from is not None:
        same = f"{numerals.time(worth.same_from)} ({numerals.duration(worth.same_from - worth.applied)})"
    error = f" ± {thousandths(worth.shapley_error).lstrip('+')}" if worth.shapley_error > 0.0 else ""
    flagged = f", beyond {numerals.percent(LIMIT, 0)}" if worth.participation > LIMIT else ""
    facts = [
        (f"95 % at {PRIMARY.label}", interval_told(worth.interval) or "no interval"),
        ("Shapley part", thousandths(worth.shapley) + error),
        ("met again", met),
        ("equal from", same),
        ("largest order ÷ bar’s volume", numerals.percent(worth.participation, 2) + flagged),
    ]
    return [
        ["h", f"What intervention {worth.number} was worth"],
        ["t", "worth", curves],
        ["d", facts],
        ["p", f"Parts of the difference over {PRIMARY.label}, USDT, with it − without it:"],
        ["t", "parts", [["USDT", *(numerals.number(part, 2, signed=True) for part in worth.parts),
                         numerals.number(worth.parts.total, 2, signed=True)]]],
    ]  # fmt: skip
