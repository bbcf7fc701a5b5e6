"""Asking once more: the same messages with a description of what was wrong, in words of ours alone.

What a model said never goes back into a prompt, not even inside a complaint about it: a complaint is put together
from fixed sentences, chosen by the fault's label, and the name of an argument when it is one of ours.
"""

import re
from dataclasses import replace
from typing import Final

from alphastrike.policy.faults import Fault
from alphastrike.policy.llm.offers import PERCENT_ARGUMENT
from alphastrike.policy.llm.request import Messages
from alphastrike.policy.normalise import TEXT_MAX
from alphastrike.policy.tools import PALETTE

TRUNCATED: Final = "truncated"
"""Label of an answer that reached the limit of its length."""

_SENTENCES: Final = {
    Fault.MALFORMED: "it was not the JSON asked for, or an argument was missing, unknown or of the wrong type.",
    Fault.OUT_OF_BOUNDS: "a number or a choice was not one of those offered.",
    Fault.UNKNOWN_TOOL: "it named an action that does not exist.",
    Fault.UNKNOWN_SYMBOL: "it named a symbol that is not in the report.",
    Fault.LOOSENS_RISK: "a call would have raised risk, and calls may only lower it.",
    Fault.TOO_MANY: "it held too many calls.",
    TRUNCATED: "it broke off before its end. Keep the analysis short.",
}
_EMPTY: Final = "it was empty."
_TOO_LONG: Final = "it was far too long."
_UNUSABLE: Final = "no call in it could be used."
_ARGUMENTS: Final = frozenset(name for model in PALETTE.values() for name in model.model_fields) | {
    PERCENT_ARGUMENT,
    "action",
    "reason_code",
}
_ARGUMENT: Final = re.compile(r"[a-z_]+: ([a-z_]+) ")


def retry_messages(messages: Messages, content: str, fault: str) -> Messages:
    """Return the messages of a second attempt.

    The description follows the last message's own text: some servers' templates refuse two messages of one role in
    a row.

    Args:
        messages: what was asked.
        content: the answer; only whether it was empty or too long is told.
        fault: ``label: detail`` of a rejection, the reason why an answer was unreadable, or ``truncated``. Of the
            detail, an argument's name is told if it is one of the palette's, and nothing else.
    """
    label = fault.partition(":")[0].strip()
    said = _SENTENCES.get(label, _UNUSABLE)
    if not content.strip():
        said = _EMPTY
    elif len(content) > TEXT_MAX:
        said = _TOO_LONG
    found = _ARGUMENT.match(fault)
    argument = f" The argument was {found[1]}." if found and found[1] in _ARGUMENTS else ""
    note = f"Your last answer was rejected: {said}{argument} Answer again, with one JSON object and nothing else."
    return (*messages[:-1], replace(messages[-1], content=f"{messages[-1].content}\n\n{note}"))
