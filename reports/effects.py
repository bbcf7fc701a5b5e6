"""Effects as people read them: in thousandths of log equity, always signed."""

from typing import Final

from replay.inference import Interval
from reports import numerals

WIDE: Final = 1.0
"""Log equity: an interval that reaches this far says that nothing is known, and its ends say no more."""


def thousandths(value: float, digits: int = 2) -> str:
    """Write an effect in thousandths of log equity."""
    return numerals.number(1_000.0 * value, digits, signed=True)


def interval_told(interval: Interval | None) -> str:
    """Write a 95 % interval in thousandths; empty when there is none."""
    if interval is None:
        return ""
    if max(abs(interval.low), abs(interval.high)) >= WIDE:
        return f"beyond ±{numerals.number(1_000.0 * WIDE, 0)}"
    return f"[{thousandths(interval.low)}, {thousandths(interval.high)}]"
