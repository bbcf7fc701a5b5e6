"""The simulated venue's arithmetic: prices of fills, maintenance margin, liquidation prices.

Only + - x / sqrt, floor and comparisons in explicit order: the bits are the same on every machine.
"""

import math
from typing import Annotated, NamedTuple

from annotated_types import Ge, Gt, Le

from alphastrike.model.compiled import Records, fold_routine, fold_step, step
from alphastrike.model.instrument import TIERS_MAX


class VenueParams(NamedTuple):
    """How the simulated venue fills."""

    half_spread: Annotated[float, Ge(0), Le(0.1)] = 0.0001
    """Fraction of price paid on every market order."""
    impact: Annotated[float, Ge(0), Le(10)] = 1.0
    """Coefficient Y of the square-root impact."""
    participation_max: Annotated[float, Gt(0), Le(1)] = 0.10
    """Share of a bar's volume one order may take; the rest waits for the next bar."""
    isolated_margin: Annotated[int, Ge(0), Le(1)] = 0
    """1: each position has its own margin and is liquidated inside the bar; 0: cross margin, at the tick."""
    mark_on_marks: Annotated[int, Ge(0), Le(1)] = 0
    """``mark_source``: 0 marks the book on candle closes, 1 on mark price events (and closes between them)."""


@step
def slippage(quantity: float, half_spread: float, impact: float, volatility: float, daily_volume: float) -> float:
    """Return the fraction of price by which a market order of ``quantity`` (base, unsigned) fills worse.

    Half spread + Y x daily volatility x sqrt(quantity / daily volume): the square-root law, after Almgren,
    Thum, Hauptmann and Li (2005), "Direct Estimation of Equity Market Impact". Without a known volume the
    impact is that of an order as large as a day.
    """
    participation = quantity / daily_volume if daily_volume > 0.0 else 1.0
    return half_spread + impact * volatility * math.sqrt(participation)


@step
def fill_price(reference: float, side: int, worse: float, tick: float) -> float:
    """Return the price of a market fill: ``worse`` (fraction) against the reference, rounded to a tick.

    Rounded away from the taker: buys up, sells down; never below one tick.
    """
    raw = reference * (1.0 + side * worse)
    steps = raw / tick
    if side > 0:
        return math.ceil(steps - 1e-9) * tick
    return max(math.floor(steps + 1e-9), 1.0) * tick


@step
def fillable(wanted: float, volume: float, participation_max: float, lot: float) -> float:
    """Return how much of ``wanted`` (base, unsigned) a bar of ``volume`` fills, in whole lots."""
    most = volume * participation_max
    if wanted <= most:
        return wanted
    return math.floor(most / lot + 1e-6) * lot


@fold_step
def maintenance_margin(tiers: Records, s: int, notional: float) -> float:
    """Return the maintenance margin in quote of a position of ``notional`` (unsigned) in symbol ``s``."""
    margin = 0.0
    for k in range(TIERS_MAX):
        tier = tiers[s, k]
        if notional < tier.notional_floor:
            break
        margin = float(notional * tier.maintenance_rate - tier.maintenance_deduction)
    return max(margin, 0.0)


@fold_routine
def liquidation_price(tiers: Records, s: int, quantity: float, entry_price: float, margin: float) -> float:
    """Return the price at which an isolated position's margin meets its maintenance; 0.0 for never.

    ``quantity`` signed (base), ``margin`` in quote. With a = abs(quantity), maintenance a p r - d in the tier of
    notional a p: a long is liquidated at p = (a entry - margin - d) / (a (1 - r)), a short at
    p = (a entry + margin + d) / (a (1 + r)). The tier is the one that holds at the price it gives.
    """
    a = abs(quantity)
    if a == 0.0:
        return 0.0
    for k in range(TIERS_MAX):
        tier = tiers[s, k]
        rate = tier.maintenance_rate
        deduction = tier.maintenance_deduction
        if quantity > 0.0:
            price = (a * entry_price - margin - deduction) / (a * (1.0 - rate))
        else:
            price = (a * entry_price + margin + deduction) / (a * (1.0 + rate))
        ceiling = math.inf
        if k + 1 < TIERS_MAX:
            ceiling = tiers[s, k + 1].notional_floor
        if a * price < ceiling:
            return float(max(price, 0.0))
    return 0.0


@step
def bankruptcy_price(quantity: float, entry_price: float, margin: float) -> float:
    """Return the price at which an isolated position's margin is used up; never below zero."""
    price = entry_price - margin / quantity
    return max(price, 0.0)
