"""Units as types, so that a field's unit is said once and its storage follows from it.

Each alias is a plain ``int``, ``float`` or ``str`` to the type checker and carries a :class:`Unit` for
the journal, which derives the NumPy record, the Arrow column and the documentation from it.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated


class Storage(Enum):
    """What a column holds. Every stored number is eight bytes wide, so records have no padding."""

    TIME = "time"
    SYMBOL = "symbol"
    INTEGER = "integer"
    REAL = "real"
    FLAG = "flag"
    CODE = "code"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Unit:
    """What a number counts, as printed in docs and pages, and how it is stored."""

    name: str
    storage: Storage


Micros = Annotated[int, Unit("microseconds UTC", Storage.TIME)]
"""Microseconds since 1970-01-01 UTC."""

SymbolId = Annotated[int, Unit("symbol", Storage.SYMBOL)]
"""Index into the run's symbol table; ``ALL_SYMBOLS`` (-1) stands for the whole account."""

ALL_SYMBOLS = -1

Base = Annotated[float, Unit("base", Storage.REAL)]
"""Amount of the base asset; signed where direction matters, a sell is negative."""

Quote = Annotated[float, Unit("USDT", Storage.REAL)]
"""Amount of the quote currency."""

QuotePerBase = Annotated[float, Unit("USDT per base", Storage.REAL)]
"""A price."""

Fraction = Annotated[float, Unit("fraction", Storage.REAL)]
"""A ratio: 0.05 is five per cent."""

Points = Annotated[float, Unit("points 0-100", Storage.REAL)]
"""Conviction, health."""

Multiple = Annotated[float, Unit("multiple", Storage.REAL)]
"""A factor: leverage 5 is five times equity."""

Score = Annotated[float, Unit("score -1 to 1", Storage.REAL)]
"""A signal's opinion; NaN abstains."""

SeriesValue = Annotated[float, Unit("the series' own", Storage.REAL)]
"""A value of a named external series, in whatever unit that series has."""

Count = Annotated[int, Unit("count", Storage.INTEGER)]
Identity = Annotated[int, Unit("number", Storage.INTEGER)]
"""A number given by the run itself, from 1; 0 stands for none."""

Flag = Annotated[int, Unit("flag", Storage.FLAG)]
"""0 or 1."""

Text = Annotated[str, Unit("text", Storage.TEXT)]

MICROS_PER_SECOND = 1_000_000
MICROS_PER_MINUTE = 60 * MICROS_PER_SECOND
MICROS_PER_HOUR = 60 * MICROS_PER_MINUTE
MICROS_PER_DAY = 24 * MICROS_PER_HOUR
