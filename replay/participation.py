"""Whether an arm may pass for a price-taker: how much of the volume that filled them its orders were.

Every effect here rests on the market being the same without us. An order that is a good part of a bar's volume would
have moved the prices that everybody saw next, and no branch knows by how much.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from alphastrike.journal.codes import OrderChange, Reason
from alphastrike.market.market import Market
from replay.effect import Tables

Reals = npt.NDArray[np.float64]

LIMIT: Final = 0.05
"""Share of a bar's volume from which on an arm is flagged: half of what the venue fills at most by default. The impact
that is charged was fitted to whole orders over a day; what stays in the price after them is charged to nobody, and at a
twentieth of the volume is no longer small beside half a spread."""
RARE: Final = 0.99
"""One thin bar is no habit: this quantile of all fills is held against the limit, the largest is told beside."""


@dataclass(frozen=True, slots=True)
class Participation:
    """An arm's orders against the volume of the bars that filled them, as fractions."""

    fills: int
    largest: float
    """0 when nothing was filled."""
    high: float
    """99th percentile."""
    beyond: int
    """Fills beyond ``LIMIT``."""

    @property
    def is_flagged(self) -> bool:
        """Whether the arm traded too much to have left the market as it was."""
        return self.high > LIMIT


def participation(tables: Tables, market: Market) -> Participation:
    """Return how much of the market an arm was, from its tables ``orders`` and ``fills`` in full detail."""
    found = shares_of_volume(tables, market)
    if not len(found):
        return Participation(0, 0.0, 0.0, 0)
    return Participation(
        fills=len(found),
        largest=float(np.max(found)),
        high=float(np.quantile(found, RARE)),
        beyond=int(np.sum(found > LIMIT)),
    )


def shares_of_volume(tables: Tables, market: Market) -> Reals:
    """Return (F,) for every fill its order's size, as far as it was still open, ÷ the volume of the bar that filled it.

    What a bar's volume could not take counts too: it was wanted. A liquidation is the venue's, settled on the mark.
    """
    orders, fills = tables["orders"], tables["fills"]
    steps = orders[orders["change"] == OrderChange.FILLED]
    assert np.array_equal(steps["order"], fills["order"]), "a fill without its order's step"
    own = fills["reason"] != Reason.LIQUIDATION
    wanted = (np.abs(fills["quantity"]) + np.abs(steps["quantity"]))[own]
    ticks = -((market.start - fills["event_time"][own]) // market.interval)
    return np.asarray(wanted / market.bars["volume"][ticks, fills["symbol"][own]], dtype=np.float64)
