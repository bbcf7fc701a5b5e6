"""The terms of trade of every symbol: given in a file, or assumed from the tables here.

A row is ``given`` when ``--instruments FILE`` states it and ``assumed`` otherwise; the margin tiers have a
source of their own. The file is TOML, one table a symbol::

    [BTCUSDT]
    tick = 0.1                 # USDT per base
    lot = 0.001                # base
    notional_min = 100.0       # USDT
    taker_fee = 0.0005         # fraction of notional
    maker_fee = 0.0002         # negative: a rebate
    liquidation_fee = 0.0125
    leverage_max = 125.0
    tiers = [                  # optional; by rising floor, the first at 0
        { notional_floor = 0.0, maintenance_rate = 0.004 },
        { notional_floor = 50000.0, maintenance_rate = 0.005 },
    ]
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from alphastrike.market.columns import Columns
from alphastrike.model.errors import DataError
from alphastrike.model.instrument import INSTRUMENT, TIERS_MAX
from alphastrike.model.symbols import SymbolTable, normalise_symbol

TAKER_FEE: Final = 0.0005
MAKER_FEE: Final = 0.0002

Tiers = tuple[tuple[float, float], ...]
"""(notional floor in quote, maintenance rate as a fraction), by rising floor from 0."""

TERMS: Final = INSTRUMENT.names or ()
"""Names of an instrument's numbers, all needed in a file."""


@dataclass(frozen=True)
class Instrument:
    """One symbol's terms. Units as in ``model.instrument``."""

    tick: float
    lot: float
    notional_min: float
    liquidation_fee: float
    leverage_max: float
    tiers: Tiers
    taker_fee: float = TAKER_FEE
    maker_fee: float = MAKER_FEE
    source: Literal["given", "assumed"] = "assumed"
    tiers_source: Literal["given", "assumed"] = "assumed"


_BITCOIN_TIERS: Final[Tiers] = (
    (0.0, 0.004),
    (50e3, 0.005),
    (600e3, 0.0065),
    (3e6, 0.01),
    (12e6, 0.02),
    (70e6, 0.025),
    (100e6, 0.05),
    (230e6, 0.10),
    (480e6, 0.125),
    (600e6, 0.15),
    (800e6, 0.25),
    (1.2e9, 0.50),
)
_ETHER_TIERS: Final[Tiers] = (
    (0.0, 0.004),
    (50e3, 0.005),
    (600e3, 0.0065),
    (3e6, 0.01),
    (12e6, 0.02),
    (50e6, 0.025),
    (65e6, 0.05),
    (150e6, 0.10),
    (320e6, 0.125),
    (400e6, 0.15),
    (530e6, 0.25),
    (800e6, 0.50),
)
_LARGE_TIERS: Final[Tiers] = (
    (0.0, 0.005),
    (10e3, 0.0065),
    (80e3, 0.01),
    (600e3, 0.02),
    (2e6, 0.025),
    (6e6, 0.05),
    (20e6, 0.10),
    (40e6, 0.125),
    (50e6, 0.25),
    (100e6, 0.50),
)
_OTHER_TIERS: Final[Tiers] = (
    (0.0, 0.01),
    (25e3, 0.025),
    (100e3, 0.05),
    (500e3, 0.10),
    (1e6, 0.125),
    (5e6, 0.25),
    (10e6, 0.50),
)

ASSUMED: Final[Mapping[str, Instrument]] = {
    "BTCUSDT": Instrument(0.1, 0.001, 100.0, 0.0125, 125.0, _BITCOIN_TIERS),
    "ETHUSDT": Instrument(0.01, 0.001, 20.0, 0.0125, 125.0, _ETHER_TIERS),
    "SOLUSDT": Instrument(0.001, 1.0, 5.0, 0.015, 75.0, _LARGE_TIERS),
    "BNBUSDT": Instrument(0.01, 0.01, 5.0, 0.015, 75.0, _LARGE_TIERS),
    "XRPUSDT": Instrument(0.0001, 0.1, 5.0, 0.015, 75.0, _LARGE_TIERS),
    "ADAUSDT": Instrument(0.0001, 1.0, 5.0, 0.015, 75.0, _LARGE_TIERS),
    "DOGEUSDT": Instrument(0.00001, 1.0, 5.0, 0.015, 75.0, _LARGE_TIERS),
}
"""Terms like those of Binance USD-M in 2022 to 2024, at the ordinary fee level; nobody checked them against the
venue for the day in question, hence assumed."""


def instruments_for(
    symbols: SymbolTable, closes: Mapping[str, npt.NDArray[np.float64]], given: Mapping[str, Instrument]
) -> list[Instrument]:
    """Return every symbol's terms: as given, else from the table here, else inferred from its prices."""
    return [given.get(name) or ASSUMED.get(name) or inferred(closes[name]) for name in symbols]


def inferred(closes: npt.NDArray[np.float64]) -> Instrument:
    """Return assumed terms for an unknown symbol: the tick its prices show, a lot worth about one quote unit.

    The lot is a power of ten, at least 1e-6; fees as elsewhere; tiers as for the venue's small contracts.
    """
    lot = 10.0 ** round(-np.log10(float(np.median(closes))))
    return Instrument(_tick_of(closes), max(lot, 1e-6), 5.0, 0.015, 50.0, _OTHER_TIERS)


def read_instruments(file: Path) -> dict[str, Instrument]:
    """Return the instruments that a TOML file states, by normalised symbol.

    Raises:
        DataError: the file is not there or not TOML, a key is unknown, missing, of a wrong type or out of range.
    """
    try:
        read = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"there is no instruments file {file}. Check --instruments.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{file} is not TOML: {error}. See docs/markets.md for an example.") from None
    found: dict[str, Instrument] = {}
    for name, terms in read.items():
        symbol = normalise_symbol(name)
        if symbol in found:
            raise DataError(f"{file}: {symbol} is there twice ({name}). Keep one.")
        if not isinstance(terms, dict):
            raise DataError(f"{file}: {name} must be a table of terms, was {terms!r}. See docs/markets.md.")
        found[symbol] = _Stated(file, name, terms).instrument()
    return found


def instrument_columns(instruments: Sequence[Instrument]) -> Columns:
    """Return the instruments table."""
    columns: dict[str, npt.NDArray[Any]] = {
        name: np.array([getattr(instrument, name) for instrument in instruments]) for name in TERMS
    }
    columns["symbol"] = np.arange(len(instruments))
    columns["source"] = np.array([instrument.source for instrument in instruments], dtype=object)
    return columns


def tier_columns(instruments: Sequence[Instrument]) -> Columns:
    """Return the margin tier table, with the deduction that makes maintenance continuous across each floor."""
    rows = []
    for symbol, instrument in enumerate(instruments):
        deduction = 0.0
        for place, (floor, rate) in enumerate(instrument.tiers):
            deduction += floor * (rate - instrument.tiers[place - 1][1]) if place else 0.0
            rows.append((symbol, floor, rate, deduction, instrument.tiers_source))
    symbols, floors, rates, deductions, sources = zip(*rows, strict=True)
    return {
        "symbol": np.array(symbols),
        "notional_floor": np.array(floors),
        "maintenance_rate": np.array(rates),
        "maintenance_deduction": np.array(deductions),
        "source": np.array(sources, dtype=object),
    }


@dataclass
class _Stated:
    """One symbol's table of an instruments file, read key by key."""

    file: Path
    name: str
    terms: dict[str, Any]
    ranges: Mapping[str, tuple[float, float]] = field(
        default_factory=lambda: {
            "tick": (1e-12, 1e6),
            "lot": (1e-12, 1e9),
            "notional_min": (0.0, 1e9),
            "taker_fee": (0.0, 0.1),
            "maker_fee": (-0.1, 0.1),
            "liquidation_fee": (0.0, 0.5),
            "leverage_max": (1.0, 1000.0),
            "notional_floor": (0.0, 1e15),
            "maintenance_rate": (1e-6, 1.0),
        }
    )

    def instrument(self) -> Instrument:
        self._only(self.terms, (*TERMS, "tiers"), "")
        numbers = {key: self._number(self.terms, key, "") for key in TERMS}
        tiers = self._tiers() if "tiers" in self.terms else None
        return Instrument(
            **numbers,
            tiers=tiers or ASSUMED.get(normalise_symbol(self.name), _OTHER).tiers,
            source="given",
            tiers_source="given" if tiers else "assumed",
        )

    def _tiers(self) -> Tiers:
        stated = self.terms["tiers"]
        if not isinstance(stated, list) or not 1 <= len(stated) <= TIERS_MAX:
            raise self._wrong("tiers", f"must be a list of 1 to {TIERS_MAX} tables")
        tiers = []
        for place, tier in enumerate(stated, start=1):
            where = f" in tier {place}"
            if not isinstance(tier, dict):
                raise self._wrong("tiers", f"holds {tier!r}, not a table,{where}")
            self._only(tier, ("notional_floor", "maintenance_rate"), where)
            tiers.append((self._number(tier, "notional_floor", where), self._number(tier, "maintenance_rate", where)))
        if tiers[0][0] != 0.0:
            raise self._wrong("tiers", f"must begin at notional_floor 0, not {tiers[0][0]:g}")
        for place, (lower, upper) in enumerate(pairwise(tiers), start=2):
            if not (upper[0] > lower[0] and upper[1] > lower[1]):
                raise self._wrong("tiers", f"must rise in floor and rate; tier {place} does not")
        return tuple(tiers)

    def _only(self, table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
        unknown = sorted(set(table) - set(known))
        if unknown:
            raise self._wrong(unknown[0], f"is not known{where}. Known: {', '.join(known)}")

    def _number(self, table: Mapping[str, Any], key: str, where: str) -> float:
        if key not in table:
            raise self._wrong(key, f"is missing{where}. Needed: {', '.join(TERMS)}")
        value = table[key]
        lowest, highest = self.ranges[key]
        if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
            raise self._wrong(key, f"must be a number from {lowest:g} to {highest:g}{where}, was {value!r}")
        return float(value)

    def _wrong(self, key: str, trouble: str) -> DataError:
        return DataError(f"{self.file}: {self.name}: {key} {trouble}.")


_OTHER: Final = Instrument(0.01, 1.0, 5.0, 0.015, 50.0, _OTHER_TIERS)


def _tick_of(closes: npt.NDArray[np.float64]) -> float:
    """Return the coarsest power of ten of which all prices are multiples, at least 1e-8."""
    sample = closes[:: max(1, len(closes) // 20_000)]
    for decimals in range(-2, 9):
        scaled = sample * 10.0**decimals
        if bool(np.all(np.abs(scaled - np.rint(scaled)) <= 1e-9 * np.maximum(1.0, np.abs(scaled)))):
            return float(f"1e{-decimals}")
    return 1e-8
