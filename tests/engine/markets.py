"""Small markets made for a test: random walks with everything in them that perception must cope with."""

import numpy as np

from alphastrike.features.declare import external_series
from alphastrike.market.market import Market
from alphastrike.model.bars import BAR, BarFlag
from alphastrike.model.compiled import Records
from alphastrike.model.instrument import INSTRUMENT, TIER, TIERS_MAX
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import MICROS_PER_MINUTE

QUARTER = 15 * MICROS_PER_MINUTE
START = 1_640_995_200_000_000 + QUARTER
"""The close of the first bar of 2022."""
NAMES = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT")


def walk_bars(ticks: int, symbols: int, seed: int) -> Records:
    """Candles of correlated random walks, with funding every eight hours."""
    random = np.random.default_rng(seed)
    common = random.normal(0.0, 0.003, (ticks, 1))
    close = 100.0 * np.exp(np.cumsum(common + random.normal(0.0, 0.002, (ticks, symbols)), axis=0))
    open_ = np.concatenate([np.full((1, symbols), 100.0), close[:-1]])
    bars = np.zeros((ticks, symbols), dtype=BAR)
    bars["open"], bars["close"] = open_, close
    bars["high"] = np.maximum(open_, close) * (1.0 + np.abs(random.normal(0.0, 0.001, close.shape)))
    bars["low"] = np.minimum(open_, close) * (1.0 - np.abs(random.normal(0.0, 0.001, close.shape)))
    bars["volume"] = random.lognormal(4.0, 0.5, close.shape)
    bars["flags"] = int(BarFlag.CANDLE)
    settles = (START + QUARTER * np.arange(ticks)) % (8 * 60 * MICROS_PER_MINUTE) == 0
    bars["flags"][settles] |= int(BarFlag.FUNDING)
    bars["funding_rate"][settles] = random.normal(1e-4, 5e-5, (int(settles.sum()), symbols))
    return bars


def market_of(
    bars: Records, series: dict[str, np.ndarray] | None = None, externals: dict[str, np.ndarray] | None = None
) -> Market:
    """A market of these quarter-hour bars."""
    ticks, symbols = bars.shape
    return Market(
        name="made",
        content_hash="0" * 32,
        symbols=SymbolTable(NAMES[:symbols]),
        start=START,
        interval=QUARTER,
        bars=bars,
        other_events=np.zeros(ticks, dtype=np.int64),
        series=series or {},
        instruments=np.zeros(symbols, dtype=INSTRUMENT),
        tiers=np.zeros((symbols, TIERS_MAX), dtype=TIER),
        externals=externals or {},
    )


def rough_market(ticks: int, symbols: int = 3, seed: int = 1) -> Market:
    """A market of all inputs: gaps, absurd prints, an outage, an open breaker, assumed funding, partly known series."""
    random = np.random.default_rng(seed + 1_000)
    bars = walk_bars(ticks, symbols, seed)
    late = ticks - 300
    for tick in random.integers(100, ticks, 12):
        bars["low"][tick, int(random.integers(symbols))] *= 0.01
    bars["close"][late + 10, 0] = np.nan
    bars[late + 20 : late + 40, 0] = np.zeros(1, dtype=BAR)[0]
    outage = bars[late + 50 : late + 54, :]
    for field in ("open", "high", "low"):
        outage[field] = outage["close"]
    outage["volume"] = 0.0
    bars["high"][late + 100 : late + 104, symbols - 1] *= 100.0
    bars["flags"][late + 120, 0] |= int(BarFlag.FUNDING | BarFlag.FUNDING_ASSUMED)
    taker = bars["volume"] * random.uniform(0.3, 0.7, bars.shape)
    interest = 1e5 * np.exp(np.cumsum(random.normal(0.0, 0.002, bars.shape), axis=0))
    interest[:, -1] = np.nan
    series = {"taker_buy_volume": taker, "open_interest": interest, **reports(bars, random)}
    return market_of(bars, series, outside(ticks, random))


def reports(bars: Records, random: np.random.Generator) -> dict[str, np.ndarray]:
    """What exchanges report beside candles, and marks in the bars themselves; a book that is at times too wide."""
    shape = bars.shape
    bars["flags"] |= int(BarFlag.MARK)
    bars["mark"] = np.where(bars["close"] > 0.0, bars["close"], 100.0) * (1.0 + random.normal(0.0, 2e-4, shape))
    half_spread = np.where(random.random(shape) < 0.001, 0.5, random.uniform(1e-4, 3e-4, shape))
    liquidated = random.random(shape) < 0.1
    return {
        "trades": np.floor(bars["volume"] * random.uniform(2.0, 4.0, shape)),
        "long_short_ratio": np.exp(random.normal(0.3, 0.1, shape)),
        "bid": bars["mark"] * (1.0 - half_spread),
        "bid_size": random.lognormal(0.0, 1.0, shape),
        "ask": bars["mark"] * (1.0 + half_spread),
        "ask_size": random.lognormal(0.0, 1.0, shape),
        "long_liquidated": np.where(liquidated, random.lognormal(3.0, 1.0, shape), np.nan),
        "short_liquidated": np.where(liquidated, random.lognormal(3.0, 1.0, shape), np.nan),
    }


def outside(ticks: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Every external series that a feature reads, once a day."""
    known = np.arange(ticks) % 96 == 0
    walks = {name: np.cumsum(random.normal(0.0, 0.01, ticks)) for name in external_series()}
    return {name: np.where(known, 50.0 * np.exp(walk), np.nan) for name, walk in walks.items()}
