"""Interventions inside the state: apply, expire, revoke; the strictest of them is what controls."""

from alphastrike.config.account import AccountParams
from alphastrike.engine.codes import (
    ADJUST_CONVICTION,
    ADJUST_LEVERAGE,
    ADJUST_POSITION_SIZE,
    APPLIED,
    DISABLE_ASSET,
    DISABLE_SHORTS,
    EXPIRED,
    REVOKED,
)
from alphastrike.engine.outputs import INTERVENTIONS_TABLE, Out, next_row
from alphastrike.engine.state import RULES, State
from alphastrike.model.compiled import Records, fold_entry, fold_routine, fold_step


@fold_routine
def refresh_controls(state: State, params: AccountParams) -> None:
    """Set every effective control to the strictest of the baseline and all live interventions."""
    account = state.account[0]
    account.leverage_cap = params.leverage.maximum
    for s in range(len(state.symbols)):
        symbol = state.symbols[s]
        symbol.conviction_floor = params.entry.conviction_floor
        symbol.size_multiplier = 1.0
        symbol.shorts_allowed = 1
        symbol.asset_enabled = 1
    for k in range(len(state.interventions)):
        live = state.interventions[k]
        if live.intervention == 0:
            continue
        if live.tool == ADJUST_LEVERAGE:
            account.leverage_cap = min(account.leverage_cap, live.value)
            continue
        for s in range(len(state.symbols)):
            if live.symbol >= 0 and live.symbol != s:
                continue
            symbol = state.symbols[s]
            if live.tool == ADJUST_CONVICTION:
                symbol.conviction_floor = max(symbol.conviction_floor, live.value)
            elif live.tool == ADJUST_POSITION_SIZE:
                symbol.size_multiplier = min(symbol.size_multiplier, live.value)
            elif live.tool == DISABLE_SHORTS:
                symbol.shorts_allowed = 0
            elif live.tool == DISABLE_ASSET:
                symbol.asset_enabled = 0


@fold_routine
def effective(state: State, tool: int, symbol: int) -> float:
    """Return the effective control that a tool edits, as a number; flags are 1 for allowed."""
    s = max(symbol, 0)
    if tool == ADJUST_CONVICTION:
        return float(state.symbols[s].conviction_floor)
    if tool == ADJUST_POSITION_SIZE:
        return float(state.symbols[s].size_multiplier)
    if tool == ADJUST_LEVERAGE:
        return float(state.account[0].leverage_cap)
    if tool == DISABLE_SHORTS:
        return float(state.symbols[s].shorts_allowed)
    return float(state.symbols[s].asset_enabled)


@fold_routine
def _write_change(
    state: State, k: int, change: int, before: float, after: float, now: int, out: Out, detail: int
) -> None:
    if detail == 0:
        return
    live = state.interventions[k]
    row = out.interventions[next_row(out.counts, INTERVENTIONS_TABLE)]
    row.market_seq = state.account[0].market_seq
    row.event_time = now
    row.intervention = live.intervention
    row.situation = live.situation
    row.change = change
    row.tool = live.tool
    row.symbol = live.symbol
    row.value = live.value
    row.before = before
    row.after = after
    row.expires = live.expires


@fold_step
def expire_interventions(state: State, params: AccountParams, now: int, out: Out, detail: int) -> None:
    """End what has run out. Expiry restores the knob; it never re-enters by itself."""
    for k in range(len(state.interventions)):
        if state.interventions[k].intervention != 0 and state.interventions[k].expires <= now:
            _end(state, params, k, EXPIRED, now, out, detail)


@fold_routine
def _end(state: State, params: AccountParams, k: int, change: int, now: int, out: Out, detail: int) -> None:
    live = state.interventions[k]
    number = live.intervention
    before = effective(state, live.tool, live.symbol)
    live.intervention = 0
    refresh_controls(state, params)
    after = effective(state, live.tool, live.symbol)
    live.intervention = number
    _write_change(state, k, change, before, after, now, out, detail)
    live.intervention = 0
    live.situation = 0
    live.tool = 0
    live.symbol = 0
    live.value = 0.0
    live.applied = 0
    live.expires = 0


@fold_entry
def apply_intervention(
    state: State, packed: Records, situation: int, tool: int, symbol: int, value: float, expires: int,
    outs: Out, detail: int,
) -> int:  # fmt: skip
    """Make a judged tool call live and return the intervention's number, or 0 when no slot is free.

    ``symbol`` -1 means the account; ``value`` is the tool's argument; ``expires`` in microseconds UTC. Under
    ``close_on_disable`` a disabled position is marked to be closed at the next decision.
    """
    out = outs[0]
    params = packed[0]
    account = state.account[0]
    for k in range(len(state.interventions)):
        if state.interventions[k].intervention == 0:
            before = effective(state, tool, symbol)
            account.last_intervention += 1
            live = state.interventions[k]
            live.intervention = account.last_intervention
            live.situation = situation
            live.tool = tool
            live.symbol = symbol
            live.value = value
            live.applied = account.now
            live.expires = expires
            refresh_controls(state, params)
            if params.close_on_disable != 0 and tool in (DISABLE_ASSET, DISABLE_SHORTS):
                state.symbols[symbol].close_now = 1
            _write_change(state, k, APPLIED, before, effective(state, tool, symbol), account.now, out, detail)
            return int(account.last_intervention)
    return 0


@fold_entry
def revoke_intervention(state: State, packed: Records, number: int, outs: Out, detail: int) -> bool:
    """End a live intervention before its time; False when there is none of that number."""
    out = outs[0]
    params = packed[0]
    for k in range(len(state.interventions)):
        if number > 0 and state.interventions[k].intervention == number:
            _end(state, params, k, REVOKED, state.account[0].now, out, detail)
            return True
    return False


@fold_entry
def settle_situation(state: State, scope: int, rule: int) -> None:
    """Note that the trigger's situation has been answered."""
    trigger = state.triggers[scope, rule]
    trigger.situation = 0
    trigger.asked = 0
    trigger.deadline = 0


@fold_entry
def settle_all(state: State) -> None:
    """Nobody is asked: take back every situation that waits for an answer."""
    state.account[0].asked_now = 0
    for scope in range(len(state.symbols) + 1):
        for rule in range(RULES):
            if state.triggers[scope, rule].situation != 0:
                settle_situation(state, scope, rule)
