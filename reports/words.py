"""Codes of the journal in words: what fired, what was called, what became of it."""

from enum import IntEnum

from alphastrike.journal.codes import CallVerdict, Change, Rule, Tool
from replay.answers import AnsweredSituation, Call
from reports import numerals

ACCOUNT = "account"


def symbol(name: str | None) -> str:
    """Name a symbol, or the whole account."""
    return name or ACCOUNT


def seen(answer: AnsweredSituation) -> str:
    """Say which rule fired where, with the two numbers compared."""
    match answer.rule:
        case Rule.WIN_RATE:
            rule = f"win rate {numerals.percent(answer.value, 2)} < {numerals.percent(answer.threshold)}"
        case Rule.DRAWDOWN:
            rule = f"drawdown {numerals.percent(answer.value, 2)} > {numerals.percent(answer.threshold)}"
        case Rule.LOSS_STREAK:
            rule = f"{answer.value:.0f} losses in a row"
    return f"{symbol(answer.symbol)}: {rule}"


def call(made: Call) -> str:
    """Say what one tool call asks for."""
    return asked_for(made.tool, made.symbol, made.value)


def asked_for(tool: Tool, symbol_name: str | None, value: float) -> str:
    """Say what a tool asks for, and of what."""
    match tool:
        case Tool.ADJUST_CONVICTION | Tool.ADJUST_POSITION_SIZE | Tool.DISABLE_SHORTS | Tool.DISABLE_ASSET:
            return f"{symbol(symbol_name)} {action(tool, value)}"
        case _:
            return action(tool, value)


def action(tool: Tool, value: float) -> str:
    """Say what a tool asks for, whatever its symbol."""
    match tool:
        case Tool.ADJUST_CONVICTION:
            return f"conviction floor {value:.0f}"
        case Tool.ADJUST_POSITION_SIZE:
            return f"size × {value:g}"
        case Tool.ADJUST_LEVERAGE:
            return f"leverage at most {value:g}×"
        case Tool.DISABLE_SHORTS:
            return "no shorts"
        case Tool.DISABLE_ASSET:
            return f"disabled for {value:.0f} h"
        case Tool.NO_ACTION:
            return "no action"
        case Tool.SEND_ALERT:
            return "alert"
        case Tool.UNKNOWN:
            return "no known tool"


def called(answer: AnsweredSituation) -> str:
    """Say what an answer called, in one line."""
    if answer.failed:
        return f"no usable answer ({answer.failed})"
    if not answer.calls:
        return "nothing"
    return "; ".join(
        call(made) + (" (rejected)" if made.verdict is CallVerdict.REJECTED else "") for made in answer.calls
    )


def verdict(made: Call) -> str:
    """Name the verdict on a call."""
    return made.verdict.name.lower()


def tool(made: Call) -> str:
    """Name the tool as the policy does."""
    return made.tool.name.lower()


def ended(change: Change | None) -> str:
    """Say how an intervention ended."""
    return "outlived the run" if change is None else change.name.lower()


def effect(answer: AnsweredSituation) -> str:
    """Write the effects of an answer's interventions until their expiry, in thousandths of log equity."""
    told = [
        numerals.number(1_000.0 * made.intervention.effect, 2, signed=True)
        for made in answer.calls
        if made.intervention is not None and made.intervention.effect is not None
    ]
    return "; ".join(dict.fromkeys(told)) or numerals.ABSENT


def first_effect(answer: AnsweredSituation) -> str:
    """Give the number by which a list of answers is sorted; empty when there is none."""
    effects = [made.intervention.effect for made in answer.calls if made.intervention is not None]
    known = [effect for effect in effects if effect is not None]
    return repr(known[0]) if known else ""


def label(code: IntEnum) -> str:
    """Write a code as words: ``TREND_UP`` as ``trend up``."""
    return code.name.lower().replace("_", " ")
