"""Joining the files of one symbol and kind: what they repeat exactly is dropped and counted, the rest must agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from alphastrike.market.intervals import moment_text
from alphastrike.market.reading import FileColumns
from alphastrike.model.errors import DataError

ABSENT: Final = np.nan
"""What stands for a column that a file does not have; a repeated row takes the value of a file that has it."""


@dataclass(frozen=True)
class Merged:
    """The rows of several files in time order, each time once."""

    columns: dict[str, npt.NDArray[Any]]
    duplicates: int = 0


def merge(parts: Sequence[FileColumns], names: Sequence[str]) -> Merged:
    """Return the union of the files' rows, whatever the order of the files.

    Args:
        parts: files of one symbol and kind, each sorted by ``time``.
        names: real columns of the result, besides ``time``; NaN where no file has one.

    Raises:
        DataError: two files hold different values for one time.
    """
    time = np.concatenate([part.columns["time"] for part in parts])
    values = {
        name: np.concatenate([part.columns.get(name, np.full(part.rows, ABSENT)) for part in parts]) for name in names
    }
    order = np.argsort(time, kind="stable")
    ordered = time[order]
    first = np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1) != 0)
    if len(first) == len(time):
        return Merged({"time": ordered, **{name: column[order] for name, column in values.items()}})
    joined: dict[str, npt.NDArray[Any]] = {"time": ordered[first]}
    for name, column in values.items():
        rows = column[order]
        lowest = np.fmin.reduceat(rows, first)
        highest = np.fmax.reduceat(rows, first)
        differing = np.flatnonzero(lowest < highest)
        if len(differing):
            at = int(first[differing[0]])
            raise _disagreement(parts, name, order[at : _next(first, differing[0], len(time))], time, column)
        joined[name] = highest
    return Merged(joined, len(time) - len(first))


def merge_distinct(parts: Sequence[FileColumns], names: Sequence[str]) -> Merged:
    """Return the different rows of all files by time, then by value; several may have the same time.

    Nothing tells two events that are equal in everything apart: they are one, and the venue's archive holds many twice.
    """
    columns = [np.concatenate([part.columns[name] for part in parts]) for name in ("time", *names)]
    order = np.lexsort(columns[::-1])
    ordered = [column[order] for column in columns]
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = np.any([column[1:] != column[:-1] for column in ordered], axis=0)
    kept = {name: column[is_new] for name, column in zip(("time", *names), ordered, strict=True)}
    return Merged(kept, int(np.count_nonzero(~is_new)))


def _next(first: npt.NDArray[np.int64], group: int, rows: int) -> int:
    return int(first[group + 1]) if group + 1 < len(first) else rows


def _disagreement(
    parts: Sequence[FileColumns],
    name: str,
    rows: npt.NDArray[np.int64],
    time: npt.NDArray[np.int64],
    column: npt.NDArray[np.float64],
) -> DataError:
    """Return the error that names the first two files that differ, by name, so that their order does not matter."""
    ends = np.cumsum([part.rows for part in parts])
    told: dict[float, str] = {}
    for row in rows:
        if np.isnan(column[row]):
            continue
        at = int(np.searchsorted(ends, row, side="right"))
        part = parts[at]
        told.setdefault(float(column[row]), f"{part.file}, row {part.row(row - (ends[at] - part.rows))}")
    one, other = sorted(told.items(), key=lambda item: item[1])[:2]
    return DataError(
        f"files disagree at {moment_text(int(time[rows[0]]))}: {name} is {one[0]:.15g} in {one[1]} and "
        f"{other[0]:.15g} in {other[1]}. Leave one file out."
    )
