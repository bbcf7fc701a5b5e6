"""What the policy is shown when a trigger fires: numbers, fixed labels and the market's own symbols, no prose.

The engine, a reader of a recorded run and a test build a :class:`Situation` with the one function
:func:`situation_from`, from rows of the kinds ``situations``, ``situation_symbols`` and ``interventions``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from alphastrike.journal.codes import Rule, Tool
from alphastrike.model.controls import Controls
from alphastrike.model.forecast import Regime
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import (
    Base,
    Count,
    Fraction,
    Identity,
    Micros,
    Multiple,
    Points,
    Quote,
    SymbolId,
)


@dataclass(frozen=True, slots=True)
class LiveIntervention:
    """An intervention that has been applied and has neither expired nor been revoked."""

    intervention: Identity
    tool: Tool
    symbol: str | None
    """``None`` for the whole account."""
    value: Multiple
    """Threshold, multiplier, leverage or hours; 0 for ``disable_shorts``."""
    applied: Micros
    expires: Micros


@dataclass(frozen=True, slots=True)
class SymbolReport:
    """One symbol's line in a situation: position, realised performance, forecast and the controls in force."""

    symbol: str
    symbol_id: SymbolId
    quantity: Base
    notional: Quote
    unrealised_pnl: Quote
    recent_pnl: Quote
    """Net P&L of the symbol's trades in the trigger window."""
    win_rate: Fraction
    trades: Count
    loss_streak: Count
    drawdown: Fraction
    direction: Count
    conviction: Points
    volatility: Fraction
    regime: Regime
    conviction_floor: Points
    size_multiplier: Multiple
    shorts_allowed: bool
    asset_enabled: bool


@dataclass(frozen=True, slots=True)
class Situation:
    """A trigger fired: what is known at that tick. Performance is the account's unless a report says a symbol's."""

    market_seq: Identity
    event_time: Micros
    situation: Identity
    """Its number in the run, from 1."""
    symbol: str | None
    """The symbol whose trigger fired; ``None`` when it is the account's."""
    rule: Rule
    value: Fraction
    """The number that met the rule: win rate, drawdown, or losses in a row."""
    threshold: Fraction
    deadline: Micros
    """Advice after this time is late."""
    equity: Quote
    drawdown: Fraction
    """Below the equity peak, 0 to 1."""
    win_rate: Fraction
    win_loss_ratio: Multiple
    trades: Count
    loss_streak: Count
    leverage: Multiple
    """The dynamic leverage now applied, before the interventions' cap."""
    exposure: Quote
    volatility: Fraction
    halted: bool
    live_interventions: Count
    worst_symbol: str | None
    """The symbol that lost most in the trigger window; ``None`` when no symbol has traded."""
    worst_symbol_pnl: Quote
    reports: tuple[SymbolReport, ...]
    """Every symbol of the market, in the order of its table."""
    live: tuple[LiveIntervention, ...]
    baseline: Controls
    """The configured controls, which an intervention may only tighten."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The market's symbols, in the order of its table."""
        return tuple(report.symbol for report in self.reports)

    @property
    def focus(self) -> str:
        """The symbol that a tool is aimed at: the situation's own; for the account, the one that lost most."""
        if self.symbol is not None:
            return self.symbol
        if self.worst_symbol is not None:
            return self.worst_symbol
        return min(
            self.reports, key=lambda report: (report.recent_pnl + report.unrealised_pnl, report.symbol_id)
        ).symbol

    def report(self, symbol: str) -> SymbolReport:
        """Return the symbol's line; the symbol must be in the market."""
        return next(report for report in self.reports if report.symbol == symbol)

    @property
    def controls(self) -> Mapping[str, Controls]:
        """Effective controls of every symbol when the trigger fired."""
        caps = (live.value for live in self.live if live.tool is Tool.ADJUST_LEVERAGE)
        cap = min((self.baseline.leverage_cap, *caps))
        return {
            report.symbol: Controls(
                report.conviction_floor, report.size_multiplier, cap, report.shorts_allowed, report.asset_enabled
            )
            for report in self.reports
        }


def situation_from(
    row: Any, symbol_rows: Iterable[Any], live_rows: Iterable[Any], symbols: SymbolTable, baseline: Controls
) -> Situation:
    """Return the situation that the records hold.

    Args:
        row: one record of the kind ``situations``.
        symbol_rows: its records of the kind ``situation_symbols``, one a symbol, in any order.
        live_rows: one record a live intervention with the fields ``intervention``, ``tool``, ``symbol``, ``value``,
            ``event_time`` (when it was applied) and ``expires``, as in the kind ``interventions``.
        symbols: the run's symbol table.
        baseline: the configured controls.
    """
    reports = tuple(sorted((_report(line, symbols) for line in symbol_rows), key=lambda report: report.symbol_id))
    live = tuple(sorted((_live(line, symbols) for line in live_rows), key=lambda one: one.intervention))
    assert len(live) == int(row["live_interventions"]), f"situation {row['situation']}: live interventions are missing"
    assert len(reports) == len(symbols), f"situation {row['situation']}: not every symbol has a report"
    plain_fields = {name: _value(row, name) for name in _SITUATION_FIELDS}
    return Situation(
        **plain_fields,
        symbol=symbols.name_of(int(row["symbol"])),
        worst_symbol=symbols.name_of(int(row["worst_symbol"])),
        rule=Rule(int(row["rule"])),
        halted=bool(row["halted"]),
        reports=reports,
        live=live,
        baseline=baseline,
    )


_SITUATION_FIELDS: Final = (
    "market_seq",
    "event_time",
    "situation",
    "value",
    "threshold",
    "deadline",
    "equity",
    "drawdown",
    "win_rate",
    "win_loss_ratio",
    "trades",
    "loss_streak",
    "leverage",
    "exposure",
    "volatility",
    "live_interventions",
    "worst_symbol_pnl",
)
_REPORT_FIELDS: Final = (
    "quantity",
    "notional",
    "unrealised_pnl",
    "recent_pnl",
    "win_rate",
    "trades",
    "loss_streak",
    "drawdown",
    "direction",
    "conviction",
    "volatility",
    "conviction_floor",
    "size_multiplier",
)


def _value(row: Any, name: str) -> Any:
    """Return a record's number as Python's own, so that a situation prints and compares plainly."""
    stored = row[name]
    return stored.item() if hasattr(stored, "item") else stored


def _report(row: Any, symbols: SymbolTable) -> SymbolReport:
    symbol_id = int(row["symbol"])
    return SymbolReport(
        symbol=symbols[symbol_id],
        symbol_id=symbol_id,
        **{name: _value(row, name) for name in _REPORT_FIELDS},
        regime=Regime(int(row["regime"])),
        shorts_allowed=bool(row["shorts_allowed"]),
        asset_enabled=bool(row["asset_enabled"]),
    )


def _live(row: Any, symbols: SymbolTable) -> LiveIntervention:
    return LiveIntervention(
        intervention=int(row["intervention"]),
        tool=Tool(int(row["tool"])),
        symbol=symbols.name_of(int(row["symbol"])),
        value=float(row["value"]),
        applied=int(row["event_time"]),
        expires=int(row["expires"]),
    )
