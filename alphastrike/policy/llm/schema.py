"""The JSON schema of an answer, made anew for every situation from what it offers.

A grammar built from it cannot produce an unknown tool, a foreign symbol, or a number that loosens anything: it holds
whole numbers and enumerations only, because engines enforce those and not fractions. No ``$ref``, no object without
properties. Keys are in alphabetical order, which is the wanted one too: some servers sort them, and generation
follows their order, so that the analysis comes before the calls and the action before its arguments.
"""

from typing import Any, Final

from alphastrike.journal.codes import Tool
from alphastrike.model.controls import CALLS_MAX
from alphastrike.policy.llm.offers import Offer, reason_codes
from alphastrike.policy.llm.report import Report

ANALYSIS_PATTERN: Final = "^[A-Za-z0-9 ,.%-]{0,200}$"
"""One short line of ASCII: no quotes, no brackets, no other script."""

Schema = dict[str, Any]


def answer_schema(report: Report) -> Schema:
    """Return the schema of an answer to the report: an analysis, then ``no_action`` alone or one to three calls."""
    nothing = _list([_call(offer) for offer in report.offers if offer.tool is Tool.NO_ACTION], 1)
    calls = [_call(offer) for offer in report.offers if offer.tool is not Tool.NO_ACTION]
    interventions = {"oneOf": [nothing, _list(calls, CALLS_MAX)]} if calls else nothing
    return _object({"analysis": {"type": "string", "pattern": ANALYSIS_PATTERN}, "interventions": interventions})


def _list(calls: list[Schema], most: int) -> Schema:
    items = calls[0] if len(calls) == 1 else {"oneOf": calls}
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


def _call(offer: Offer) -> Schema:
    properties: dict[str, Schema] = {
        "action": {"type": "string", "const": offer.action},
        "reason_code": {"type": "string", "enum": list(reason_codes(offer.tool))},
    }
    if offer.values:
        properties[offer.argument] = _whole(offer.values)
    if offer.names:
        properties["symbol"] = {"type": "string", "enum": list(offer.names)}
    return _object({name: properties[name] for name in sorted(properties)})


def _whole(values: tuple[int, ...]) -> Schema:
    if len(values) > 1 and values[-1] - values[0] == len(values) - 1:
        return {"type": "integer", "minimum": values[0], "maximum": values[-1]}
    return {"type": "integer", "enum": list(values)}


def _object(properties: dict[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
