"""Markets out of a seed: for a machine without data or network, and for tests that need a known world.

Regimes, clustered volatility, fat tails, a common factor, jumps and crashes, funding that follows the trend,
hours and weekdays, and a momentum whose use fades. The same seed gives the same bytes on the same versions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from alphastrike.market.chance import Reals, clustered, stream, student
from alphastrike.market.characters import OWN_TREND, OWN_TREND_DAYS, Character, character_of, terms_of
from alphastrike.market.columns import EVENT_TABLES, LATER_TABLES, Columns, MarketTables, canonical
from alphastrike.market.instruments import Instrument, instrument_columns, tier_columns
from alphastrike.market.intervals import interval_text, parse_interval
from alphastrike.market.manifest import MarketManifest, Origin, SymbolFacts
from alphastrike.market.prints import prints
from alphastrike.market.store import check_name, write_market
from alphastrike.market.weather import BURST_HALF_LIFE_DAYS, TAIL_DEGREES, Weather, jumps, stays, weather
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.progress import Progress, silent
from alphastrike.model.symbols import SymbolTable, normalise_symbol
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_SECOND

SAMPLE_NAME: Final = "sample"
SAMPLE_SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "ADAUSDT")
SAMPLE_DAYS: Final = 365
SAMPLE_INTERVAL: Final = parse_interval("15m")
SAMPLE_SEED: Final = 7

FIRST_DAY: Final = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * MICROS_PER_SECOND
"""Opening of a simulated market's first bar unless told otherwise, microseconds UTC."""

BARS_MAX: Final = 50_000_000
INTERVAL_MAX: Final = 8 * MICROS_PER_HOUR
OWN_JUMPS_PER_DAY: Final = 0.05
OWN_JUMP_DEVIATION: Final = 0.02


@dataclass(frozen=True)
class Simulation:
    """A simulated market and the truth behind it."""

    tables: MarketTables
    facts: tuple[SymbolFacts, ...]
    weather: Weather


def simulate_market(
    root: Path,
    name: str = SAMPLE_NAME,
    symbols: Sequence[str] = SAMPLE_SYMBOLS,
    days: int = SAMPLE_DAYS,
    interval: int = SAMPLE_INTERVAL,
    seed: int = SAMPLE_SEED,
    begin: int = FIRST_DAY,
    *,
    progress: Progress = silent,
) -> MarketManifest:
    """Simulate a market and write it under the data root.

    Args:
        root: the data root.
        name: of the market.
        symbols: in the order in which the market numbers them.
        days: length.
        interval: of the bars, microseconds; at most 8 h, the time between settlements.
        seed: everything random follows from it.
        begin: opening of the first bar, microseconds UTC.
        progress: called with the stages ``simulate`` (bars) and ``write`` (tables).

    Raises:
        ConfigurationError: an argument is out of range, or the name belongs to a market with other content.
    """
    check_name(name)
    made = simulation(symbols, days, interval, seed, begin, progress=progress)
    origin = Origin(how="simulated", seed=seed)
    return write_market(root, name, made.tables, made.facts, origin, progress=progress)


def simulation(
    symbols: Sequence[str],
    days: int,
    interval: int,
    seed: int,
    begin: int = FIRST_DAY,
    *,
    progress: Progress = silent,
) -> Simulation:
    """Return a simulated market in memory; arguments and errors as for :func:`simulate_market`."""
    table = SymbolTable(normalise_symbol(symbol) for symbol in symbols)
    ticks = days * (MICROS_PER_DAY // interval)
    _check(table, days, ticks, interval, begin)
    sky = weather(seed, ticks, interval, begin)
    event_tables: dict[str, list[Columns]] = {name: [] for name in EVENT_TABLES if name not in LATER_TABLES}
    facts: list[SymbolFacts] = []
    for place, symbol in enumerate(table):
        progress("simulate", place * ticks, len(table) * ticks)
        character, terms = character_of(symbol), terms_of(symbol)
        returns, volatility = _own_path(seed, symbol, character, sky, interval / MICROS_PER_DAY)
        own = prints(seed, symbol, character, terms, returns, volatility, sky.season, interval, begin)
        for name, columns in own.items():
            event_tables[name].append(columns)
        facts.append(_facts(symbol, own))
    progress("simulate", len(table) * ticks, len(table) * ticks)
    tables = _columns(event_tables, [terms_of(symbol) for symbol in table])
    return Simulation(MarketTables(table, interval, begin + interval, ticks, tables), tuple(facts), sky)


def _check(symbols: SymbolTable, days: int, ticks: int, interval: int, begin: int) -> None:
    if not symbols or len(set(symbols)) != len(symbols):
        raise ConfigurationError(f"--symbols {','.join(symbols)!r} must name at least one symbol, each once.")
    if not 1 <= days <= 36_500:
        raise ConfigurationError(f"--days must be from 1 to 36,500, was {days:,}.")
    if interval > INTERVAL_MAX:
        raise ConfigurationError(
            f"--interval {interval_text(interval)} is longer than {interval_text(INTERVAL_MAX)}, the time between "
            "settlements. Choose a shorter one."
        )
    if ticks * len(symbols) > BARS_MAX:
        raise ConfigurationError(
            f"{ticks * len(symbols):,} bars are more than {BARS_MAX:,}. Choose fewer days or symbols, or a longer "
            "--interval."
        )
    if begin % interval:
        raise ConfigurationError(f"the first bar must open on a multiple of {interval_text(interval)}. Change --from.")


def _own_path(seed: int, symbol: str, character: Character, sky: Weather, day: float) -> tuple[Reals, Reals]:
    """Return the symbol's log return of every bar and the volatility expected of it."""
    ticks = len(sky.returns)
    shocks = student(stream(seed, f"shocks {symbol}"), ticks, TAIL_DEGREES)
    burst = clustered(shocks * shocks, BURST_HALF_LIFE_DAYS / day)
    # Half of the bursts are the market's: volatility is shared more widely than direction.
    shared = sky.volatility / sky.volatility.mean()
    own = character.own_volatility * np.sqrt(day) * np.sqrt(0.5 * burst * sky.season**2 + 0.5 * shared**2)
    generator = stream(seed, f"trends {symbol}")
    ends = stays(generator, ticks, day, OWN_TREND_DAYS)
    signs = generator.integers(-1, 2, len(ends)).astype(np.float64)
    drift = np.repeat(signs * OWN_TREND * day, np.diff(ends, prepend=0))
    returns = character.sensitivity * sky.returns + drift + own * shocks - 0.5 * own * own
    returns += jumps(stream(seed, f"jumps {symbol}"), ticks, OWN_JUMPS_PER_DAY * day, OWN_JUMP_DEVIATION)
    volatility = np.sqrt((character.sensitivity * sky.volatility) ** 2 + own**2)
    return returns, volatility


def _columns(event_tables: dict[str, list[Columns]], terms: Sequence[Instrument]) -> dict[str, Columns]:
    columns: dict[str, Columns] = {}
    for name, each in event_tables.items():
        stacked: dict[str, npt.NDArray[Any]] = {
            field: np.concatenate([own[field] for own in each]) for field in each[0]
        }
        stacked["symbol"] = np.repeat(np.arange(len(each)), [len(own["event_time"]) for own in each])
        columns[name] = canonical(name, stacked)
    columns["instruments"] = canonical("instruments", instrument_columns(terms))
    columns["margin_tiers"] = canonical("margin_tiers", tier_columns(terms))
    return columns


def _facts(symbol: str, own: dict[str, Columns]) -> SymbolFacts:
    time = own["candles"]["event_time"]
    return SymbolFacts(
        symbol=symbol,
        bars=len(time),
        first=int(time[0]),
        last=int(time[-1]),
        zero_volume_bars=int(np.count_nonzero(own["candles"]["volume"] == 0.0)),
        funding=len(own["funding"]["event_time"]),
        marks=len(own["marks"]["event_time"]),
        open_interest=len(own["open_interest"]["event_time"]),
    )
