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

    def fitting(self, width: int) -> "list[TextTable]":
        """Return the table, or where it is wider, several that are not, each with the first column."""
        widths = [max(len(cell) for cell in column) + GAP for column in zip(self.headers, *self.rows, strict=True)]
        parts: list[list[int]] = [[]]
        for place in range(1, len(widths)):
            taken = widths[0] + sum(widths[other] for other in parts[-1])
            if parts[-1] and taken + widths[place] > width:
                parts.append([])
            parts[-1].append(place)
        return [
            TextTable(
                "" if number else self.title,
                [self.headers[place] for place in (0, *part)],
                [[row[place] for place in (0, *part)] for row in self.rows],
            )
            for number, part in enumerate(parts)
        ]
