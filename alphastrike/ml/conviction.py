"""Conviction: how strong the ensemble is against its own recent past, so that 80 means the strongest fifth."""

from typing import Annotated, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Le

from alphastrike.model.compiled import Records, step


class ConvictionParams(NamedTuple):
    """The past against which strength is measured."""

    window_days: Annotated[int, Ge(1), Le(365)] = 60
    """Decisions of so many days, those on which a signal voted."""
    minimum_days: Annotated[int, Ge(1), Le(365)] = 14
    """Until so many are known there is no conviction, and the symbol is halted as warming up."""


CONVICTION_STATE: Final = np.dtype((np.record, [("known", "i8"), ("next", "i8")]))
"""One a symbol: strengths remembered, and the slot of its ring that the next one takes."""


@step
def percentile(strength: float, ring: npt.NDArray[np.float64], symbol: int, known: int) -> float:
    """Return the share (0-100) of remembered strengths below ``strength``, equal ones counting half.

    ``ring`` has shape (symbols, slots), the first ``known`` slots of a row filled; 0 when none is.
    """
    below = 0
    equal = 0
    for i in range(known):
        remembered = ring[symbol, i]
        below += 1 if remembered < strength else 0
        equal += 1 if remembered == strength else 0
    return 100.0 * (below + 0.5 * equal) / known if known > 0 else 0.0


@step
def remember(state: Records, ring: npt.NDArray[np.float64], symbol: int, strength: float) -> None:
    """Put a strength in the place of the oldest."""
    ring[symbol, state.next] = strength
    state.next += 1
    if state.next == ring.shape[1]:
        state.next = 0
    if state.known < ring.shape[1]:
        state.known += 1
