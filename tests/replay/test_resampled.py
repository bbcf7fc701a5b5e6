"""Other histories: what may change in one and what may not, and what is known of worlds of a market without memory."""

from dataclasses import replace

import numpy as np
import pytest

from alphastrike.market.market import Market
from alphastrike.market.simulate import simulate_market
from alphastrike.market.store import open_market
from alphastrike.model.bars import BAR, BarFlag
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.instrument import INSTRUMENT, TIER, TIERS_MAX
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR
from replay.likeness import LAGS, likeness
from replay.resampled import BLOCK_DAYS, drawn_rows, is_level, resampled
from replay.worlds import world_market

MIDNIGHT = 1_704_067_200_000_000
"""The beginning of 2024, a Monday."""
WEEK = 7 * MICROS_PER_DAY


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    root = tmp_path_factory.mktemp("worlds")
    simulate_market(root, "full", ("BTCUSDT", "ADAUSDT", "SOLUSDT"), 150, MICROS_PER_HOUR, 11)
    return open_market(root, "full")


@pytest.fixture(scope="module")
def world(market: Market) -> Market:
    return world_market(market, None, 3, seed=5)


@pytest.fixture(scope="module")
def rows(market: Market) -> np.ndarray:
    return drawn(market, 1)


def drawn(market: Market, seed: int, block_days: float = BLOCK_DAYS) -> np.ndarray:
    return drawn_rows(market.ticks, market.start, market.interval, block_days, np.random.default_rng(seed))


def plain(logs: np.ndarray, interval: int = MICROS_PER_DAY) -> Market:
    """A market of (T, S) log prices and nothing else: every bar opens at the close before it."""
    ticks, symbols = logs.shape
    bars = np.zeros((ticks, symbols), dtype=BAR)
    closes = 100.0 * np.exp(logs)
    opens = np.vstack([np.full(symbols, 100.0), closes[:-1]])
    bars["open"], bars["close"], bars["volume"] = opens, closes, 1.0
    bars["high"], bars["low"] = np.maximum(opens, closes), np.minimum(opens, closes)
    bars["flags"] = int(BarFlag.CANDLE)
    instruments = np.zeros(symbols, dtype=INSTRUMENT)
    instruments["tick"] = 1e-9
    return Market(
        name="plain",
        content_hash="",
        symbols=SymbolTable(f"S{number}USDT" for number in range(symbols)),
        start=MIDNIGHT + interval,
        interval=interval,
        bars=bars,
        other_events=np.zeros(ticks, dtype=np.int64),
        series={},
        instruments=instruments,
        tiers=np.zeros((symbols, TIERS_MAX), dtype=TIER),
    )


def log_returns(market: Market) -> np.ndarray:
    """Return (T, S) log returns of the closes; the first ones from the first open."""
    return np.diff(np.log(np.vstack([market.bars["open"][:1], market.bars["close"]])), axis=0)


@pytest.mark.parametrize("seed", range(5))
def test_rows_keep_the_hour_of_the_week_and_blocks_begin_at_midnight(market: Market, seed: int) -> None:
    found = drawn(market, seed)
    times = market.tick_times
    assert np.all((times[found] - times) % WEEK == 0)
    begun = np.flatnonzero(np.diff(found) != 1) + 1
    assert len(begun) > 0
    assert np.all((times[begun] - market.interval) % MICROS_PER_DAY == 0)


def test_blocks_are_as_long_as_stated_on_average() -> None:
    days = 364_000
    found = drawn_rows(days, MIDNIGHT + MICROS_PER_DAY, MICROS_PER_DAY, 40.0, np.random.default_rng(1))
    # One jump in 52,000 lands where the block would have gone on anyway.
    assert days / (np.diff(found) != 1).sum() == pytest.approx(40.0, rel=0.03)


def test_every_day_is_drawn_about_as_often() -> None:
    counts = np.zeros(364)
    for seed in range(3_000):
        found = drawn_rows(364, MIDNIGHT + MICROS_PER_DAY, MICROS_PER_DAY, 30.0, np.random.default_rng(seed))
        counts += np.bincount(found, minlength=364)
    assert counts.std() / counts.mean() < 0.08


@pytest.mark.parametrize(("days", "block", "said"), [(365, 29.0, "too short"), (80, 30.0, "need 90")])
def test_blocks_that_do_not_fit_are_refused(days: int, block: float, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        drawn_rows(days, MIDNIGHT, MICROS_PER_DAY, block, np.random.default_rng(1))


def test_returns_of_a_world_are_those_of_its_rows_for_all_symbols_at_once(market: Market, rows: np.ndarray) -> None:
    fine = replace(market, instruments=market.instruments.copy())
    fine.instruments["tick"] = 1e-12
    made = resampled(fine, rows)
    assert np.allclose(log_returns(made)[1:], log_returns(fine)[rows][1:], atol=1e-9)
    assert np.array_equal(made.bars["funding_rate"], market.bars["funding_rate"][rows])
    assert np.array_equal(made.bars["flags"], market.bars["flags"][rows])
    assert np.array_equal(made.other_events, market.other_events[rows])


def test_bars_marks_and_books_stay_as_they_were_to_each_other(market: Market, world: Market) -> None:
    bars, tick = world.bars, world.instruments["tick"]
    assert np.all(bars["high"] >= np.maximum(bars["open"], bars["close"]))
    assert np.all(bars["low"] <= np.minimum(bars["open"], bars["close"]))
    for price in ("open", "high", "low", "close"):
        steps = bars[price] / tick
        assert np.allclose(steps, np.rint(steps), atol=1e-6)
        assert np.all(bars[price] > 0.0)
    bid, ask = world.series["bid"], world.series["ask"]
    known = np.isfinite(bid)
    assert known.any()
    assert np.all(bid[known] <= ask[known])
    premium = (bars["mark"] / bars["close"])[bars["mark"] > 0.0]
    original = (market.bars["mark"] / market.bars["close"])[market.bars["mark"] > 0.0]
    worst = np.max(0.5 * tick / bars["close"])
    assert original.min() - worst <= premium.min()
    assert premium.max() <= original.max() + worst


def test_settlements_stay_on_their_hours(market: Market, world: Market) -> None:
    settled = [(one.bars["flags"] & int(BarFlag.FUNDING)) != 0 for one in (market, world)]
    assert np.array_equal(settled[0], settled[1])


def test_amounts_are_worth_the_same_money(market: Market, rows: np.ndarray) -> None:
    made = resampled(market, rows)
    worth = made.bars["volume"] * made.bars["close"]
    # Prices are rounded to the tick.
    assert np.allclose(worth, (market.bars["volume"] * market.bars["close"])[rows], rtol=1e-3)
    share = made.series["taker_buy_volume"] / made.bars["volume"]
    assert np.allclose(share, (market.series["taker_buy_volume"] / market.bars["volume"])[rows])
    for name in ("trades", "long_short_ratio", "long_liquidated"):
        assert np.array_equal(made.series[name], market.series[name][rows], equal_nan=True)


def test_levels_go_on_where_they_were_and_moods_do_not(market: Market, rows: np.ndarray) -> None:
    made = resampled(market, rows)
    for name in ("spx", "stablecoin_supply", "dxy"):
        steps = [np.abs(np.diff(np.log(one.externals[name][~np.isnan(one.externals[name])]))) for one in (market, made)]
        assert steps[1].max() <= steps[0].max() + 1e-9, name
    assert np.array_equal(made.externals["fear_greed"], market.externals["fear_greed"][rows], equal_nan=True)
    interest = [np.abs(np.diff(np.log(one.series["open_interest"]), axis=0)).max() for one in (market, made)]
    assert interest[1] <= interest[0] + 1e-9


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3_000.0, 5_000.0], True),
        ([48.0, 57.0], True),
        ([90.0, 106.0], True),
        ([9.0, 90.0], False),
        ([0.0, 40.0], False),
        ([-0.5, 2.0], False),
        ([], False),
    ],
)
def test_what_counts_as_a_level(values: list[float], expected: bool) -> None:
    assert is_level(np.array([np.nan, *values])) is expected


def test_the_rows_in_their_own_order_give_the_market_again(market: Market) -> None:
    same = resampled(market, np.arange(market.ticks))
    assert same.bars.tobytes() == market.bars.tobytes()
    for name, values in market.series.items():
        assert np.array_equal(same.series[name], values, equal_nan=True), name
    for name, values in market.externals.items():
        assert np.array_equal(same.externals[name], values, equal_nan=True), name


def test_a_world_is_a_function_of_market_seed_and_number(market: Market, world: Market) -> None:
    again = world_market(market, None, 3, seed=5)
    assert again.bars.tobytes() == world.bars.tobytes()
    assert again.content_hash == world.content_hash
    others = [world_market(market, None, number, seed=seed) for number, seed in ((4, 5), (3, 6))]
    assert len({one.content_hash for one in (market, world, *others)}) == 4


def test_a_gap_stays_a_gap_and_prices_go_on_behind_it(market: Market, rows: np.ndarray) -> None:
    bars = market.bars.copy()
    late, gone = slice(0, 900), slice(1_500, 1_900)
    for missing in (late, gone):
        for name in ("open", "high", "low", "close", "volume", "flags"):
            bars[name][missing, 1] = 0
    made = resampled(replace(market, bars=bars), rows)
    flags = made.bars["flags"][:, 1] & int(BarFlag.CANDLE) != 0
    assert np.array_equal(flags, (bars["flags"][:, 1] & int(BarFlag.CANDLE) != 0)[rows])
    known = made.bars["close"][flags, 1]
    assert np.abs(np.diff(np.log(known))).max() < 0.35
    assert np.all(made.bars["close"][~flags, 1] == 0.0)


def test_a_refused_candle_is_not_chained_on() -> None:
    logs = np.cumsum(np.random.default_rng(1).normal(0.0, 0.01, (364, 1)), axis=0)
    market = plain(logs)
    market.bars["close"][100, 0] *= 50.0
    sound = np.ones((364, 1), dtype=bool)
    sound[100, 0] = False
    rows = np.concatenate([np.arange(98), np.arange(101, 364), np.arange(3)])
    chained = resampled(market, rows, sound)
    trusting = resampled(market, rows)
    assert np.abs(log_returns(chained)[1:]).max() < 0.1
    assert trusting.bars["close"][98, 0] < chained.bars["close"][98, 0] / 20.0


def test_worlds_of_a_market_without_memory_spread_as_the_square_root_of_time() -> None:
    """Of independent returns the variance of a world's whole return is T σ², less what the market's own mean took."""
    ticks, ratios = 1_456, []
    for number in range(16):
        moves = np.random.default_rng(number).standard_t(5, (ticks, 1)) * 0.02
        market = plain(np.cumsum(moves, axis=0))
        ends = [np.log(world_market(market, None, world, number).bars["close"][-1, 0] / 100.0) for world in range(30)]
        ratios.append(np.var(ends, ddof=1) / (ticks * np.var(moves)))
    error = np.std(ratios, ddof=1) / np.sqrt(len(ratios))
    # A block of b days on average takes about b / T of the variance with the mean.
    assert np.mean(ratios) == pytest.approx(1.0 - 2.0 * BLOCK_DAYS / ticks, abs=3.0 * error)
    assert error < 0.1


def test_character_of_a_market_without_memory_and_of_a_clustered_one(market: Market, world: Market) -> None:
    shared = np.random.default_rng(2).normal(0.0, 1.0, (4_000, 1))
    own = np.random.default_rng(3).normal(0.0, 1.0, (4_000, 3))
    told = likeness(plain(np.cumsum(0.01 * (shared + own), axis=0), MICROS_PER_HOUR))
    assert np.allclose(told.clustering, 0.0, atol=0.05)
    assert told.correlation == pytest.approx(0.5, abs=0.05)
    assert told.volatility == pytest.approx(0.01 * np.sqrt(2.0 * 24.0), rel=0.05)
    clustered, drawn_again = likeness(market), likeness(world)
    assert clustered.clustering[0] > 0.1
    assert drawn_again.clustering[0] > 0.5 * clustered.clustering[0]
    assert drawn_again.correlation == pytest.approx(clustered.correlation, abs=0.1)
    assert len(told.clustering) == len(LAGS)


def test_a_market_of_days_says_nothing_of_hours() -> None:
    told = likeness(plain(np.cumsum(np.random.default_rng(4).normal(0.0, 0.02, (200, 1)), axis=0)))
    assert np.isnan(told.clustering[0])
    assert np.all(np.isfinite(told.clustering[1:]))
    assert np.isnan(told.correlation)
