"""Every kind of input that a simulated market emits is one that a venue, or the world, might have reported."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from alphastrike.cli.main import main
from alphastrike.market.characters import character_of, terms_of
from alphastrike.market.columns import EVENT_TABLES, Columns
from alphastrike.market.hints import COMMON_HINTS, OWN_HINTS
from alphastrike.market.prints_externals import OUTSIDES
from alphastrike.market.simulate import OMISSIBLE, Simulation, simulate_market, simulation
from alphastrike.market.store import open_market, open_tables
from alphastrike.model.bars import BarFlag
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.forecast import Regime
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE
from tests.market.files import leftovers

QUARTER = 15 * MICROS_PER_MINUTE
SYMBOLS = ("BTCUSDT", "SOLUSDT", "FOOUSDT")
DAYS = 200
Reals = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def made() -> Simulation:
    return simulation(SYMBOLS, DAYS, QUARTER, 7)


def of_symbol(made: Simulation, table: str, place: int) -> Columns:
    columns = made.tables.columns[table]
    rows = columns["symbol"] == place
    return {name: values[rows] for name, values in columns.items()}


def external(made: Simulation, name: str) -> Columns:
    columns = made.tables.columns["externals"]
    rows = columns["name"] == name
    return {field: values[rows] for field, values in columns.items()}


def on_grid(values: Reals, step: float) -> bool:
    steps = values / step
    return bool(np.abs(steps - np.rint(steps)).max() < 1e-6 * max(1.0, float(np.abs(steps).max()) * 1e-6))


def test_every_kind_of_market_event_is_there(made: Simulation) -> None:
    assert all(len(made.tables.columns[table]["event_time"]) > 100 for table in EVENT_TABLES)
    assert set(OMISSIBLE) == {*EVENT_TABLES, "takers"} - {"candles"}


@pytest.mark.parametrize("table", EVENT_TABLES)
def test_every_event_lies_in_the_market_s_time(made: Simulation, table: str) -> None:
    time = made.tables.columns[table]["event_time"]
    opening = made.tables.start - QUARTER
    assert opening < time.min()
    assert time.max() <= opening + DAYS * MICROS_PER_DAY


@pytest.mark.parametrize("place", range(3))
def test_a_book_top_has_a_spread_sizes_and_the_last_trade_inside(made: Simulation, place: int) -> None:
    terms, book, bars = terms_of(SYMBOLS[place]), of_symbol(made, "book_tops", place), of_symbol(made, "candles", place)
    assert np.array_equal(book["event_time"], bars["event_time"])
    assert np.all(book["ask"] > book["bid"])
    assert np.all((book["bid"] <= bars["close"]) & (bars["close"] <= book["ask"]))
    assert min(book["bid_size"].min(), book["ask_size"].min()) >= terms.lot
    for name, step in (("bid", terms.tick), ("ask", terms.tick), ("bid_size", terms.lot), ("ask_size", terms.lot)):
        assert on_grid(book[name], step), name
    spread = (book["ask"] - book["bid"]) / bars["close"]
    usual = max(character_of(SYMBOLS[place]).spread, terms.tick / float(np.median(bars["close"])))
    assert 0.5 * usual < np.median(spread) < 3.0 * usual
    # Far below the gateway's limit, or its circuit breaker would open in every storm.
    assert spread.max() < 0.011


def test_spreads_widen_and_sizes_shrink_with_volatility(made: Simulation) -> None:
    for place in range(3):
        book, bars = of_symbol(made, "book_tops", place), of_symbol(made, "candles", place)
        spread = (book["ask"] - book["bid"]) / bars["close"]
        touch = book["bid_size"] + book["ask_size"]
        volatility = made.paths[place].volatility
        calm, wild = volatility < np.quantile(volatility, 0.2), volatility > np.quantile(volatility, 0.8)
        assert spread[wild].mean() > 1.5 * spread[calm].mean()
        assert touch[wild].mean() < 0.8 * touch[calm].mean()


@pytest.mark.parametrize("place", range(3))
def test_liquidations_come_with_strong_moves_against_whom_they_hit(made: Simulation, place: int) -> None:
    terms, forced, bars = (
        terms_of(SYMBOLS[place]),
        of_symbol(made, "liquidations", place),
        of_symbol(made, "candles", place),
    )
    path = made.paths[place]
    at = np.searchsorted(bars["event_time"], forced["event_time"])
    move = bars["close"][at] / bars["open"][at] - 1.0
    assert set(forced["side"].tolist()) == {-1, 1}
    assert np.all(np.sign(move) == -forced["side"])
    assert np.abs(np.log1p(move)).min() > 1.5 * path.usual
    assert 0.005 < len(np.unique(at)) / len(bars["close"]) < 0.10
    assert np.all((bars["low"][at] <= forced["price"]) & (forced["price"] <= bars["high"][at]))
    assert on_grid(forced["price"], terms.tick)
    assert on_grid(forced["quantity"], terms.lot)
    assert forced["quantity"].min() > 0.0
    total = np.bincount(at, forced["quantity"], minlength=len(bars["close"]))
    assert np.all(total <= 0.101 * bars["volume"] + 4.0 * terms.lot)
    hit = np.flatnonzero(total)
    size = np.abs(np.log(bars["close"] / bars["open"]))[hit]
    assert np.corrcoef(size, (total / bars["volume"])[hit])[0, 1] > 0.4


def test_no_liquidation_is_reported_twice(made: Simulation) -> None:
    forced = made.tables.columns["liquidations"]
    rows = set(zip(*(forced[name].tolist() for name in forced), strict=True))
    assert len(rows) == len(forced["event_time"])
    assert len({row[:2] for row in rows}) == len(rows)


def test_accounts_are_mostly_long_and_change_their_mind_slowly(made: Simulation) -> None:
    for place in range(3):
        reports = of_symbol(made, "long_short_ratio", place)
        assert np.all(np.diff(reports["event_time"]) == MICROS_PER_HOUR)
        assert reports["ratio"].min() > 0.3
        assert reports["ratio"].max() < 8.0
        assert 1.2 < np.median(reports["ratio"]) < 2.2
        assert np.corrcoef(reports["ratio"][:-24], reports["ratio"][24:])[0, 1] > 0.5


@pytest.mark.parametrize(
    ("name", "low", "high", "every_h", "lag_minutes", "weekdays"),
    [
        ("fear_greed",               0,    100, 24,   10, False),
        ("btc_dominance",           40,     65,  1,    5, False),
        ("dxy",                     95,    112,  1,    1, True),
        ("spx",                  4_300,  6_300,  1,   15, True),
        ("search_interest",          5,    100, 24, 2160, False),
        ("stablecoin_supply",    115e9,  165e9, 24,  360, False),
    ],
)  # fmt: skip
def test_what_the_world_says(
    made: Simulation, name: str, low: float, high: float, every_h: int, lag_minutes: int, weekdays: bool
) -> None:
    said = external(made, name)
    assert np.all(said["event_time"] - said["stamp"] == lag_minutes * MICROS_PER_MINUTE)
    assert said["value"].min() >= low
    assert said["value"].max() <= high
    steps = np.diff(said["stamp"]) // MICROS_PER_HOUR
    assert np.all(said["stamp"] % (every_h * MICROS_PER_HOUR) == 0)
    weekday = (said["stamp"] // MICROS_PER_DAY + 3) % 7
    assert set(weekday.tolist()) == set(range(5 if weekdays else 7))
    assert set(steps.tolist()) == ({every_h, every_h + 48} if weekdays else {every_h})


def test_names_outside_are_those_with_a_hint() -> None:
    assert set(OUTSIDES) == set(COMMON_HINTS) - {"week"}


@pytest.mark.parametrize("interval", [5 * MICROS_PER_MINUTE, 45 * MICROS_PER_MINUTE, 8 * MICROS_PER_HOUR])
def test_every_kind_is_there_at_every_interval(interval: int) -> None:
    columns = simulation(("BTCUSDT",), 30, interval, 3).tables.columns
    assert all(len(columns[table]["event_time"]) for table in EVENT_TABLES)


# What is emitted at a time depends on nothing later.


@pytest.mark.parametrize(("interval", "stationary"), [(MICROS_PER_HOUR, False), (QUARTER, True)])
def test_a_longer_market_begins_as_the_shorter_one(interval: int, stationary: bool) -> None:
    """Whatever is drawn for the later days, the earlier ones stay bit for bit the same, in every column."""
    short, long = (simulation(SYMBOLS, days, interval, 5, stationary=stationary).tables for days in (40, 97))
    end = short.start + (short.ticks - 1) * interval
    for table in EVENT_TABLES:
        rows = long.columns[table]["event_time"] <= end
        for column, values in short.columns[table].items():
            assert np.array_equal(values, long.columns[table][column][rows]), (table, column)


def test_an_external_value_is_about_its_stamp_and_not_about_its_publication(made: Simulation) -> None:
    """Of two hints, the one known at the stamp explains the value; a day and a half later there is news in it."""
    said = external(made, "search_interest")
    hint = made.weather.hints["search_interest"]
    known, later = (
        np.corrcoef(hint[(said[time] - made.tables.start) // QUARTER], np.log(said["value"]))[0, 1]
        for time in ("stamp", "event_time")
    )
    assert known > 0.8
    assert known > later + 0.05


# A market that tells less is the same market.


@pytest.mark.parametrize("kind", [kind for kind in OMISSIBLE if kind not in ("takers", "funding")])
def test_leaving_out_a_kind_leaves_the_others_as_they_are(kind: str) -> None:
    whole, less = (simulation(SYMBOLS, 6, MICROS_PER_HOUR, 5, without=without).tables for without in ((), (kind,)))
    for table, columns in whole.columns.items():
        for column, values in columns.items():
            expected = values[:0] if table == kind else values
            assert less.columns[table][column].tolist() == expected.tolist(), (table, column)


def test_without_takers_candles_do_not_say_who_took() -> None:
    whole, less = (simulation(SYMBOLS, 6, MICROS_PER_HOUR, 5, without=without).tables for without in ((), ("takers",)))
    candles = less.columns["candles"]
    assert np.all(np.isnan(candles["taker_buy_volume"]))
    assert np.all(candles["trades"] == -1)
    for column in ("open", "high", "low", "close", "volume"):
        assert np.array_equal(candles[column], whole.columns["candles"][column])


def test_without_funding_settlements_are_assumed(data_root: Path) -> None:
    manifest = simulate_market(data_root, "less", SYMBOLS, 6, MICROS_PER_HOUR, 5, without=("funding", "marks"))
    assert manifest.funding_assumed_share == 1.0
    assert manifest.origin.without == ("marks", "funding")
    assert manifest.origin.funding_missing == "bound:0.0001"
    flags = open_market(data_root, "less").bars["flags"]
    settled = (flags & BarFlag.FUNDING) != 0
    assert settled.sum() == 3 * (6 * 3)
    assert np.all(flags[settled] & BarFlag.FUNDING_ASSUMED)
    assert not np.any(flags & BarFlag.MARK)


def test_a_market_without_anything_omissible_is_one_of_candles(data_root: Path) -> None:
    simulate_market(data_root, "bare", SYMBOLS, 6, MICROS_PER_HOUR, 5, without=OMISSIBLE)
    _, tables = open_tables(data_root, "bare")
    assert {table for table in EVENT_TABLES if len(tables.columns[table]["event_time"])} == {"candles", "funding"}


@pytest.mark.parametrize("kind", ["candles", "weather", "book-tops"])
def test_what_cannot_be_left_out_is_refused(data_root: Path, kind: str) -> None:
    with pytest.raises(ConfigurationError, match=f"--without '{kind}' is not an input that can be left out. Choose of"):
        simulate_market(data_root, "less", SYMBOLS, 6, MICROS_PER_HOUR, 5, without=(kind,))
    assert leftovers(data_root) == []


def test_the_command_leaves_out_and_holds_the_weather(data_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["simulate", "--symbols", "BTCUSDT", "--days", "3", "--interval", "1h", "--data", str(data_root)]
    chosen = [*arguments, "--name", "less", "--without", "book_tops, externals", "--weather", "stationary", "--quiet"]
    assert main(chosen) == 0
    manifest, tables = open_tables(data_root, "less")
    assert manifest.origin.without == ("book_tops", "externals")
    assert manifest.origin.stationary
    made = simulation(("BTCUSDT",), 3, MICROS_PER_HOUR, 7, without=("externals", "book_tops"), stationary=True)
    assert tables.content_hash() == made.tables.content_hash() == manifest.content_hash
    capsys.readouterr()
    assert main([*arguments, "--name", "other", "--weather", "fine"]) == 2
    assert capsys.readouterr().err == "error: --weather 'fine' must be changing or stationary.\n"


# A market without change of character.


def test_stationary_weather_has_one_regime_no_crash_and_keeps_its_strengths() -> None:
    made = simulation(SYMBOLS, 400, MICROS_PER_HOUR, 5, stationary=True)
    assert np.all(made.weather.regimes == Regime.RANGE)
    assert len(made.weather.crashes) == 0
    for place, path in enumerate(made.paths):
        close = of_symbol(made, "candles", place)["close"]
        size = np.abs(np.diff(np.log(close)))
        early, late = size[: len(size) // 2].mean(), size[len(size) // 2 :].mean()
        assert 0.75 < early / late < 1.33
        assert np.corrcoef(size[:-24], size[24:])[0, 1] > 0.05
        # The pushes over 130 days each: in weather that changes the last third is half of the first.
        strength = path.pushes / path.volatility
        assert 0.8 < strength[-3120:].std() / strength[:3120].std() < 1.25


def test_most_hints_fade_some_stay_and_one_turns() -> None:
    hints = [*COMMON_HINTS.values(), *OWN_HINTS.values()]
    assert sum(np.isfinite(hint.half_life_days) for hint in hints) >= 8
    assert len({hint.half_life_days for hint in hints}) >= 6
    assert [name for name, hint in COMMON_HINTS.items() if np.isfinite(hint.reverses_after_days)] == ["search_interest"]
