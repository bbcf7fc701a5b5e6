"""Tool calls as typed on the command line: ``TOOL[:KEY=VALUE,…]``, aimed at a situation."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from alphastrike.journal.codes import CallVerdict, Tool
from alphastrike.model.controls import CALLS_MAX
from alphastrike.model.errors import ConfigurationError
from alphastrike.policy.faults import Fault, fault_text, shown
from alphastrike.policy.interventions import Judged, judge_advice
from alphastrike.policy.policies import DEFAULT_ARGUMENTS
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import PALETTE, TOOL_NAMES, ToolCall, call_of

REASON: Final = "what if"

_NAME: Final = "tool"


def calls_named(texts: Sequence[str], situation: Situation) -> tuple[ToolCall, ...]:
    """Return the calls that the texts name; what is not given is as in ``always``, the symbol the situation's focus.

    Raises:
        ConfigurationError: an unknown tool, argument or symbol, a value that does not fit, too many calls; says what
            is known and nearest.
    """
    if not 1 <= len(texts) <= CALLS_MAX:
        raise ConfigurationError(f"--tool is given {len(texts)} times; an answer holds one to {CALLS_MAX} calls.")
    return tuple(_call(text.strip(), situation) for text in texts)


def judged_calls(calls: Sequence[ToolCall], situation: Situation, ttl_hours: int, slots: int) -> tuple[Judged, ...]:
    """Judge calls as an answer to the situation.

    Args:
        calls: in order.
        situation: as the policy was shown it.
        ttl_hours: life of a call that names none.
        slots: interventions that an account can hold.

    Raises:
        ConfigurationError: one would be rejected; says why.
    """
    verdicts = judge_advice(calls, situation, situation.controls, ttl_hours)
    room = slots - situation.live_interventions
    for place, (call, judged) in enumerate(zip(calls, verdicts, strict=True)):
        reason = judged.rejection
        if not reason and judged.makes_intervention and sum(v.makes_intervention for v in verdicts[:place]) >= room:
            reason = f"{Fault.NO_SLOT}: {situation.live_interventions} interventions are live"
        if judged.verdict is CallVerdict.REJECTED or reason:
            raise ConfigurationError(
                f"--tool {call_text(call)} would be rejected in situation {situation.situation}: {reason}."
            )
    return verdicts


def call_text(call: ToolCall) -> str:
    """Return a call as it is typed: ``disable_asset:symbol=SOLUSDT,duration_hours=24``."""
    given = call.model_dump(exclude_none=True, exclude={_NAME, "reason", "message"})
    written = ",".join(
        f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in given.items()
    )
    return f"{call.code.name.lower()}:{written}" if written else call.code.name.lower()


def _call(text: str, situation: Situation) -> ToolCall:
    name, _, rest = text.partition(":")
    if name not in TOOL_NAMES:
        raise ConfigurationError(
            f"--tool {shown(text)}: tool {shown(name)} is unknown{_nearest(name, TOOL_NAMES)} "
            f"Tools: {', '.join(TOOL_NAMES)}."
        )
    tool = TOOL_NAMES[name]
    fields = PALETTE[tool].model_fields
    known = tuple(key for key in fields if key != _NAME)
    typed: dict[str, Any] = {}
    for part in rest.split(",") if rest else ():
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not (key and equals and value):
            raise ConfigurationError(f"--tool {shown(text)}: {shown(part)} is not KEY=VALUE.")
        if key not in known:
            raise ConfigurationError(
                f"--tool {name}: {shown(key)} is no argument of it{_nearest(key, known)} It takes: {', '.join(known)}."
            )
        if key in typed:
            raise ConfigurationError(f"--tool {shown(text)}: {key} is given twice.")
        try:
            annotation: Any = fields[key].annotation
            typed[key] = TypeAdapter(annotation).validate_strings(value)
        except ValidationError:
            raise ConfigurationError(f"--tool {name}: {key}={shown(value)} is not of the right type.") from None
    return _made(tool, typed, known, situation)


def _made(tool: Tool, typed: dict[str, Any], known: tuple[str, ...], situation: Situation) -> ToolCall:
    made = {_NAME: tool.name.lower(), **DEFAULT_ARGUMENTS[tool]}
    if "symbol" in known:
        made["symbol"] = situation.focus
    if "reason" in known:
        made["reason"] = REASON
    made |= typed
    symbol = made.get("symbol")
    if symbol is not None and symbol not in situation.symbols:
        raise ConfigurationError(
            f"--tool {tool.name.lower()}: symbol {shown(symbol)} is not in this market"
            f"{_nearest(str(symbol).upper(), situation.symbols)} Symbols: {', '.join(situation.symbols)}."
        )
    try:
        return call_of(made)
    except ValidationError as error:
        raise ConfigurationError(f"--tool {tool.name.lower()}: {fault_text(error)}.") from None


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else "."
