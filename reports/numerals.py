"""Numbers as people read them: signs shown on differences, thousands separated, no digits beyond what is known.

Every function returns text. NaN is an en dash: not defined here.
"""

import math
from datetime import UTC, datetime

from alphastrike.model.units import MICROS_PER_HOUR, MICROS_PER_SECOND
from replay.measures import Shape

ABSENT = "–"
MINUS = "−"


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """Write a number with a true minus sign and thousands separated."""
    if math.isnan(value):
        return ABSENT
    if math.isinf(value):
        return f"{MINUS}∞" if value < 0 else "∞"
    written = f"{abs(value):,.{digits}f}"
    is_zero = not written.strip("0.,")
    sign = MINUS if value < 0 else "+" if signed else ""
    return written if is_zero else sign + written


def quote(value: float, *, signed: bool = False) -> str:
    """Write money: whole units from 1,000 on, cents below."""
    small = not math.isnan(value) and abs(value) < 1_000.0 and value != round(value)
    return number(value, 2 if small else 0, signed=signed)


def percent(value: float, digits: int = 1) -> str:
    """Write a fraction as percent."""
    written = number(100.0 * value, digits)
    return written if written == ABSENT else f"{written} %"


def points(value: float) -> str:
    """Write a difference of fractions in percentage points."""
    written = number(100.0 * value, 1, signed=True)
    return written if written == ABSENT else f"{written} pp"


def write(value: float, shape: Shape, sign: int = 1) -> str:
    """Write a metric in its shape."""
    match shape:
        case Shape.LOG:
            return number(sign * value, 3)
        case Shape.QUOTE:
            return number(sign * value, 0)
        case Shape.RATIO:
            return number(sign * value, 2)
        case Shape.PERCENT:
            return percent(sign * value)
        case Shape.COUNT:
            return number(sign * value, 0)
        case Shape.MULTIPLE:
            return f"{number(sign * value, 1)}×"


def write_difference(value: float, shape: Shape, sign: int = 1) -> str:
    """Write a difference of a metric: always signed, percentages in points."""
    match shape:
        case Shape.LOG:
            return number(sign * value, 3, signed=True)
        case Shape.QUOTE | Shape.COUNT:
            return number(sign * value, 0, signed=True)
        case Shape.RATIO:
            return number(sign * value, 2, signed=True)
        case Shape.PERCENT:
            return points(sign * value)
        case Shape.MULTIPLE:
            return f"{number(sign * value, 1, signed=True)}×"


def time(micros: int) -> str:
    """Write a time to the minute, UTC."""
    return datetime.fromtimestamp(micros / MICROS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M")


def day(micros: int) -> str:
    """Write a day, UTC."""
    return datetime.fromtimestamp(micros / MICROS_PER_SECOND, UTC).strftime("%Y-%m-%d")


def duration(micros: int) -> str:
    """Write a span in hours, in days from three days on."""
    hours = micros / MICROS_PER_HOUR
    if hours >= 72.0:
        return f"{number(hours / 24.0, 0 if hours % 24.0 == 0.0 else 1)} d"
    return f"{number(hours, 0 if hours == round(hours) else 2)} h"
