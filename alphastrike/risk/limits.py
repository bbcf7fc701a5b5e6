"""Limits on new risk: what is refused, by which rule, on which two numbers."""

from typing import Annotated, NamedTuple

from annotated_types import Ge, Gt, Le

from alphastrike.model.compiled import step


class LimitParams(NamedTuple):
    """Limits of the risk layer; multiples and fractions are of equity."""

    symbol_exposure_max: Annotated[float, Gt(0), Le(10)] = 1.0
    total_exposure_max: Annotated[float, Gt(0), Le(10)] = 3.0
    margin_max: Annotated[float, Gt(0), Le(1)] = 0.9
    """Initial margin of all positions, exposure / leverage, as a fraction of equity."""
    liquidation_distance_min: Annotated[float, Ge(0), Le(1)] = 0.10
    """Adverse move of all prices together that the account must survive (fraction)."""
    reduce_tolerance: Annotated[float, Ge(0), Le(1)] = 0.05
    """Open positions are reduced only when a cap is exceeded by more than this fraction of it."""
    daily_loss_max: Annotated[float, Gt(0), Le(1)] = 0.05
    drawdown_halt: Annotated[float, Gt(0), Le(1)] = 0.35
    halt_days: Annotated[float, Ge(0)] = 30.0
    """A drawdown halt lifts by itself after so many days, with the peak reset; 0 for never."""
    orders_per_hour_max: Annotated[int, Ge(1), Le(10_000)] = 120
    stale_after_hours: Annotated[float, Gt(0)] = 2.0
    """No entry on a symbol whose last accepted candle is older."""


@step
def exposure_budget(equity: float, leverage: float, total_exposure_max: float, margin_max: float) -> float:
    """Return the notional that all positions together may have, in quote.

    The strictest of three: the total cap, leverage as a ceiling, and the margin cap (exposure / leverage
    within ``margin_max`` x equity, which is why it scales the leverage).
    """
    if equity <= 0.0:
        return 0.0
    return equity * min(total_exposure_max, leverage * margin_max)


@step
def share_of_budget(wanted: float, used: float, budget: float) -> float:
    """Return the fraction, 0-1, of all wanted notionals that fits into what is left of a shared budget."""
    left = budget - used
    if left <= 0.0:
        return 0.0
    if wanted <= left:
        return 1.0
    return left / wanted


@step
def liquidation_distance(equity: float, maintenance: float, exposure: float) -> float:
    """Return the adverse move, as a fraction of exposure, at which equity meets the maintenance margin.

    All in quote; infinite without exposure is reported as 1.0.
    """
    if exposure <= 0.0:
        return 1.0
    return (equity - maintenance) / exposure
