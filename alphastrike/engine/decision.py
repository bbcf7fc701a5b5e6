"""A decision: leverage, what the strategy wants, what risk allows, and the orders that follow.

Shared budgets are split in proportion to what is wanted, never by the order of symbols. Orders made here fill
at the next bar's open at the earliest.
"""

import math

from alphastrike.config.account import AccountParams
from alphastrike.engine.book import cancel_order, write_order
from alphastrike.engine.codes import (
    APPROVED,
    BANKRUPT,
    DAILY_LOSS,
    DISABLED,
    DRAWDOWN_HALT,
    ENTRY,
    EXIT_SIGNAL,
    LEVERAGE,
    LIQUIDATION_DISTANCE,
    MARGIN,
    MINIMUM_NOTIONAL,
    NO_RULE,
    NOTHING,
    OPERATOR_HALT,
    ORDER_RATE,
    PERCEPTION_HALT,
    POLICY_HALT,
    REDUCED,
    REFUSED,
    REVERSAL,
    RISK_REDUCE,
    SHRINK,
    STALE_DATA,
    SUBMITTED,
    SYMBOL_EXPOSURE,
    TOTAL_EXPOSURE,
)
from alphastrike.engine.outputs import LEVERAGE_TABLE, TARGETS_TABLE, VERDICTS_TABLE, Out, next_row
from alphastrike.engine.state import State
from alphastrike.execution.venue import maintenance_margin
from alphastrike.model.compiled import Records, fold_routine, fold_step
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.risk.leverage import (
    clamped_leverage,
    drawdown_factor,
    is_material,
    performance_factor,
    volatility_factor,
)
from alphastrike.risk.limits import exposure_budget, liquidation_distance, share_of_budget
from alphastrike.strategy.entries import entry_direction
from alphastrike.strategy.exits import HOLD, exit_reason
from alphastrike.strategy.sizing import entry_notional, floor_to_lot, shrink_ratio


@fold_routine
def decide(
    state: State, params: AccountParams, instruments: Records, tiers: Records, forecasts: Records, d: int, now: int,
    out: Out, detail: int,
) -> None:  # fmt: skip
    """Turn row ``d`` of the forecasts, (D, S), into orders."""
    _take_in(state, forecasts, d)
    _set_leverage(state, params, now, out, detail)
    account = state.account[0]
    leverage = min(account.leverage, account.leverage_cap)
    for s in range(len(state.symbols)):
        _want(state, params, instruments, forecasts, d, s, leverage, now, out, detail)
    _reduce_to_caps(state, params, instruments, leverage)
    _allow_entries(state, params, instruments, tiers, leverage, now, out, detail)
    for s in range(len(state.symbols)):
        _send(state, s, now, out, detail)


@fold_step
def _take_in(state: State, forecasts: Records, d: int) -> None:
    for s in range(len(state.symbols)):
        symbol = state.symbols[s]
        forecast = forecasts[d, s]
        if forecast.volatility > 0.0:
            symbol.volatility = forecast.volatility
        if forecast.daily_volume > 0.0:
            symbol.daily_volume = forecast.daily_volume
        symbol.conviction = forecast.conviction
        symbol.forecast_direction = forecast.direction
        symbol.regime = forecast.regime
        symbol.halt = forecast.halt


@fold_step
def _set_leverage(state: State, params: AccountParams, now: int, out: Out, detail: int) -> None:
    account = state.account[0]
    known = 0
    total = 0.0
    for s in range(len(state.symbols)):
        volatility = state.symbols[s].volatility
        if volatility > 0.0:
            known += 1
            total += volatility
    volatility = total / known if known > 0 else 0.0
    rule = params.leverage
    by_volatility = volatility_factor(
        volatility, rule.normal_volatility, rule.volatility_factor_min, rule.volatility_factor_max
    )
    by_drawdown = drawdown_factor(account.drawdown)
    by_performance = performance_factor(account.half_kelly)
    wanted = clamped_leverage(rule.normal, by_volatility * by_drawdown * by_performance, rule.minimum, rule.maximum)
    before = account.leverage
    if before != 0.0 and not is_material(before, wanted, rule.change_min):
        return
    if before == wanted:
        return
    account.leverage = wanted
    account.volatility = volatility
    account.volatility_factor = by_volatility
    account.drawdown_factor = by_drawdown
    account.performance_factor = by_performance
    if detail != 0:
        row = out.leverage[next_row(out.counts, LEVERAGE_TABLE)]
        row.market_seq = account.market_seq
        row.event_time = now
        row.leverage = wanted
        row.leverage_before = before
        row.volatility = volatility
        row.volatility_factor = by_volatility
        row.drawdown_factor = by_drawdown
        row.performance_factor = by_performance
        row.half_kelly = account.half_kelly


@fold_step
def _want(
    state: State, params: AccountParams, instruments: Records, forecasts: Records, d: int, s: int, leverage: float,
    now: int, out: Out, detail: int,
) -> None:  # fmt: skip
    """Write what the strategy wants of one symbol into its scratch fields."""
    account = state.account[0]
    symbol = state.symbols[s]
    forecast = forecasts[d, s]
    symbol.target_quantity = symbol.quantity
    symbol.target_reason = NOTHING
    symbol.target_entry = 0
    held = symbol.quantity
    if symbol.order_quantity != 0.0 and (
        symbol.order_reduce_only == 0 or abs(symbol.order_quantity) < abs(held) - 0.5 * instruments[s].lot
    ):
        # An entry has until the next decision to fill: its size was that of an earlier view. A reduction to less
        # than nothing left is wanted anew, so that it never stands in the way of an exit.
        cancel_order(state, s, out, detail)
    if symbol.mark <= 0.0:
        return
    direction = entry_direction(
        forecast.direction,
        forecast.conviction,
        symbol.conviction_floor,
        symbol.shorts_allowed != 0,
        symbol.asset_enabled != 0,
    )
    if held == 0.0:
        symbol.close_now = 0
        if direction != 0:
            _want_entry(state, params, instruments, forecasts, d, s, direction, leverage, ENTRY)
        return
    side = 1 if held > 0.0 else -1
    closes = symbol.close_now != 0 and (symbol.asset_enabled == 0 or (side < 0 and symbol.shorts_allowed == 0))
    symbol.close_now = 0
    if symbol.order_quantity != 0.0:
        return  # the position is being closed
    if closes:
        symbol.target_quantity = 0.0
        symbol.target_reason = DISABLED
        return
    reason = exit_reason(
        side,
        forecast.direction,
        forecast.conviction,
        params.entry.exit_level,
        forecast.halt != 0,
        now - symbol.opened,
        int(params.exit.hold_max_hours * MICROS_PER_HOUR),
    )
    if reason != HOLD:
        symbol.target_quantity = 0.0
        symbol.target_reason = reason
        if reason == EXIT_SIGNAL and direction == -side:
            _want_entry(state, params, instruments, forecasts, d, s, direction, leverage, REVERSAL)
        return
    ratio = shrink_ratio(symbol.size_multiplier, symbol.entry_multiplier, account.leverage_cap, symbol.entry_leverage)
    if ratio < 1.0:
        size = floor_to_lot(symbol.entry_quantity * ratio, instruments[s].lot)
        if size < abs(held):
            symbol.target_quantity = side * size
            symbol.target_reason = SHRINK


@fold_step
def _want_entry(
    state: State, params: AccountParams, instruments: Records, forecasts: Records, d: int, s: int, direction: int,
    leverage: float, reason: int,
) -> None:  # fmt: skip
    account = state.account[0]
    symbol = state.symbols[s]
    atr = forecasts[d, s].atr
    leverage = min(leverage, instruments[s].leverage_max)
    notional = entry_notional(
        max(account.equity, 0.0), params.sizing.exposure_per_trade, leverage, symbol.size_multiplier
    )
    symbol.target_quantity = direction * (notional / symbol.mark)
    symbol.target_wanted = notional
    symbol.target_reason = reason
    symbol.target_entry = 1
    symbol.order_stop_distance = params.exit.stop_atr * atr
    symbol.order_take_distance = params.exit.take_profit_atr * atr
    symbol.order_multiplier = symbol.size_multiplier
    symbol.order_leverage = leverage


@fold_step
def _reduce_to_caps(state: State, params: AccountParams, instruments: Records, leverage: float) -> None:
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
def _allow_entries(
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


@fold_step
def _send(state: State, s: int, now: int, out: Out, detail: int) -> None:
    """Rest the order that leads to the target."""
    account = state.account[0]
    symbol = state.symbols[s]
    reason = symbol.target_reason
    target = symbol.target_quantity
    entry = symbol.target_entry
    symbol.target_quantity = 0.0
    symbol.target_reason = NOTHING
    symbol.target_entry = 0
    symbol.target_wanted = 0.0
    change = target - symbol.quantity
    if reason == NOTHING or change == 0.0:
        return
    account.last_order += 1
    symbol.order = account.last_order
    symbol.order_quantity = change
    symbol.order_reduce_only = 0 if entry != 0 else 1
    symbol.order_reason = reason
    hour = now // MICROS_PER_HOUR
    if account.order_hour != hour:
        account.order_hour = hour
        account.orders_this_hour = 0
    account.orders_this_hour += 1
    write_order(state, s, symbol.order, SUBMITTED, reason, change, symbol.order_reduce_only, out, detail)
