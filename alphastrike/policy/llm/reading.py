"""Reading a model's answer: from the schema's words into tool calls of the palette.

Schema-constrained or not, an answer is only text. What is spelled as the schema asks is taken as it is; the stated
drifts of ``policy.normalise`` are mended and counted; everything else is rejected with its reason. Nothing is raised
for any text, no number is moved, and whether a call may act is judged afterwards, by ``policy.interventions``.
"""

from collections import Counter
from dataclasses import replace
from typing import Any, Final

from alphastrike.journal.codes import Tool
from alphastrike.policy.faults import Fault, shown
from alphastrike.policy.llm.masking import Names, names_of
from alphastrike.policy.llm.offers import PERCENT_ARGUMENT, reason_codes
from alphastrike.policy.normalise import NO_REASON, Parsed, Spelling, Unusable, read_text
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import PALETTE, WORDS_MAX, RejectedCall, ToolCall, call_of, plain


def read_answer(content: str, situation: Situation, *, mask: bool) -> Parsed:
    """Return the calls of an answer, about the market's own symbols.

    A call's reason is its code with the answer's analysis after it, for people to read. Labels are read back into
    symbols, in words too. A symbol that the prompt did not show is rejected: nothing was known about it.

    Args:
        content: the answer's text, whatever it is.
        situation: what was asked about.
        mask: whether the prompt called symbols by labels.
    """
    names = names_of(situation, mask=mask)
    parsed = read_text(content, names.names, _SCHEMA_SPELLING)
    analysis = names.unmasked(parsed.analysis)
    return replace(parsed, entries=tuple(_told(entry, names, analysis) for entry in parsed.entries), analysis=analysis)


def _told(entry: ToolCall | RejectedCall, names: Names, analysis: str) -> ToolCall | RejectedCall:
    """Return the entry about the market's symbol, with its reason in full."""
    symbol = None if entry.about is None else names.symbol_of(entry.about)
    words = names.unmasked(entry.words)
    if isinstance(entry, RejectedCall):
        return replace(entry, about=entry.about if symbol is None else symbol, words=words[:WORDS_MAX])
    if entry.about is not None and symbol is None:
        rejection = f"{Fault.UNKNOWN_SYMBOL}: {entry.about} is not in the report"
        return RejectedCall(rejection, entry.code, entry.about, entry.value, words[:WORDS_MAX])
    if analysis and entry.code is not Tool.SEND_ALERT:
        words = analysis if words == NO_REASON else f"{words}: {analysis}"
    fields = entry.model_dump()
    fields["message" if entry.code is Tool.SEND_ALERT else "reason"] = words[:WORDS_MAX].rstrip()
    if symbol is not None:
        fields["symbol"] = symbol
    return call_of(fields)


def _mended(tool: Tool, fields: dict[str, Any], used: Counter[str]) -> None:
    """Put the schema's arguments into the palette's."""
    if tool is Tool.ADJUST_POSITION_SIZE and PERCENT_ARGUMENT in fields:
        if "multiplier" in fields:
            raise Unusable(f"{Fault.MALFORMED}: {PERCENT_ARGUMENT} and multiplier are both given")
        fields["multiplier"] = _fraction(fields.pop(PERCENT_ARGUMENT), used)
    if "reason_code" in fields and "reason" in PALETTE[tool].model_fields:
        code = fields.pop("reason_code")
        if not isinstance(code, str):
            raise Unusable(f"{Fault.MALFORMED}: reason_code must be text, was {shown(code)}")
        if code not in reason_codes(tool):
            used["reason_code"] += 1
        own = fields.get("reason")
        fields["reason"] = f"{code}: {own}" if isinstance(own, str) and plain(own) else code


def _fraction(percent: object, used: Counter[str]) -> float:
    if isinstance(percent, float) and percent.is_integer():
        percent = int(percent)
        used["whole_number"] += 1
    if not isinstance(percent, int) or isinstance(percent, bool):
        raise Unusable(f"{Fault.MALFORMED}: {PERCENT_ARGUMENT} must be a whole number, was {shown(percent)}")
    if not 10 <= percent <= 100:
        raise Unusable(f"{Fault.OUT_OF_BOUNDS}: {PERCENT_ARGUMENT} must be 10 to 100, was {shown(percent)}")
    return percent / 100


_SCHEMA_SPELLING: Final = Spelling(wrapper="interventions", tool_key="action", mend=_mended)
