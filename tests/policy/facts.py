"""Short makers of situations, through the same records and the same builder as the engine's."""

from typing import Any

import numpy as np

from alphastrike.journal.codes import Rule, Tool
from alphastrike.journal.kinds import KINDS
from alphastrike.model.controls import Controls
from alphastrike.model.forecast import Regime
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.policy.interventions import effective_controls
from alphastrike.policy.situation import LiveIntervention, Situation, situation_from

SYMBOLS = SymbolTable(("BTCUSDT", "ETHUSDT", "SOLUSDT"))
BASELINE = Controls(
    conviction_floor=80.0, size_multiplier=1.0, leverage_cap=10.0, shorts_allowed=True, asset_enabled=True
)
NOW = 1_668_000_000_000_000


def live(tool: Tool, symbol: str | None = "SOLUSDT", value: float = 0.0, number: int = 1) -> LiveIntervention:
    """An intervention applied an hour ago that has a day to live."""
    return LiveIntervention(number, tool, symbol, value, NOW - MICROS_PER_HOUR, NOW + 24 * MICROS_PER_HOUR)


def situation(
    rule: Rule = Rule.LOSS_STREAK,
    value: float = 5.0,
    symbol: str | None = "SOLUSDT",
    *,
    worst: str | None = "ETHUSDT",
    drawdown: float = 0.08,
    leverage: float = 5.0,
    interventions: tuple[LiveIntervention, ...] = (),
    baseline: Controls = BASELINE,
    market_seq: int = 1_841,
) -> Situation:
    """A situation on a market of three symbols, its controls those that the live interventions leave."""
    row = _record(
        "situations",
        market_seq=market_seq,
        event_time=NOW,
        situation=3,
        symbol=_id(symbol),
        rule=rule,
        value=value,
        threshold={Rule.LOSS_STREAK: 5.0, Rule.DRAWDOWN: 0.15, Rule.WIN_RATE: 0.4}[rule],
        deadline=NOW + 60_000_000,
        equity=92_000.0,
        drawdown=drawdown,
        win_rate=0.35,
        win_loss_ratio=1.8,
        trades=40,
        loss_streak=5,
        leverage=leverage,
        exposure=45_000.0,
        volatility=0.035,
        halted=0,
        live_interventions=len(interventions),
        worst_symbol=_id(worst),
        worst_symbol_pnl=-2_400.0,
    )
    lines = [_line(name, effective_controls(baseline, interventions, name)) for name in SYMBOLS]
    live_rows = [
        _record(
            "interventions",
            event_time=one.applied,
            intervention=one.intervention,
            tool=one.tool,
            symbol=_id(one.symbol),
            value=one.value,
            expires=one.expires,
        )
        for one in interventions
    ]
    return situation_from(row, lines, live_rows, SYMBOLS, baseline)


def _line(symbol: str, controls: Controls) -> Any:
    return _record(
        "situation_symbols",
        event_time=NOW,
        situation=3,
        symbol=_id(symbol),
        quantity=-2.5,
        recent_pnl={"BTCUSDT": 300.0, "ETHUSDT": -2_400.0, "SOLUSDT": -900.0}[symbol],
        win_rate=0.3,
        trades=20,
        regime=Regime.RANGE,
        conviction_floor=controls.conviction_floor,
        size_multiplier=controls.size_multiplier,
        shorts_allowed=controls.shorts_allowed,
        asset_enabled=controls.asset_enabled,
    )


def _record(kind: str, **fields: Any) -> Any:
    row = np.zeros(1, KINDS[kind].record)
    for name, value in fields.items():
        row[name] = value
    return row[0]


def _id(symbol: str | None) -> int:
    return -1 if symbol is None else SYMBOLS.id_of(symbol)
