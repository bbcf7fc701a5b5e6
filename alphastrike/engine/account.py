"""The account half as compiled entry points: the loop over history, and the same step once an event.

Stages 6 to 8 are chained in ``instant`` (candle, mark, funding), ``tick`` and ``decision``; the loop below only
walks the market through them. Live calls the single-event entries with a one-row market.
"""

from typing import Final

from alphastrike.engine.codes import FUNDING, MARK
from alphastrike.engine.control import refresh_controls
from alphastrike.engine.instant import on_candle, on_funding, on_mark
from alphastrike.engine.outputs import Out, is_nearly_full
from alphastrike.engine.state import State
from alphastrike.engine.tick import on_tick
from alphastrike.model.compiled import Records, fold_entry

DONE: Final = 0
"""The stretch is finished."""
SITUATION: Final = 1
"""At least one situation was asked at the tick just closed."""
FULL: Final = 2
"""The output records want draining."""


@fold_entry
def begin(state: State, packed: Records) -> None:
    """Give a zeroed state its start: equity in the wallet, triggers armed, controls at their baseline."""
    params = packed[0]
    account = state.account[0]
    account.cash = params.start_equity
    account.price_cash = params.start_equity
    account.equity = params.start_equity
    account.equity_peak = params.start_equity
    account.day_start_equity = params.start_equity
    account.half_kelly = 0.1
    for scope in range(len(state.symbols) + 1):
        for rule in range(3):
            state.triggers[scope, rule].armed = 1
    refresh_controls(state, params)


@fold_entry
def run(
    state: State, packed: Records, instruments: Records, tiers: Records, bars: Records, other_events: Records,
    decision_row: Records, forecasts: Records, start: int, interval: int, first: int, stop: int, outs: Out, detail: int,
) -> tuple[int, int]:  # fmt: skip
    """Run ticks [first, stop) and return (why it stopped, the next tick to run).

    Stops after a tick at which a situation was asked, and when the output records are nearly full. ``bars`` is
    (T, S), ``other_events`` and ``decision_row`` (T,), ``forecasts`` (D, S); times in microseconds.
    """
    out = outs[0]
    params = packed[0]
    symbols = bars.shape[1]
    account = state.account[0]
    account.asked_now = 0
    if is_nearly_full(out.counts, symbols):
        return FULL, first
    for t in range(first, stop):
        now = start + t * interval
        seen = 0
        for s in range(symbols):
            seen |= bars[t, s]["flags"]
            on_candle(state, params, instruments, tiers, bars[t, s], s, now, out, detail)
        if seen & (MARK | FUNDING) != 0:
            for s in range(symbols):
                on_mark(state, params, bars[t, s], s, now)
            for s in range(symbols):
                on_funding(state, params, tiers, bars[t, s], s, now, out, detail)
        on_tick(state, params, instruments, tiers, forecasts, decision_row[t], other_events[t], now, out, detail)
        if account.asked_now != 0:
            account.asked_now = 0
            return SITUATION, t + 1
        if is_nearly_full(out.counts, symbols):
            return FULL, t + 1
    return DONE, stop


@fold_entry
def step_candle(
    state: State, packed: Records, instruments: Records, tiers: Records, bars: Records, s: int, now: int,
    outs: Out, detail: int,
) -> None:  # fmt: skip
    """Take in one candle event: row 0 of ``bars``, (1, S), symbol ``s``."""
    out = outs[0]
    params = packed[0]
    on_candle(state, params, instruments, tiers, bars[0, s], s, now, out, detail)


@fold_entry
def step_mark(state: State, packed: Records, bars: Records, s: int, now: int) -> None:
    """Take in one mark price event."""
    params = packed[0]
    on_mark(state, params, bars[0, s], s, now)


@fold_entry
def step_funding(
    state: State, packed: Records, tiers: Records, bars: Records, s: int, now: int, outs: Out, detail: int
) -> None:
    """Take in one funding event."""
    out = outs[0]
    params = packed[0]
    on_funding(state, params, tiers, bars[0, s], s, now, out, detail)


@fold_entry
def step_tick(
    state: State, packed: Records, instruments: Records, tiers: Records, forecasts: Records, d: int,
    other_events: int, now: int, outs: Out, detail: int,
) -> int:  # fmt: skip
    """Close an instant; returns ``SITUATION`` when the policy is to be asked, ``FULL`` or ``DONE``."""
    out = outs[0]
    params = packed[0]
    account = state.account[0]
    account.asked_now = 0
    on_tick(state, params, instruments, tiers, forecasts, d, other_events, now, out, detail)
    if account.asked_now != 0:
        account.asked_now = 0
        return SITUATION
    if is_nearly_full(out.counts, len(state.symbols)):
        return FULL
    return DONE
