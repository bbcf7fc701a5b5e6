"""Markets out of a seed: for a machine without data or network, and for tests that need a known world.

Regimes, clustered volatility, fat tails, a common factor, jumps and crashes, hours and weekdays, a momentum whose use
fades, and inputs of every kind that each tell a little of what comes (``market/hints.py``). The same seed gives the
same bytes on the same versions, and a longer market begins as the shorter one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path as File
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from alphastrike.market.characters import character_of, terms_of
from alphastrike.market.columns import EVENT_TABLES, Columns, MarketTables, canonical
from alphastrike.market.instruments import Instrument, instrument_columns, tier_columns
from alphastrike.market.intervals import interval_text, parse_interval
from alphastrike.market.manifest import MarketManifest, Origin, SymbolFacts
from alphastrike.market.paths import Path, path
from alphastrike.market.planted import Plant, planted_path, planted_sky
from alphastrike.market.prints import FUNDING_BASE, candles, funding, long_short_ratio, marks, open_interest
from alphastrike.market.prints_book import book_tops, liquidations
from alphastrike.market.prints_externals import externals
from alphastrike.market.store import check_name, write_market
from alphastrike.market.weather import Weather, weather
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

TAKERS: Final = "takers"
OMISSIBLE: Final = (TAKERS, *(table for table in EVENT_TABLES if table != "candles"))
"""What a market may be made without: every kind but candles, and of these takers' volume and the number of trades."""


@dataclass(frozen=True)
class Simulation:
    """A simulated market and the truth behind it."""

    tables: MarketTables
    facts: tuple[SymbolFacts, ...]
    weather: Weather
    paths: tuple[Path, ...]
    """By symbol."""


def simulate_market(
    root: File,
    name: str = SAMPLE_NAME,
    symbols: Sequence[str] = SAMPLE_SYMBOLS,
    days: int = SAMPLE_DAYS,
    interval: int = SAMPLE_INTERVAL,
    seed: int = SAMPLE_SEED,
    begin: int = FIRST_DAY,
    *,
    without: Collection[str] = (),
    stationary: bool = False,
    plant: Plant | None = None,
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
        without: inputs to leave out, of ``OMISSIBLE``. Everything else stays bit for bit what it was: the market is
            the same, it only tells less. Without ``funding`` the settlements are there at an assumed rate, flagged.
        stationary: one regime without end and no crash, and what tells of the future keeps its strength; volatility
            clusters all the same.
        plant: a truth to plant into it; inputs and everything random stay what they were.
        progress: called with the stages ``simulate`` (bars) and ``write`` (tables).

    Raises:
        ConfigurationError: an argument is out of range, or the name belongs to a market with other content.
    """
    check_name(name)
    made = simulation(
        symbols, days, interval, seed, begin, without=without, stationary=stationary, plant=plant, progress=progress
    )
    origin = Origin(
        how="simulated",
        seed=seed,
        funding_missing=f"bound:{FUNDING_BASE}" if "funding" in without else "refuse",
        without=tuple(kind for kind in OMISSIBLE if kind in without),
        stationary=stationary,
        plant="" if plant is None else str(plant),
    )
    return write_market(root, name, made.tables, made.facts, origin, progress=progress)


def simulation(
    symbols: Sequence[str],
    days: int,
    interval: int,
    seed: int,
    begin: int = FIRST_DAY,
    *,
    without: Collection[str] = (),
    stationary: bool = False,
    plant: Plant | None = None,
    progress: Progress = silent,
) -> Simulation:
    """Return a simulated market in memory; arguments and errors as for :func:`simulate_market`.

    To measure how often a validator cries wolf take ``stationary=True`` and many seeds: nothing in such a market
    changes its character. To measure how soon it finds a real change, change such a market on purpose with the
    functions of ``market/planting.py``.
    """
    table = SymbolTable(normalise_symbol(symbol) for symbol in symbols)
    ticks = days * (MICROS_PER_DAY // interval)
    _check(table, days, ticks, interval, begin, without)
    sky = weather(seed, ticks, interval, begin, stationary=stationary)
    if plant is not None:
        sky = planted_sky(plant, seed, sky, interval)
    event_tables: dict[str, list[Columns]] = {name: [] for name in EVENT_TABLES if name != "externals"}
    facts: list[SymbolFacts] = []
    paths: list[Path] = []
    for place, symbol in enumerate(table):
        progress("simulate", place * ticks, len(table) * ticks)
        moved = path(seed, symbol, character_of(symbol), sky, interval, stationary=stationary)
        paths.append(moved if plant is None else planted_path(plant, seed, moved))
        own = _told(_prints(seed, symbol, paths[-1], sky, interval, begin), without)
        for name, columns in own.items():
            event_tables[name].append(columns)
        facts.append(_facts(symbol, own))
    progress("simulate", len(table) * ticks, len(table) * ticks)
    tables = _columns(event_tables, [terms_of(symbol) for symbol in table])
    if "externals" not in without:
        tables["externals"] = canonical("externals", externals(seed, sky, interval, begin))
    made = MarketTables(table, interval, begin + interval, ticks, tables)
    return Simulation(made, tuple(facts), sky, tuple(paths))


def _prints(seed: int, symbol: str, own: Path, sky: Weather, interval: int, begin: int) -> dict[str, Columns]:
    """Return the event tables of one symbol, without the symbol column."""
    character, terms = character_of(symbol), terms_of(symbol)
    time = begin + interval * np.arange(1, len(own.returns) + 1, dtype=np.int64)
    bars = candles(seed, symbol, character, terms, own, sky, interval)
    close = bars["close"]
    return {
        "candles": {"event_time": time, **bars},
        "marks": {"event_time": time, "price": marks(seed, symbol, terms, own, close, interval)},
        "funding": funding(seed, symbol, own, time, begin, interval),
        "open_interest": open_interest(seed, symbol, character, own, close, time, interval),
        "long_short_ratio": long_short_ratio(seed, symbol, own, time),
        "book_tops": {"event_time": time, **book_tops(seed, symbol, character, terms, own, bars)},
        "liquidations": liquidations(seed, symbol, terms, own, bars, time, interval),
    }


def _told(prints: Mapping[str, Columns], without: Collection[str]) -> dict[str, Columns]:
    """Return the prints less what the market is not to tell."""
    told: dict[str, Columns] = {
        name: {field: values[:0] for field, values in columns.items()} if name in without else dict(columns)
        for name, columns in prints.items()
    }
    if "funding" in without:
        # A perpetual without settlements is another instrument: they are due, only their rate is unknown.
        times = prints["funding"]["event_time"]
        told["funding"] = {
            "event_time": times,
            "rate": np.full(len(times), FUNDING_BASE),
            "assumed": np.ones(len(times), np.int64),
        }
    if TAKERS in without:
        bars = len(told["candles"]["event_time"])
        unknown = {"taker_buy_volume": np.full(bars, np.nan), "trades": np.full(bars, -1, np.int64)}
        told["candles"] = {**told["candles"], **unknown}
    return told


def _check(symbols: SymbolTable, days: int, ticks: int, interval: int, begin: int, without: Collection[str]) -> None:
    unknown = [kind for kind in without if kind not in OMISSIBLE]
    if unknown:
        raise ConfigurationError(
            f"--without {unknown[0]!r} is not an input that can be left out. Choose of {', '.join(OMISSIBLE)}."
        )
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
    assumed = int(np.count_nonzero(own["funding"]["assumed"]))
    return SymbolFacts(
        symbol=symbol,
        bars=len(time),
        first=int(time[0]),
        last=int(time[-1]),
        zero_volume_bars=int(np.count_nonzero(own["candles"]["volume"] == 0.0)),
        funding=len(own["funding"]["event_time"]),
        funding_assumed=assumed,
        funding_assumed_spans=((int(time[0]), int(time[-1])),) if assumed else (),
        marks=len(own["marks"]["event_time"]),
        open_interest=len(own["open_interest"]["event_time"]),
    )
