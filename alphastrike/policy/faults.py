"""Saying why a call is rejected: one label and one short detail, whoever made the call."""

from enum import StrEnum
from typing import Final

from pydantic import ValidationError

from alphastrike.policy.tools import plain

SHOWN_MAX: Final = 60
"""Characters of a foreign value that are repeated in a message."""


class Fault(StrEnum):
    """Why a call is rejected: the label with which its rejection begins."""

    MALFORMED = "malformed"
    """Arguments missing, unknown, contradictory or of the wrong type."""
    OUT_OF_BOUNDS = "out_of_bounds"
    UNKNOWN_TOOL = "unknown_tool"
    UNKNOWN_SYMBOL = "unknown_symbol"
    LOOSENS_RISK = "loosens_risk"
    TOO_MANY = "too_many_calls"
    NO_SLOT = "no_slot"
    """A sound call, at a time when as many interventions are live as an account can have."""


_BOUNDS: Final = frozenset(
    {"greater_than_equal", "less_than_equal", "finite_number", "string_too_long", "string_too_short", "literal_error"}
)
_SAID: Final = {
    "missing": "is missing",
    "extra_forbidden": "is no argument of this tool",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a finite number",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must be a name like BTCUSDT",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be text",
    "literal_error": "must be {expected}",
}


def shown(value: object) -> str:
    """Return a foreign value short, on one line and in ASCII, fit for a message."""
    try:
        text = ascii(value)
    except ValueError:  # an integer of thousands of digits has no text
        text = "a number too long to show"
    text = plain(text)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def fault_text(error: ValidationError) -> str:
    """Return the first complaint as a rejection: ``label: argument, what it must be, what it was``."""
    first = error.errors(include_url=False, include_input=True)[0]
    kind = first["type"]
    if kind in {"union_tag_invalid", "union_tag_not_found", "model_attributes_type"}:
        return f"{Fault.UNKNOWN_TOOL}: {shown(_tag(first['input']))} is no tool"
    label = Fault.OUT_OF_BOUNDS if kind in _BOUNDS else Fault.MALFORMED
    said = _SAID.get(kind, first["msg"]).format(**first.get("ctx", {}))
    where = str(first["loc"][-1]) if first["loc"] else "the call"
    was = "" if kind == "missing" else f", was {shown(first['input'])}"
    return f"{label}: {shown_name(where)} {said}{was}"


def shown_name(name: str) -> str:
    """Return an argument's name as it may be repeated: short, ASCII, without quotes when it is an identifier."""
    return name if name.isascii() and name.isidentifier() and len(name) <= SHOWN_MAX else shown(name)


def _tag(given: object) -> object:
    return given.get("tool", given) if isinstance(given, dict) else given
