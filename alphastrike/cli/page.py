"""``alphastrike page``: the page of one run."""

from pathlib import Path
from typing import Annotated

import typer

from alphastrike.cli.options import DATA, Data, Json


def page(
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="Name, folder or s3:// address of a run.", show_default="the latest"),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder for the page.")] = Path("reports/out"),
    name: Annotated[
        str | None, typer.Option("--name", metavar="PAGE", help="Name of the page.", show_default="RUN")
    ] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Write a page about one RUN: its path, what it did and was told, what is assumed, how to make it again.

    One self-contained file. A live run has one written when it ends; of one that is still being recorded it shows
    what has come so far.
    """
    from alphastrike.cli.addressed import at_hand
    from alphastrike.cli.console import print_json, say
    from alphastrike.model.errors import ConfigurationError
    from alphastrike.runs.registry import latest_run, open_run
    from reports.run import write_run

    root, there = (data, None) if run is None else at_hand(data, run, as_json)
    opened = latest_run(root) if there is None else open_run(root, there)
    if opened is None:
        raise ConfigurationError(f"no run in {data} yet. Record one with: alphastrike record MARKET --policy rules")
    written = write_run(root, opened, out, name)
    if as_json:
        print_json({"run": opened.name, "page": written})
        return
    say(f"Page: {written}")
