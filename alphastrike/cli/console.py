"""What a command prints: figures, tables, JSON and single lines, for people on stdout and about the work on stderr.

Nothing is cut when the output is not a terminal, and nothing is coloured there.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

UNBOUNDED: Final = 1 << 14
"""Columns of a console that is not a terminal: wide enough that no table is folded on its way into a file."""

ABSENT: Final = "–"
"""Shown for a value that does not exist."""


def out() -> "Console":
    """Return the console of results: stdout as it stands now."""
    return _console(stderr=False)


def err() -> "Console":
    """Return the console of progress, notes and errors: stderr as it stands now."""
    return _console(stderr=True)


def say(text: str) -> None:
    """Print one line of result on stdout as it is: no markup, no folding, control characters made visible."""
    out().print(one_line(text), markup=False, highlight=False, soft_wrap=True)


def say_inside(text: str, columns: int = 2) -> None:
    """Print lines of a result as they are, set in by that many columns, with control characters made visible."""
    for line in text.splitlines() or [""]:
        shown = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)
        out().print(" " * columns + shown.rstrip(), markup=False, highlight=False, soft_wrap=True)


def note(text: str) -> None:
    """Print one line about the work on stderr."""
    err().print(one_line(text), markup=False, highlight=False, soft_wrap=True)


def error(text: str) -> None:
    """Print ``error: …`` on stderr, in one line whatever the text holds."""
    console = err()
    console.print("error:", style="bold red", end=" ", highlight=False)
    console.print(one_line(text), markup=False, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print ``value`` as JSON on stdout, as ``json_text`` writes it."""
    out().out(json_text(value), highlight=False)


def json_text(value: Any) -> str:
    """Return ``value`` as JSON.

    Mappings, sequences, dataclasses, Pydantic models, NumPy scalars and arrays, paths and times are understood; NaN and
    the infinities, which JSON does not have, become null.
    """
    return json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False)


def table(
    headers: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str = "", right: Iterable[str] = ()
) -> "Table":
    """Build a table for ``out().print``.

    Columns of numbers are set to the right with thousands separated, and so are those named in ``right``, whose cells
    the caller has already formatted. None and NaN show as a dash; text is shown as it is, never as markup.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    body = [tuple(row) for row in rows]
    rightward = set(right)
    made = Table(title=Text(title) if title else None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for place, header in enumerate(headers):
        cells = [row[place] for row in body]
        numeric = any(_is_number(cell) for cell in cells) and all(_is_number(cell) or cell is None for cell in cells)
        justify = "right" if numeric or header in rightward else "left"
        made.add_column(Text(header), justify=justify, no_wrap=True)  # type: ignore[arg-type] # a literal's union
    for row in body:
        assert len(row) == len(headers), f"{len(row)} cells under {len(headers)} headers"
        made.add_row(*(Text(one_line(cell_text(cell))) for cell in row))
    return made


def figure(value: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """Format a number with ``digits`` decimals, thousands separated and a true minus sign.

    ``signed`` shows the plus of a positive difference too. None and NaN give a dash. A value that rounds to zero has no
    sign.
    """
    if value is None or math.isnan(value):
        return ABSENT
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{abs(value):,.{digits}f}"
    if not any(character in "123456789" for character in text):
        return text
    if value < 0:
        return f"−{text}"
    return f"+{text}" if signed else text


def cell_text(value: Any) -> str:
    """Format one cell: integers whole, reals to six significant digits, times in UTC to the second."""
    value = _unwrapped(value)
    match value:
        case None:
            return ABSENT
        case bool():
            return "yes" if value else "no"
        case int():
            return figure(value, 0)
        case float():
            return figure(value, _decimals(value))
        case datetime():
            return _utc(value).strftime("%Y-%m-%d %H:%M:%S")
        case _:
            return str(value)


def one_line(text: str) -> str:
    """Return the text in one line: folded at line ends, with any other control character written as its escape."""
    folded = " ".join(text.split())
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in folded)


def _console(*, stderr: bool) -> "Console":
    from rich.console import Console

    console = Console(stderr=stderr)
    if not console.is_terminal:
        console.width = UNBOUNDED
    return console


def _is_number(value: Any) -> bool:
    value = _unwrapped(value)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _decimals(value: float) -> int:
    if not math.isfinite(value) or value == 0.0:
        return 0
    # A whole number prints whole; six significant digits otherwise, but never an exponent that nobody reads.
    if value == int(value) and abs(value) < 1e15:
        return 0
    return min(12, max(0, 5 - math.floor(math.log10(abs(value)))))


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC) if value.tzinfo is not None else value


def _unwrapped(value: Any) -> Any:
    """Return the Python value of a NumPy scalar without importing NumPy, and anything else as it is."""
    return value.item() if type(value).__module__ == "numpy" and not getattr(value, "ndim", 0) else value


def _plain(value: Any) -> Any:
    value = _unwrapped(value)
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case datetime():
            return _utc(value).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(inner) for inner in value]
        case PathLike():
            return fspath(value)
    if hasattr(value, "model_dump"):
        return _plain(value.model_dump())
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    raise TypeError(f"{type(value).__name__} has no JSON form: {value!r}")
