"""A run's interventions for a terminal: what each was worth, in groups, over the horizons, and when it was asked."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from alphastrike.journal.codes import Tool
from replay.compare import ADAPTIVE
from replay.decisions import Decision
from replay.explained import AT, Explained, Group, Whole
from replay.horizons import HORIZONS, PRIMARY, SUITE_HORIZONS
from replay.trigger_quality import TriggerQuality
from replay.worth import Worth
from reports import numerals, words
from reports.text_table import TextTable

SHOWN: Final = 15
"""Interventions that are listed unless all are asked for: those with the largest effects."""

_AT_SUITE: Final = SUITE_HORIZONS.index(PRIMARY)


def tables(it: Explained, *, shows_all: bool) -> Iterator[TextTable]:
    """Yield the tables in the order in which they are read."""
    yield wholes(it)
    if it.interventions:
        yield interventions(it, shows_all=shows_all)
        yield groups(it)
        yield curve(it)
    if it.suite.decisions:
        yield regrets(it)
        yield triggers(it)


def wholes(it: Explained) -> TextTable:
    """Return the run against the other arms."""
    rows = [[*_arm(one), *_whole(one)] for one in it.whole]
    headers = ["against", "mode", "log growth", "95 %", "USDT", "episodes", f"the other is, beside {it.policy}"]
    return TextTable(f"The whole run: {it.policy} − the other", headers, rows)


def interventions(it: Explained, *, shows_all: bool) -> TextTable:
    """Return the interventions in order of number, or those with the largest effects."""
    listed = shown(it.interventions, shows_all=shows_all)
    regret = {each.situation: each.regret[_AT_SUITE] for each in it.suite.decisions}
    headers = [
        "no",
        "asked UTC",
        "trigger",
        "call",
        PRIMARY.label,
        "95 %",
        "harmless",
        "Shapley",
        "regret",
        "ep.",
        "met",
    ]
    title = f"Interventions, ‰ of equity over {PRIMARY.label}: with it − without it, all others standing"
    if len(listed) < len(it.interventions):
        title += f" ({len(listed)} of {len(it.interventions):,}, the largest effects; --all lists every one)"
    return TextTable(title, headers, [_intervention(one, regret) for one in listed])


def shown(worths: Sequence[Worth], *, shows_all: bool) -> Sequence[Worth]:
    """Return what is listed: all, or the largest effects, in order of number."""
    if shows_all or len(worths) <= SHOWN:
        return worths
    largest = sorted(worths, key=lambda one: (-abs(_or_zero(one.leave_one_out.effect[AT])), one.number))[:SHOWN]
    return sorted(largest, key=lambda one: one.number)


def groups(it: Explained) -> TextTable:
    """Return the interventions by tool, trigger and symbol."""
    headers = ["group", "calls", "episodes", "mean", "95 %", "p", "q", "Shapley, run"]
    rows = [
        _group(name, one) for name, table in zip(("tool", "trigger", "symbol"), it.groups, strict=True) for one in table
    ]
    title = f"In groups, ‰ of equity over {PRIMARY.label}; q after Benjamini and Hochberg, in each way of grouping"
    return TextTable(title, headers, rows)


def curve(it: Explained) -> TextTable:
    """Return the mean effect by horizon."""
    mean, low, high = it.curve
    floor = [_median_floor(it.interventions, place) for place in range(len(HORIZONS))]
    rows = [
        ["mean", *(thousandths(value) for value in mean)],
        ["95 % low", *(thousandths(value) for value in low)],
        ["95 % high", *(thousandths(value) for value in high)],
        ["harmless moves", *(numerals.number(1_000.0 * value, 2) for value in floor)],
    ]
    title = "How long an effect lasts, ‰ of equity; the band holds at all horizons at once"
    return TextTable(title, ["", *(horizon.label for horizon in HORIZONS)], rows)


def regrets(it: Explained) -> TextTable:
    """Return what the answers fell short of, with hindsight and without."""
    each = it.suite.regrets
    rows = [
        ["best of each situation (hindsight)", *(numerals.number(1_000.0 * one.naive, 2) for one in each)],
        ["best action by trigger, same data", *(thousandths(one.in_sample) for one in each)],
        ["chosen on one half, valued on the other", *(thousandths(one.half_sample) for one in each)],
        ["… standard error", *(numerals.number(1_000.0 * one.half_sample_error, 2) for one in each)],
    ]
    title = f"Would another tool have been better: regret, ‰ a situation, {len(it.suite.decisions):,} situations"
    return TextTable(title, ["", *(horizon.label for horizon in SUITE_HORIZONS)], rows)


def triggers(it: Explained) -> TextTable:
    """Return how well the triggers chose their moments."""
    found = it.triggers
    headers = ["trigger", "fired", "asked", "needed", "precision", "95 %", "recall", "lead h", "false alarm ‰"]
    rows = [_trigger(one) for one in (*found.by_rule, found.overall)]
    title = (
        f"Was it asked at the right time: {found.action} against doing nothing over {found.horizon}; "
        f"at any time it was needed in {numerals.percent(found.base_rate, 0)}"
    )
    return TextTable(title, headers, rows)


def thousandths(value: float) -> str:
    """Write log equity in thousandths, signed."""
    return numerals.number(1_000.0 * value, 2, signed=True)


def called(worth: Worth) -> str:
    """Say what an intervention asked for, short."""
    hours = "" if worth.tool is Tool.DISABLE_ASSET else f" {worth.ttl_hours} h"
    idle = " (idle)" if worth.is_redundant else ""
    return f"{words.asked_for(worth.tool, worth.symbol, worth.value)}{hours}{idle}"


def met(worth: Worth) -> str:
    """Say after what time the paths met again."""
    return "–" if worth.reconverged_at is None else numerals.duration(worth.reconverged_at - worth.applied)


def best(decision: Decision, place: int) -> str:
    """Name the best action at a horizon, empty where it is censored."""
    action = decision.action(decision.best[place])
    return "" if action is None else words.action(action.tool, action.value)


def _arm(one: Whole) -> list[str]:
    return [one.arm, one.mode]


def _whole(one: Whole) -> list[str]:
    edges = [numerals.number(edge, 3, signed=True) for edge in (one.low, one.high)]
    interval = "" if math.isnan(one.low) else f"[{', '.join(edges)}]"
    return [
        numerals.number(one.effect, 3, signed=True),
        interval,
        numerals.number(one.parts.total, 0, signed=True),
        numerals.number(one.episodes, 0),
        one.standing.value,
    ]


def _intervention(one: Worth, regret: dict[int, float]) -> list[str]:
    interval = "" if one.interval is None else _within(one.interval.low, one.interval.high)
    error = "" if not one.shapley_error > 0.0 else f" ±{numerals.number(1_000.0 * one.shapley_error, 2)}"
    return [
        str(one.number),
        numerals.time(one.asked),
        f"{words.label(one.rule)} {words.symbol(one.scope)}",
        called(one),
        thousandths(one.leave_one_out.effect[AT]),
        interval,
        thousandths(one.placebo.effect[AT]),
        f"{thousandths(one.shapley)}{error}",
        numerals.number(1_000.0 * regret.get(one.situation, math.nan), 2),
        str(one.episode + 1),
        met(one),
    ]


def _within(low: float, high: float) -> str:
    if max(-low, high) >= 1.0:
        return "beyond ±1,000"
    return f"[{thousandths(low)}, {thousandths(high)}]"


def _group(name: str, one: Group) -> list[str]:
    interval = "" if math.isnan(one.low) else f"[{thousandths(one.low)}, {thousandths(one.high)}]"
    return [
        f"{name} {one.label.replace('_', ' ')}",
        str(one.interventions),
        str(one.episodes),
        thousandths(one.mean),
        interval or "too few episodes",
        numerals.number(one.p, 3),
        numerals.number(one.q, 3),
        f"{thousandths(one.shapley)} ±{numerals.number(1_000.0 * one.shapley_error, 2)}",
    ]


def _trigger(one: TriggerQuality) -> list[str]:
    interval = (
        numerals.ABSENT
        if math.isnan(one.precision_low)
        else f"{numerals.percent(one.precision_low, 0)} to {numerals.percent(one.precision_high, 0)}"
    )
    return [
        "all" if one.rule is None else words.label(one.rule),
        str(one.fired),
        str(one.asked),
        f"{one.needed} of {one.valued}",
        numerals.percent(one.precision, 0),
        interval,
        numerals.percent(one.recall, 0),
        numerals.number(one.lead_hours, 0, signed=True),
        thousandths(one.false_alarm_cost),
    ]


def _median_floor(worths: Sequence[Worth], place: int) -> float:
    moved = sorted(abs(one.placebo.effect[place]) for one in worths if not math.isnan(one.placebo.effect[place]))
    if not moved:
        return math.nan
    middle = len(moved) // 2
    return moved[middle] if len(moved) % 2 else (moved[middle - 1] + moved[middle]) / 2.0


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def modes_told(it: Explained) -> str:
    """Say what the two modes are, and which one the verdict is of."""
    judged = "adaptive" if it.judged == ADAPTIVE else "frozen, as for every run of a model"
    return (
        "adaptive: every arm answers its own situations; frozen: the recorded ones, and nobody is asked after. "
        f"The verdict is {judged}; single interventions, Shapley values and the situations are frozen."
    )
