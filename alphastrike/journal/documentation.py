"""The table of kinds in ``docs/journal.md``, made from the declarations so that it cannot fall behind them."""

from collections.abc import Iterator

from alphastrike.journal.kinds import KINDS, Column, Kind, Role


def kinds_as_markdown() -> str:
    """Return every declared kind with its columns and their units, inputs first, as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    for role, title in ((Role.INPUT, "Inputs"), (Role.DERIVED, "Derived")):
        yield f"### {title}"
        yield ""
        yield "| table | one row | columns beside `seq`, `part`, `market_seq` |"
        yield "| --- | --- | --- |"
        yield from (_row(kind) for kind in KINDS.values() if kind.role is role)
        yield ""


def _row(kind: Kind) -> str:
    columns = ", ".join(_column(column) for column in kind.columns)
    wide = ", and one a feature or signal" if kind.wide else ""
    return f"| `{kind.name}` | {kind.doc} | {columns}{wide} |"


def _column(column: Column) -> str:
    if column.codes is not None:
        return f"`{column.name}` ({', '.join(code.name.lower() for code in column.codes)})"
    return f"`{column.name}`" if column.unit.name == column.name else f"`{column.name}` ({column.unit.name})"
