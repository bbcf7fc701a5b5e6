"""Made-up worlds for the account half: a year of 4-minute bars whose forecasts keep positions open most of the time.

Not a market to learn from: prices drift a little the way the forecasts point, so that an account that pays its
costs lives through the year and the loop does the same work from its first month to its last.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from alphastrike.config.account import AccountParams
from alphastrike.config.settings import Settings
from alphastrike.engine.history import AccountInputs
from alphastrike.market.market import Market
from alphastrike.model.bars import BAR, BarFlag
from alphastrike.model.forecast import FORECAST, Regime
from alphastrike.model.instrument import INSTRUMENT, TIER, TIERS_MAX
from alphastrike.model.symbols import SymbolTable
from alphastrike.model.units import MICROS_PER_HOUR, MICROS_PER_MINUTE

SYMBOLS: Final = 8
INTERVAL: Final = 4 * MICROS_PER_MINUTE
BARS_AN_HOUR: Final = MICROS_PER_HOUR // INTERVAL
YEAR: Final = 365 * 24 * BARS_AN_HOUR
"""131,400 bars: with 8 symbols 1.05 million symbol-bars, 67 MB, well beyond any cache."""
START: Final = 1_640_995_200_000_000 + INTERVAL
SETTLEMENT: Final = 8 * MICROS_PER_HOUR

DAILY_VOLATILITY: Final = 0.03
OPINION_HOURS: Final = 6.0
"""Time over which half of a forecast's opinion is forgotten."""
EDGE: Final = 0.008
"""Daily drift for an opinion of one standard deviation (fraction): about what trading costs."""


@dataclass(frozen=True)
class World:
    """All that the account half reads."""

    market: Market
    inputs: AccountInputs
    settings: Settings

    @cached_property
    def bars(self) -> int:
        """Symbol-bars in the world."""
        return self.market.ticks * len(self.market.symbols)

    def params(self) -> AccountParams:
        """The parameters under which it is run."""
        return self.settings.account_params()


def world(ticks: int = YEAR, seed: int = 1) -> World:
    """Return a world of so many ticks."""
    random = np.random.default_rng(seed)
    opinion = _opinions(random, ticks // BARS_AN_HOUR + 1)
    per_bar = DAILY_VOLATILITY / np.sqrt(24 * BARS_AN_HOUR)
    noise = (random.standard_normal((ticks, 1)) + random.standard_normal((ticks, SYMBOLS))) / np.sqrt(2.0)
    drift = np.repeat(opinion, BARS_AN_HOUR, axis=0)[:ticks] * (EDGE / (24 * BARS_AN_HOUR))
    close = 100.0 * np.exp(np.cumsum(drift + per_bar * noise, axis=0))
    times = START + INTERVAL * np.arange(ticks, dtype=np.int64)
    market = Market(
        name="bench",
        content_hash="0" * 32,
        symbols=SymbolTable(f"S{number}USDT" for number in range(SYMBOLS)),
        start=START,
        interval=INTERVAL,
        bars=_bars(random, close, per_bar, times % SETTLEMENT == 0),
        other_events=np.zeros(ticks, dtype=np.int64),
        series={},
        instruments=_instruments(),
        tiers=_tiers(),
    )
    return World(market, _inputs(close, opinion, times), _settings())


def _opinions(random: np.random.Generator, hours: int) -> npt.NDArray[np.float64]:
    """Return (hours, S) opinions of unit variance that fade with the half-life ``OPINION_HOURS``."""
    kept = 0.5 ** (1.0 / OPINION_HOURS)
    shocks = random.standard_normal((hours, SYMBOLS)) * np.sqrt(1.0 - kept * kept)
    opinions = np.empty(shocks.shape)
    now = random.standard_normal(SYMBOLS)
    for hour in range(hours):
        now = kept * now + shocks[hour]
        opinions[hour] = now
    return opinions


def _bars(random: np.random.Generator, close: Any, per_bar: float, settles: npt.NDArray[np.bool_]) -> Any:
    open_ = np.concatenate([np.full((1, SYMBOLS), 100.0), close[:-1]])
    bars = np.zeros(close.shape, dtype=BAR)
    bars["open"], bars["close"] = open_, close
    bars["high"] = np.maximum(open_, close) * (1.0 + np.abs(random.normal(0.0, per_bar / 2, close.shape)))
    bars["low"] = np.minimum(open_, close) * (1.0 - np.abs(random.normal(0.0, per_bar / 2, close.shape)))
    bars["volume"] = random.lognormal(10.5, 0.8, close.shape)
    bars["flags"] = int(BarFlag.CANDLE)
    bars["flags"][settles] |= int(BarFlag.FUNDING | BarFlag.MARK)
    bars["mark"][settles] = close[settles]
    bars["funding_rate"][settles] = random.normal(1e-4, 1e-4, (int(settles.sum()), SYMBOLS))
    return bars


def _instruments() -> Any:
    made = np.zeros(SYMBOLS, dtype=INSTRUMENT)
    terms = {
        "tick": 0.001,
        "lot": 0.001,
        "notional_min": 5.0,
        "taker_fee": 5e-4,
        "maker_fee": 2e-4,
        "liquidation_fee": 0.0125,
        "leverage_max": 50.0,
    }
    for name, value in terms.items():
        made[name] = value
    return made


def _tiers() -> Any:
    made = np.zeros((SYMBOLS, TIERS_MAX), dtype=TIER)
    made["notional_floor"] = np.inf
    made[:, 0] = (0.0, 0.01, 0.0)
    made[:, 1] = (50_000.0, 0.025, 750.0)
    made[:, 2] = (250_000.0, 0.05, 7_000.0)
    return made


def _inputs(close: Any, opinion: Any, times: npt.NDArray[np.int64]) -> AccountInputs:
    decisions = np.flatnonzero(times % MICROS_PER_HOUR == 0)
    decision_row = np.full(len(times), -1, dtype=np.int64)
    decision_row[decisions] = np.arange(len(decisions))
    held = opinion[: len(decisions)]
    forecasts = np.zeros((len(decisions), SYMBOLS), dtype=FORECAST)
    forecasts["direction"] = np.sign(held)
    forecasts["conviction"] = 100.0 * np.minimum(np.abs(held), 2.0) / 2.0
    forecasts["volatility"] = DAILY_VOLATILITY
    forecasts["atr"] = close[decisions] * (DAILY_VOLATILITY / np.sqrt(24.0))
    forecasts["daily_volume"] = 5e6
    forecasts["regime"] = int(Regime.RANGE)
    forecasts["health"] = 100.0
    return AccountInputs(decision_row, forecasts, np.zeros(close.shape, dtype=np.bool_))


def _settings() -> Settings:
    """Defaults, but for positions that are mostly open and triggers that ask at least once per 2,000 symbol-bars."""
    settings = Settings()
    account = settings.account
    chosen = account.model_copy(
        update={
            "entry": account.entry._replace(conviction_floor=30.0, exit_level=2.0),
            "triggers": account.triggers._replace(losses=3, cooldown_hours=1.0),
        }
    )
    return settings.model_copy(update={"account": chosen})


def with_params(settings: Settings, *, conviction_floor: float, stop_atr: float) -> Settings:
    """Return settings that differ in two parameters of the strategy."""
    account = settings.account
    entry = account.entry._replace(conviction_floor=conviction_floor)
    exits = account.exit._replace(stop_atr=stop_atr)
    return settings.model_copy(update={"account": account.model_copy(update={"entry": entry, "exit": exits})})


def unasked(settings: Settings) -> Settings:
    """Return settings under which a trigger asks once and then hardly ever again."""
    account = settings.account
    triggers = account.triggers._replace(losses=50, cooldown_hours=1e6)
    return settings.model_copy(update={"account": account.model_copy(update={"triggers": triggers})})


def other_settings(base: World, settings: Settings) -> World:
    """Return the same world under other settings; the market is shared."""
    return replace(base, settings=settings)
