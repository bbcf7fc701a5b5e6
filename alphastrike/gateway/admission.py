"""All gates in their order over one candle, one book top, one tick: what is let in, and what is written about it."""

import math
from typing import Final

from alphastrike.gateway.breaker import closes, count_acceptance, opens_on_rejection, remember
from alphastrike.gateway.gates import (
    FLAG,
    PASS,
    REJECT,
    GatewayParams,
    completeness,
    duplicate,
    finite,
    gap,
    monotone,
    ohlc,
    positive,
    price_jump,
    spread,
    staleness,
    volume_spike,
)
from alphastrike.journal.codes import Gate
from alphastrike.journal.kinds import KINDS
from alphastrike.model.compiled import Records, step

GATE_ROW: Final = KINDS["gates"].record

ROWS_A_CANDLE: Final = 5
"""Most rows one candle can write: four flags, or flags before a rejection and the breaker."""
ROWS_A_TICK: Final = 3
"""Most rows one symbol can write at a tick: book top rejected, breaker closed, stale."""

COMPLETENESS: Final = int(Gate.COMPLETENESS)
FINITE: Final = int(Gate.FINITE)
POSITIVE: Final = int(Gate.POSITIVE)
OHLC: Final = int(Gate.OHLC)
MONOTONE: Final = int(Gate.MONOTONE)
DUPLICATE: Final = int(Gate.DUPLICATE)
GAP: Final = int(Gate.GAP)
STALE: Final = int(Gate.STALE)
PRICE_JUMP: Final = int(Gate.PRICE_JUMP)
VOLUME_SPIKE: Final = int(Gate.VOLUME_SPIKE)
SPREAD: Final = int(Gate.SPREAD)
BREAKER_OPENED: Final = int(Gate.BREAKER_OPENED)
BREAKER_CLOSED: Final = int(Gate.BREAKER_CLOSED)


@step
def write_gate_row(
    row: Records, market_seq: int, now: int, symbol: int, gate: int, verdict: int, value: float, limit: float
) -> None:
    """Fill one row of kind ``gates``."""
    row.market_seq = market_seq
    row.event_time = now
    row.symbol = symbol
    row.gate = gate
    row.verdict = verdict
    row.value = value
    row.limit = limit


@step
def admit(
    candle: Records,
    event_time: int,
    symbol: int,
    market_seq: int,
    interval: int,
    params: GatewayParams,
    state: Records,
    rows: Records,
    count: int,
) -> tuple[bool, int]:
    """Put one candle through the gates; return whether it is accepted and the new number of rows.

    ``candle`` has ``open``, ``high``, ``low``, ``close`` and ``volume``; ``state`` is the symbol's ``GATE_STATE``;
    ``rows`` (kind ``gates``) has room for ``ROWS_A_CANDLE`` after ``count``. The first rejection ends the
    inspection; what was flagged before it stands.
    """
    open_, high, low, close, volume = candle.open, candle.high, candle.low, candle.close, candle.volume
    settled = state.accepted >= params.recent_bars
    rejected = False
    for gate in range(COMPLETENESS, VOLUME_SPIKE + 1):
        verdict, value, limit = PASS, 0.0, 0.0
        if gate == COMPLETENESS:
            verdict, value, limit = completeness(open_, high, low, close, volume)
        elif gate == FINITE:
            verdict, value, limit = finite(open_, high, low, close, volume)
        elif gate == POSITIVE:
            verdict, value, limit = positive(open_, high, low, close, volume)
        elif gate == OHLC:
            verdict, value, limit = ohlc(open_, high, low, close)
        elif gate == MONOTONE:
            verdict, value, limit = monotone(event_time, state.last_time)
        elif gate == DUPLICATE:
            verdict, value, limit = duplicate(event_time, state.last_time)
        elif gate == GAP:
            verdict, value, limit = gap(event_time, state.last_time, interval, params.gap_bars_max)
        elif gate == PRICE_JUMP:
            verdict, value, limit = price_jump(high, low, state.last_close, state.recent_range, settled, params)
        elif gate == VOLUME_SPIKE:
            verdict, value, limit = volume_spike(volume, state.recent_volume, settled, params.volume_spike)
        if verdict != PASS:
            write_gate_row(rows[count], market_seq, event_time, symbol, gate, verdict, value, limit)
            count += 1
        if verdict == REJECT:
            rejected = True
            break
    if not rejected:
        remember(state, event_time, high, low, close, volume, params.recent_bars)
        count_acceptance(state, params)
        return True, count
    if opens_on_rejection(state, event_time, params):
        value, limit = float(state.rejections), float(params.breaker_rejections)
        write_gate_row(rows[count], market_seq, event_time, symbol, BREAKER_OPENED, REJECT, value, limit)
        count += 1
    return False, count


@step
def admit_book_top(
    bid: float,
    ask: float,
    event_time: int,
    symbol: int,
    market_seq: int,
    params: GatewayParams,
    rows: Records,
    count: int,
) -> tuple[bool, int]:
    """Put the book top that stands at a tick through its gate; return whether it is accepted and the number of rows.

    ``bid`` and ``ask`` are quote per base, 0 for a side that nobody offers, NaN when no top came in the instant: then
    nothing is accepted and nothing written. ``rows`` has room for ``ROWS_A_TICK`` after ``count``, those of
    ``settle_tick`` included; ``market_seq`` is the tick's. A rejection does not count towards the breaker: a wide book
    is no reason to doubt the candles.
    """
    if math.isnan(bid) or math.isnan(ask):
        return False, count
    verdict, width, limit = spread(bid, ask, params.spread_max)
    if verdict == PASS:
        return True, count
    write_gate_row(rows[count], market_seq, event_time, symbol, SPREAD, verdict, width, limit)
    return False, count + 1


@step
def settle_tick(
    now: int, symbol: int, market_seq: int, params: GatewayParams, state: Records, rows: Records, count: int
) -> int:
    """Let a tick close the breaker and find the symbol stale, or fresh again; return the number of rows.

    ``rows`` has room for two after ``count``. Staleness is written when it begins.
    """
    if closes(state, now):
        hours = float(params.breaker_hours)
        write_gate_row(rows[count], market_seq, now, symbol, BREAKER_CLOSED, FLAG, hours, hours)
        count += 1
    verdict, age, limit = staleness(now, state.last_time, params.stale_minutes)
    if verdict == PASS:
        state.stale = 0
    elif state.stale == 0:
        state.stale = 1
        write_gate_row(rows[count], market_seq, now, symbol, STALE, FLAG, age, limit)
        count += 1
    return count
