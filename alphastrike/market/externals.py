"""External series from files: a value is about one moment and becomes known at another, and is never used before that.

What a file cannot tell is stated by the user: how late a value is published, and in which zone its times are.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

import numpy as np
import numpy.typing as npt

from alphastrike.market.external_files import Cells, read_cells
from alphastrike.market.external_terms import ExternalWanted, Stamp
from alphastrike.market.intervals import moment_text, span_text
from alphastrike.market.reading import EARLIEST, LATEST, epoch_micros
from alphastrike.model.errors import DataError
from alphastrike.model.units import MICROS_PER_HOUR

GAP_FACTOR: Final = 1.5
"""A step longer than this many usual ones is a gap, where none is stated."""

_SHORTEST_DAY: Final = 23 * MICROS_PER_HOUR
"""Between two midnights when clocks are set forward."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MEND: Final = "Mend or remove the row."


@dataclass(frozen=True)
class ExternalSeries:
    """The values of one series by rising stamp."""

    wanted: ExternalWanted
    stamp: npt.NDArray[np.int64]
    """The moment that each value is about, microseconds UTC."""
    value: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int64]
    """Where in the file each value stands, as a person counts."""
    repeated: int
    """Rows that said the same again."""

    @property
    def event_time(self) -> npt.NDArray[np.int64]:
        """When each value became known, microseconds UTC."""
        return self.stamp + self.wanted.lag


def read_external(wanted: ExternalWanted) -> ExternalSeries:
    """Read a series as it was asked for.

    Raises:
        DataError: the file is damaged or lacks a column, a time has no zone or the wrong one, a value is no finite
            number, or rows are unsorted or contradict each other.
    """
    cells = read_cells(wanted)
    stamp = _stamps(cells, wanted)
    value = _values(cells)
    return _in_order(cells, wanted, stamp, value)


def refuse_gaps(series: ExternalSeries, begin: int, end: int) -> None:
    """Refuse a series that was silent for longer than stated while the market ran.

    Args:
        series: the series.
        begin: opening of the market's first bar, microseconds UTC.
        end: close of its last bar.

    Raises:
        DataError: names both ends of the first gap.
    """
    steps = np.diff(series.stamp)
    longest = series.wanted.gap
    if longest is None:
        longest = int(GAP_FACTOR * np.sort(steps)[(len(steps) - 1) // 2]) if len(steps) else 0
    known = np.clip(series.event_time, begin, end)
    gaps = np.flatnonzero((steps > longest) & (np.diff(known) > longest))
    if not len(gaps):
        return
    at = int(gaps[0])
    step = int(steps[at])
    told = "stated" if series.wanted.gap is not None else "usual (one and a half steps)"
    raise DataError(
        f"{series.wanted.file}, row {series.rows[at + 1]}: {series.wanted.name} says nothing between "
        f"{moment_text(int(series.stamp[at]))} and {moment_text(int(series.stamp[at + 1]))}, {span_text(step)} where "
        f"{span_text(longest)} is {told}{_more(len(gaps))}. Complete the file, or pass gap={span_text(step)} or "
        "gap=allow if it is published so."
    )


def _more(gaps: int) -> str:
    return f"; {gaps - 1:,} more gaps" if gaps > 1 else ""


class _Form(Enum):
    """How a file writes times."""

    EPOCHS = "a count since 1970"
    DAYS = "a day as 2024-01-31"
    NAIVE = "a time without zone as the first one"
    AWARE = "a time with its zone as the first one"


def _stamps(cells: Cells, wanted: ExternalWanted) -> npt.NDArray[np.int64]:
    form = _form_of(cells)
    if form is _Form.EPOCHS:
        return _of_days_or_times(cells, wanted, _from_epochs(cells, wanted))
    moments = [_read(cells, form, place) for place in range(len(cells.times))]
    if form is _Form.AWARE:
        _check_zone(cells, wanted, moments)
        return _of_days_or_times(cells, wanted, moments)
    if wanted.zone is None:
        raise DataError(
            f"{cells.place(0)}: {cells.time} {cells.times[0]!r} names no time zone. State it: tz=UTC, or say "
            "tz=America/New_York."
        )
    local = [moment.replace(tzinfo=wanted.zone) for moment in moments]
    if form is _Form.DAYS:
        return _micros(local) if wanted.stamp is Stamp.START else _ends_of_days(cells, wanted, local)
    for place, moment in enumerate(local):
        # When clocks are changed an hour is missing or there twice, and only an offset tells which is meant.
        if moment.utcoffset() != moment.replace(fold=1).utcoffset():
            raise DataError(
                f"{cells.place(place)}: {cells.time} {cells.times[place]!r} is no time of its own in {wanted.zone}, "
                "where clocks are changed. Write the file's times in UTC."
            )
    return _of_days_or_times(cells, wanted, local)


def _of_days_or_times(cells: Cells, wanted: ExternalWanted, moments: list[datetime]) -> npt.NDArray[np.int64]:
    """Return the stamps, at the end of the day where they mean one; midnights alone do not say what they mean."""
    stamps = _micros(moments)
    steps = np.diff(stamps)
    is_daily = len(steps) == 0 or int(steps.min()) >= _SHORTEST_DAY
    if not (is_daily and all(moment.hour == moment.minute == moment.second == 0 for moment in moments)):
        if wanted.stamp is not None:
            raise DataError(
                f"{cells.file}: {cells.time} {cells.times[0]!r} has a time of day, and stamp={wanted.stamp.value} is "
                "for days. Leave it out and state the lag from that time on."
            )
        return stamps
    if wanted.stamp is None:
        raise DataError(
            f"{cells.file}: every {cells.time} is a midnight, as {cells.times[0]!r}. Pass stamp=end if a value is "
            "about the day that begins there, or stamp=start if it is known at that moment."
        )
    return stamps if wanted.stamp is Stamp.START else _ends_of_days(cells, wanted, moments)


def _ends_of_days(cells: Cells, wanted: ExternalWanted, begins: list[datetime]) -> npt.NDArray[np.int64]:
    if wanted.zone is None and len({moment.utcoffset() for moment in begins}) > 1:
        raise DataError(
            f"{cells.file}: the offsets of {cells.time} change, and a day whose clocks are changed has not 24 hours. "
            "State the zone, say tz=America/New_York."
        )
    # In the wall clock's terms: the next midnight, however many hours away it is.
    ends = [moment.replace(tzinfo=None) + timedelta(days=1) for moment in begins]
    return _micros([end.replace(tzinfo=wanted.zone or moment.tzinfo) for end, moment in zip(ends, begins, strict=True)])


def _from_epochs(cells: Cells, wanted: ExternalWanted) -> list[datetime]:
    for place, text in enumerate(cells.times):
        if not text.isdigit() or len(text) > 18:
            raise _no_time(cells, place, _Form.EPOCHS)
    stamps = epoch_micros(np.array([int(text) for text in cells.times], dtype=np.int64))
    outside = np.flatnonzero((stamps < EARLIEST) | (stamps >= LATEST))
    if len(outside):
        raise _no_time(cells, int(outside[0]), _Form.EPOCHS)
    if wanted.zone is not None and wanted.zone is not UTC:
        raise DataError(
            f"{cells.place(0)}: {cells.time} {cells.times[0]} counts from 1970 in UTC, and tz={wanted.zone} is stated. "
            "Leave tz out."
        )
    return [_EPOCH + timedelta(microseconds=stamp) for stamp in stamps.tolist()]


def _check_zone(cells: Cells, wanted: ExternalWanted, moments: list[datetime]) -> None:
    if wanted.zone is None:
        return
    for place, moment in enumerate(moments):
        if moment.utcoffset() != moment.astimezone(wanted.zone).utcoffset():
            raise DataError(
                f"{cells.place(place)}: {cells.time} {cells.times[place]!r} is not in the time zone stated, "
                f"tz={wanted.zone}. Leave tz out, or correct the file."
            )


def _form_of(cells: Cells) -> _Form:
    """Return how the first time is written: all others must be so."""
    text = cells.times[0]
    if text.isdigit():
        return _Form.EPOCHS
    if _is_day(text):
        return _Form.DAYS
    try:
        return _Form.NAIVE if datetime.fromisoformat(text).tzinfo is None else _Form.AWARE
    except ValueError:
        raise DataError(
            f"{cells.place(0)}: {cells.time} is {text!r}, not a time. Write 2024-01-31, 2024-01-31T08:00+00:00 or "
            "seconds since 1970."
        ) from None


def _read(cells: Cells, form: _Form, place: int) -> datetime:
    text = cells.times[place]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _no_time(cells, place, form) from None
    if _is_day(text) != (form is _Form.DAYS) or (moment.tzinfo is None) != (form is not _Form.AWARE):
        raise _no_time(cells, place, form)
    return moment


def _no_time(cells: Cells, place: int, form: _Form) -> DataError:
    return DataError(f"{cells.place(place)}: {cells.time} is {cells.times[place]!r}, not {form.value}. {_MEND}")


def _is_day(text: str) -> bool:
    return len(text) == len("2024-01-31") and text.count("-") == 2


def _values(cells: Cells) -> npt.NDArray[np.float64]:
    values = np.empty(len(cells.values))
    for place, text in enumerate(cells.values):
        try:
            values[place] = float(text)
        except ValueError:
            said = f"is {text!r}, not a number" if text else "is missing"
            raise DataError(f"{cells.place(place)}: {cells.value} {said}. {_MEND}") from None
    infinite = np.flatnonzero(~np.isfinite(values))
    if len(infinite):
        at = int(infinite[0])
        raise DataError(f"{cells.place(at)}: {cells.value} {cells.values[at]} must be a finite number. {_MEND}")
    return values


def _in_order(
    cells: Cells, wanted: ExternalWanted, stamp: npt.NDArray[np.int64], value: npt.NDArray[np.float64]
) -> ExternalSeries:
    steps = np.diff(stamp)
    back = np.flatnonzero(steps < 0)
    if len(back):
        at = int(back[0]) + 1
        raise DataError(
            f"{cells.place(at)}: {cells.time} {cells.times[at]} comes after {cells.times[at - 1]}. Sort the file by "
            "time."
        )
    apart = np.flatnonzero((steps == 0) & (np.diff(value) != 0.0))
    if len(apart):
        at = int(apart[0]) + 1
        raise DataError(
            f"{cells.place(at)}: {wanted.name} is {value[at]:.15g} at {cells.times[at]}, and {value[at - 1]:.15g} in "
            f"row {cells.rows[at - 1]}. Remove one of the rows."
        )
    kept = np.append(True, steps > 0)
    rows = np.array(cells.rows, dtype=np.int64)
    return ExternalSeries(wanted, stamp[kept], value[kept], rows[kept], int(np.count_nonzero(~kept)))


def _micros(moments: list[datetime]) -> npt.NDArray[np.int64]:
    return np.array([(moment - _EPOCH) // timedelta(microseconds=1) for moment in moments], dtype=np.int64)
