"""A policy's answer as text for the journal, and back: what an answer was is an input of a run that did not wait."""

import json
from typing import Any, Final

from alphastrike.journal.codes import Tool
from alphastrike.model.errors import DataError
from alphastrike.policy.policies import Answered
from alphastrike.policy.tools import RejectedCall, ToolCall, call_of

_FOLLOWED: Final = "followed "


def answer_key(situation: int, *, is_followed: bool) -> str:
    """Return under which key an answer is journaled: its situation's number, marked for the account that follows."""
    return f"{_FOLLOWED}{situation}" if is_followed else str(situation)


def key_of(key: str) -> tuple[int, bool]:
    """Return the situation's number and whether it is one of the account that follows, from a key of ``answer_key``."""
    return int(key.removeprefix(_FOLLOWED)), key.startswith(_FOLLOWED)


def answer_text(answered: Answered) -> str:
    """Return an answer as JSON: its calls, rejected ones too, and why it failed if it did."""
    return json.dumps(
        {
            "calls": [_fields(call) for call in answered.advice],
            "failed": answered.failed,
            "drifts": answered.drifts,
        }
    )


def answer_of(text: str, latency_us: int) -> Answered:
    """Return the answer that a text of ``answer_text`` holds.

    Raises:
        DataError: it holds none.
    """
    try:
        held = json.loads(text)
        return Answered(
            tuple(_call(fields) for fields in held["calls"]),
            latency_us,
            str(held["failed"]),
            tuple((str(rule), int(count)) for rule, count in held["drifts"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"a recorded answer cannot be read ({error}): {text[:80]!r}. Restore the journal.") from None


def _fields(call: ToolCall | RejectedCall) -> dict[str, Any]:
    if isinstance(call, RejectedCall):
        return {
            "rejection": call.rejection,
            "code": int(call.code),
            "about": call.about,
            "value": call.value,
            "words": call.words,
        }
    return {"tool": call.code.name.lower(), **call.model_dump()}


def _call(fields: dict[str, Any]) -> ToolCall | RejectedCall:
    if "rejection" in fields:
        return RejectedCall(
            fields["rejection"], Tool(fields["code"]), fields["about"], fields["value"], fields["words"]
        )
    return call_of(fields)
