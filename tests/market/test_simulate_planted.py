"""A planted truth is in the prices as stated, is kept with the market, and touches nothing else."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from alphastrike.market.columns import EVENT_TABLES
from alphastrike.market.planted import (
    BACK_HOURS,
    DEPTH,
    HERD_EVERY_DAYS,
    HERD_EVERY_HOURS,
    HERD_LASTS_DAYS,
    OUT_HOURS,
    PLANTS,
    TRAP_FROM_DAYS,
    Plant,
    plant_named,
)
from alphastrike.market.simulate import Simulation, simulate_market, simulation
from alphastrike.market.store import find_market, open_market
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE

SYMBOLS = ("BTCUSDT", "SOLUSDT")
DAYS = 97
Reals = npt.NDArray[np.float64]


def made(plant: Plant | None, days: int = DAYS, interval: int = MICROS_PER_HOUR, seed: int = 5) -> Simulation:
    return simulation(SYMBOLS, days, interval, seed, plant=plant)


def moved(plant: Plant, interval: int = MICROS_PER_HOUR) -> Reals:
    """What the plant adds to the factor's log return of every bar."""
    return np.asarray(made(plant, interval=interval).weather.returns - made(None, interval=interval).weather.returns)


@pytest.mark.parametrize("name", PLANTS)
@pytest.mark.parametrize("interval", [15 * MICROS_PER_MINUTE, 8 * MICROS_PER_HOUR])
def test_a_longer_market_begins_as_the_shorter_one(name: str, interval: int) -> None:
    short, long = (made(Plant(name), days, interval).tables for days in (40, 70))
    end = short.start + (short.ticks - 1) * interval
    for table in EVENT_TABLES:
        rows = long.columns[table]["event_time"] <= end
        for column, values in short.columns[table].items():
            assert np.array_equal(values, long.columns[table][column][rows]), (table, column)


def test_where_nothing_is_planted_foretold_moves_are_a_coin_s_and_sizes_stay() -> None:
    market, usual = made(Plant("nothing"), 365), made(None, 365)
    coins = []
    for place, own in enumerate(usual.paths):
        foretold = own.pushes + market.weather.pushes
        planted = market.paths[place].returns
        assert np.array_equal(np.abs(planted), np.abs(own.returns))
        coins.append(planted / own.returns)
        luck = 1.0 / np.sqrt(len(planted))
        assert np.corrcoef(foretold, own.returns)[0, 1] > 6.0 * luck
        assert abs(np.corrcoef(foretold, planted)[0, 1]) < 3.0 * luck
        assert abs(np.corrcoef(planted[:-1], planted[1:])[0, 1]) < 3.0 * luck
    # What symbols share they still share.
    assert np.array_equal(coins[0], coins[1])


def test_shorts_are_squeezed_once_a_day_from_the_stated_day_on_and_prices_come_back() -> None:
    moves = moved(Plant("shorts-trap"))
    by_day = moves.reshape(DAYS, 24)
    assert not by_day[:TRAP_FROM_DAYS].any()
    assert np.allclose(by_day[TRAP_FROM_DAYS:].max(axis=1), DEPTH / OUT_HOURS)
    assert np.allclose(by_day.sum(axis=1), 0.0)
    reached = np.cumsum(moves)
    assert reached.min() > -1e-9
    assert reached.max() == pytest.approx(DEPTH)


@pytest.mark.parametrize("interval", [15 * MICROS_PER_MINUTE, MICROS_PER_HOUR])
def test_crashes_and_squeezes_come_in_herds_and_prices_come_back(interval: int) -> None:
    moves = moved(Plant("leverage-crash"), interval)
    stretch = HERD_EVERY_DAYS * MICROS_PER_DAY // interval
    reached = np.cumsum(moves)
    assert (reached.min(), reached.max()) == (pytest.approx(-DEPTH), pytest.approx(DEPTH))
    spikes = HERD_LASTS_DAYS * 24 // HERD_EVERY_HOURS
    for first in range(0, len(moves) - stretch, stretch):
        own = reached[first : first + stretch]
        assert own[-1] == pytest.approx(0.0, abs=1e-9)
        lowest, highest = (np.flatnonzero(np.isclose(own, side * DEPTH)) for side in (-1.0, 1.0))
        assert len(lowest) == len(highest) == spikes // 2
        apart = (highest - lowest) * interval / MICROS_PER_HOUR
        assert np.allclose(apart, HERD_EVERY_HOURS)
        lasted = np.flatnonzero(np.abs(own) > 1e-9)
        assert (lasted[-1] - lasted[0]) * interval <= HERD_LASTS_DAYS * MICROS_PER_DAY
        assert len(lasted) * interval <= spikes * (OUT_HOURS + BACK_HOURS) * MICROS_PER_HOUR


@pytest.mark.parametrize("name", ["shorts-trap", "leverage-crash"])
def test_a_dose_is_a_multiple(name: str) -> None:
    assert np.allclose(moved(Plant(name, 0.5)), 0.5 * moved(Plant(name)), atol=1e-12)


def test_every_symbol_moves_by_its_sensitivity() -> None:
    market, usual = made(Plant("leverage-crash")), made(None)
    beginning = usual.weather.crashes
    assert set(beginning) < set(market.weather.crashes)
    first = int(market.weather.crashes[0])
    bitcoin, solana = (
        (market.paths[place].returns - market.paths[place].pushes)[first]
        - (usual.paths[place].returns - usual.paths[place].pushes)[first]
        for place in range(2)
    )
    assert bitcoin == pytest.approx(-DEPTH)
    assert solana == pytest.approx(-1.35 * DEPTH)


@pytest.mark.parametrize("spec", ["nothing", "shorts-trap", "leverage-crash", "leverage-crash:dose=0.12345678"])
def test_a_plant_is_read_as_it_is_written(spec: str) -> None:
    assert str(plant_named(spec)) == spec


def test_the_manifest_keeps_it_and_one_without_it_is_read_as_ever(data_root: Path) -> None:
    kept = simulate_market(data_root, "crash", SYMBOLS, 20, MICROS_PER_HOUR, 5, plant=Plant("leverage-crash", 2.0))
    plain = simulate_market(data_root, "plain", SYMBOLS, 20, MICROS_PER_HOUR, 5)
    assert (kept.origin.plant, plain.origin.plant) == ("leverage-crash:dose=2", "")
    assert kept.content_hash != plain.content_hash
    file = data_root / "markets" / "plain" / "manifest.json"
    written = json.loads(file.read_text())
    del written["origin"]["plant"]
    file.write_text(json.dumps(written))
    older = find_market(data_root, "plain")
    assert older is not None
    assert older.origin == plain.origin
    assert open_market(data_root, "plain").content_hash == plain.content_hash
