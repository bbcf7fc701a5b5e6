"""A market's bars in memory: one record for every tick and symbol, rows in time order.

Shape (ticks, symbols), C-contiguous. Tick ``t`` closes at ``start + t * interval``; a candle is stamped by
its close, so row ``t`` is known at tick ``t`` and not before.
"""

from enum import IntFlag
from typing import Final

import numpy as np


class BarFlag(IntFlag):
    """What stands behind one bar record."""

    CANDLE = 1
    """A candle event exists; without it the prices are zero."""
    MARK = 2
    """A mark price event exists in this instant."""
    FUNDING = 4
    """A funding event exists in this instant."""
    FUNDING_ASSUMED = 8
    """Its rate was supplied by ``--funding-missing bound:RATE``."""
    REJECTED = 16
    """The gateway refused the candle: the account must not trade or mark on it."""


BAR: Final = np.dtype(
    (
        np.record,
        [
            ("open", "f8"),
            ("high", "f8"),
            ("low", "f8"),
            ("close", "f8"),
            ("volume", "f8"),
            ("mark", "f8"),
            ("funding_rate", "f8"),
            ("flags", "i8"),
        ],
    )
)
"""Prices in quote per base, volume in base units, funding_rate as a fraction of notional (positive: longs
pay), mark in quote per base (zero without ``BarFlag.MARK``)."""
