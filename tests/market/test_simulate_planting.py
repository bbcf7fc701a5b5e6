"""A change planted into a simulated market is the one asked for, begins where asked, and touches nothing else."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pytest

from alphastrike.market.building import market_of
from alphastrike.market.columns import EVENT_TABLES, Columns, canonical
from alphastrike.market.planting import level_shift, mean_shift, stuck_feed, variance_multiplied
from alphastrike.market.simulate import Simulation, simulation
from alphastrike.model.bars import BarFlag
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.units import MICROS_PER_HOUR

SYMBOLS = ("BTCUSDT", "SOLUSDT")
TICK = 60 * 24
Plant = Callable[[Simulation], Simulation]
PLANTS: Mapping[str, Plant] = {
    "mean": lambda made: mean_shift(made, "SOLUSDT", TICK, 0.5),
    "variance": lambda made: variance_multiplied(made, "SOLUSDT", TICK),
    "level": lambda made: level_shift(made, "SOLUSDT", TICK, "candles", ("volume", "taker_buy_volume"), 1_000.0),
    "stuck": lambda made: stuck_feed(made, "SOLUSDT", TICK),
}


@pytest.fixture(scope="module")
def made() -> Simulation:
    return simulation(SYMBOLS, 120, MICROS_PER_HOUR, 5, stationary=True)


def of_symbol(made: Simulation, table: str, place: int = 1) -> Columns:
    columns = made.tables.columns[table]
    rows = columns["symbol"] == place
    return {name: values[rows] for name, values in columns.items()}


def moves(made: Simulation) -> npt.NDArray[np.float64]:
    return np.asarray(np.diff(np.log(of_symbol(made, "candles")["close"])))


@pytest.mark.parametrize("plant", PLANTS)
def test_nothing_changes_before_the_tick_nor_at_another_symbol(made: Simulation, plant: str) -> None:
    changed = PLANTS[plant](made)
    begin = made.tables.start + (TICK - 1) * made.tables.interval
    assert changed.tables.content_hash() != made.tables.content_hash()
    for table, columns in made.tables.columns.items():
        after = changed.tables.columns[table]
        same, kept = (
            (each["event_time"] <= begin) | (each["symbol"] != 1)
            if {"event_time", "symbol"} <= set(each)
            else np.ones(len(next(iter(each.values()))), bool)
            for each in (columns, after)
        )
        for name in columns:
            assert columns[name][same].tolist() == after[name][kept].tolist(), (table, name)


@pytest.mark.parametrize("plant", PLANTS)
def test_what_is_left_is_a_market(made: Simulation, plant: str) -> None:
    tables = PLANTS[plant](made).tables
    for name, columns in tables.columns.items():
        again = canonical(name, columns)
        assert all(again[column].tolist() == values.tolist() for column, values in columns.items())
    bars = market_of("planted", tables.content_hash(), tables).bars
    assert np.all(bars["flags"] & BarFlag.CANDLE)
    assert np.all(bars["high"] >= np.maximum(bars["open"], bars["close"]))
    assert np.all(bars["low"] <= np.minimum(bars["open"], bars["close"]))
    assert np.all(bars["low"] > 0.0)
    book, candles = tables.columns["book_tops"], tables.columns["candles"]
    assert np.all(book["ask"] > book["bid"])
    assert np.all(np.abs(book["bid"] / candles["close"] - 1.0) < 0.02)
    assert np.all(np.abs(tables.columns["marks"]["price"] / candles["close"] - 1.0) < 0.005)


def test_a_mean_shift_is_the_drift_asked_for(made: Simulation) -> None:
    usual_day = made.paths[1].usual * np.sqrt(24.0)
    shift = moves(mean_shift(made, "SOLUSDT", TICK, 0.5)) - moves(made)
    assert np.abs(shift[: TICK - 1]).max() == 0.0
    # Prices are rounded to a tick, a hundred-thousandth of them.
    assert shift[TICK - 1 :] == pytest.approx(0.5 * usual_day / 24.0, abs=5e-5)


def test_a_doubled_variance_is_doubled_in_moves_and_ranges(made: Simulation) -> None:
    changed = variance_multiplied(made, "SOLUSDT", TICK, 2.0)
    assert moves(changed)[TICK - 1 :].var() / moves(made)[TICK - 1 :].var() == pytest.approx(2.0, rel=0.01)
    before, after = (of_symbol(each, "candles") for each in (made, changed))
    wide = [np.log(bars["high"] / bars["low"])[TICK:].mean() for bars in (before, after)]
    assert wide[1] / wide[0] == pytest.approx(np.sqrt(2.0), rel=0.02)
    assert np.array_equal(before["volume"], after["volume"])


def test_liquidations_stay_inside_their_bars(made: Simulation) -> None:
    changed = variance_multiplied(made, "SOLUSDT", TICK, 2.0)
    bars, forced = of_symbol(changed, "candles"), of_symbol(changed, "liquidations")
    at = np.searchsorted(bars["event_time"], forced["event_time"])
    assert np.all((bars["low"][at] <= forced["price"]) & (forced["price"] <= bars["high"][at]))


def test_a_level_shift_multiplies_what_it_names(made: Simulation) -> None:
    before, after = of_symbol(made, "candles"), of_symbol(PLANTS["level"](made), "candles")
    for name, values in before.items():
        factor = 1_000.0 if name in ("volume", "taker_buy_volume") else 1.0
        assert np.array_equal(values[TICK:] * factor, after[name][TICK:]), name


def test_a_stuck_feed_repeats_the_last_values_and_liquidates_nobody(made: Simulation) -> None:
    changed = stuck_feed(made, "SOLUSDT", TICK)
    for table in EVENT_TABLES[:-1]:
        rows = of_symbol(changed, table)
        late = rows["event_time"] > made.tables.start + (TICK - 1) * made.tables.interval
        if table == "liquidations":
            assert not late.any()
            continue
        assert late.any()
        for name, values in rows.items():
            if name != "event_time":
                assert set(values[late].tolist()) == {values[~late][-1]}, (table, name)


@pytest.mark.parametrize(
    ("symbol", "tick", "words"),
    [("ETHUSDT", 5, "is not in the market"), ("SOLUSDT", 0, "from 1 to 2,879"), ("SOLUSDT", 2_880, "from 1 to 2,879")],
)
def test_what_cannot_be_planted_is_refused(made: Simulation, symbol: str, tick: int, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        mean_shift(made, symbol, tick, 1.0)
