"""When and where the strategy leaves a position."""

from typing import Annotated, Final, NamedTuple

from annotated_types import Ge

from alphastrike.journal.codes import Reason
from alphastrike.model.compiled import code, step

HOLD: Final = code(0)
EXIT_SIGNAL: Final = code(Reason.EXIT_SIGNAL)
EXIT_TIME: Final = code(Reason.EXIT_TIME)


class ExitParams(NamedTuple):
    """The strategy's own exits."""

    stop_atr: Annotated[float, Ge(0)] = 8.0
    """Distance of the stop from the entry in ATR; 0 for no stop."""
    take_profit_atr: Annotated[float, Ge(0)] = 0.0
    """Distance of the take profit from the entry in ATR; 0 for none."""
    hold_max_hours: Annotated[float, Ge(0)] = 240.0
    """A position is left after so long and must qualify anew; 0 for no limit."""


@step
def exit_reason(
    side: int,
    direction: int,
    conviction: float,
    exit_level: float,
    perception_halted: bool,
    held: int,
    hold_max: int,
) -> int:
    """Return why an open position is left now, or ``HOLD``.

    Times in microseconds. While perception is halted its silence is not an opinion: only time, stop and take
    profit still apply.
    """
    if hold_max > 0 and held >= hold_max:
        return EXIT_TIME
    if perception_halted:
        return HOLD
    if direction == -side or conviction < exit_level:
        return EXIT_SIGNAL
    return HOLD


@step
def protective_price(entry_price: float, side: int, distance: float, tick: float) -> float:
    """Return the price ``distance`` away from the entry against ``side`` > 0 below it, on the tick grid.

    ``side`` +1 gives a price below the entry (a long's stop), -1 one above; 0.0 when the distance is zero or
    the price would not be positive.
    """
    if distance <= 0.0:
        return 0.0
    price = entry_price - side * distance
    rounded = round_to_tick(price, tick)
    return rounded if rounded > 0.0 else 0.0


@step
def round_to_tick(price: float, tick: float) -> float:
    """Return the price on the tick grid nearest to ``price`` (halves away from zero)."""
    steps = price / tick + 0.5
    whole = float(int(steps))
    return whole * tick
