"""Tables of an arm made by hand: only what a test says, everything else empty."""

from collections.abc import Sequence
from typing import Any

import numpy as np

import alphastrike.journal.derived  # noqa: F401  (declares the kinds)
from alphastrike.journal.codes import Change, Reason, Tool
from alphastrike.journal.kinds import KINDS
from alphastrike.model.compiled import Records
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR

DAY_ZERO = 1_704_067_200_000_000
"""2024-01-01 00:00 UTC."""

ARM_KINDS = (
    "leverage",
    "fills",
    "trades",
    "equity",
    "triggers",
    "situations",
    "situation_symbols",
    "advice",
    "tool_calls",
    "interventions",
    "halts",
    "alerts",
)


def rows(kind: str, *given: dict[str, Any]) -> Records:
    """Records of a kind; fields not given are zero or empty."""
    made = np.zeros(len(given), dtype=KINDS[kind].record).view(np.recarray)
    for name in made.dtype.names or ():
        if made.dtype[name].hasobject:
            made[name] = ""
    for record, fields in zip(made, given, strict=True):
        for name, value in fields.items():
            record[name] = value
    return made


def arm_tables(**given: Records) -> dict[str, Records]:
    return {name: given.get(name, rows(name)) for name in ARM_KINDS}


def equity_rows(values: Sequence[float], step: int = MICROS_PER_DAY, start: float = 100.0, **more: Any) -> Records:
    """Equity by period, the first row one step after day zero; the whole P&L is price P&L."""
    return rows(
        "equity",
        *(
            {"event_time": DAY_ZERO + step * (place + 1), "equity": value, "price_pnl": value - start, **more}
            for place, value in enumerate(values)
        ),
    )


def intervention_rows(*hours: tuple[float, float], symbol: int = 0) -> Records:
    """Interventions active over the given (begin, end) hours since day zero, with their expiry."""
    made = []
    for number, (begin, end) in enumerate(hours, start=1):
        expires = DAY_ZERO + int(end * MICROS_PER_HOUR)
        common = {
            "intervention": number,
            "situation": number,
            "tool": Tool.ADJUST_POSITION_SIZE,
            "symbol": symbol,
            "value": 0.5,
            "expires": expires,
        }
        made.append(
            {**common, "event_time": DAY_ZERO + int(begin * MICROS_PER_HOUR), "change": Change.APPLIED, "after": 0.5}
        )
        made.append({**common, "event_time": expires, "change": Change.EXPIRED, "after": 1.0})
    return rows("interventions", *sorted(made, key=lambda row: row["event_time"]))


def fill_row(quantity: float, price: float, reason: Reason = Reason.ENTRY, trade: int = 1) -> dict[str, Any]:
    return {"quantity": quantity, "price": price, "reason": reason, "trade": trade}
