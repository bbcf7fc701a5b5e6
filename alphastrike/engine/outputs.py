"""Where the compiled account writes what it did: preallocated rows, a table a kind."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from alphastrike.journal.kinds import KINDS
from alphastrike.model.compiled import Records, code, fold_step

ACCOUNT_KINDS: Final = (
    "leverage",
    "targets",
    "risk_verdicts",
    "orders",
    "fills",
    "funding_payments",
    "trades",
    "equity",
    "triggers",
    "interventions",
    "halts",
)
"""Kinds written by compiled code, in the order of ``Out``'s fields."""

EQUITY_ROWS: Final = 8192
OTHER_ROWS: Final = 4096
INSTANT_ROWS: Final = 24
"""Most rows that one instant writes a symbol, all kinds but equity together."""
SYMBOLS_MAX: Final = OTHER_ROWS // INSTANT_ROWS - 4
"""More symbols could overrun the tables within one instant; four more stand for what is the account's own."""

FULL: Final = 1
"""Everything is written."""
REDUCED: Final = 0
"""Only equity, trades and triggers are written: what branches need."""

LEVERAGE_TABLE: Final = code(0)
TARGETS_TABLE: Final = code(1)
VERDICTS_TABLE: Final = code(2)
ORDERS_TABLE: Final = code(3)
FILLS_TABLE: Final = code(4)
FUNDING_TABLE: Final = code(5)
TRADES_TABLE: Final = code(6)
EQUITY_TABLE: Final = code(7)
TRIGGERS_TABLE: Final = code(8)
INTERVENTIONS_TABLE: Final = code(9)
HALTS_TABLE: Final = code(10)


ROWS: Final = {name: EQUITY_ROWS if name == "equity" else OTHER_ROWS for name in ACCOUNT_KINDS}
OUT: Final = np.dtype(
    (
        np.record,
        [
            *((name, KINDS[name].record, (rows,)) for name, rows in ROWS.items()),
            ("counts", "i8", (len(ACCOUNT_KINDS) + 1,)),
        ],
    )
)
"""All output tables of a pass as one record, so that compiled code is given one address: a field a kind with its
rows, and ``counts``, (12,): rows written by kind, then rows of all kinds but equity."""

Out = Records
"""One record of ``OUT``; ``new_out`` makes the array, (1,), that holds it."""


def new_out() -> Records:
    """Return empty output tables, (1,) of ``OUT``."""
    return np.zeros(1, dtype=OUT)


@fold_step
def next_row(counts: Records, kind: int) -> int:
    """Take the next free row of a kind other than equity."""
    row = counts[kind]
    counts[kind] = row + 1
    counts[11] = counts[11] + 1
    return int(row)


@fold_step
def is_nearly_full(counts: Records, symbols: int) -> bool:
    """Tell whether the next instant might not fit."""
    return bool(counts[EQUITY_TABLE] + 2 > EQUITY_ROWS or counts[11] + INSTANT_ROWS * (symbols + 4) > OTHER_ROWS)


class Collected:
    """Rows drained from the output arrays over a whole pass, by kind.

    Copied as bytes: NumPy copies records field by field, ten times slower.
    """

    def __init__(self, out: Out) -> None:
        self._counts = out["counts"][0]
        self._bytes = [_as_bytes(out[name][0]) for name in ACCOUNT_KINDS]
        self._parts: list[list[npt.NDArray[np.uint8]]] = [[] for _ in ACCOUNT_KINDS]

    def drain(self) -> None:
        """Copy all rows out of the output arrays and empty them."""
        for index, rows in enumerate(self._counts[:-1].tolist()):
            if rows:
                self._parts[index].append(self._bytes[index][:rows].copy())
        self._counts[:] = 0

    def taken(self) -> dict[str, npt.NDArray[Any]]:
        """Return what was drained since the last time by kind, and forget it."""
        tables = self.tables()
        for parts in self._parts:
            parts.clear()
        return tables

    def tables(self) -> dict[str, npt.NDArray[Any]]:
        """Return one record array a kind, empty ones included."""
        tables = {}
        for name, parts in zip(ACCOUNT_KINDS, self._parts, strict=True):
            tables[name] = np.concatenate(parts).reshape(-1).view(KINDS[name].record) if parts else _EMPTY[name]
        return tables


_EMPTY: Final = {name: np.zeros(0, dtype=KINDS[name].record) for name in ACCOUNT_KINDS}


def _as_bytes(rows: Records) -> npt.NDArray[np.uint8]:
    """Look at records as (rows, bytes)."""
    raw: npt.NDArray[np.uint8] = rows.view(np.uint8).reshape(len(rows), rows.dtype.itemsize)
    return raw
