"""One account day by day, as shares of its own equity: what can be cut into folds and stitched together again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from alphastrike.model.units import MICROS_PER_DAY
from experiments.folds import Fold
from replay.effect import Integers, Reals, Tables, returns


class Costs(NamedTuple):
    """What trading cost on each of P days, (P,) each, a share of the day's first equity; earned when negative."""

    fees: Reals
    slippage: Reals
    funding: Reals
    liquidation: Reals


@dataclass(frozen=True)
class Book:
    """What an account did on P days and T ticks."""

    name: str
    day_ends: Integers
    """(P,) one past the day's last tick."""
    returns: Reals
    """(P,) simple daily returns; -1 on the day the account was lost, 0 ever after."""
    equity: Reals
    """(T + 1,) after every tick, the start before them, in units of the start equity; 0 once lost."""
    costs: Costs
    turnover: Reals
    """(P,) notional of the day's fills, a multiple of the day's first equity."""
    exposure: Reals
    """(P,) notional of all positions at the day's end, a multiple of equity."""
    closed: Reals
    """(P,) trades that ended on the day."""
    won: Reals
    """(P,) those of them with positive net P&L."""

    def ticks_of(self, fold: Fold) -> slice:
        """Return the places in ``equity`` of a fold's ticks and of the one before."""
        first = int(self.day_ends[fold.begin - 1]) if fold.begin else 0
        return slice(first, int(self.day_ends[fold.end - 1]) + 1)


def book_of(name: str, tables: Tables, start_equity: float) -> Book:
    """Read a book off an account's tables; all kinds must have been written. A day ends at 00:00 UTC."""
    rows = tables["equity"]
    day = (rows["event_time"] - 1) // MICROS_PER_DAY
    ends = np.append(np.flatnonzero(np.diff(day)) + 1, len(day)).astype(np.int64)
    days = day[ends - 1]
    equity = np.concatenate(([1.0], np.maximum(rows["equity"] / start_equity, 0.0)))
    before = start_equity * equity[np.concatenate(([0], ends[:-1]))]

    def of_day(kind: str) -> Integers:
        place = np.searchsorted(days, (tables[kind]["event_time"] - 1) // MICROS_PER_DAY)
        return np.asarray(place, dtype=np.int64)

    def summed(kind: str, values: Reals) -> Reals:
        return np.bincount(of_day(kind), weights=values, minlength=len(days)).astype(np.float64)

    def spent(field: str) -> Reals:
        return _share(np.diff(rows[field][ends - 1], prepend=0.0), before)

    fills, trades = tables["fills"], tables["trades"]
    return Book(
        name=name,
        day_ends=ends,
        returns=returns(np.concatenate(([1.0], equity[ends]))),
        equity=equity,
        costs=Costs(*(spent(field) for field in Costs._fields)),
        turnover=_share(summed("fills", np.abs(fills["quantity"]) * fills["price"]), before),
        exposure=_share(rows["exposure"][ends - 1], start_equity * equity[ends]),
        closed=summed("trades", np.ones(len(trades))),
        won=summed("trades", trades["net_pnl"] > 0.0),
    )


class SwitchCost(NamedTuple):
    """What changing from one book to another costs, as fractions of the notional that both hold."""

    fee: float
    slippage: float


def stitched(name: str, parts: Sequence[tuple[Fold, Book | None]], switch: SwitchCost) -> Book:
    """Put the days of consecutive folds together, each from the book chosen for it; ``None`` stays out of the market.

    Where the book changes, all that the one holds is sold and all that the other holds is bought, at the border: more
    than a real account would pay that keeps what both hold. Nothing is charged at the first border, where every row
    of a comparison begins with the positions that it has.
    """
    template = next((book for _, book in parts if book is not None), None)
    assert template is not None, "some book must have been chosen"
    pieces: dict[str, list[Reals]] = {field: [] for field in ("returns", "turnover", "exposure", "closed", "won")}
    costs: dict[str, list[Reals]] = {field: [] for field in Costs._fields}
    path, level = [np.ones(1)], 1.0
    held: Book | None = parts[0][1]
    for fold, book in parts:
        days = slice(fold.begin, fold.end)
        own = book or _idle(template)
        for field, kept in pieces.items():
            kept.append(getattr(own, field)[days].copy())
        for field, kept in costs.items():
            kept.append(getattr(own.costs, field)[days].copy())
        if book is not held:
            traded = sum(float(each.exposure[fold.begin - 1]) for each in (held, book) if each is not None)
            costs["fees"][-1][0] += traded * switch.fee
            costs["slippage"][-1][0] += traded * switch.slippage
            pieces["turnover"][-1][0] += traded
            kept_share = max(1.0 - traded * (switch.fee + switch.slippage), 0.0)
            pieces["returns"][-1][0] = kept_share * (1.0 + pieces["returns"][-1][0]) - 1.0
            level *= kept_share
        walked = own.equity[own.ticks_of(fold)]
        grown = level * (walked[1:] / walked[0] if walked[0] > 0.0 else np.ones(len(walked) - 1))
        path.append(grown)
        level = float(grown[-1])
        held = book
    begin = parts[0][0].begin
    first = int(template.day_ends[begin - 1]) if begin else 0
    joined = {field: np.concatenate(kept) for field, kept in pieces.items()}
    return Book(
        name=name,
        day_ends=template.day_ends[begin : parts[-1][0].end] - first,
        equity=np.concatenate(path),
        costs=Costs(**{field: np.concatenate(kept) for field, kept in costs.items()}),
        **joined,
    )


def _idle(like: Book) -> Book:
    """Return the book of an account that never trades, over the days of another."""
    none = np.zeros(len(like.returns))
    flat = np.ones(len(like.equity))
    return Book("", like.day_ends, none, flat, Costs(none, none, none, none), *(none,) * 4)


def _share(amounts: Reals, equity: Reals) -> Reals:
    """Return amounts over equity, 0 once there is none."""
    alive = equity > 0.0
    return np.where(alive, amounts / np.where(alive, equity, 1.0), 0.0)
