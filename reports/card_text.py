"""The card of one decision for a terminal: the report, the answer, every other action, and how it went on."""

import math
from collections.abc import Iterator

from alphastrike.journal.codes import Rule
from alphastrike.policy.situation import Situation
from replay.card import Card
from replay.decisions import ActionValue
from replay.horizons import HORIZONS, PRIMARY, SUITE_HORIZONS
from replay.measures import PARTS
from replay.worth import Worth
from reports import numerals, words
from reports.text_table import TextTable


def headline(card: Card) -> str:
    """Say what was asked when."""
    one = card.situation
    when = numerals.time(one.event_time)
    return f"Situation {one.situation} of {card.run} under {card.policy}, {when} UTC: {_fired(one)}"


def report_lines(situation: Situation) -> list[str]:
    """Say what the policy saw of the account."""
    one = situation
    worst = (
        ""
        if one.worst_symbol is None
        else f", {one.worst_symbol} lost most ({numerals.quote(one.worst_symbol_pnl, signed=True)})"
    )
    halted = ", halted" if one.halted else ""
    return [
        (
            f"equity {numerals.number(one.equity, 2)}, {numerals.percent(one.drawdown)} below its peak, exposure "
            f"{numerals.quote(one.exposure)}, leverage {one.leverage:.2f}×, "
            f"volatility {numerals.percent(one.volatility)} a day{halted}"
        ),
        (
            f"{one.trades:,} trades, win rate {numerals.percent(one.win_rate)}, mean win ÷ mean loss "
            f"{numerals.number(one.win_loss_ratio, 2)}, {one.loss_streak} losses in a row{worst}"
        ),
        *(
            f"live: {words.asked_for(live.tool, live.symbol, live.value)} until {numerals.time(live.expires)}"
            for live in one.live
        ),
    ]


def symbols(situation: Situation) -> TextTable:
    """Return what the policy saw of every symbol."""
    rows = [
        [
            one.symbol,
            numerals.percent(one.notional / situation.equity) if situation.equity else numerals.ABSENT,
            numerals.quote(one.unrealised_pnl, signed=True),
            numerals.quote(one.recent_pnl, signed=True),
            numerals.percent(one.win_rate, 0),
            str(one.loss_streak),
            numerals.percent(one.drawdown),
            f"{'−' if one.direction < 0 else '+' if one.direction > 0 else ''}{one.conviction:.0f}",
            _controls(one.conviction_floor, one.size_multiplier, shorts=one.shorts_allowed, enabled=one.asset_enabled),
        ]
        for one in situation.reports
    ]
    headers = ["symbol", "position", "open", "recent", "wins", "streak", "drawdown", "conviction", "controls"]
    return TextTable("", headers, rows)


def answer_lines(card: Card) -> Iterator[str]:
    """Say what was answered: a model's own words, then every call with its verdict and reason."""
    told = card.told
    if not told.answered_by:
        yield "The run ended before an answer came."
        return
    late = ", late" if told.late else ""
    took = f" after {told.latency_s:.1f} s" if told.latency_s else ""
    yield f"Answered by {told.answered_by}{took}{late}{f': {told.failed}' if told.failed else ''}"
    for call in told.calls:
        if call.content:
            yield f"said (sample {call.sample}, attempt {call.attempt}): {call.content}"
    for one in told.verdicts:
        about = f" {one.symbol}" if one.symbol else ""
        value = f" {one.value:g}" if one.value else ""
        why = one.rejection or one.reason
        yield f"{one.tool}{about}{value}: {one.verdict}{f' ({why})' if why else ''}"


def actions(card: Card) -> TextTable:
    """Return what every action was worth over doing nothing."""
    decision = card.decision
    rows = [_action(one, decision.best) for one in decision.actions]
    rows.append(["regret", *(numerals.number(1_000.0 * value, 2) for value in decision.regret)])
    title = "What each action was worth over doing nothing, ‰ of equity; > was answered, * was best (hindsight)"
    return TextTable(title, ["", *(horizon.label for horizon in SUITE_HORIZONS)], rows)


def effects(worth: Worth) -> TextTable:
    """Return what one intervention moved by horizon."""
    headers = ["", *(horizon.label for horizon in HORIZONS)]
    rows = [
        [name, *(_thousandths(value) for value in curve.effect)]
        for name, curve in (
            ("left out", worth.leave_one_out),
            ("added alone", worth.add_one_in),
            ("a harmless one", worth.placebo),
        )
    ]
    title = (
        f"Intervention {worth.number}: {words.asked_for(worth.tool, worth.symbol, worth.value)}, "
        f"{worth.ttl_hours} h from {numerals.time(worth.applied)} UTC; ‰ of equity"
    )
    return TextTable(title, headers, rows)


def worth_lines(worth: Worth) -> Iterator[str]:
    """Say how sure the effect is, of what it is made, and when the paths met."""
    if worth.interval is not None:
        one = worth.interval
        yield (
            f"{PRIMARY.label}: 95 % [{_thousandths(one.low)}, {_thousandths(one.high)}] ‰ {one.label}, "
            "not over interventions like this one"
        )
    if not math.isnan(worth.parts.total):
        parts = ", ".join(f"{name} {numerals.number(getattr(worth.parts, name), 2, signed=True)}" for name in PARTS)
        yield f"{PRIMARY.label}, USDT: {numerals.number(worth.parts.total, 2, signed=True)} = {parts}"
    if worth.is_censored:
        yield f"The run ends before {PRIMARY.label} are over: nothing is said of them."
    if worth.reconverged_at is None:
        yield "The paths do not meet again before the run ends: the end is compounding and chance as much as this."
    else:
        yield (
            f"Same sides, exposure within 1 % and same controls after "
            f"{numerals.duration(worth.reconverged_at - worth.applied)}, {numerals.time(worth.reconverged_at)} UTC."
        )
    yield f"Largest order ÷ volume of its bar: {numerals.percent(worth.participation, 2)}"


def _fired(one: Situation) -> str:
    match one.rule:
        case Rule.WIN_RATE:
            rule = f"win rate {numerals.percent(one.value)} < {numerals.percent(one.threshold)}"
        case Rule.DRAWDOWN:
            rule = f"drawdown {numerals.percent(one.value)} > {numerals.percent(one.threshold)}"
        case Rule.LOSS_STREAK:
            rule = f"{one.value:.0f} losses in a row"
    return f"{words.symbol(one.symbol)}: {rule}"


def _controls(floor: float, multiplier: float, *, shorts: bool, enabled: bool) -> str:
    said = [f"floor {floor:.0f}"]
    said += [] if multiplier == 1.0 else [f"size × {multiplier:g}"]
    said += [] if shorts else ["no shorts"]
    said += [] if enabled else ["disabled"]
    return ", ".join(said)


def _action(one: ActionValue, best: tuple[str, ...]) -> list[str]:
    name = f"{'> ' if one.is_chosen else ''}{words.asked_for(one.tool, one.symbol, one.value)}"
    if one.is_redundant:
        name += " (idle)"
    return [
        name,
        *(
            f"{'*' if one.label == label and label else ''}{_thousandths(value)}"
            for value, label in zip(one.advantage, best, strict=True)
        ),
    ]


def _thousandths(value: float) -> str:
    return numerals.number(1_000.0 * value, 2, signed=True)
