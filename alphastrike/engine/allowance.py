"""What risk allows of what the strategy wants: caps on what is held, and verdicts on every target.

Shared budgets are split in proportion to what is wanted, never by the order of symbols.
"""

import math

from alphastrike.config.account import AccountParams
from alphastrike.engine.codes import (
    APPROVED,
    BANKRUPT,
    DAILY_LOSS,
    DRAWDOWN_HALT,
    ENTRY,
    EXIT_SIGNAL,
    LEVERAGE,
    LIQUIDATION_DISTANCE,
    LIQUIDATION_HALT,
    MARGIN,
    MINIMUM_NOTIONAL,
    NO_RULE,
    NO_STOP,
    NOTHING,
    OPERATOR_HALT,
    ORDER_RATE,
    PERCEPTION_HALT,
    POLICY_HALT,
    REDUCED,
    REFUSED,
    RISK_REDUCE,
    STALE_DATA,
    SYMBOL_EXPOSURE,
    TOTAL_EXPOSURE,
)
from alphastrike.engine.outputs import TARGETS_TABLE, VERDICTS_TABLE, Out, next_row
from alphastrike.engine.state import State
from alphastrike.execution.venue import maintenance_margin
from alphastrike.model.compiled import Records, fold_routine, fold_step
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.risk.limits import exposure_budget, liquidation_distance, share_of_budget
from alphastrike.strategy.sizing import floor_to_lot


@fold_step
def reduce_to_caps(state: State, params: AccountParams, instruments: Records, leverage: float) -> None:
    """Shrink open positions that have outgrown the caps, all in the same proportion."""
    account = state.account[0]
    limits = params.limits
    if account.equity <= 0.0:
        return
    staying = 0.0
    for s in range(len(state.symbols)):
        symbol = state.symbols[s]
        if symbol.target_entry == 0:
            staying += abs(symbol.target_quantity * symbol.mark)
    cap = account.equity * min(limits.total_exposure_max, leverage)
    ratio = 1.0
    if staying > cap * (1.0 + limits.reduce_tolerance):
        ratio = cap / staying
    symbol_cap = account.equity * limits.symbol_exposure_max
    for s in range(len(state.symbols)):
        symbol = state.symbols[s]
        if symbol.target_entry != 0 or symbol.target_quantity == 0.0 or symbol.order_quantity != 0.0:
            continue
        allowed = abs(symbol.target_quantity) * ratio
        if allowed * symbol.mark > symbol_cap * (1.0 + limits.reduce_tolerance):
            allowed = symbol_cap / symbol.mark
        if allowed < abs(symbol.target_quantity):
            side = 1 if symbol.quantity > 0.0 else -1
            symbol.target_quantity = side * floor_to_lot(allowed, instruments[s].lot)
            symbol.target_reason = RISK_REDUCE


@fold_step
def allow_entries(
    state: State, params: AccountParams, instruments: Records, tiers: Records, leverage: float, now: int,
    out: Out, detail: int,
) -> None:  # fmt: skip
    """Ask the risk layer about every target; refusals and reductions name their rule and its two numbers."""
    account = state.account[0]
    limits = params.limits
    symbols = state.symbols
    used = 0.0
    wanted = 0.0
    entries = 0
    for s in range(len(symbols)):
        symbol = symbols[s]
        if symbol.target_reason != NOTHING:
            _write_target(state, s, leverage, now, out, detail)
        if symbol.target_entry == 0:
            used += abs(symbol.target_quantity * symbol.mark)
            if symbol.target_reason != NOTHING:
                # Reducing is always allowed.
                _verdict(
                    state, s, APPROVED, NO_RULE, 0.0, 0.0, symbol.target_quantity - symbol.quantity, now, out, detail
                )
            continue
        if _is_refused(state, params, s, now, out, detail):
            continue
        cap = account.equity * limits.symbol_exposure_max
        notional = abs(symbol.target_quantity * symbol.mark)
        if notional > cap:
            symbol.target_quantity = symbol.target_quantity * (cap / notional)
            symbol.target_entry = SYMBOL_EXPOSURE
            notional = cap
        wanted += notional
        entries += 1
    if entries == 0:
        return
    budget = exposure_budget(account.equity, leverage, limits.total_exposure_max, limits.margin_max)
    rule = TOTAL_EXPOSURE if limits.total_exposure_max <= leverage * limits.margin_max else MARGIN
    share = share_of_budget(wanted, used, budget)
    if share == 0.0:
        _refuse_all(state, rule, used, budget, now, out, detail)
        return
    added = 0.0
    maintenance = 0.0
    for s in range(len(symbols)):
        symbol = symbols[s]
        if symbol.target_entry != 0:
            if share < 1.0:
                symbol.target_entry = rule
            size = floor_to_lot(abs(symbol.target_quantity) * share, instruments[s].lot)
            notional = size * symbol.mark
            if params.venue.isolated_margin != 0 and notional > 0.0:
                own = 1.0 / max(symbol.order_leverage, 1.0) - maintenance_margin(tiers, s, notional) / notional
                if own < limits.liquidation_distance_min:
                    _refuse(state, s, LIQUIDATION_DISTANCE, own, limits.liquidation_distance_min, now, out, detail)
                    continue
            symbol.target_quantity = math.copysign(size, symbol.target_quantity)
            added += notional
        maintenance += maintenance_margin(tiers, s, abs(symbol.target_quantity * symbol.mark))
    distance = liquidation_distance(account.equity, maintenance, used + added)
    if distance < limits.liquidation_distance_min:
        _refuse_all(state, LIQUIDATION_DISTANCE, distance, limits.liquidation_distance_min, now, out, detail)
        return
    hour = now // MICROS_PER_HOUR
    sent = account.orders_this_hour if account.order_hour == hour else 0
    if sent + entries > limits.orders_per_hour_max:
        rate = float(sent + entries)
        _refuse_all(state, ORDER_RATE, rate, float(limits.orders_per_hour_max), now, out, detail)
        return
    for s in range(len(symbols)):
        symbol = symbols[s]
        if symbol.target_entry == 0:
            continue
        notional = abs(symbol.target_quantity * symbol.mark)
        if notional < instruments[s].notional_min or symbol.target_quantity == 0.0:
            _refuse(state, s, MINIMUM_NOTIONAL, notional, instruments[s].notional_min, now, out, detail)
            continue
        change = symbol.target_quantity - symbol.quantity
        if symbol.target_entry == SYMBOL_EXPOSURE:
            cap = account.equity * limits.symbol_exposure_max
            _verdict(state, s, REDUCED, SYMBOL_EXPOSURE, symbol.target_wanted, cap, change, now, out, detail)
        elif symbol.target_entry != ENTRY:
            _verdict(state, s, REDUCED, rule, used + wanted, budget, change, now, out, detail)
        elif leverage > symbol.order_leverage:
            _verdict(state, s, REDUCED, LEVERAGE, leverage, symbol.order_leverage, change, now, out, detail)
        else:
            _verdict(state, s, APPROVED, NO_RULE, notional, budget, change, now, out, detail)


@fold_step
def _is_refused(state: State, params: AccountParams, s: int, now: int, out: Out, detail: int) -> bool:
    """Refuse an entry for a reason of its own: a halt, or data too old."""
    account = state.account[0]
    symbol = state.symbols[s]
    limits = params.limits
    rule = NO_RULE
    value = 0.0
    limit = 0.0
    if account.bankrupt != 0:
        rule, value, limit = BANKRUPT, account.equity, 0.0
    elif account.drawdown_halt_since != 0:
        rule, value, limit = DRAWDOWN_HALT, account.drawdown, limits.drawdown_halt
    elif account.liquidation_halt_since != 0:
        rule, value, limit = LIQUIDATION_HALT, account.liquidation, 0.0
    elif account.daily_halt != 0:
        rule, value, limit = DAILY_LOSS, account.equity, account.day_start_equity * (1.0 - limits.daily_loss_max)
    elif account.operator_halt != 0:
        rule, value, limit = OPERATOR_HALT, 1.0, 0.0
    elif now < account.policy_halt_until:
        rule, value, limit = POLICY_HALT, float(now), float(account.policy_halt_until)
    elif symbol.halt != 0:
        rule, value, limit = PERCEPTION_HALT, float(symbol.halt), 0.0
    else:
        age = (now - symbol.last_candle) / MICROS_PER_HOUR
        if age > limits.stale_after_hours:
            rule, value, limit = STALE_DATA, age, limits.stale_after_hours
        elif params.exit.stop_atr > 0.0:
            distance = symbol.order_stop_distance
            if distance <= 0.0 or (symbol.target_quantity > 0.0 and distance >= symbol.mark):
                rule, value, limit = NO_STOP, distance, symbol.mark
    if rule != 0:
        _refuse(state, s, rule, value, limit, now, out, detail)
    return rule != 0


@fold_step
def _refuse_all(state: State, rule: int, value: float, limit: float, now: int, out: Out, detail: int) -> None:
    for s in range(len(state.symbols)):
        if state.symbols[s].target_entry != 0:
            _refuse(state, s, rule, value, limit, now, out, detail)


@fold_step
def _refuse(state: State, s: int, rule: int, value: float, limit: float, now: int, out: Out, detail: int) -> None:
    """Drop the entry; of a reversal the exit remains."""
    symbol = state.symbols[s]
    _verdict(state, s, REFUSED, rule, value, limit, 0.0 - symbol.quantity, now, out, detail)
    symbol.target_quantity = 0.0
    symbol.target_entry = 0
    symbol.target_reason = EXIT_SIGNAL if symbol.quantity != 0.0 else NOTHING


@fold_routine
def _write_target(state: State, s: int, leverage: float, now: int, out: Out, detail: int) -> None:
    if detail == 0:
        return
    account = state.account[0]
    symbol = state.symbols[s]
    row = out.targets[next_row(out.counts, TARGETS_TABLE)]
    row.market_seq = account.market_seq
    row.event_time = now
    row.symbol = s
    row.reason = symbol.target_reason
    row.quantity_before = symbol.quantity
    row.quantity_target = symbol.target_quantity
    row.conviction = symbol.conviction
    row.leverage = leverage
    row.size_multiplier = symbol.size_multiplier


@fold_routine
def _verdict(
    state: State, s: int, answer: int, rule: int, value: float, limit: float, quantity: float, now: int,
    out: Out, detail: int,
) -> None:  # fmt: skip
    if detail == 0:
        return
    row = out.risk_verdicts[next_row(out.counts, VERDICTS_TABLE)]
    row.market_seq = state.account[0].market_seq
    row.event_time = now
    row.symbol = s
    row.answer = answer
    row.rule = rule
    row.value = value
    row.limit = limit
    row.quantity = quantity
