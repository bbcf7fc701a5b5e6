"""How far ahead an effect is read: the same horizons everywhere, fixed before anything is looked at."""

from typing import Final, NamedTuple

from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR


class Horizon(NamedTuple):
    """A length of time after an intervention, or the end of the run."""

    label: str
    micros: int | None
    """``None``: the end of the run, however far that is."""


END: Final = Horizon("end", None)
HORIZONS: Final = (
    Horizon("1 h", MICROS_PER_HOUR),
    Horizon("4 h", 4 * MICROS_PER_HOUR),
    Horizon("12 h", 12 * MICROS_PER_HOUR),
    Horizon("24 h", 24 * MICROS_PER_HOUR),
    Horizon("3 d", 3 * MICROS_PER_DAY),
    Horizon("7 d", 7 * MICROS_PER_DAY),
    END,
)
SUITE_HORIZONS: Final = HORIZONS[3:]
"""Over which the actions of a situation are compared."""
PRIMARY: Final = HORIZONS[5]
"""Over which effects are judged: the longest life of an intervention, most of a holding time behind it."""


def ticks_ahead(horizons: tuple[Horizon, ...], tick: int, interval: int, ticks: int) -> tuple[int | None, ...]:
    """Return the tick at which each horizon after ``tick`` is read, ``None`` where it lies beyond the market's end.

    Args:
        horizons: those asked for.
        tick: from which they count.
        interval: between two ticks, microseconds; a horizon shorter than that is read at the first tick after it.
        ticks: of the market.
    """
    found: list[int | None] = []
    for horizon in horizons:
        at = ticks - 1 if horizon.micros is None else tick - (-horizon.micros // interval)
        found.append(at if at < ticks else None)
    return tuple(found)
