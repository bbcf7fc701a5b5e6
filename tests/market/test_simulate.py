"""A simulated market has the facts that real ones have, and is the same for the same seed."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from alphastrike.market.building import market_of
from alphastrike.market.chance import clustered, stream, student, wandering
from alphastrike.market.market import Market
from alphastrike.market.simulate import (
    SAMPLE_DAYS,
    SAMPLE_INTERVAL,
    SAMPLE_NAME,
    SAMPLE_SEED,
    SAMPLE_SYMBOLS,
    Simulation,
    simulate_market,
    simulation,
)
from alphastrike.market.store import market_tables
from alphastrike.market.weather import CLIMATES, MOMENTUM, MOMENTUM_HALF_LIFE_DAYS, MOMENTUM_MEMORY_DAYS, weather
from alphastrike.model.bars import BarFlag
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.forecast import Regime
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE
from tests.market.files import leftovers

BARS_PER_DAY = MICROS_PER_DAY // SAMPLE_INTERVAL
Reals = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def sample() -> Simulation:
    return simulation(SAMPLE_SYMBOLS, SAMPLE_DAYS, SAMPLE_INTERVAL, SAMPLE_SEED)


@pytest.fixture(scope="module")
def market(sample: Simulation) -> Market:
    return market_of(SAMPLE_NAME, sample.tables.content_hash(), sample.tables)


@pytest.fixture(scope="module")
def returns(market: Market) -> npt.NDArray[np.float64]:
    """(T - 1, S) log returns of the closes."""
    return np.asarray(np.diff(np.log(market.bars["close"]), axis=0))


def test_every_bar_is_possible(market: Market) -> None:
    bars = market.bars
    assert bars.shape == (SAMPLE_DAYS * BARS_PER_DAY, 5)
    assert np.all(bars["flags"] & BarFlag.CANDLE)
    assert np.all(bars["high"] >= np.maximum(bars["open"], bars["close"]))
    assert np.all(bars["low"] <= np.minimum(bars["open"], bars["close"]))
    assert np.all(bars["low"] > 0.0)
    assert np.all(bars["volume"] > 0.0)
    assert np.all(market.series["taker_buy_volume"] <= bars["volume"])
    assert np.array_equal(bars["open"][1:], bars["close"][:-1])
    for symbol, tick in enumerate(market.instruments["tick"]):
        steps = bars["close"][:, symbol] / tick
        assert np.abs(steps - np.rint(steps)).max() < 1e-6, market.symbols[symbol]


def test_volatility_is_that_of_large_coins(returns: Reals) -> None:
    yearly = returns.std(axis=0) * np.sqrt(365 * BARS_PER_DAY)
    assert np.all(yearly > 0.40), yearly
    assert np.all(yearly < 0.95), yearly


def test_tails_are_fat(returns: Reals) -> None:
    centred = returns - returns.mean(axis=0)
    kurtosis = (centred**4).mean(axis=0) / (centred**2).mean(axis=0) ** 2
    assert np.all(kurtosis > 6.0), kurtosis


def test_volatility_clusters_and_returns_do_not(returns: Reals) -> None:
    for symbol in range(returns.shape[1]):
        own = returns[:, symbol]
        assert _autocorrelation(np.abs(own), 1) > 0.10
        assert _autocorrelation(np.abs(own), BARS_PER_DAY) > 0.05
        assert abs(_autocorrelation(own, 1)) < 0.05


def test_symbols_move_together(returns: Reals) -> None:
    correlations = np.asarray(np.corrcoef(returns.T))[np.triu_indices(returns.shape[1], 1)]
    assert correlations.min() > 0.35
    assert 0.5 < correlations.mean() < 0.85


def test_days_have_their_hours(market: Market, returns: Reals) -> None:
    hour = (market.tick_times[1:] - SAMPLE_INTERVAL) % MICROS_PER_DAY // MICROS_PER_HOUR
    size = np.abs(returns).mean(axis=1)
    volume = market.bars["volume"][1:, 0]
    busy, quiet = (hour >= 13) & (hour < 17), (hour >= 1) & (hour < 5)
    assert 1.3 < size[busy].mean() / size[quiet].mean() < 2.6
    assert volume[busy].mean() > 1.5 * volume[quiet].mean()


def test_two_crashes_fall_and_are_wild_afterwards(sample: Simulation, market: Market) -> None:
    assert len(sample.weather.crashes) == 2
    for at in sample.weather.crashes:
        window = market.bars["close"][at : at + BARS_PER_DAY // 2]
        assert np.all(window.min(axis=0) < 0.93 * window[0])
        assert np.all(sample.weather.regimes[at : at + BARS_PER_DAY] == Regime.HIGH_VOLATILITY)


def test_funding_follows_the_trend(market: Market) -> None:
    """The sign and rough size of the slope, symbol by symbol: 1.5 bp for a standard deviation of trend."""
    three_days = 3 * BARS_PER_DAY
    for symbol in range(5):
        close = np.log(market.bars["close"][:, symbol])
        at = np.flatnonzero(market.bars["flags"][:, symbol] & BarFlag.FUNDING)
        at = at[at >= three_days]
        trend = close[at] - close[at - three_days]
        rate = market.bars["funding_rate"][at, symbol]
        assert np.corrcoef(trend, rate)[0, 1] > 0.7
        assert 0.0 < rate.mean() < 0.0005
    assert np.all(market.tick_times[at] % (8 * MICROS_PER_HOUR) == 0)


def test_all_regimes_come_and_last(sample: Simulation) -> None:
    shares = np.bincount(sample.weather.regimes, minlength=5) / len(sample.weather.regimes)
    assert shares[Regime.UNKNOWN] == 0.0
    assert np.all(shares[1:] > 0.02), shares
    changes = np.count_nonzero(np.diff(sample.weather.regimes))
    assert SAMPLE_DAYS / 30 < changes < SAMPLE_DAYS / 3


def test_regimes_are_what_they_are_called() -> None:
    """Pooled over worlds: drift of the trends within 4 standard errors, order of the volatilities."""
    drifts: dict[Regime, list[float]] = {regime: [] for regime in CLIMATES}
    sizes: dict[Regime, list[float]] = {regime: [] for regime in CLIMATES}
    for seed in range(30):
        sky = weather(seed, 365 * 24, MICROS_PER_HOUR, 0)
        for regime in CLIMATES:
            inside = sky.regimes == regime
            drifts[regime].extend((sky.returns[inside] * 24.0).tolist())
            sizes[regime].extend(sky.volatility[inside].tolist())
    for regime in (Regime.TREND_UP, Regime.TREND_DOWN, Regime.RANGE):
        found = np.array(drifts[regime])
        error = found.std() / np.sqrt(len(found))
        # Momentum carries a trend a little further than its drift alone.
        assert abs(found.mean() - CLIMATES[regime].drift) < 4.0 * error + 0.15 * abs(CLIMATES[regime].drift)
    level = {regime: float(np.mean(values)) for regime, values in sizes.items()}
    assert level[Regime.RANGE] < level[Regime.TREND_UP] < level[Regime.TREND_DOWN] < level[Regime.HIGH_VOLATILITY]


def test_the_planted_momentum_fades_as_stated() -> None:
    """Slope of the next bar on the last day's momentum, pooled over 60 worlds: within 4 standard errors of plan."""
    day = MICROS_PER_HOUR / MICROS_PER_DAY
    drift = np.array([CLIMATES[Regime(code)].drift if code else 0.0 for code in range(5)])
    quarters: list[list[tuple[Reals, Reals]]] = [[] for _ in range(4)]
    for seed in range(60):
        sky = weather(seed, 360 * 24, MICROS_PER_HOUR, 0)
        shock = np.clip((sky.returns - sky.pushes - drift[sky.regimes] * day) / sky.volatility, -6.0, 6.0)
        momentum = _momentum(shock, day)
        for quarter in range(4):
            rows = np.arange(quarter * 90 * 24 + 48, (quarter + 1) * 90 * 24)
            # A crash falls for hours on end, which is no momentum of the planted kind.
            rows = rows[[not any(at <= row < at + 60 for at in sky.crashes) for row in rows]]
            quarters[quarter].append((momentum[rows], shock[rows]))
    slopes = []
    for quarter, pairs in enumerate(quarters):
        x = np.concatenate([pair[0] for pair in pairs])
        y = np.concatenate([pair[1] for pair in pairs])
        slope = float((x * y).sum() / (x * x).sum())
        error = float(np.sqrt((y * y).mean() / (x * x).sum()))
        days = np.linspace(90 * quarter, 90 * (quarter + 1), 200)
        planned = MOMENTUM * np.sqrt(day) * np.mean(2.0 ** (-days / MOMENTUM_HALF_LIFE_DAYS))
        # A tenth of the plan for the cap on extreme momentum and for jumps inside the measured shocks.
        assert abs(slope - planned) < 4.0 * error + 0.1 * planned, (quarter, slope, planned, error)
        slopes.append(slope)
    assert slopes[0] > 2.5 * slopes[3]


def test_the_same_seed_gives_the_same_bytes(data_root: Path) -> None:
    files = []
    for name in ("one", "two"):
        simulate_market(data_root, name, ("BTCUSDT", "FOOUSDT"), 5, MICROS_PER_HOUR, 3)
        files.append([file.read_bytes() for file in market_tables(data_root, name).values()])
    assert files[0] == files[1]


def test_another_seed_gives_another_market() -> None:
    hashes = {simulation(("BTCUSDT",), 5, MICROS_PER_HOUR, seed).tables.content_hash() for seed in range(4)}
    assert len(hashes) == 4


def test_a_symbol_does_not_depend_on_its_neighbours() -> None:
    alone = simulation(("ETHUSDT",), 20, MICROS_PER_HOUR, 3).tables
    among = simulation(("BTCUSDT", "ETHUSDT", "FOOUSDT"), 20, MICROS_PER_HOUR, 3).tables
    for table in ("candles", "marks", "funding", "open_interest"):
        rows = among.columns[table]["symbol"] == 1
        for column in set(alone.columns[table]) - {"symbol"}:
            assert np.array_equal(alone.columns[table][column], among.columns[table][column][rows])


@pytest.mark.parametrize("minutes", [5, 60, 240, 480])
def test_the_interval_does_not_change_the_volatility(minutes: int) -> None:
    """Same rates a day at every interval; two years of one symbol, within a quarter of each other."""
    made = simulation(("BTCUSDT",), 730, minutes * MICROS_PER_MINUTE, 11)
    close = made.tables.columns["candles"]["close"]
    yearly = np.diff(np.log(close)).std() * np.sqrt(365 * MICROS_PER_DAY / (minutes * MICROS_PER_MINUTE))
    assert 0.42 < yearly < 0.70


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"symbols": ()}, "at least one symbol"),
        ({"symbols": ("BTCUSDT", "BTC/USDT")}, "each once"),
        ({"days": 0}, "--days must be from 1"),
        ({"days": 36_501}, "--days must be from 1"),
        ({"interval": MICROS_PER_DAY}, "longer than 8h"),
        ({"days": 36_500, "interval": MICROS_PER_MINUTE}, "bars are more than"),
        ({"begin": 1}, "multiple of 1h"),
        ({"name": "../x"}, "not usable"),
    ],
)
def test_what_cannot_be_simulated_is_refused(data_root: Path, change: dict[str, object], words: str) -> None:
    arguments: dict[str, object] = {
        "name": "world", "symbols": ("BTCUSDT",), "days": 3, "interval": MICROS_PER_HOUR, "seed": 1, "begin": 0,
    }  # fmt: skip
    with pytest.raises(ConfigurationError, match=words):
        simulate_market(data_root, **{**arguments, **change})  # type: ignore[arg-type] # one wrong at a time
    assert leftovers(data_root) == []


def test_draws_have_the_moments_they_promise() -> None:
    tails = student(stream(1, "tails"), 400_000, 4.5)
    assert tails.std() == pytest.approx(1.0, abs=0.03)
    mood = wandering(stream(1, "mood"), 400_000, half_life=20.0, deviation=0.3)
    assert mood.std() == pytest.approx(0.3, rel=0.05)
    assert _autocorrelation(mood, 20) == pytest.approx(0.5, abs=0.03)
    variance = clustered(tails * tails, half_life=100.0)
    assert variance.mean() == pytest.approx(1.0, abs=0.1)
    assert np.all(variance > 0.0)


def _autocorrelation(values: Reals, lag: int) -> float:
    return float(np.corrcoef(values[:-lag], values[lag:])[0, 1])


def _momentum(shock: Reals, day: float) -> Reals:
    """Normalised momentum known before each bar, by the definition in the docs rather than by the generator's code."""
    remember = 1.0 - 2.0 ** (-day / MOMENTUM_MEMORY_DAYS)
    values = np.empty_like(shock)
    level = 0.0
    for at, value in enumerate(shock.tolist()):
        values[at] = level
        level += remember * (value - level)
    return np.asarray(values / np.sqrt(remember / (2.0 - remember)))
