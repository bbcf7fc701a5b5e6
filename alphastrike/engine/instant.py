"""The market's events inside an instant: a candle, a mark, a funding settlement of one symbol."""

import math

from alphastrike.config.account import AccountParams
from alphastrike.engine.book import cancel_order, clear_order, fill, refresh_liquidation_price, write_order
from alphastrike.engine.codes import (
    CANDLE,
    FILLED,
    FUNDING,
    FUNDING_ASSUMED,
    LIQUIDATION,
    MAKER,
    MARK,
    REJECTED,
    STOP,
    SUBMITTED,
    TAKE_PROFIT,
    TAKER,
    YES,
)
from alphastrike.engine.outputs import FUNDING_TABLE, Out, next_row
from alphastrike.engine.state import State
from alphastrike.execution.venue import bankruptcy_price, fill_price, fillable, slippage
from alphastrike.model.compiled import Records, fold_routine, fold_step


@fold_step
def on_candle(
    state: State, params: AccountParams, instruments: Records, tiers: Records, bar: Records, s: int, now: int,
    out: Out, detail: int,
) -> None:  # fmt: skip
    """A bar of symbol ``s`` closed: fill at its open, test stops and liquidation inside it, then mark."""
    flags = bar["flags"]
    if flags & CANDLE == 0:
        return
    account = state.account[0]
    account.market_seq += 1
    account.now = now
    if flags & REJECTED != 0:
        return
    symbol = state.symbols[s]
    if symbol.order_quantity != 0.0:
        _fill_at_open(state, params, instruments, tiers, bar, s, out, detail)
    held = symbol.quantity
    if held > 0.0:
        if (
            bar.low <= symbol.stop_price
            or bar.low <= symbol.liquidation_price
            or (symbol.take_price > 0.0 and bar.high >= symbol.take_price)
        ):
            _inside_bar(state, params, instruments, tiers, bar, s, out, detail)
    elif held < 0.0 and (
        (symbol.stop_price > 0.0 and bar.high >= symbol.stop_price)
        or (symbol.liquidation_price > 0.0 and bar.high >= symbol.liquidation_price)
        or bar.low <= symbol.take_price
    ):
        _inside_bar(state, params, instruments, tiers, bar, s, out, detail)
    symbol.mark = bar.close
    symbol.last_candle = now


@fold_step
def on_mark(state: State, params: AccountParams, bar: Records, s: int, now: int) -> None:
    """The venue published a mark price for symbol ``s``."""
    if bar["flags"] & MARK == 0:
        return
    account = state.account[0]
    account.market_seq += 1
    account.now = now
    if params.venue.mark_on_marks != 0 and bar.mark > 0.0:
        state.symbols[s].mark = bar.mark


@fold_step
def on_funding(
    state: State, params: AccountParams, tiers: Records, bar: Records, s: int, now: int, out: Out, detail: int
) -> None:
    """Funding of symbol ``s`` settles on what is held, at the mark."""
    if bar["flags"] & FUNDING == 0:
        return
    account = state.account[0]
    account.market_seq += 1
    account.now = now
    symbol = state.symbols[s]
    if symbol.quantity == 0.0:
        return
    paid = symbol.quantity * symbol.mark * bar.funding_rate
    account.cash -= paid
    account.funding += paid
    symbol.cash -= paid
    symbol.trade_cash -= paid
    symbol.trade_funding += paid
    symbol.margin -= paid
    refresh_liquidation_price(state, params, tiers, s)
    if detail != 0:
        row = out.funding_payments[next_row(out.counts, FUNDING_TABLE)]
        row.market_seq = account.market_seq
        row.event_time = now
        row.symbol = s
        row.quantity = symbol.quantity
        row.mark = symbol.mark
        row.rate = bar.funding_rate
        row.assumed = 1 if bar["flags"] & FUNDING_ASSUMED != 0 else 0
        row.paid = paid


@fold_routine
def _fill_at_open(
    state: State, params: AccountParams, instruments: Records, tiers: Records, bar: Records, s: int,
    out: Out, detail: int,
) -> None:  # fmt: skip
    symbol = state.symbols[s]
    instrument = instruments[s]
    held = 1 if symbol.quantity > 0.0 else -1
    if symbol.liquidation_price > 0.0 and held * (bar.open - symbol.liquidation_price) <= 0.0:
        return  # the venue liquidated in the gap, before any order of ours met the market
    order = symbol.order
    reason = symbol.order_reason
    reduce_only = symbol.order_reduce_only
    wanted = symbol.order_quantity
    if reduce_only != 0:
        if symbol.quantity * wanted >= 0.0:
            cancel_order(state, s, out, detail)
            return
        wanted = math.copysign(min(abs(wanted), abs(symbol.quantity)), wanted)
    side = 1 if wanted > 0.0 else -1
    size = fillable(abs(wanted), bar.volume, params.venue.participation_max, instrument.lot)
    if size <= 0.0:
        return
    worse = slippage(size, params.venue.half_spread, params.venue.impact, symbol.volatility, symbol.daily_volume)
    price = fill_price(bar.open, side, worse, instrument.tick)
    fill(
        state, params, instruments, tiers, s, order, reason, TAKER,
        side * size, price, bar.open, instrument.taker_fee, 0.0, out, detail,
    )  # fmt: skip
    left = abs(wanted) - size
    if left < 0.5 * instrument.lot:
        left = 0.0
    symbol.order_quantity = side * left if left > 0.0 else 0.0
    write_order(state, s, order, FILLED, reason, symbol.order_quantity, reduce_only, out, detail)
    if left == 0.0:
        clear_order(state, s)


@fold_routine
def _inside_bar(
    state: State, params: AccountParams, instruments: Records, tiers: Records, bar: Records, s: int,
    out: Out, detail: int,
) -> None:  # fmt: skip
    # The bar does not tell in which order its prices came: the worst case is taken first, so a bar that
    # touches both stop and take profit stops, and liquidation precedes a stop that lies beyond it.
    symbol = state.symbols[s]
    side = 1 if symbol.quantity > 0.0 else -1
    adverse = bar.low if side > 0 else bar.high
    liquidated = symbol.liquidation_price
    stop = symbol.stop_price
    hits_liquidation = liquidated > 0.0 and side * (adverse - liquidated) <= 0.0
    hits_stop = stop > 0.0 and side * (adverse - stop) <= 0.0
    opens_beyond_liquidation = liquidated > 0.0 and side * (bar.open - liquidated) <= 0.0
    if hits_liquidation and (opens_beyond_liquidation or not hits_stop or side * (liquidated - stop) >= 0.0):
        cancel_order(state, s, out, detail)
        liquidate_isolated(state, params, instruments, tiers, s, side, bar.open, out, detail)
    elif hits_stop:
        cancel_order(state, s, out, detail)
        reference = min(bar.open, stop) if side > 0 else max(bar.open, stop)
        _stop_out(state, params, instruments, tiers, bar, s, side, reference, out, detail)
        liquidated = symbol.liquidation_price
        if liquidated > 0.0 and side * (adverse - liquidated) <= 0.0:
            # The bar went on to where what the stop could not sell is liquidated.
            cancel_order(state, s, out, detail)
            liquidate_isolated(state, params, instruments, tiers, s, side, bar.open, out, detail)
    else:
        _take_profit(state, params, instruments, tiers, bar, s, side, out, detail)


@fold_routine
def liquidate_isolated(
    state: State, params: AccountParams, instruments: Records, tiers: Records, s: int, side: int, met: float,
    out: Out, detail: int,
) -> None:  # fmt: skip
    """Take an isolated position away at its liquidation price, or where the market was met beyond it.

    ``side`` +1 for a long, -1 for a short; ``met`` is the bar's open, or the mark.
    """
    account = state.account[0]
    symbol = state.symbols[s]
    quantity = symbol.quantity
    price = symbol.liquidation_price
    if side * (met - price) < 0.0:
        price = met
    bankrupt = bankruptcy_price(quantity, symbol.entry_price, symbol.margin)
    if side * (price - bankrupt) < 0.0:
        # Beyond bankruptcy the venue's insurance fund bears the loss: an isolated position loses its margin.
        price = bankrupt
    remaining = symbol.margin + quantity * (price - symbol.entry_price)
    fee = min(abs(quantity) * price * instruments[s].liquidation_fee, max(remaining, 0.0))
    account.last_order += 1
    order = account.last_order
    write_order(state, s, order, SUBMITTED, LIQUIDATION, -quantity, YES, out, detail)
    fill(
        state, params, instruments, tiers, s, order, LIQUIDATION, TAKER,
        -quantity, price, price, 0.0, fee, out, detail,
    )  # fmt: skip
    write_order(state, s, order, FILLED, LIQUIDATION, 0.0, YES, out, detail)


@fold_routine
def _stop_out(
    state: State, params: AccountParams, instruments: Records, tiers: Records, bar: Records, s: int, side: int,
    reference: float, out: Out, detail: int,
) -> None:  # fmt: skip
    account = state.account[0]
    symbol = state.symbols[s]
    instrument = instruments[s]
    wanted = abs(symbol.quantity)
    account.last_order += 1
    order = account.last_order
    write_order(state, s, order, SUBMITTED, STOP, -side * wanted, YES, out, detail)
    size = fillable(wanted, bar.volume, params.venue.participation_max, instrument.lot)
    if size > 0.0:
        worse = slippage(size, params.venue.half_spread, params.venue.impact, symbol.volatility, symbol.daily_volume)
        price = fill_price(reference, -side, worse, instrument.tick)
        fill(
            state, params, instruments, tiers, s, order, STOP, TAKER,
            -side * size, price, reference, instrument.taker_fee, 0.0, out, detail,
        )  # fmt: skip
        write_order(state, s, order, FILLED, STOP, -symbol.quantity, YES, out, detail)
    left = abs(symbol.quantity)
    if left > 0.0:
        # A touched stop is a market order: what this bar's volume could not take goes on at the next open.
        symbol.stop_price = 0.0
        symbol.take_price = 0.0
        symbol.order = order
        symbol.order_quantity = -side * left
        symbol.order_reduce_only = 1
        symbol.order_reason = STOP


@fold_routine
def _take_profit(
    state: State, params: AccountParams, instruments: Records, tiers: Records, bar: Records, s: int, side: int,
    out: Out, detail: int,
) -> None:  # fmt: skip
    # A resting limit order fills at its own price: a better open is not counted on. What the bar's volume does
    # not take goes on resting there.
    account = state.account[0]
    symbol = state.symbols[s]
    instrument = instruments[s]
    size = fillable(abs(symbol.quantity), bar.volume, params.venue.participation_max, instrument.lot)
    if size <= 0.0:
        return
    cancel_order(state, s, out, detail)
    account.last_order += 1
    order = account.last_order
    write_order(state, s, order, SUBMITTED, TAKE_PROFIT, -side * size, YES, out, detail)
    fill(
        state, params, instruments, tiers, s, order, TAKE_PROFIT, MAKER,
        -side * size, symbol.take_price, symbol.take_price, instrument.maker_fee, 0.0, out, detail,
    )  # fmt: skip
    write_order(state, s, order, FILLED, TAKE_PROFIT, 0.0, YES, out, detail)
