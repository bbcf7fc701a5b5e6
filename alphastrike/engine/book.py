"""What a fill, a funding payment or a closed trade does to the account."""

import math

from alphastrike.config.account import AccountParams
from alphastrike.engine.codes import CANCELLED, EXIT_SIGNAL, LIQUIDATION, SUBMITTED, YES
from alphastrike.engine.outputs import FILLS_TABLE, ORDERS_TABLE, TRADES_TABLE, Out, next_row
from alphastrike.engine.state import OUTCOMES, State
from alphastrike.execution.venue import liquidation_price
from alphastrike.model.compiled import Records, fold_routine, fold_step
from alphastrike.risk.leverage import half_kelly
from alphastrike.strategy.exits import protective_price


@fold_routine
def write_order(
    state: State, s: int, order: int, change: int, reason: int, quantity: float, reduce_only: int, out: Out, detail: int
) -> None:
    """Journal a step in an order's life."""
    if detail == 0:
        return
    account = state.account[0]
    row = out.orders[next_row(out.counts, ORDERS_TABLE)]
    row.market_seq = account.market_seq
    row.event_time = account.now
    row.symbol = s
    row.order = order
    row.change = change
    row.reason = reason
    row.quantity = quantity
    row.reduce_only = reduce_only


@fold_routine
def clear_order(state: State, s: int) -> None:
    """Forget the symbol's resting order."""
    symbol = state.symbols[s]
    symbol.order = 0
    symbol.order_quantity = 0.0
    symbol.order_reduce_only = 0
    symbol.order_reason = 0


@fold_routine
def cancel_order(state: State, s: int, out: Out, detail: int) -> None:
    """Take back what is left of the symbol's resting order, if any."""
    symbol = state.symbols[s]
    if symbol.order_quantity != 0.0:
        write_order(
            state,
            s,
            symbol.order,
            CANCELLED,
            symbol.order_reason,
            symbol.order_quantity,
            symbol.order_reduce_only,
            out,
            detail,
        )
        clear_order(state, s)


@fold_routine
def withdraw_entries(state: State, out: Out, detail: int) -> None:
    """Take back every resting order that could add risk, because a halt began; a reversal still closes."""
    account = state.account[0]
    for s in range(len(state.symbols)):
        symbol = state.symbols[s]
        if symbol.order_quantity == 0.0 or symbol.order_reduce_only != 0:
            continue
        closes = symbol.quantity * symbol.order_quantity < 0.0
        cancel_order(state, s, out, detail)
        if closes:
            account.last_order += 1
            symbol.order = account.last_order
            symbol.order_quantity = -symbol.quantity
            symbol.order_reduce_only = 1
            symbol.order_reason = EXIT_SIGNAL
            write_order(state, s, symbol.order, SUBMITTED, EXIT_SIGNAL, symbol.order_quantity, YES, out, detail)


@fold_routine
def fill(
    state: State,
    params: AccountParams,
    instruments: Records,
    tiers: Records,
    s: int,
    order: int,
    reason: int,
    liquidity: int,
    quantity: float,
    price: float,
    reference_price: float,
    fee_rate: float,
    liquidation_fee: float,
    out: Out,
    detail: int,
) -> None:
    """Book a fill; one that crosses zero closes a trade and opens another.

    ``quantity`` signed (base), prices in quote per base, ``fee_rate`` a fraction of notional,
    ``liquidation_fee`` in quote.
    """
    if reason == LIQUIDATION:
        state.account[0].liquidated = 1
    held = state.symbols[s].quantity
    if held * quantity < 0.0 and abs(quantity) > abs(held):
        _book(
            state, params, instruments, tiers, s, order, reason, liquidity,
            -held, price, reference_price, fee_rate, liquidation_fee, out, detail,
        )  # fmt: skip
        quantity = _on_lot(quantity + held, instruments[s].lot)
        liquidation_fee = 0.0
    if quantity != 0.0:
        _book(
            state, params, instruments, tiers, s, order, reason, liquidity,
            quantity, price, reference_price, fee_rate, liquidation_fee, out, detail,
        )  # fmt: skip


@fold_step
def _on_lot(quantity: float, lot: float) -> float:
    # Sums of lots drift off the grid in the last bits; a residue would keep a closed position open.
    return math.floor(quantity / lot + 0.5) * lot


@fold_routine
def _book(
    state: State,
    params: AccountParams,
    instruments: Records,
    tiers: Records,
    s: int,
    order: int,
    reason: int,
    liquidity: int,
    quantity: float,
    price: float,
    reference_price: float,
    fee_rate: float,
    liquidation_fee: float,
    out: Out,
    detail: int,
) -> None:
    account = state.account[0]
    symbol = state.symbols[s]
    held = symbol.quantity
    instrument = instruments[s]
    if held == 0.0:
        _open_trade(state, s, quantity)
    opens = held == 0.0 or held * quantity > 0.0
    size = abs(quantity)
    fee = size * price * fee_rate
    lost_to_price = quantity * (price - reference_price)
    spent = quantity * price + fee + liquidation_fee
    account.cash -= spent
    account.price_cash -= quantity * reference_price
    account.fees += fee
    account.slippage += lost_to_price
    account.liquidation += liquidation_fee
    symbol.cash -= spent
    symbol.trade_cash -= spent
    symbol.trade_price_cash -= quantity * reference_price
    symbol.trade_fees += fee
    symbol.trade_slippage += lost_to_price
    symbol.trade_liquidation += liquidation_fee
    if opens:
        before = abs(held)
        symbol.entry_price = (symbol.entry_price * before + price * size) / (before + size)
        symbol.entry_quantity += size
        symbol.entry_multiplier = symbol.order_multiplier
        symbol.entry_leverage = symbol.order_leverage
        symbol.margin += size * price / min(max(symbol.order_leverage, 1.0), instrument.leverage_max)
        side = 1 if quantity > 0.0 else -1
        if before == 0.0:
            symbol.stop_price = protective_price(price, side, symbol.order_stop_distance, instrument.tick)
            symbol.take_price = protective_price(price, -side, symbol.order_take_distance, instrument.tick)
    else:
        symbol.exit_notional += size * price
        symbol.exit_quantity += size
    symbol.quantity = _on_lot(held + quantity, instrument.lot)
    if abs(symbol.quantity) > symbol.quantity_max:
        symbol.quantity_max = abs(symbol.quantity)
    if not opens:
        symbol.margin = symbol.margin * abs(symbol.quantity) / abs(held)
    refresh_liquidation_price(state, params, tiers, s)
    trade = symbol.trade
    if detail != 0:
        row = out.fills[next_row(out.counts, FILLS_TABLE)]
        row.market_seq = account.market_seq
        row.event_time = account.now
        row.symbol = s
        row.order = order
        row.trade = trade
        row.reason = reason
        row.liquidity = liquidity
        row.quantity = quantity
        row.price = price
        row.reference_price = reference_price
        row.fee = fee
        row.liquidation_fee = liquidation_fee
        row.position = symbol.quantity
    if symbol.quantity == 0.0:
        _close_trade(state, params, s, reason, out)


@fold_routine
def refresh_liquidation_price(state: State, params: AccountParams, tiers: Records, s: int) -> None:
    """Recompute an isolated position's liquidation price after its size or margin changed."""
    symbol = state.symbols[s]
    if params.venue.isolated_margin != 0 and symbol.quantity != 0.0:
        symbol.liquidation_price = liquidation_price(tiers, s, symbol.quantity, symbol.entry_price, symbol.margin)
    else:
        symbol.liquidation_price = 0.0


@fold_routine
def _open_trade(state: State, s: int, quantity: float) -> None:
    account = state.account[0]
    symbol = state.symbols[s]
    account.last_trade += 1
    symbol.trade = account.last_trade
    symbol.opened = account.now
    symbol.direction = 1 if quantity > 0.0 else -1
    symbol.quantity_max = 0.0
    symbol.entry_price = 0.0
    symbol.entry_quantity = 0.0
    symbol.margin = 0.0
    symbol.exit_notional = 0.0
    symbol.exit_quantity = 0.0
    symbol.trade_cash = 0.0
    symbol.trade_price_cash = 0.0
    symbol.trade_fees = 0.0
    symbol.trade_slippage = 0.0
    symbol.trade_funding = 0.0
    symbol.trade_liquidation = 0.0


@fold_routine
def _close_trade(state: State, params: AccountParams, s: int, reason: int, out: Out) -> None:
    account = state.account[0]
    symbol = state.symbols[s]
    net = symbol.trade_cash
    row = out.trades[next_row(out.counts, TRADES_TABLE)]
    row.market_seq = account.market_seq
    row.event_time = account.now
    row.symbol = s
    row.trade = symbol.trade
    row.opened = symbol.opened
    row.direction = symbol.direction
    row.quantity_max = symbol.quantity_max
    row.entry_price = symbol.entry_price
    row.exit_price = symbol.exit_notional / symbol.exit_quantity
    row.reason = reason
    row.price_pnl = symbol.trade_price_cash
    row.fees = symbol.trade_fees
    row.slippage = symbol.trade_slippage
    row.funding = symbol.trade_funding
    row.liquidation = symbol.trade_liquidation
    row.net_pnl = net
    symbol.trade = 0
    symbol.opened = 0
    symbol.direction = 0
    symbol.stop_price = 0.0
    symbol.take_price = 0.0
    symbol.liquidation_price = 0.0
    symbol.margin = 0.0
    symbol.entry_price = 0.0
    symbol.entry_quantity = 0.0
    everyone = state.outcomes.shape[0] - 1
    state.outcomes[s, symbol.trades % OUTCOMES] = net
    state.outcomes[everyone, account.trades % OUTCOMES] = net
    symbol.trades += 1
    account.trades += 1
    account.outcomes_changed = 1
    if net > 0.0:
        symbol.loss_streak = 0
        account.loss_streak = 0
    else:
        symbol.loss_streak += 1
        account.loss_streak += 1
    account.half_kelly = kelly_of(state, params.leverage.kelly_trades, params.leverage.kelly_trades_min)


@fold_routine
def kelly_of(state: State, window: int, trades_min: int) -> float:
    """Return half-Kelly over the account's last ``window`` trades; 0.1 (no opinion) with too few of them."""
    account = state.account[0]
    everyone = state.outcomes.shape[0] - 1
    trades = min(account.trades, window)
    if trades < trades_min:
        return 0.1
    wins = 0
    won = 0.0
    lost = 0.0
    for k in range(trades):
        net = state.outcomes[everyone, (account.trades - 1 - k) % OUTCOMES]
        if net > 0.0:
            wins += 1
            won += net
        else:
            lost -= net
    if wins == 0:
        return -0.5
    losses = trades - wins
    if losses == 0 or lost == 0.0:
        return float(0.5 * (wins / trades))
    return half_kelly(wins / trades, (won / wins) / (lost / losses))


@fold_step
def win_rate(state: State, scope: int, trades: int, window: int) -> float:
    """Return the share of winning trades among the last ``window`` of a scope; 1.0 without any trade."""
    seen = min(trades, window)
    if seen == 0:
        return 1.0
    wins = 0
    for k in range(seen):
        if state.outcomes[scope, (trades - 1 - k) % OUTCOMES] > 0.0:
            wins += 1
    return wins / seen
