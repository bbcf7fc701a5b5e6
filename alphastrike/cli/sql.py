"""``alphastrike sql``: ask a run in SQL."""

from typing import Annotated, Any, Final

import typer

from alphastrike.cli.options import DATA, Data, Json

ROWS_SHOWN: Final = 100


def sql(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name, folder or s3:// address of the run.")],
    query: Annotated[str, typer.Argument(metavar="QUERY", help="One statement that reads, such as select.")],
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=0, metavar="N", help="Rows at most.", show_default=f"{ROWS_SHOWN}; with --json all"
        ),
    ] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Answer QUERY over the tables of RUN and of its market, in DuckDB's SQL.

    Every kind of event is a table: forecasts, fills, trades, equity, situations, tool_calls, candles, funding, ...
    `show tables` lists them, `describe fills` gives the columns. Nothing but the run can be reached from a query.
    """
    from alphastrike.cli.addressed import at_hand
    from alphastrike.cli.console import note, out, print_json, table
    from alphastrike.runs.registry import open_run

    if limit is None and not as_json:
        limit = ROWS_SHOWN
    root, there = at_hand(data, run, as_json)
    answer = open_run(root, there).sql(query, limit)
    rows = [tuple(_shown(value) for value in row) for row in answer.rows]
    if as_json:
        names = _distinct(answer.columns)
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        out().print(table(answer.columns, rows))
    if len(rows) < answer.total:
        note(f"{len(rows):,} of {answer.total:,} rows shown; --limit {answer.total} shows all.")
    elif not as_json:
        note(f"{answer.total:,} {'row' if answer.total == 1 else 'rows'}")


def _shown(value: Any) -> Any:
    """Return what JSON and tables know: bytes as hexadecimal digits, what has no form of its own as text."""
    from datetime import date, datetime

    match value:
        case None | bool() | int() | float() | str() | datetime() | date():
            return value
        case bytes():
            return value.hex()
        case dict():
            return {str(key): _shown(inner) for key, inner in value.items()}
        case tuple() if hasattr(value, "_asdict"):
            return str(value)
        case list() | tuple():
            return [_shown(inner) for inner in value]
        case _:
            return str(value)


def _distinct(names: tuple[str, ...]) -> list[str]:
    """Return the names with a number after those that came before, which JSON would drop."""
    made: list[str] = []
    for name in names:
        number = 2
        distinct = name
        while distinct in made:
            distinct = f"{name}_{number}"
            number += 1
        made.append(distinct)
    return made
