"""The gateway over a stretch of candles: what it lets in, what it writes, and when its breaker opens and closes."""

import numpy as np
import pytest

from alphastrike.gateway.admission import (
    GATE_ROW,
    ROWS_A_CANDLE,
    ROWS_A_TICK,
    admit,
    admit_book_top,
    settle_tick,
)
from alphastrike.gateway.breaker import GATE_STATE
from alphastrike.gateway.gates import GatewayParams
from alphastrike.journal.codes import Gate, GateVerdict
from alphastrike.model.bars import BAR
from alphastrike.model.units import MICROS_PER_HOUR, MICROS_PER_MINUTE

INTERVAL = 15 * MICROS_PER_MINUTE
START = 1_700_481_600_000_000
PARAMS = GatewayParams(recent_bars=4)


class Gateway:
    """One symbol behind the gateway, a bar at a time."""

    def __init__(self) -> None:
        self.state = np.zeros(1, dtype=GATE_STATE)[0]
        self.rows = np.zeros(1_000, dtype=GATE_ROW)
        self.count = 0
        self.now = START

    def bar(self, close: float | None, *, low: float | None = None, volume: float = 10.0) -> bool | None:
        """Close a bar at this price (``None``: no candle comes) and its tick; return whether it was accepted."""
        self.now += INTERVAL
        accepted = None
        if close is not None:
            accepted = self.candle(close, low=low, volume=volume)
        self.count = settle_tick(self.now, 0, 7, PARAMS, self.state, self.rows, self.count)
        return accepted

    def candle(self, close: float, *, low: float | None = None, volume: float = 10.0) -> bool:
        """Offer one candle at the present time."""
        candle = np.zeros(1, dtype=BAR)[0]
        candle.open = candle.close = close
        candle.high = close * 1.01
        candle.low = close * 0.99 if low is None else low
        candle.volume = volume
        accepted, self.count = admit(candle, self.now, 0, 7, INTERVAL, PARAMS, self.state, self.rows, self.count)
        return bool(accepted)

    def written(self) -> list[tuple[Gate, GateVerdict]]:
        """Return what the gateway wrote so far."""
        return [(Gate(int(row.gate)), GateVerdict(int(row.verdict))) for row in self.rows[: self.count]]


def test_ordinary_candles_leave_no_rows() -> None:
    gateway = Gateway()
    assert all(gateway.bar(100.0 + i) for i in range(50))
    assert gateway.written() == []


def test_a_rejected_candle_is_written_and_leaves_the_memory_as_it_was() -> None:
    gateway = Gateway()
    for _ in range(10):
        gateway.bar(100.0)
    before = gateway.state.copy()
    assert gateway.bar(1.0) is False
    assert gateway.written() == [(Gate.PRICE_JUMP, GateVerdict.REJECTED)]
    for field in ("last_close", "recent_range", "recent_volume", "last_time", "accepted"):
        assert gateway.state[field] == before[field]
    assert gateway.bar(100.0) is True, "the next good candle passes"
    assert gateway.written()[1:] == [(Gate.GAP, GateVerdict.FLAGGED)], "and says that one is missing before it"


def test_a_corrected_candle_of_a_rejected_time_passes() -> None:
    gateway = Gateway()
    gateway.bar(100.0)
    gateway.now += INTERVAL
    assert not gateway.candle(float("nan"))
    assert gateway.candle(101.0)
    assert not gateway.candle(101.0), "a second one is a duplicate"
    assert gateway.written()[-1] == (Gate.DUPLICATE, GateVerdict.REJECTED)


def test_an_outage_bar_without_volume_is_flagged_and_accepted() -> None:
    gateway = Gateway()
    gateway.bar(100.0)
    assert gateway.bar(100.0, low=100.0, volume=0.0) is True
    assert gateway.written() == [(Gate.COMPLETENESS, GateVerdict.FLAGGED)]


def test_a_crash_of_half_the_price_in_an_hour_passes() -> None:
    gateway = Gateway()
    for price in (100.0, 100.0, 100.0, 100.0, 100.0, 84.0, 70.0, 59.0, 50.0):
        assert gateway.bar(price) is True
    assert {verdict for _, verdict in gateway.written()} == {GateVerdict.FLAGGED}


def test_repeated_rejections_open_the_breaker_and_its_cool_off_closes_it() -> None:
    gateway = Gateway()
    for _ in range(10):
        gateway.bar(100.0)
    for _ in range(PARAMS.breaker_rejections):
        assert gateway.bar(1.0) is False
    assert gateway.written()[-1] == (Gate.BREAKER_OPENED, GateVerdict.REJECTED)
    opened = gateway.now
    assert gateway.state.open_until == opened + PARAMS.breaker_hours * MICROS_PER_HOUR
    while gateway.state.open_until:
        gateway.bar(100.0)
    assert gateway.now == opened + PARAMS.breaker_hours * MICROS_PER_HOUR
    assert gateway.written()[-1] == (Gate.BREAKER_CLOSED, GateVerdict.FLAGGED)


def test_after_the_cool_off_a_lasting_new_price_level_is_believed() -> None:
    gateway = Gateway()
    for _ in range(10):
        gateway.bar(100.0)
    while (Gate.BREAKER_CLOSED, GateVerdict.FLAGGED) not in gateway.written():
        assert gateway.bar(1.0) is False
    assert gateway.bar(1.0) is True
    assert gateway.bar(1.01) is True


def test_rejections_far_apart_do_not_open_the_breaker() -> None:
    gateway = Gateway()
    for _ in range(3 * PARAMS.breaker_rejections):
        for _ in range(PARAMS.breaker_forgets_bars):
            gateway.bar(100.0)
        gateway.bar(1.0)
    assert gateway.state.open_until == 0


def test_a_symbol_that_stops_is_stale_once_and_fresh_with_its_next_candle() -> None:
    gateway = Gateway()
    gateway.bar(100.0)
    for _ in range(10):
        gateway.bar(None)
    assert gateway.written() == [(Gate.STALE, GateVerdict.FLAGGED)]
    assert gateway.state.stale == 1
    gateway.bar(100.0)
    assert gateway.state.stale == 0


def test_no_candle_and_no_tick_writes_more_rows_than_room_is_kept_for() -> None:
    gateway = Gateway()
    for _ in range(10):
        gateway.bar(100.0)
    for _ in range(PARAMS.breaker_rejections - 1):
        gateway.bar(1.0)
    most_candle = most_tick = 0
    worst = [(1.0, 0.0), (130.0, 0.0), (100.0, 1e9), (None, 0.0), (60.0, 0.0), (float("nan"), 1.0)] * 20
    for close, volume in worst:
        gateway.now += INTERVAL * 7
        before = gateway.count
        if close is not None:
            gateway.candle(close, volume=volume)
        most_candle = max(most_candle, gateway.count - before)
        before = gateway.count
        gateway.count = settle_tick(gateway.now, 0, 7, PARAMS, gateway.state, gateway.rows, gateway.count)
        most_tick = max(most_tick, gateway.count - before)
    assert 3 <= most_candle <= ROWS_A_CANDLE
    assert 1 <= most_tick <= ROWS_A_TICK


NAN = float("nan")


@pytest.mark.parametrize(
    ("situation", "bid", "ask", "accepted", "value"),
    [
        ("a usual book",       99.99, 100.01, True,  None),
        ("a locked book",     100.0,  100.0,  True,  None),
        ("as wide as may be",  99.0,  101.0,  True,  None),
        ("too wide",           98.0,  102.0,  False, 0.04),
        ("crossed",           101.0,   99.0,  False, -0.02),
        ("nobody bids",         0.0,  100.0,  False, 1.0),
        ("nobody asks",        99.0,    0.0,  False, 1.0),
        ("no book came",        NAN,    NAN,  False, None),
    ],
)  # fmt: skip
def test_a_book_top_passes_only_when_it_has_two_sides_close_together(
    situation: str, bid: float, ask: float, accepted: bool, value: float | None
) -> None:
    rows = np.zeros(2, dtype=GATE_ROW)
    let_in, count = admit_book_top(bid, ask, START, 3, 41, GatewayParams(spread_max=0.02), rows, 0)

    assert bool(let_in) is accepted, situation
    assert count == (0 if value is None else 1)
    if value is not None:
        row = rows[0]
        assert (row.market_seq, row.event_time, row.symbol, row.gate, row.verdict) == (
            41, START, 3, Gate.SPREAD, GateVerdict.REJECTED,
        )  # fmt: skip
        assert (row.value, row.limit) == (pytest.approx(value), 0.02)
