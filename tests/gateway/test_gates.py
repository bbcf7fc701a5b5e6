"""Each gate as a table: numbers of an event in, verdict, value and limit out."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphastrike.gateway.gates import (
    FLAG,
    PASS,
    REJECT,
    Answer,
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
from alphastrike.model.units import MICROS_PER_MINUTE

NAN, INF = math.nan, math.inf
NOON = 1_700_481_600_000_000
BAR = 15 * MICROS_PER_MINUTE


@pytest.mark.parametrize(
    ("name", "candle", "expected"),
    [
        ("whole",                 (10.0, 11.0, 9.0, 10.5, 3.0), (PASS, 0.0, 0.0)),
        ("nothing traded",        (10.0, 10.0, 10.0, 10.0, 0.0), (FLAG, 0.0, 0.0)),
        ("no close",              (10.0, 11.0, 9.0, NAN, 3.0),  (REJECT, 1.0, 0.0)),
        ("no prices, no volume",  (NAN, NAN, NAN, NAN, NAN),    (REJECT, 5.0, 0.0)),
    ],
)  # fmt: skip
def test_completeness(name: str, candle: tuple[float, ...], expected: Answer) -> None:
    assert completeness(*candle) == expected, name


@pytest.mark.parametrize(
    ("name", "candle", "expected"),
    [
        ("finite",            (10.0, 11.0, 9.0, 10.5, 3.0), (PASS, 0.0, 0.0)),
        ("endless high",      (10.0, INF, 9.0, 10.5, 3.0),  (REJECT, 1.0, 0.0)),
        ("two endless",       (10.0, 11.0, -INF, 10.5, INF), (REJECT, 2.0, 0.0)),
    ],
)  # fmt: skip
def test_finite(name: str, candle: tuple[float, ...], expected: Answer) -> None:
    assert finite(*candle) == expected, name


@pytest.mark.parametrize(
    ("name", "candle", "expected"),
    [
        ("all above zero",   (10.0, 11.0, 9.0, 10.5, 3.0),  (PASS, 9.0, 0.0)),
        ("a zero low",       (10.0, 11.0, 0.0, 10.5, 3.0),  (REJECT, 0.0, 0.0)),
        ("a negative close", (10.0, 11.0, 9.0, -2.0, 3.0),  (REJECT, -2.0, 0.0)),
        ("negative volume",  (10.0, 11.0, 9.0, 10.5, -3.0), (REJECT, -3.0, 0.0)),
        ("zero volume",      (10.0, 11.0, 9.0, 10.5, 0.0),  (PASS, 9.0, 0.0)),
    ],
)  # fmt: skip
def test_positive(name: str, candle: tuple[float, ...], expected: Answer) -> None:
    assert positive(*candle) == expected, name


@pytest.mark.parametrize(
    ("name", "prices", "expected"),
    [
        ("in order",             (10.0, 11.0, 9.0, 10.5),  (PASS, 0.0, 0.0)),
        ("flat",                 (10.0, 10.0, 10.0, 10.0), (PASS, 0.0, 0.0)),
        ("high below the close", (10.0, 10.25, 9.0, 10.5), (REJECT, 0.25, 0.0)),
        ("low above the open",   (10.0, 11.0, 10.5, 10.5), (REJECT, 0.5, 0.0)),
        ("high below low",       (10.0, 9.0, 11.0, 10.0),  (REJECT, 2.0, 0.0)),
    ],
)  # fmt: skip
def test_ohlc(name: str, prices: tuple[float, ...], expected: Answer) -> None:
    assert ohlc(*prices) == expected, name


@pytest.mark.parametrize(
    ("name", "event_time", "last_time", "expected_monotone", "expected_duplicate"),
    [
        ("the first one",  NOON,           0,    (PASS, 0.0, 0.0),     (PASS, 0.0, 0.0)),
        ("the next one",   NOON + BAR,     NOON, (PASS, 0.0, 0.0),     (PASS, 0.0, 0.0)),
        ("once more",      NOON,           NOON, (PASS, 0.0, 0.0),     (REJECT, 1.0, 0.0)),
        ("out of the past", NOON - BAR,    NOON, (REJECT, 900.0, 0.0), (PASS, 0.0, 0.0)),
    ],
)  # fmt: skip
def test_monotone_and_duplicate(
    name: str, event_time: int, last_time: int, expected_monotone: Answer, expected_duplicate: Answer
) -> None:
    assert monotone(event_time, last_time) == expected_monotone, name
    assert duplicate(event_time, last_time) == expected_duplicate, name


@pytest.mark.parametrize(
    ("name", "bars_later", "allowed", "expected"),
    [
        ("the next one",              1, 0, (PASS, 0.0, 0.0)),
        ("one missing",               2, 0, (FLAG, 1.0, 0.0)),
        ("two missing, two allowed",  3, 2, (PASS, 2.0, 2.0)),
        ("three missing, two allowed", 4, 2, (FLAG, 3.0, 2.0)),
    ],
)  # fmt: skip
def test_gap(name: str, bars_later: int, allowed: int, expected: Answer) -> None:
    assert gap(NOON + bars_later * BAR, NOON, BAR, allowed) == expected, name
    assert gap(NOON, 0, BAR, allowed)[0] == PASS, "nothing can be missing before the first candle"


@pytest.mark.parametrize(
    ("name", "minutes", "expected"),
    [
        ("fresh",            15, (PASS, 900.0, 3600.0)),
        ("at the limit",     60, (PASS, 3600.0, 3600.0)),
        ("beyond the limit", 75, (FLAG, 4500.0, 3600.0)),
    ],
)  # fmt: skip
def test_staleness(name: str, minutes: int, expected: Answer) -> None:
    assert staleness(NOON + minutes * MICROS_PER_MINUTE, NOON, 60) == expected, name
    assert staleness(NOON, 0, 60)[0] == PASS, "a symbol never seen is not stale, it is warming up"


@pytest.mark.parametrize(
    ("name", "high", "low", "last_close", "recent_range", "settled", "expected"),
    [
        ("quiet",                          101.0,  99.0, 100.0, 0.01, True,  PASS),
        ("SOL, 9 November 2022",           108.0,  72.0, 100.0, 0.03, True,  FLAG),
        ("ETH's wick of 13 March 2020",    337.0,  99.0, 100.0, 0.05, True,  FLAG),
        ("a price without its decimals",   10_000.0, 99.0, 100.0, 0.01, True, REJECT),
        ("a hundredth of the price",       101.0,   1.0, 100.0, 0.01, True,  REJECT),
        ("five-fold, in wild days",        601.0,  99.0, 100.0, 0.12, True,  FLAG),
        ("five-fold, ranges not known",    601.0,  99.0, 100.0, 0.12, False, REJECT),
        ("nothing to compare with",        101.0,   1.0,   0.0, 0.01, True,  PASS),
    ],
)  # fmt: skip
def test_price_jump(
    name: str, high: float, low: float, last_close: float, recent_range: float, settled: bool, expected: int
) -> None:
    verdict, value, limit = price_jump(high, low, last_close, recent_range, settled, GatewayParams())
    assert verdict == expected, name
    assert (verdict == PASS) == (value <= limit)


@pytest.mark.parametrize(
    ("name", "volume", "recent", "settled", "expected"),
    [
        ("usual",                  100.0, 100.0, True,  (PASS, 1.0, 25.0)),
        ("at the limit",          2500.0, 100.0, True,  (PASS, 25.0, 25.0)),
        ("beyond it",             2600.0, 100.0, True,  (FLAG, 26.0, 25.0)),
        ("too little known",      2600.0, 100.0, False, (PASS, 0.0, 25.0)),
        ("nothing traded before", 2600.0,   0.0, True,  (PASS, 0.0, 25.0)),
    ],
)  # fmt: skip
def test_volume_spike(name: str, volume: float, recent: float, settled: bool, expected: Answer) -> None:
    assert volume_spike(volume, recent, settled, 25.0) == expected, name


@pytest.mark.parametrize(
    ("name", "bid", "ask", "expected"),
    [
        ("tight",          99.5, 100.5, (PASS, 0.01, 0.02)),
        ("locked",        100.0, 100.0, (PASS, 0.0, 0.02)),
        ("too wide",       95.0, 105.0, (REJECT, 0.1, 0.02)),
        ("crossed",       101.0,  99.0, (REJECT, -0.02, 0.02)),
        ("no bid",          0.0, 100.0, (REJECT, 1.0, 0.02)),
        ("no ask",        100.0,   NAN, (REJECT, 1.0, 0.02)),
    ],
)  # fmt: skip
def test_spread(name: str, bid: float, ask: float, expected: Answer) -> None:
    assert spread(bid, ask, 0.02) == expected, name


@given(
    last=st.floats(1e-6, 1e6), up=st.floats(0.0, 10.0), scale=st.sampled_from([2.0**-20, 0.5, 4.0, 2.0**20])
)  # fmt: skip
def test_a_jump_does_not_depend_on_the_unit_of_the_price(last: float, up: float, scale: float) -> None:
    high, low = last * (1.0 + up), last
    params = GatewayParams()
    assert price_jump(high, low, last, 0.01, True, params) == price_jump(
        high * scale, low * scale, last * scale, 0.01, True, params
    )
