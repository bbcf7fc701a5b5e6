"""What may be traded and on which terms: tick, lot, fees and margin tiers per symbol."""

from typing import Final

import numpy as np

INSTRUMENT: Final = np.dtype(
    (
        np.record,
        [
            ("tick", "f8"),
            ("lot", "f8"),
            ("notional_min", "f8"),
            ("taker_fee", "f8"),
            ("maker_fee", "f8"),
            ("liquidation_fee", "f8"),
            ("leverage_max", "f8"),
        ],
    )
)
"""One a symbol. tick in quote per base, lot in base, notional_min in quote, fees as fractions of notional."""

TIER: Final = np.dtype(
    (
        np.record,
        [
            ("notional_floor", "f8"),
            ("maintenance_rate", "f8"),
            ("maintenance_deduction", "f8"),
        ],
    )
)
"""Shape (symbols, TIERS_MAX), by rising floor; unused rows have an infinite floor. Maintenance margin of a
notional in a tier is notional * maintenance_rate - maintenance_deduction (quote)."""

TIERS_MAX: Final = 12
