"""The report on a situation: numbers, booleans, fixed labels and the market's symbols, and no other text.

Amounts are relative to equity and times are hours from now, so that a report neither tells a date or a price nor
changes with the size of the account. One function, :func:`rendered`, makes text of it.
"""

import math
import re
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import Enum
from typing import Final, NewType

from alphastrike.journal.codes import Rule, Tool
from alphastrike.model.forecast import Regime
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.policy.llm.masking import Names, names_of
from alphastrike.policy.llm.offers import Offers, offers_of
from alphastrike.policy.situation import LiveIntervention, Situation, SymbolReport

NUMBER_MAX: Final = 9_999.0
"""A number beyond it is shown as it: a report stays short whatever has happened."""
COUNT_MAX: Final = 999_999
INTERVENTIONS_MAX: Final = 12
"""Live interventions of a report; those that live longest are shown."""

Name = NewType("Name", str)
"""A symbol as the prompt calls it."""
Fixed = Decimal | None
"""A number with its decimals; ``None`` when it is not known, shown as ``null``."""

_NAME: Final = re.compile(r"[A-Z0-9]{2,20}")
_ALPHABET: Final = re.compile(r'[A-Za-z0-9_.,:\-{}" \n]*')


class Side(Enum):
    """The direction of a position or a forecast."""

    SHORT = -1
    FLAT = 0
    LONG = 1


class Unit(Enum):
    """What the number that met a rule counts."""

    PERCENT = 0
    LOSSES_IN_A_ROW = 1


class Scope(Enum):
    """Whose results met a rule."""

    ACCOUNT = 0
    SYMBOL = 1


@dataclass(frozen=True, slots=True)
class Fired:
    """The rule that was met, with its number and its threshold."""

    rule: Rule
    scope: Scope
    symbol: Name | None
    """The symbol whose rule it is; ``None`` for the account's."""
    threshold: Fixed
    unit: Unit
    value: Fixed


@dataclass(frozen=True, slots=True)
class AccountLine:
    """The account. Percentages are of equity unless the name says otherwise."""

    drawdown_pct: Fixed
    """Below the equity peak."""
    equity_pct_of_peak: Fixed
    exposure_pct: Fixed
    halted: bool
    interventions_not_shown: int
    leverage: Fixed
    leverage_cap: Fixed
    live_interventions: int
    loss_streak: int
    symbols_not_shown: int
    trades: int
    volatility_pct: Fixed
    """Standard deviation of daily returns."""
    win_loss_ratio: Fixed
    """Mean win over mean loss; ``None`` while there is not one of each."""
    win_rate_pct: Fixed
    worst_pnl_pct: Fixed
    worst_symbol: Name | None


@dataclass(frozen=True, slots=True)
class SymbolLine:
    """One symbol: position, results, forecast, and the controls in force. Percentages are of equity where of money."""

    asset_enabled: bool
    conviction: Fixed
    conviction_floor: Fixed
    drawdown_pct: Fixed
    forecast: Side
    loss_streak: int
    open_pnl_pct: Fixed
    position: Side
    position_pct: Fixed
    """Notional, without sign."""
    recent_pnl_pct: Fixed
    regime: Regime
    shorts_allowed: bool
    size_pct: Fixed
    """The size multiplier in force, percent."""
    symbol: Name
    trades: int
    """Closed so far; recent P&L and win rate are of those in the trigger window."""
    volatility_pct: Fixed
    win_rate_pct: Fixed


@dataclass(frozen=True, slots=True)
class InterventionLine:
    """One live intervention."""

    hours_left: Fixed
    hours_old: Fixed
    symbol: Name | None
    """``None`` for the whole account."""
    tool: Tool
    value: Fixed
    """Threshold, multiplier in percent, leverage or hours; ``None`` where the tool has none."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a model is told of a situation, and what it is offered."""

    fired: Fired
    account: AccountLine
    symbols: tuple[SymbolLine, ...]
    interventions: tuple[InterventionLine, ...]
    offers: Offers
    names: Names


def report_of(situation: Situation, *, mask: bool) -> Report:
    """Return the report on a situation.

    Args:
        situation: what is known when the trigger fired.
        mask: call the symbols ``A1``, ``A2`` … instead of by their names.

    Raises:
        DataError: a symbol's name may not be shown to a model.
    """
    names = names_of(situation, mask=mask)
    lines = tuple(_symbol_line(Name(name), situation.report(symbol), situation.equity) for name, symbol in names.pairs)
    live = [one for one in situation.live if one.symbol is None or names.name_of(one.symbol) is not None]
    live.sort(key=lambda one: (-one.expires, one.intervention))
    shown = sorted(
        live[:INTERVENTIONS_MAX],
        key=lambda one: (_place(one.symbol, names), one.tool, -one.expires, one.intervention),
    )
    return Report(
        fired=_fired(situation, names),
        account=_account_line(situation, names, len(situation.live) - len(shown)),
        symbols=lines,
        interventions=tuple(_intervention_line(one, situation.event_time, names) for one in shown),
        offers=offers_of(situation, names),
        names=names,
    )


def rendered(report: Report) -> dict[str, str]:
    """Return the report's sections by the name of the variable that holds them in a template.

    Each line is one JSON object, its keys sorted, its numbers with fixed decimals. A symbol's line begins with its
    name; a section without a line is ``none``. Letters, digits and JSON's own punctuation are all that can occur.
    """
    return {
        "fired": _section([_line(report.fired)]),
        "account": _section([_line(report.account)]),
        "symbols": _section([f"{_known(line.symbol)} {_line(line, 'symbol')}" for line in report.symbols]),
        "interventions": _section([_line(line) for line in report.interventions]),
    }


def fixed(value: float, places: int) -> Fixed:
    """Return a number with its decimals, or ``None`` for one that is not finite; never a negative zero."""
    if not math.isfinite(value):
        return None
    number = Decimal(f"{max(-NUMBER_MAX, min(NUMBER_MAX, value)):.{places}f}")
    return number or number.copy_abs()


def _fired(situation: Situation, names: Names) -> Fired:
    streak = situation.rule is Rule.LOSS_STREAK
    scale, places = (1.0, 0) if streak else (100.0, 1)
    return Fired(
        rule=situation.rule,
        scope=Scope.ACCOUNT if situation.symbol is None else Scope.SYMBOL,
        symbol=_name(situation.symbol, names),
        threshold=fixed(situation.threshold * scale, places),
        unit=Unit.LOSSES_IN_A_ROW if streak else Unit.PERCENT,
        value=fixed(situation.value * scale, places),
    )


def _account_line(situation: Situation, names: Names, interventions_left_out: int) -> AccountLine:
    return AccountLine(
        drawdown_pct=fixed(situation.drawdown * 100, 1),
        equity_pct_of_peak=fixed((1.0 - situation.drawdown) * 100, 1),
        exposure_pct=_share(situation.exposure, situation.equity),
        halted=situation.halted,
        interventions_not_shown=interventions_left_out,
        leverage=fixed(situation.leverage, 1),
        leverage_cap=fixed(min(now.leverage_cap for now in situation.controls.values()), 1),
        live_interventions=_count(situation.live_interventions),
        loss_streak=_count(situation.loss_streak),
        symbols_not_shown=len(situation.reports) - len(names.pairs),
        trades=_count(situation.trades),
        volatility_pct=fixed(situation.volatility * 100, 1),
        win_loss_ratio=fixed(situation.win_loss_ratio, 2) if situation.win_loss_ratio > 0.0 else None,
        win_rate_pct=fixed(situation.win_rate * 100, 1) if situation.trades > 0 else None,
        worst_pnl_pct=None if situation.worst_symbol is None else _share(situation.worst_symbol_pnl, situation.equity),
        worst_symbol=_name(situation.worst_symbol, names),
    )


def _symbol_line(name: Name, report: SymbolReport, equity: float) -> SymbolLine:
    return SymbolLine(
        asset_enabled=report.asset_enabled,
        conviction=fixed(report.conviction, 1),
        conviction_floor=fixed(report.conviction_floor, 1),
        drawdown_pct=fixed(report.drawdown * 100, 1),
        forecast=_side(report.direction),
        loss_streak=_count(report.loss_streak),
        open_pnl_pct=_share(report.unrealised_pnl, equity),
        position=_side(report.quantity),
        position_pct=_share(abs(report.notional), equity),
        recent_pnl_pct=_share(report.recent_pnl, equity),
        regime=report.regime,
        shorts_allowed=report.shorts_allowed,
        size_pct=fixed(report.size_multiplier * 100, 0),
        symbol=name,
        trades=_count(report.trades),
        volatility_pct=fixed(report.volatility * 100, 1),
        win_rate_pct=fixed(report.win_rate * 100, 1) if report.trades > 0 else None,
    )


def _intervention_line(live: LiveIntervention, now: int, names: Names) -> InterventionLine:
    value = live.value * 100 if live.tool is Tool.ADJUST_POSITION_SIZE else live.value
    return InterventionLine(
        hours_left=fixed((live.expires - now) / MICROS_PER_HOUR, 1),
        hours_old=fixed((now - live.applied) / MICROS_PER_HOUR, 1),
        symbol=_name(live.symbol, names),
        tool=live.tool,
        value=None if live.tool is Tool.DISABLE_SHORTS else fixed(value, 1 if live.tool is Tool.ADJUST_LEVERAGE else 0),
    )


def _share(amount: float, equity: float) -> Fixed:
    """Return an amount as a percentage of equity; ``None`` when there is no equity to compare with."""
    return fixed(amount / equity * 100, 2) if equity > 0.0 else None


def _count(number: int) -> int:
    return min(number, COUNT_MAX)


def _side(number: float) -> Side:
    return Side((number > 0) - (number < 0))


def _name(symbol: str | None, names: Names) -> Name | None:
    name = None if symbol is None else names.name_of(symbol)
    return None if name is None else Name(name)


def _place(symbol: str | None, names: Names) -> int:
    return -1 if symbol is None else names.names.index(str(names.name_of(symbol)))


def _section(lines: list[str]) -> str:
    text = "\n".join(lines) or "none"
    assert _ALPHABET.fullmatch(text), f"a report may not hold {text!r}"
    return text


def _line(line: Fired | AccountLine | SymbolLine | InterventionLine, *left_out: str) -> str:
    names = sorted(field.name for field in fields(line) if field.name not in left_out)
    return "{" + ",".join(f'"{name}":{_shown(getattr(line, name))}' for name in names) + "}"


def _shown(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Tool():
            return f'"{value.name.lower()}"'
        case Enum():
            return f'"{value.name}"'
        case int():
            return str(value)
        case Decimal():
            return format(value, "f")
        case str():
            return f'"{_known(value)}"'
    raise AssertionError(f"a report may not hold {value!r}")


def _known(name: str) -> str:
    assert _NAME.fullmatch(name), f"a report may not hold {name!r}"
    return name
