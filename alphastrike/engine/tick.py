"""The end of an instant: everything that looks across symbols, in one fixed order.

Mark to market, cross-margin liquidation, peak and drawdown, halts, triggers, expiries, the decision when one is
due, and the equity row.
"""

from alphastrike.config.account import AccountParams
from alphastrike.engine.book import cancel_order, fill, win_rate, withdraw_entries, write_order
from alphastrike.engine.codes import (
    BEGUN,
    DRAWDOWN,
    FILLED,
    HALT_BANKRUPT,
    HALT_DAILY_LOSS,
    HALT_DRAWDOWN,
    HALT_LIQUIDATION,
    HALT_POLICY,
    LIFTED,
    LIQUIDATION,
    LOSS_STREAK,
    NO,
    NOBODY,
    SUBMITTED,
    TAKER,
    WIN_RATE,
    YES,
)
from alphastrike.engine.control import expire_interventions
from alphastrike.engine.decision import decide
from alphastrike.engine.halting import write_halt
from alphastrike.engine.instant import liquidate_isolated
from alphastrike.engine.outputs import EQUITY_TABLE, TRIGGERS_TABLE, Out, next_row
from alphastrike.engine.state import State
from alphastrike.execution.venue import maintenance_margin
from alphastrike.model.compiled import Records, fold_entry, fold_routine, fold_step
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR
from alphastrike.policy.triggers import drawdown_fires, streak_fires, win_rate_fires
from alphastrike.risk.halts import daily_loss, drawdown_of, is_halt_over


@fold_step
def on_tick(
    state: State, params: AccountParams, instruments: Records, tiers: Records, forecasts: Records, d: int,
    other_events: int, now: int, out: Out, detail: int,
) -> None:  # fmt: skip
    """Close an instant. ``d`` is the row of the forecasts to decide on, -1 when no decision falls here."""
    account = state.account[0]
    account.market_seq += other_events + 1
    account.now = now
    account.ticks += 1
    if now // MICROS_PER_DAY != account.day:
        _new_day(state, now, out, detail)
    _mark_to_market(state)
    if params.venue.isolated_margin != 0 and params.venue.mark_on_marks != 0:
        _liquidate_on_marks(state, params, instruments, tiers, out, detail)
    if account.equity < account.exposure:
        _liquidate_cross(state, params, instruments, tiers, out, detail)
    if account.equity > account.equity_peak:
        account.equity_peak = account.equity
    account.drawdown = drawdown_of(account.equity, account.equity_peak)
    _halts(state, params, now, out, detail)
    _triggers(state, params, now, out)
    expire_interventions(state, params, now, out, detail)
    if d >= 0:
        decide(state, params, instruments, tiers, forecasts, d, now, out, detail)
    halted = is_account_halted(state, now)
    if halted:
        account.ticks_halted += 1
    _write_equity(state, params, halted, out)


@fold_entry
def is_account_halted(state: State, now: int) -> bool:
    """Tell whether the account takes no new risk at all."""
    account = state.account[0]
    return bool(
        account.daily_halt != 0
        or account.drawdown_halt_since != 0
        or account.liquidation_halt_since != 0
        or account.bankrupt != 0
        or account.operator_halt != 0
        or now < account.policy_halt_until
    )


@fold_step
def _mark_to_market(state: State) -> None:
    account = state.account[0]
    value = account.cash
    exposure = 0.0
    symbols = state.symbols
    share = account.equity_peak / len(symbols)
    for s in range(len(symbols)):
        symbol = symbols[s]
        pnl = symbol.cash
        if symbol.quantity != 0.0:
            worth = symbol.quantity * symbol.mark
            value += worth
            pnl += worth
            exposure += abs(worth)
        if pnl > symbol.pnl_peak:
            symbol.pnl_peak = pnl
        symbol.drawdown = (symbol.pnl_peak - pnl) / share if share > 0.0 else 0.0
    account.equity = value
    account.exposure = exposure


@fold_routine
def _liquidate_on_marks(
    state: State, params: AccountParams, instruments: Records, tiers: Records, out: Out, detail: int
) -> None:
    """Liquidate isolated positions whose mark passed their price, though no candle did, or none came."""
    liquidated = 0
    for s in range(len(state.symbols)):
        symbol = state.symbols[s]
        side = 1 if symbol.quantity > 0.0 else -1
        if symbol.liquidation_price > 0.0 and side * (symbol.mark - symbol.liquidation_price) <= 0.0:
            cancel_order(state, s, out, detail)
            liquidate_isolated(state, params, instruments, tiers, s, side, symbol.mark, out, detail)
            liquidated = 1
    if liquidated != 0:
        _mark_to_market(state)


@fold_routine
def _liquidate_cross(
    state: State, params: AccountParams, instruments: Records, tiers: Records, out: Out, detail: int
) -> None:
    """Liquidate, worst position first, until equity covers the maintenance margin of what remains."""
    account = state.account[0]
    if params.venue.isolated_margin == 0:
        while True:
            maintenance = 0.0
            worst = NOBODY
            worst_pnl = 0.0
            for s in range(len(state.symbols)):
                symbol = state.symbols[s]
                if symbol.quantity != 0.0:
                    maintenance += maintenance_margin(tiers, s, abs(symbol.quantity * symbol.mark))
                    pnl = symbol.quantity * (symbol.mark - symbol.entry_price)
                    if worst < 0 or pnl < worst_pnl:
                        worst = s
                        worst_pnl = pnl
            if worst < 0 or account.equity > maintenance:
                break
            symbol = state.symbols[worst]
            quantity = symbol.quantity
            price = symbol.mark
            cancel_order(state, worst, out, detail)
            account.last_order += 1
            order = account.last_order
            write_order(state, worst, order, SUBMITTED, LIQUIDATION, -quantity, YES, out, detail)
            fee = abs(quantity) * price * instruments[worst].liquidation_fee
            fill(
                state, params, instruments, tiers, worst, order, LIQUIDATION, TAKER,
                -quantity, price, price, 0.0, fee, out, detail,
            )  # fmt: skip
            write_order(state, worst, order, FILLED, LIQUIDATION, 0.0, YES, out, detail)
            _mark_to_market(state)
    if account.exposure == 0.0 and account.cash < 0.0:
        # The venue's insurance fund bears what the account cannot: its loss ends at zero.
        account.liquidation += account.cash
        account.cash = 0.0
        account.equity = 0.0


@fold_routine
def _new_day(state: State, now: int, out: Out, detail: int) -> None:
    account = state.account[0]
    account.day = now // MICROS_PER_DAY
    account.day_start_equity = account.equity
    if account.daily_halt != 0:
        account.daily_halt = 0
        write_halt(state, HALT_DAILY_LOSS, LIFTED, 0.0, 0.0, NO, out, detail)


@fold_step
def _halts(state: State, params: AccountParams, now: int, out: Out, detail: int) -> None:
    account = state.account[0]
    limits = params.limits
    begun = 0
    loss = daily_loss(account.equity, account.day_start_equity)
    if account.daily_halt == 0 and loss > limits.daily_loss_max:
        account.daily_halt = 1
        begun = 1
        until = (account.day + 1) * MICROS_PER_DAY
        write_halt(state, HALT_DAILY_LOSS, BEGUN, loss, limits.daily_loss_max, until, out, detail)
    if account.drawdown_halt_since == 0:
        if account.drawdown > limits.drawdown_halt:
            account.drawdown_halt_since = now
            begun = 1
            halt_for = int(limits.halt_days * MICROS_PER_DAY)
            until = now + halt_for if halt_for > 0 else NO
            write_halt(state, HALT_DRAWDOWN, BEGUN, account.drawdown, limits.drawdown_halt, until, out, detail)
    elif is_halt_over(now, account.drawdown_halt_since, int(limits.halt_days * MICROS_PER_DAY)):
        write_halt(state, HALT_DRAWDOWN, LIFTED, account.drawdown, limits.drawdown_halt, NO, out, detail)
        account.drawdown_halt_since = 0
        account.equity_peak = account.equity
        account.drawdown = 0.0
    if account.liquidated != 0:
        account.liquidated = 0
        if account.liquidation_halt_since == 0:
            account.liquidation_halt_since = now
            begun = 1
            halt_for = int(limits.halt_days * MICROS_PER_DAY)
            until = now + halt_for if halt_for > 0 else NO
            write_halt(state, HALT_LIQUIDATION, BEGUN, account.liquidation, 0.0, until, out, detail)
    elif account.liquidation_halt_since != 0 and is_halt_over(
        now, account.liquidation_halt_since, int(limits.halt_days * MICROS_PER_DAY)
    ):
        write_halt(state, HALT_LIQUIDATION, LIFTED, account.liquidation, 0.0, NO, out, detail)
        account.liquidation_halt_since = 0
    if account.policy_halt_until != 0 and now >= account.policy_halt_until:
        account.policy_halt_until = 0
        write_halt(state, HALT_POLICY, LIFTED, 0.0, 0.0, NO, out, detail)
    if account.bankrupt == 0 and account.equity <= 0.0:
        account.bankrupt = 1
        begun = 1
        write_halt(state, HALT_BANKRUPT, BEGUN, account.equity, 0.0, NO, out, detail)
    if begun != 0:
        withdraw_entries(state, out, detail)


@fold_step
def _triggers(state: State, params: AccountParams, now: int, out: Out) -> None:
    account = state.account[0]
    rules = params.triggers
    everyone = len(state.symbols)
    refire = int(rules.refire_hours * MICROS_PER_HOUR)
    for scope in range(everyone + 1):
        drawdown = account.drawdown if scope == everyone else state.symbols[scope].drawdown
        trigger = state.triggers[scope, DRAWDOWN]
        fires = drawdown_fires(drawdown, rules.drawdown_above)
        if trigger.armed == 0:
            if drawdown <= rules.drawdown_rearm:
                _rearm(state, scope, DRAWDOWN, drawdown, rules.drawdown_rearm, out)
            elif fires and refire > 0 and now - trigger.last_fired >= refire:
                _fire(state, params, scope, DRAWDOWN, drawdown, rules.drawdown_above, now, out)
        elif fires:
            _fire(state, params, scope, DRAWDOWN, drawdown, rules.drawdown_above, now, out)
    if account.outcomes_changed != 0 or refire > 0:
        _record_triggers(state, params, now, refire, out)
        account.outcomes_changed = 0


@fold_routine
def _record_triggers(state: State, params: AccountParams, now: int, refire: int, out: Out) -> None:
    """Evaluate the rules that can only change when a trade closes."""
    account = state.account[0]
    rules = params.triggers
    everyone = len(state.symbols)
    for scope in range(everyone + 1):
        trades = account.trades if scope == everyone else state.symbols[scope].trades
        losses = account.loss_streak if scope == everyone else state.symbols[scope].loss_streak
        rate = win_rate(state, scope, trades, rules.win_rate_window)
        trigger = state.triggers[scope, WIN_RATE]
        fires = win_rate_fires(rate, trades, rules.win_rate_window, rules.win_rate_below)
        if trigger.armed == 0:
            if rate >= rules.win_rate_rearm:
                _rearm(state, scope, WIN_RATE, rate, rules.win_rate_rearm, out)
            elif fires and refire > 0 and now - trigger.last_fired >= refire:
                _fire(state, params, scope, WIN_RATE, rate, rules.win_rate_below, now, out)
        elif fires:
            _fire(state, params, scope, WIN_RATE, rate, rules.win_rate_below, now, out)
        trigger = state.triggers[scope, LOSS_STREAK]
        fires = streak_fires(losses, rules.losses)
        if trigger.armed == 0:
            if losses == 0:
                _rearm(state, scope, LOSS_STREAK, 0.0, 0.0, out)
            elif fires and refire > 0 and now - trigger.last_fired >= refire:
                _fire(state, params, scope, LOSS_STREAK, float(losses), float(rules.losses), now, out)
        elif fires:
            _fire(state, params, scope, LOSS_STREAK, float(losses), float(rules.losses), now, out)


@fold_routine
def _fire(
    state: State, params: AccountParams, scope: int, rule: int, value: float, threshold: float, now: int, out: Out
) -> None:
    account = state.account[0]
    trigger = state.triggers[scope, rule]
    cooldown = int(params.triggers.cooldown_hours * MICROS_PER_HOUR)
    trigger.armed = 0
    trigger.last_fired = now
    trigger.value = value
    situation = NO
    if trigger.situation == 0 and (trigger.last_asked == 0 or now - trigger.last_asked >= cooldown):
        account.last_situation += 1
        account.asked_now += 1
        situation = account.last_situation
        trigger.situation = situation
        trigger.asked = now
        trigger.last_asked = now
        trigger.deadline = now + params.deadline
    _write_trigger(state, scope, rule, YES, value, threshold, situation, out)


@fold_routine
def _rearm(state: State, scope: int, rule: int, value: float, threshold: float, out: Out) -> None:
    state.triggers[scope, rule].armed = 1
    _write_trigger(state, scope, rule, NO, value, threshold, NO, out)


@fold_routine
def _write_trigger(
    state: State, scope: int, rule: int, fired: int, value: float, threshold: float, situation: int, out: Out
) -> None:
    account = state.account[0]
    row = out.triggers[next_row(out.counts, TRIGGERS_TABLE)]
    row.market_seq = account.market_seq
    row.event_time = account.now
    row.symbol = -1 if scope == len(state.symbols) else scope
    row.rule = rule
    row.fired = fired
    row.value = value
    row.threshold = threshold
    row.situation = situation


@fold_step
def _write_equity(state: State, params: AccountParams, halted: bool, out: Out) -> None:
    account = state.account[0]
    n = out.counts[EQUITY_TABLE]
    out.counts[EQUITY_TABLE] = n + 1
    row = out.equity[n]
    row.market_seq = account.market_seq
    row.event_time = account.now
    row.equity = account.equity
    row.drawdown = account.drawdown
    row.exposure = account.exposure
    row.price_pnl = account.price_cash + (account.equity - account.cash) - params.start_equity
    row.fees = account.fees
    row.slippage = account.slippage
    row.funding = account.funding
    row.liquidation = account.liquidation
    row.leverage = account.leverage
    row.halted = 1 if halted else 0
