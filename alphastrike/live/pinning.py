"""From what a person typed to a control that is held: through the same models and bounds as a policy's calls."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from alphastrike.engine.acts import Pin
from alphastrike.model.errors import DataError
from alphastrike.policy.faults import fault_text
from alphastrike.policy.tools import PALETTE, TOOL_NAMES, call_of

PINNABLE = tuple(name for name, tool in TOOL_NAMES.items() if PALETTE[tool].intervenes)
"""Tools that set a control."""


def pinned(tool: str, symbol: str | None, value: float | None, hours: int, symbols: Sequence[str]) -> Pin:
    """Return the control to hold.

    Args:
        tool: name of one of ``PINNABLE``.
        symbol: where the tool needs one; else ``None``.
        value: the tool's number, where it has one that is not its hours.
        hours: how long.
        symbols: of the run, in the order of its table.

    Raises:
        DataError: a tool, symbol or number that the palette does not allow.
    """
    if tool not in PINNABLE:
        raise DataError(f"{tool} sets no control. Known: {', '.join(PINNABLE)}.")
    model = PALETTE[TOOL_NAMES[tool]]
    fields: dict[str, Any] = {"tool": tool, "reason": "pinned"}
    needs_symbol = "symbol" in model.model_fields
    if needs_symbol != (symbol is not None):
        raise DataError(f"{tool} needs {'a --symbol' if needs_symbol else 'no --symbol: it is about the account'}.")
    if symbol is not None:
        if symbol not in symbols:
            raise DataError(f"the run does not know {symbol}. Known: {', '.join(symbols)}.")
        fields["symbol"] = symbol
    if model.argument == "duration_hours":
        fields["duration_hours"] = hours
    else:
        fields["ttl_hours"] = hours
        if bool(model.argument) != (value is not None):
            raise DataError(f"{tool} needs {f'a --value, its {model.argument}' if model.argument else 'no --value'}.")
        if value is not None:
            is_whole = model.model_fields[model.argument].annotation is int and value == int(value)
            fields[model.argument] = int(value) if is_whole else value
    try:
        call = call_of(fields)
    except ValidationError as error:
        raise DataError(f"{tool}: {fault_text(error)}.") from None
    return Pin(call.code, symbols.index(symbol) if symbol is not None else -1, call.value, hours)
