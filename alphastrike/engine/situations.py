"""The report of a situation, read off the account's state at the tick that asked."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from alphastrike.config.settings import Settings
from alphastrike.engine.state import OUTCOMES, State
from alphastrike.engine.tick import is_account_halted
from alphastrike.journal.kinds import KINDS
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import ALL_SYMBOLS
from alphastrike.policy.situation import Situation, situation_from

Rows = npt.NDArray[Any]


def report(
    state: State, settings: Settings, scope: int, rule: int, symbols: SymbolTable
) -> tuple[Situation, Rows, Rows]:
    """Return an unanswered situation with its rows of ``situations`` and ``situation_symbols``.

    ``scope`` is a symbol id, or the number of symbols for the whole account.
    """
    account = _plain(state.account)[0]
    trigger = _plain(state.triggers[scope : scope + 1, rule])[0]
    lines = _symbol_lines(state, settings, int(trigger.situation))
    live = state.interventions[state.interventions["intervention"] != 0]
    outcomes = _outcomes(state, len(symbols), int(account.trades), OUTCOMES)
    window = outcomes[: settings.account.triggers.win_rate_window]
    worst, worst_pnl = _worst(lines)
    row = np.zeros(1, dtype=KINDS["situations"].record)
    row[0] = (
        account.market_seq,
        account.now,
        trigger.situation,
        ALL_SYMBOLS if scope == len(symbols) else scope,
        rule,
        trigger.value,
        _threshold(settings, rule),
        trigger.deadline,
        account.equity,
        account.drawdown,
        float(np.count_nonzero(window > 0.0)) / len(window) if len(window) else 0.0,
        _win_loss_ratio(outcomes),
        account.trades,
        account.loss_streak,
        account.leverage,
        account.exposure,
        account.volatility,
        int(is_account_halted(state, account.now)),
        len(live),
        worst,
        worst_pnl,
    )
    told = situation_from(
        vars(_plain(row)[0]), [vars(line) for line in _plain(lines)], _live_rows(live), symbols, settings.baseline()
    )
    return told, row, lines


def _plain(records: Rows) -> list[SimpleNamespace]:
    """Return records with their fields as Python's own numbers: NumPy takes a microsecond for every field read."""
    names = records.dtype.names or ()
    return [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in records.tolist()]


def _threshold(settings: Settings, rule: int) -> float:
    triggers = settings.account.triggers
    return (triggers.win_rate_below, triggers.drawdown_above, float(triggers.losses))[rule]


def _outcomes(state: State, scope: int, trades: int, most: int) -> npt.NDArray[np.float64]:
    """Return net P&L of a scope's last closed trades, newest first."""
    seen = min(trades, most)
    places = (trades - 1 - np.arange(seen)) % OUTCOMES
    found: npt.NDArray[np.float64] = state.outcomes[scope][places]
    return found


def _win_loss_ratio(outcomes: npt.NDArray[np.float64]) -> float:
    """Return mean win over mean loss; 0 while there is not at least one of each."""
    wins = [float(net) for net in outcomes if net > 0.0]
    losses = [-float(net) for net in outcomes if net < 0.0]
    if not wins or not losses:
        return 0.0
    return (sum(wins) / len(wins)) / (sum(losses) / len(losses))


def _symbol_lines(state: State, settings: Settings, situation: int) -> Rows:
    account = _plain(state.account)[0]
    lines = np.zeros(len(state.symbols), dtype=KINDS["situation_symbols"].record)
    for s, symbol in enumerate(_plain(state.symbols)):
        window = _outcomes(state, s, int(symbol.trades), settings.account.triggers.win_rate_window)
        notional = symbol.quantity * symbol.mark
        lines[s] = (
            account.market_seq,
            account.now,
            situation,
            s,
            symbol.quantity,
            notional,
            symbol.quantity * (symbol.mark - symbol.entry_price),
            sum(float(net) for net in window),
            float(np.count_nonzero(window > 0.0)) / len(window) if len(window) else 0.0,
            symbol.trades,
            symbol.loss_streak,
            symbol.drawdown,
            symbol.forecast_direction,
            symbol.conviction,
            symbol.volatility,
            symbol.regime,
            symbol.conviction_floor,
            symbol.size_multiplier,
            symbol.shorts_allowed,
            symbol.asset_enabled,
        )
    return lines


def _worst(lines: Rows) -> tuple[int, float]:
    """Return the symbol whose recent trades and open position lost most, -1 when none has traded."""
    traded = (lines["trades"] > 0) | (lines["quantity"] != 0.0)
    if not traded.any():
        return ALL_SYMBOLS, 0.0
    pnl = lines["recent_pnl"] + lines["unrealised_pnl"]
    worst = int(np.argmin(np.where(traded, pnl, np.inf)))
    return worst, float(pnl[worst])


def _live_rows(live: Rows) -> list[dict[str, Any]]:
    return [
        {
            "intervention": one.intervention,
            "tool": one.tool,
            "symbol": one.symbol,
            "value": one.value,
            "event_time": one.applied,
            "expires": one.expires,
        }
        for one in _plain(live)
    ]
