"""Halts that others than the account's own losses begin or lift, and what an operator may do to positions."""

from alphastrike.engine.book import cancel_order, withdraw_entries, write_order
from alphastrike.engine.codes import (
    BEGUN,
    FLATTEN,
    HALT_DRAWDOWN,
    HALT_LIQUIDATION,
    HALT_OPERATOR,
    HALT_POLICY,
    LIFTED,
    NO,
    SUBMITTED,
    YES,
)
from alphastrike.engine.outputs import HALTS_TABLE, Out, next_row
from alphastrike.engine.state import State
from alphastrike.model.compiled import fold_entry, fold_routine


@fold_routine
def write_halt(
    state: State, cause: int, change: int, value: float, limit: float, until: int, out: Out, detail: int
) -> None:
    """Journal the beginning or the lifting of an account-wide halt."""
    if detail == 0:
        return
    account = state.account[0]
    row = out.halts[next_row(out.counts, HALTS_TABLE)]
    row.market_seq = account.market_seq
    row.event_time = account.now
    row.symbol = -1
    row.cause = cause
    row.change = change
    row.value = value
    row.limit = limit
    row.until = until


@fold_entry
def halt_for_failed_policy(state: State, until: int, outs: Out, detail: int) -> None:
    """Take no new risk until ``until`` (microseconds UTC), because the policy could not answer."""
    account = state.account[0]
    account.policy_halt_until = max(account.policy_halt_until, until)
    withdraw_entries(state, outs[0], detail)
    write_halt(state, HALT_POLICY, BEGUN, 0.0, 0.0, account.policy_halt_until, outs[0], detail)


@fold_entry
def halt_by_operator(state: State, outs: Out, detail: int) -> None:
    """Take no new risk until a person resumes; twice is once."""
    account = state.account[0]
    if account.operator_halt == 0:
        account.operator_halt = 1
        withdraw_entries(state, outs[0], detail)
        write_halt(state, HALT_OPERATOR, BEGUN, 0.0, 0.0, NO, outs[0], detail)


@fold_entry
def resume_by_operator(state: State, outs: Out, detail: int) -> None:
    """Lift what only a person lifts: his own halt, a liquidation's, and a drawdown's with the peak reset."""
    account = state.account[0]
    if account.operator_halt != 0:
        account.operator_halt = 0
        write_halt(state, HALT_OPERATOR, LIFTED, 0.0, 0.0, NO, outs[0], detail)
    if account.liquidation_halt_since != 0:
        write_halt(state, HALT_LIQUIDATION, LIFTED, account.liquidation, 0.0, NO, outs[0], detail)
        account.liquidation_halt_since = 0
    if account.drawdown_halt_since != 0:
        write_halt(state, HALT_DRAWDOWN, LIFTED, account.drawdown, 0.0, NO, outs[0], detail)
        account.drawdown_halt_since = 0
        account.equity_peak = account.equity
        account.drawdown = 0.0


@fold_entry
def flatten_by_operator(state: State, outs: Out, detail: int) -> int:
    """Close every position by a reduce-only order at the next open and return how many orders that took.

    Entries still waiting are taken back. A position that a closing order already works on is left to it.
    """
    account = state.account[0]
    sent = 0
    for s in range(len(state.symbols)):
        symbol = state.symbols[s]
        if symbol.order_quantity != 0.0 and symbol.order_quantity == -symbol.quantity and symbol.order_reduce_only != 0:
            continue
        cancel_order(state, s, outs[0], detail)
        if symbol.quantity != 0.0:
            account.last_order += 1
            symbol.order = account.last_order
            symbol.order_quantity = -symbol.quantity
            symbol.order_reduce_only = 1
            symbol.order_reason = FLATTEN
            write_order(state, s, symbol.order, SUBMITTED, FLATTEN, symbol.order_quantity, YES, outs[0], detail)
            sent += 1
    return sent
