"""Settlements that a file does not have: where they are missing, and the assumed ones that may stand in."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.market.intervals import interval_text, moment_text
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.model.units import MICROS_PER_HOUR

USUAL_INTERVAL: Final = 8 * MICROS_PER_HOUR
"""Between settlements where nothing better is known: 00, 08 and 16 UTC."""

GAP_FACTOR: Final = 1.5
"""A step longer than this many prevailing intervals is a gap."""

NEIGHBOURS: Final = 3
"""Steps on either side whose median is the prevailing interval."""

RATE_MAX: Final = 0.03
"""Largest rate that ``bound:RATE`` takes; venues cap a settlement at 2 to 4 %."""


@dataclass(frozen=True)
class FundingMissing:
    """What to do about missing settlements: refuse, or assume ``rate`` (a fraction of notional) for each."""

    rate: float | None = None

    @property
    def text(self) -> str:
        """As it is written on the command line."""
        return "refuse" if self.rate is None else f"bound:{self.rate:g}"


@dataclass(frozen=True)
class Stretch:
    """A stretch without settlements although some were due."""

    after: int
    """The last known settlement, or the market's beginning; microseconds UTC."""
    before: int
    due: npt.NDArray[np.int64]
    """Times of the missing settlements."""


def parse_funding_missing(text: str) -> FundingMissing:
    """Return the choice written as ``refuse`` or ``bound:RATE``.

    Raises:
        ConfigurationError: neither, or a rate beyond what venues charge.
    """
    if text == "refuse":
        return FundingMissing()
    word, _, number = text.partition(":")
    try:
        rate = float(number)
    except ValueError:
        rate = np.nan
    if word != "bound" or not abs(rate) <= RATE_MAX:
        raise ConfigurationError(
            f"--funding-missing {text!r} is neither refuse nor bound:RATE with a rate of at most {RATE_MAX} a "
            "settlement. Write refuse or, say, bound:0.0001."
        )
    return FundingMissing(rate)


def missing_stretches(time: npt.NDArray[np.int64], begin: int, end: int) -> list[Stretch]:
    """Return where settlements are missing between the market's beginning and its last instant.

    A settlement in the last instant itself is not asked for: no run goes on after it.

    Args:
        time: known settlements, rising, also those outside of the market's span; microseconds UTC.
        begin: opening of the first bar.
        end: close of the last bar.
    """
    if len(time) == 0:
        return _kept([_Bounds(begin, end, USUAL_INTERVAL, False, False)], begin, end)
    steps = np.diff(time).tolist()
    known = time.tolist()
    bounds: list[_Bounds] = []
    if known[0] > begin:
        bounds.append(_Bounds(begin, known[0], _usual([], steps[:NEIGHBOURS]), False, True))
    for at, step in enumerate(steps):
        usual = _usual(steps[max(0, at - NEIGHBOURS) : at], steps[at + 1 : at + 1 + NEIGHBOURS])
        if step > GAP_FACTOR * usual:
            bounds.append(_Bounds(known[at], known[at + 1], usual, True, True))
    if known[-1] < end:
        bounds.append(_Bounds(known[-1], end, _usual(steps[-NEIGHBOURS:], []), True, False))
    return _kept(bounds, begin, end)


def refuse_missing(symbol: str, stretches: list[Stretch]) -> None:
    """Refuse a symbol whose settlements are not complete.

    Raises:
        DataError: names the symbol and the first stretch.
    """
    if not stretches:
        return
    first = stretches[0]
    count = sum(len(stretch.due) for stretch in stretches)
    others = f", {len(stretches) - 1} more stretches" if len(stretches) > 1 else ""
    raise DataError(
        f"funding of {symbol} is missing from {moment_text(first.after)} to {moment_text(first.before)}{others} "
        f"({count:,} settlements in all). Import the rest, narrow --from and --to, or pass --funding-missing "
        "bound:RATE to assume a rate for them."
    )


class _Bounds(NamedTuple):
    """The ends of a possible stretch, the interval to expect in it, and which ends are known settlements."""

    after: int
    before: int
    interval: int
    after_is_known: bool
    before_is_known: bool

    def due(self) -> npt.NDArray[np.int64]:
        """Times on the interval's grid strictly inside, none of them a known settlement stamped beside the grid."""
        grid = np.arange((self.after // self.interval + 1) * self.interval, self.before, self.interval, dtype=np.int64)
        near = self.interval // 2
        after = self.after + near if self.after_is_known else self.after
        before = self.before - near if self.before_is_known else self.before
        inside: npt.NDArray[np.int64] = grid[(grid > after) & (grid < before)]
        return inside


def _kept(bounds: list[_Bounds], begin: int, end: int) -> list[Stretch]:
    """Return the stretches in which a settlement was due inside the market's span."""
    stretches = []
    for bound in bounds:
        due = bound.due()
        due = due[(due > begin) & (due < end)]
        if len(due):
            stretches.append(Stretch(max(bound.after, begin), min(bound.before, end), due))
    return stretches


def _usual(before: list[int], after: list[int]) -> int:
    """Return the interval that prevails around a step: the longer of the medians on its two sides."""
    medians = [sorted(side)[(len(side) - 1) // 2] for side in (before, after) if side]
    hours = max(1, round(max(medians, default=USUAL_INTERVAL) / MICROS_PER_HOUR))
    # A grid that does not divide a day would wander through it.
    return hours * MICROS_PER_HOUR if 24 % hours == 0 else USUAL_INTERVAL


def settles_too_often(symbol: str, time: npt.NDArray[np.int64], interval: int) -> DataError:
    """Return the error for two settlements in one instant of the market.

    Args:
        symbol: whose settlements.
        time: the two or more event times that fall into one instant.
        interval: the market's.
    """
    return DataError(
        f"funding of {symbol} settles at {moment_text(int(time[0]))} and {moment_text(int(time[1]))}, both inside one "
        f"bar of {interval_text(interval)}. Choose a shorter --interval."
    )
