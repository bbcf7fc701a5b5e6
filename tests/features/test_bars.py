"""Decision bars out of accepted market bars."""

import numpy as np

from alphastrike.features.bars import (
    COLUMNS,
    EXTERNAL,
    PARTIAL,
    BarParams,
    Bars,
    close_bar,
    known_value,
    take_book_top,
    take_candle,
    take_external,
    take_funding,
    take_mark,
    take_series,
)
from alphastrike.model.bars import BAR, BarFlag
from alphastrike.model.series import SERIES
from alphastrike.model.units import MICROS_PER_HOUR

NOON = 1_700_481_600_000_000
NAN = float("nan")


class Builder:
    """One symbol's bars under construction."""

    def __init__(self) -> None:
        self.partial = np.zeros(1, dtype=PARTIAL)[0]
        self.now = NOON

    def candle(
        self,
        open_: float,
        high: float,
        low: float,
        close: float,
        volume: float,
        taker: float = NAN,
        trades: float = NAN,
    ) -> None:
        bar = np.zeros(1, dtype=BAR)[0]
        bar.open, bar.high, bar.low, bar.close, bar.volume = open_, high, low, close, volume
        take_candle(self.partial, bar, taker, trades)

    def funding(self, rate: float, *, assumed: bool = False) -> None:
        flags = BarFlag.FUNDING | (BarFlag.FUNDING_ASSUMED if assumed else 0)
        take_funding(self.partial, int(flags), rate, self.now)

    def report(self, **values: float) -> None:
        series = np.array([[[values.get(name, NAN)]] for name in SERIES])
        take_series(self.partial, series, 0, 0, self.now)
        if "bid" in values:
            take_book_top(self.partial, series, 0, 0)

    def closed(self) -> dict[str, float]:
        """Close the bar an hour on and return it by column."""
        self.now += MICROS_PER_HOUR
        columns = np.zeros((COLUMNS, 1, 1))
        close_bar(self.partial, columns, 0, 0, self.now, BarParams())
        return dict(zip(Bars._fields, columns[:, 0, 0].tolist(), strict=True))


def test_a_decision_bar_spans_its_market_bars() -> None:
    builder = Builder()
    builder.candle(10.0, 12.0, 9.0, 11.0, 5.0, taker=2.0, trades=3)
    builder.candle(11.0, 15.0, 10.0, 14.0, 7.0, taker=4.0, trades=4)
    bar = builder.closed()
    assert [bar[name] for name in ("open", "high", "low", "close", "volume")] == [10.0, 15.0, 9.0, 14.0, 12.0]
    assert [bar[name] for name in ("taker_buy_volume", "trades", "market_bars")] == [6.0, 7.0, 2.0]


def test_a_bar_without_accepted_market_bars_is_missing() -> None:
    bar = Builder().closed()
    assert all(np.isnan(bar[name]) for name in ("open", "high", "low", "close", "volume", "taker_buy_volume", "trades"))
    assert bar["market_bars"] == 0.0


def test_a_bar_knows_when_it_closed_unless_it_is_missing() -> None:
    builder = Builder()
    builder.candle(10.0, 12.0, 9.0, 11.0, 5.0)
    assert builder.closed()["closed"] == builder.now / MICROS_PER_HOUR
    assert np.isnan(builder.closed()["closed"]), "no calendar for a symbol of which nothing is seen"


def test_the_next_bar_remembers_nothing_of_the_last() -> None:
    builder = Builder()
    builder.candle(10.0, 100.0, 1.0, 11.0, 5.0)
    builder.closed()
    builder.candle(20.0, 21.0, 19.0, 20.5, 1.0)
    bar = builder.closed()
    assert [bar[name] for name in ("open", "high", "low", "close", "volume")] == [20.0, 21.0, 19.0, 20.5, 1.0]


def test_taker_volume_known_for_some_market_bars_only_is_unknown_for_the_bar() -> None:
    builder = Builder()
    builder.candle(10.0, 12.0, 9.0, 11.0, 5.0, taker=2.0)
    builder.candle(11.0, 15.0, 10.0, 14.0, 7.0)
    assert np.isnan(builder.closed()["taker_buy_volume"])


def test_funding_is_unknown_before_its_first_event_and_zero_between_two() -> None:
    builder = Builder()
    assert np.isnan(builder.closed()["funding"])
    builder.funding(0.0003)
    assert builder.closed()["funding"] == 0.0003
    assert builder.closed()["funding"] == 0.0


def test_an_assumed_rate_is_no_knowledge() -> None:
    builder = Builder()
    builder.funding(0.0003)
    builder.closed()
    builder.funding(0.0001, assumed=True)
    assert np.isnan(builder.closed()["funding"])


def test_funding_that_stops_becomes_unknown() -> None:
    builder = Builder()
    builder.funding(0.0003)
    known = [not np.isnan(builder.closed()["funding"]) for _ in range(30)]
    assert known == [True] * 24 + [False] * 6


def test_open_interest_is_the_last_report_within_the_bar() -> None:
    builder = Builder()
    for report in (100.0, NAN, 120.0, NAN):
        builder.report(open_interest=report)
    assert builder.closed()["open_interest"] == 120.0
    assert np.isnan(builder.closed()["open_interest"])


def test_the_last_ratio_of_accounts_mark_and_book_top_within_the_bar_stand() -> None:
    builder = Builder()
    builder.report(long_short_ratio=1.5, bid=99.0, bid_size=3.0, ask=101.0, ask_size=4.0)
    builder.report(long_short_ratio=1.6)
    take_mark(builder.partial, int(BarFlag.MARK), 100.5)
    take_mark(builder.partial, 0, 7.0)
    bar = builder.closed()
    assert [bar[name] for name in ("long_short_ratio", "mark")] == [1.6, 100.5]
    assert [bar[name] for name in ("bid", "bid_size", "ask", "ask_size")] == [99.0, 3.0, 101.0, 4.0]
    empty = builder.closed()
    assert all(np.isnan(empty[name]) for name in ("long_short_ratio", "mark", "bid", "bid_size", "ask", "ask_size"))


def test_liquidations_add_up_and_are_unknown_a_week_after_the_last() -> None:
    builder = Builder()
    assert np.isnan(builder.closed()["long_liquidated"]), "nobody has said that there are reports"
    builder.report(long_liquidated=100.0, short_liquidated=0.0)
    builder.report(long_liquidated=50.0, short_liquidated=7.0)
    bar = builder.closed()
    assert (bar["long_liquidated"], bar["short_liquidated"]) == (150.0, 7.0)
    known = [not np.isnan(builder.closed()["long_liquidated"]) for _ in range(7 * 24 + 3)]
    assert known == [True] * (7 * 24 - 1) + [False] * 4


def test_an_external_value_is_known_from_its_event_until_it_is_too_old() -> None:
    external = np.zeros(1, dtype=EXTERNAL)[0]
    day = 24 * MICROS_PER_HOUR
    assert np.isnan(known_value(external, NOON, BarParams()))
    take_external(external, 42.0, NOON)
    take_external(external, NAN, NOON + day)
    assert known_value(external, NOON + 5 * day, BarParams()) == 42.0
    assert np.isnan(known_value(external, NOON + 5 * day + 1, BarParams()))
