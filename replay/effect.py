"""Whole-run metrics of one arm: pure functions of its tables.

Every function names its formula. Fractions are fractions, money is in quote currency (USDT), times are
microseconds UTC. NaN stands for "not defined here" (no trade, no variation), and is printed as such.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.journal.codes import Change, Reason
from alphastrike.model.compiled import Records
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR

Tables = Mapping[str, Records]
"""An arm's derived kinds by name, as record arrays of ``KINDS[name].record``."""

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

DAYS_PER_YEAR: Final = 365
CENT: Final = 0.01
TAIL: Final = 0.05


class Parts(NamedTuple):
    """What a P&L is made of, in quote: each part as it moved equity, so that costs are negative.

    They add up to the net P&L: equity = start + price + fees + slippage + funding + liquidation.
    """

    price: float
    fees: float
    slippage: float
    funding: float
    liquidation: float

    @property
    def total(self) -> float:
        """Net P&L, quote."""
        return self.price + self.fees + self.slippage + self.funding + self.liquidation

    def minus(self, other: "Parts") -> "Parts":
        """Return the difference part by part; the parts of a difference add up to the difference."""
        return Parts(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True)
class Metrics:
    """One arm over the whole run. ``replay.measures`` says how each is written and read."""

    equity_end: float
    log_growth: float
    """ln(final equity / start equity); minus infinity when the account was lost."""
    net_pnl: float
    parts: Parts
    sharpe: float
    sortino: float
    calmar: float
    max_drawdown: float
    cvar_95: float
    """Mean of the worst 5 % of hourly returns: negative for a loss."""
    win_rate: float
    trades: int
    turnover: float
    liquidations: int
    time_under_water: float
    time_halted: float
    interventions: int
    situations: int
    episodes: int

    def difference(self, other: "Metrics") -> dict[str, float]:
        """Return self - other for every number but the parts."""
        return {
            item.name: float(getattr(self, item.name)) - float(getattr(other, item.name))
            for item in fields(self)
            if item.name != "parts"
        }


def metrics(tables: Tables, start_equity: float) -> Metrics:
    """Compute every whole-run metric of an arm that began with ``start_equity`` quote."""
    equity = tables["equity"]
    daily = returns(sampled(equity, start_equity, MICROS_PER_DAY)[1])
    hourly = returns(sampled(equity, start_equity, MICROS_PER_HOUR)[1])
    values = np.concatenate(([start_equity], equity["equity"]))
    parts = pnl_parts(equity, start_equity)
    drawdown = max_drawdown(values)
    trades = tables["trades"]
    return Metrics(
        equity_end=float(values[-1]),
        log_growth=log_growth(values),
        net_pnl=float(values[-1]) - start_equity,
        parts=parts,
        sharpe=sharpe(daily),
        sortino=sortino(daily),
        calmar=calmar(values, len(daily), drawdown),
        max_drawdown=drawdown,
        cvar_95=cvar(hourly),
        win_rate=float(np.mean(trades["net_pnl"] > 0.0)) if len(trades) else float("nan"),
        trades=len(trades),
        turnover=turnover(tables["fills"], equity),
        liquidations=liquidations(tables["fills"]),
        time_under_water=time_under_water(equity, start_equity),
        time_halted=share_of_time(equity["event_time"], equity["halted"] != 0),
        interventions=int(np.sum(tables["interventions"]["change"] == Change.APPLIED)),
        situations=len(tables["situations"]),
        episodes=len(episodes([tables])),
    )


def pnl_parts(equity: Records, start_equity: float) -> Parts:
    """Return the parts of the net P&L at the last row of an ``equity`` table.

    The account keeps them as running sums; that they account for equity to the cent is an invariant of
    ours, hence the assertion.
    """
    if not len(equity):
        return Parts(0.0, 0.0, 0.0, 0.0, 0.0)
    last = equity[-1]
    parts = Parts(
        price=float(last["price_pnl"]),
        fees=-float(last["fees"]),
        slippage=-float(last["slippage"]),
        funding=-float(last["funding"]),
        liquidation=-float(last["liquidation"]),
    )
    net = float(last["equity"]) - start_equity
    assert abs(parts.total - net) < CENT / 2, f"P&L parts add up to {parts.total}, equity moved by {net}"
    return parts


def sampled(equity: Records, start_equity: float, period: int) -> tuple[Integers, Reals]:
    """Sample equity at the end of each period (microseconds) that has a row.

    Returns (P,) period numbers and (P + 1,) equity, the start equity first. A row at midnight is the close
    of the day before it: a bar is stamped by its close. Periods without a row are left out, so that a
    market of daily bars has daily "hourly" returns rather than 23 zeros a day.
    """
    period_of_row = (equity["event_time"] - 1) // period
    if not len(period_of_row):
        return np.empty(0, dtype=np.int64), np.array([start_equity])
    last_of_period = np.append(np.flatnonzero(np.diff(period_of_row)), len(period_of_row) - 1)
    values = np.concatenate(([start_equity], equity["equity"][last_of_period]))
    return period_of_row[last_of_period].astype(np.int64), values.astype(np.float64)


def returns(values: Reals) -> Reals:
    """Return simple returns of successive values; -1 when the account is lost, 0 ever after."""
    alive = np.maximum(values, 0.0)
    before = alive[:-1]
    safe = np.where(before > 0.0, before, 1.0)
    return np.where(before > 0.0, alive[1:] / safe - 1.0, 0.0)


def log_growth(values: Reals) -> float:
    """ln(last / first); minus infinity for an account that ends at or below zero."""
    return float(np.log(values[-1] / values[0])) if values[-1] > 0.0 else float("-inf")


def sharpe(daily: Reals) -> float:
    """Mean over sample standard deviation of daily returns x sqrt(365), no risk-free rate (Sharpe, 1994)."""
    if len(daily) < 2:
        return float("nan")
    spread = float(np.std(daily, ddof=1))
    return float(np.mean(daily)) / spread * DAYS_PER_YEAR**0.5 if spread > 0.0 else float("nan")


def sortino(daily: Reals) -> float:
    """Mean over the root mean square of the losses among all daily returns, x sqrt(365).

    Target zero; days without loss count as zero in the denominator (Sortino and Price, 1994).
    """
    if not len(daily):
        return float("nan")
    downside = float(np.sqrt(np.mean(np.minimum(daily, 0.0) ** 2)))
    return float(np.mean(daily)) / downside * DAYS_PER_YEAR**0.5 if downside > 0.0 else float("nan")


def calmar(values: Reals, days: int, drawdown: float) -> float:
    """Compound yearly growth over the whole run's maximum drawdown (Young, 1991).

    (last / first) ^ (365 / days) - 1, from the number of daily returns; -1 a year when the account is lost.
    """
    if days == 0 or drawdown <= 0.0:
        return float("nan")
    if values[-1] <= 0.0:
        return -1.0 / drawdown
    with np.errstate(over="ignore"):
        yearly = float(np.exp(np.log(values[-1] / values[0]) * DAYS_PER_YEAR / days)) - 1.0
    return yearly / drawdown


def drawdowns(values: Reals) -> Reals:
    """Return 1 - value / running peak, 0 to 1 (more than 1 would be debt and is cut).

    The peak runs from the start of the run: a drawdown halt that resets the account's own peak hides
    nothing here.
    """
    peak = np.maximum.accumulate(values)
    return np.clip(1.0 - values / peak, 0.0, 1.0)


def max_drawdown(values: Reals) -> float:
    """Return the deepest drawdown, a fraction, 0 to 1."""
    return float(np.max(drawdowns(values)))


def cvar(hourly: Reals) -> float:
    """Mean of the worst 5 % of hourly returns, at least one (Rockafellar and Uryasev, 2000)."""
    if not len(hourly):
        return float("nan")
    worst = np.sort(hourly)[: max(1, int(np.ceil(TAIL * len(hourly))))]
    return float(np.mean(worst))


def turnover(fills: Records, equity: Records) -> float:
    """Notional of all fills over mean equity: how many times the account was traded."""
    if not len(fills) or not len(equity):
        return 0.0
    mean = float(np.mean(equity["equity"]))
    return float(np.sum(np.abs(fills["quantity"]) * fills["price"])) / mean if mean > 0.0 else float("nan")


def liquidations(fills: Records) -> int:
    """Count positions that the venue liquidated, wholly or in part."""
    forced = fills[fills["reason"] == Reason.LIQUIDATION]
    return len(np.unique(forced["trade"]))


def time_under_water(equity: Records, start_equity: float) -> float:
    """Share of time in which equity stood below its earlier peak, 0 to 1."""
    values = np.concatenate(([start_equity], equity["equity"]))
    return share_of_time(equity["event_time"], drawdowns(values)[1:] > 0.0)


def share_of_time(times: Integers, holds: npt.NDArray[np.bool_]) -> float:
    """Share of time in which something holds, 0 to 1; a row speaks for the time since the row before it.

    The first row speaks for as long as the second does.
    """
    if len(times) < 2:
        return float(np.mean(holds)) if len(times) else 0.0
    spans = np.diff(times, prepend=2 * times[0] - times[1]).astype(np.float64)
    return float(np.sum(spans[holds])) / float(np.sum(spans))


class Spell(NamedTuple):
    """A stretch of time [begin, end), microseconds UTC."""

    begin: int
    end: int


def active_times(tables: Tables) -> dict[int, Spell]:
    """Return each intervention's active time: from its application to its expiry or revocation.

    One that outlives the run ends when it would have expired.
    """
    spells: dict[int, Spell] = {}
    for row in tables["interventions"]:
        number = int(row["intervention"])
        if row["change"] == Change.APPLIED:
            spells[number] = Spell(int(row["event_time"]), int(row["expires"]))
        elif number in spells:
            spells[number] = Spell(spells[number].begin, int(row["event_time"]))
    return spells


def episodes(arms: list[Tables]) -> list[Spell]:
    """Merge all interventions of the given arms whose active times overlap, on any symbol.

    Active times are half open: one that begins as another ends is an episode of its own.
    """
    return merged(spell for tables in arms for spell in active_times(tables).values())


def merged(spells: Iterable[Spell]) -> list[Spell]:
    """Merge stretches of time that overlap; they are half open, and those that only touch stay apart."""
    found: list[Spell] = []
    for spell in sorted(spells):
        if found and spell.begin < found[-1].end:
            found[-1] = Spell(found[-1].begin, max(found[-1].end, spell.end))
        else:
            found.append(spell)
    return found
