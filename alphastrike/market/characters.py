"""What tells simulated symbols apart: level, sensitivity to the market, life of their own, turnover."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from alphastrike.market.instruments import ASSUMED, Instrument, inferred

OWN_TREND: Final = 0.0025
"""Drift a day of a symbol's own trends, up, down or none in turn."""

OWN_TREND_DAYS: Final = 14.0


@dataclass(frozen=True)
class Character:
    """One symbol of a simulated market."""

    price: float
    """At the beginning, quote per base."""
    sensitivity: float
    """To the common factor."""
    own_volatility: float
    """Standard deviation of the daily return that is its own."""
    daily_volume: float
    """Quote a day."""
    trade: float
    """Mean size of a trade, quote."""
    spread: float
    """Between best bid and ask as a fraction of the price, in a usual bar."""


CHARACTERS: Final = {
    "BTCUSDT": Character(42_000.0, 1.00, 0.009, 12e9, 3_000.0, 2e-5),
    "ETHUSDT": Character(2_300.0, 1.15, 0.014, 7e9, 2_000.0, 2e-5),
    "SOLUSDT": Character(100.0, 1.35, 0.026, 2e9, 900.0, 5e-5),
    "BNBUSDT": Character(310.0, 0.90, 0.016, 6e8, 800.0, 6e-5),
    "XRPUSDT": Character(0.62, 1.05, 0.024, 9e8, 700.0, 1e-4),
    "ADAUSDT": Character(0.60, 1.15, 0.021, 4e8, 600.0, 1.5e-4),
    "DOGEUSDT": Character(0.09, 1.20, 0.027, 8e8, 600.0, 1e-4),
}
OTHER: Final = Character(10.0, 1.20, 0.026, 2e8, 500.0, 2e-4)


def character_of(symbol: str) -> Character:
    """Return the symbol's character; an unknown one behaves like a smaller altcoin."""
    return CHARACTERS.get(symbol, OTHER)


def terms_of(symbol: str) -> Instrument:
    """Return the symbol's assumed terms of trade; an unknown one has prices with three decimals."""
    return ASSUMED.get(symbol) or inferred(np.array([OTHER.price, OTHER.price + 0.001]))
