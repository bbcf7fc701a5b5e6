"""A table whose cells are written, for a terminal."""

from typing import Final, NamedTuple

GAP: Final = 3
"""Columns that a terminal needs between two cells."""

Cells = list[str]


class TextTable(NamedTuple):
    """A table whose cells are written; all columns but the first hold numbers."""

    title: str
    headers: Cells
    rows: list[Cells]

    @property
    def width(self) -> int:
        """Columns of a terminal that it takes."""
        columns = zip(self.headers, *self.rows, strict=True)
        return sum(max(len(cell) for cell in column) + GAP for column in columns)
