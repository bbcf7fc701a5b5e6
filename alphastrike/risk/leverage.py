"""Dynamic leverage: base x volatility x drawdown x performance, clamped."""

from typing import Annotated, NamedTuple

from annotated_types import Ge, Gt, Le

from alphastrike.model.compiled import step


class LeverageParams(NamedTuple):
    """Inputs of the leverage rule."""

    normal: Annotated[float, Ge(1), Le(10)] = 5.0
    """Leverage when nothing speaks for more or less."""
    minimum: Annotated[float, Ge(1), Le(10)] = 1.0
    maximum: Annotated[float, Ge(1), Le(10)] = 10.0
    normal_volatility: Annotated[float, Gt(0), Le(1)] = 0.02
    """Daily volatility at which the volatility factor is 1 (fraction)."""
    volatility_factor_min: Annotated[float, Gt(0)] = 0.3
    volatility_factor_max: Annotated[float, Gt(0)] = 1.5
    kelly_trades: Annotated[int, Ge(1), Le(50)] = 50
    """Half-Kelly looks at the last so many trades."""
    kelly_trades_min: Annotated[int, Ge(1), Le(50)] = 20
    """With fewer the performance factor is 1."""
    change_min: Annotated[float, Ge(0), Le(1)] = 0.10
    """A change smaller than this fraction of the present leverage is not applied."""


@step
def volatility_factor(volatility: float, normal: float, lowest: float, highest: float) -> float:
    """Return normal / current daily volatility, clamped; the lowest when the volatility is unknown (0)."""
    if volatility <= 0.0:
        return lowest
    return min(max(normal / volatility, lowest), highest)


@step
def drawdown_factor(drawdown: float) -> float:
    """Return 1.0, 0.7, 0.5 or 0.3 for drawdowns below 5, 10, 15 % and beyond (drawdown as a fraction)."""
    if drawdown < 0.05:
        return 1.0
    if drawdown < 0.10:
        return 0.7
    if drawdown < 0.15:
        return 0.5
    return 0.3


@step
def half_kelly(win_rate: float, win_loss_ratio: float) -> float:
    """Return half the Kelly fraction, (W - (1 - W) / R) / 2; negative for a losing record.

    W is the share of winning trades, R the mean win over the mean loss, both positive quotes. With no loss
    on record R is infinite and the result W / 2. After Kelly (1956), "A New Interpretation of Information Rate".
    """
    if win_loss_ratio <= 0.0:
        return -0.5
    return 0.5 * (win_rate - (1.0 - win_rate) / win_loss_ratio)


@step
def performance_factor(half_kelly_fraction: float) -> float:
    """Return 0.6 below a half-Kelly of 0.05, 1.2 above 0.15, else 1.0.

    Coarse on purpose: a smooth map would let a noisy win rate resize positions every trade.
    """
    if half_kelly_fraction < 0.05:
        return 0.6
    if half_kelly_fraction > 0.15:
        return 1.2
    return 1.0


@step
def clamped_leverage(base: float, factors: float, lowest: float, highest: float) -> float:
    """Return base x factors within [lowest, highest]."""
    return min(max(base * factors, lowest), highest)


@step
def is_material(before: float, after: float, change_min: float) -> bool:
    """Tell whether a change of leverage is large enough to be applied."""
    return abs(after - before) >= change_min * before
