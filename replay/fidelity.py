"""How near the simulated venue comes to what really happened: recorded fills and equity beside the control arm's.

The control arm is the run's recorded answers on the simulated venue, and every effect is against it. What it missed of
the actual fills and equity is told here, and never mixed into an effect. A run on the simulated venue is its own
control arm, bit for bit: there is nothing to tell but that.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from alphastrike.model.compiled import Records
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR
from replay.effect import Integers, Reals, Tables

APART_MAX: Final = MICROS_PER_HOUR
"""Fills of one symbol and side that lie further apart, microseconds, are not the same fill."""
BASIS_POINTS: Final = 1e4


class Quantiles(NamedTuple):
    """Where most of some differences lie; NaN where there are none."""

    low: float
    """5th percentile."""
    median: float
    high: float
    """95th percentile."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Recorded − simulated, for what can be paired."""

    is_simulated: bool
    """The run's venue was the simulated one: recording and control arm are the same by construction."""
    is_exact: bool
    """Every fill and every equity is the same, bit for bit."""
    recorded: int
    """Fills."""
    simulated: int
    matched: int
    """Pairs of the same symbol and side within ``APART_MAX``."""
    price_bp: Quantiles
    """Of matched fills: how much worse the recorded price was than the simulated one, basis points; positive costs."""
    quantity_missed: float
    """Share of the quantity of matched fills that only one of the two has, 0 to 1; 0 when nothing is matched."""
    days: Integers
    """(D,) days since the beginning of 1970."""
    equity: Reals
    """(D,) ln(recorded ÷ simulated equity) at each day's end; NaN once either account is lost."""
    equity_end: float
    equity_largest: float
    """Largest distance of the two at any day's end, in log equity."""


def fidelity(recorded: Tables, control: Tables, *, is_simulated: bool) -> Fidelity:
    """Compare a run as recorded with its control arm, from their tables ``fills`` and ``equity``."""
    ours, theirs = recorded["fills"], control["fills"]
    pairs = matched_fills(ours, theirs)
    own, other = ours[pairs[:, 0]], theirs[pairs[:, 1]]
    worse = np.sign(own["quantity"]) * (own["price"] / other["price"] - 1.0) * BASIS_POINTS
    sizes = np.abs(own["quantity"]), np.abs(other["quantity"])
    larger = float(np.sum(np.maximum(*sizes)))
    days, apart = _equity_apart(recorded["equity"], control["equity"])
    known = np.abs(apart[np.isfinite(apart)])
    same = all(
        np.asarray(recorded[kind]).tobytes() == np.asarray(control[kind]).tobytes() for kind in ("fills", "equity")
    )
    return Fidelity(
        is_simulated=is_simulated,
        is_exact=same,
        recorded=len(ours),
        simulated=len(theirs),
        matched=len(pairs),
        price_bp=_quantiles(np.asarray(worse, dtype=np.float64)),
        quantity_missed=1.0 - float(np.sum(np.minimum(*sizes))) / larger if larger > 0.0 else 0.0,
        days=days,
        equity=apart,
        equity_end=float(apart[-1]) if len(apart) else float("nan"),
        equity_largest=float(known.max()) if len(known) else float("nan"),
    )


def matched_fills(recorded: Records, simulated: Records) -> Integers:
    """Return (M, 2) rows of recorded and simulated fills that are the same fill.

    Of one symbol and side, in order of time, each with the nearest one still free within ``APART_MAX``: an order that
    was split differently leaves fills without a partner, which is said.
    """
    free: dict[tuple[int, bool], list[int]] = defaultdict(list)
    for place, row in enumerate(simulated):
        free[int(row["symbol"]), bool(row["quantity"] > 0.0)].append(place)
    times = np.asarray(simulated["event_time"], dtype=np.int64)
    pairs = []
    for place, row in enumerate(recorded):
        candidates = free[int(row["symbol"]), bool(row["quantity"] > 0.0)]
        if not candidates:
            continue
        apart = np.abs(times[candidates] - int(row["event_time"]))
        nearest = int(np.argmin(apart))
        if apart[nearest] <= APART_MAX:
            pairs.append((place, candidates.pop(nearest)))
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _equity_apart(recorded: Records, simulated: Records) -> tuple[Integers, Reals]:
    """Return days that both have, and ln(recorded ÷ simulated) at the last moment of each that both have."""
    _, mine, theirs = np.intersect1d(recorded["event_time"], simulated["event_time"], return_indices=True)
    times = recorded["event_time"][mine]
    # A row at midnight closes the day before it.
    days = (times - 1) // MICROS_PER_DAY
    last = np.flatnonzero(np.diff(days, append=np.iinfo(np.int64).max))
    own, other = recorded["equity"][mine][last], simulated["equity"][theirs][last]
    alive = (own > 0.0) & (other > 0.0)
    ratio = np.where(alive, own, 1.0) / np.where(alive, other, 1.0)
    return days[last].astype(np.int64), np.where(alive, np.log(ratio), np.nan)


def _quantiles(values: Reals) -> Quantiles:
    if not len(values):
        return Quantiles(float("nan"), float("nan"), float("nan"))
    low, median, high = np.quantile(values, [0.05, 0.5, 0.95])
    return Quantiles(float(low), float(median), float(high))
