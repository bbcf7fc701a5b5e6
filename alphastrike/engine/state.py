"""The account's state: named records as views into one byte buffer.

A fork copies the bytes, a checkpoint stores them. Every field is eight bytes wide, so there is no padding;
nothing in it depends on a clock, a process or a run's name.
"""

import hashlib
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.model.compiled import Records
from alphastrike.model.errors import DataError

OUTCOMES: Final = 50
"""Closed trades remembered per scope."""
INTERVENTIONS: Final = 32
"""Interventions that can be live at once."""
RULES: Final = 3

Buffer = npt.NDArray[np.uint8]


def _record(reals: str, integers: str) -> np.dtype[Any]:
    fields = [(name, "f8") for name in reals.split()] + [(name, "i8") for name in integers.split()]
    return np.dtype((np.record, fields))


ACCOUNT: Final = _record(
    "cash price_cash fees slippage funding liquidation equity equity_peak drawdown exposure day_start_equity"
    " leverage volatility volatility_factor drawdown_factor performance_factor half_kelly leverage_cap",
    "market_seq now day daily_halt drawdown_halt_since liquidated liquidation_halt_since bankrupt"
    " policy_halt_until operator_halt"
    " trades loss_streak outcomes_changed order_hour orders_this_hour"
    " last_order last_trade last_situation last_intervention ticks ticks_halted asked_now",
)
"""The whole account. ``cash`` is the wallet: equity = cash + sum of quantity x mark; ``price_cash`` the same on
reference prices and without costs. ``*_halt`` are 0/1, ``*_since`` and ``*_until`` microseconds UTC (0: none)."""

SYMBOL: Final = _record(
    "quantity mark stop_price take_price liquidation_price margin entry_price entry_quantity entry_multiplier"
    " entry_leverage quantity_max exit_notional exit_quantity"
    " cash pnl_peak drawdown"
    " trade_cash trade_price_cash trade_fees trade_slippage trade_funding trade_liquidation"
    " order_quantity order_stop_distance order_take_distance order_multiplier order_leverage"
    " volatility daily_volume conviction"
    " conviction_floor size_multiplier target_quantity target_wanted",
    "last_candle trade opened direction order order_reduce_only order_reason"
    " shorts_allowed asset_enabled close_now trades loss_streak regime halt forecast_direction"
    " target_reason target_entry",
)
"""One symbol: position, trade so far, resting order, last forecast, effective controls, the decision's scratch.

``cash`` is the symbol's share of the wallet's changes, so cash + quantity x mark is its net P&L since the start."""

TRIGGER: Final = _record("value", "armed last_fired last_asked situation asked deadline")
"""One trigger of one scope; ``situation`` is the one still unanswered, 0 for none."""

INTERVENTION: Final = _record("value", "intervention situation tool symbol applied expires")
"""A live intervention; ``intervention`` 0 marks a free slot."""


class State(NamedTuple):
    """Views into one buffer."""

    account: Records
    """(1,) of ``ACCOUNT``."""
    symbols: Records
    """(S,) of ``SYMBOL``."""
    triggers: Records
    """(S + 1, 3) of ``TRIGGER``; the last row is the account's."""
    outcomes: Records
    """(S + 1, OUTCOMES) float64: net P&L of the last closed trades, a ring by trade count."""
    interventions: Records
    """(INTERVENTIONS,) of ``INTERVENTION``."""


def _layout(symbols: int) -> list[tuple[np.dtype[Any], tuple[int, ...]]]:
    return [
        (ACCOUNT, (1,)),
        (SYMBOL, (symbols,)),
        (TRIGGER, (symbols + 1, RULES)),
        (np.dtype("f8"), (symbols + 1, OUTCOMES)),
        (INTERVENTION, (INTERVENTIONS,)),
    ]


def buffer_size(symbols: int) -> int:
    """Return the bytes of an account's state with so many symbols."""
    return sum(dtype.itemsize * int(np.prod(shape)) for dtype, shape in _layout(symbols))


def new_buffer(symbols: int) -> Buffer:
    """Return a zeroed buffer for an account with so many symbols."""
    return np.zeros(buffer_size(symbols), dtype=np.uint8)


def views(buffer: Buffer, symbols: int) -> State:
    """Look at a buffer through its records; writing to them writes to the buffer."""
    parts = []
    offset = 0
    for dtype, shape in _layout(symbols):
        size = dtype.itemsize * int(np.prod(shape))
        parts.append(buffer[offset : offset + size].view(dtype).reshape(shape))
        offset += size
    return State(*parts)


def fork(buffer: Buffer) -> Buffer:
    """Return an independent copy of a state."""
    return buffer.copy()


def restored(state: bytes, symbols: int) -> Buffer:
    """Return a writable buffer from a checkpoint's bytes.

    Raises:
        DataError: the bytes are not a state of this many symbols in this version's layout.
    """
    if len(state) != buffer_size(symbols):
        raise DataError(
            f"a checkpoint holds {len(state)} bytes, {buffer_size(symbols)} expected for {symbols} symbols:"
            " it was made by another version. Record the run again."
        )
    return np.frombuffer(state, dtype=np.uint8).copy()


def canonical_bytes(buffer: Buffer, symbols: int) -> bytes:
    """Return the state as bytes that are equal when, and only when, the states are: no -0.0, no NaN."""
    clean = fork(buffer)
    for records in views(clean, symbols):
        names = records.dtype.names
        for column in [records] if names is None else [records[name] for name in names]:
            if column.dtype.kind == "f":
                assert not np.isnan(column).any(), "account state holds a NaN"
                np.add(column, 0.0, out=column)
    return clean.tobytes()


def state_digest(state: bytes) -> str:
    """Return the digest of one half's canonical state: BLAKE2b-128, 32 hex digits."""
    return hashlib.blake2b(state, digest_size=16).hexdigest()


def run_digest(account_digest: str, perception_digest: str) -> str:
    """Return the digest of a run from those of its halves: BLAKE2b-128, 32 hex digits.

    Of the digests and not of the states, so that an arm, which re-runs only the account, has one too.
    """
    halves = f"account {account_digest} perception {perception_digest}"
    return hashlib.blake2b(halves.encode(), digest_size=16).hexdigest()
