"""A decision: leverage, what the strategy wants, what risk allows, and the orders that follow.

Shared budgets are split in proportion to what is wanted, never by the order of symbols. Orders made here fill
at the next bar's open at the earliest.
"""

from alphastrike.config.account import AccountParams
from alphastrike.engine.allowance import allow_entries, reduce_to_caps
from alphastrike.engine.book import cancel_order, write_order
from alphastrike.engine.codes import (
    DISABLED,
    ENTRY,
    EXIT_SIGNAL,
    NOTHING,
    REVERSAL,
    SHRINK,
    SUBMITTED,
)
from alphastrike.engine.outputs import LEVERAGE_TABLE, Out, next_row
from alphastrike.engine.state import State
from alphastrike.model.compiled import Records, fold_routine, fold_step
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.risk.leverage import (
    clamped_leverage,
    drawdown_factor,
    is_material,
    performance_factor,
    volatility_factor,
)
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
    reduce_to_caps(state, params, instruments, leverage)
    allow_entries(state, params, instruments, tiers, leverage, now, out, detail)
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
