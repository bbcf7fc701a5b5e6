"""``alphastrike import``: files of an exchange into a market."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alphastrike.cli.console import note, print_json, say
from alphastrike.cli.options import DATA, Data, Json, Quiet
from alphastrike.cli.progress import progress_bars

if TYPE_CHECKING:
    from alphastrike.market.importing import Imported


def import_(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH…", help="Files, and folders searched to any depth.", show_default=False),
    ],
    name: Annotated[str, typer.Option("--name", metavar="N", help="Name of the market.", show_default=False)],
    symbols: Annotated[
        str, typer.Option("--symbols", metavar="A,B", help="Symbols, in this order. Default: all that have candles.")
    ] = "",
    interval: Annotated[
        str | None,
        typer.Option("--interval", metavar="15m", help="Bar interval; needed when the files have several."),
    ] = None,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First bar opens here (UTC). Default: common span.")
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="DATE",
            help="Last bar closes here (UTC); a date alone includes that day. Default: common span.",
        ),
    ] = None,
    funding_missing: Annotated[
        str,
        typer.Option(
            "--funding-missing",
            metavar="refuse|bound:RATE",
            help="Missing settlements: refuse, or assume RATE (a fraction, 0.0001 is 1 bp) for each and flag it.",
        ),
    ] = "refuse",
    instruments: Annotated[
        Path | None,
        typer.Option("--instruments", metavar="FILE", help="TOML with tick, lot, fees and tiers. Default: assumed."),
    ] = None,
    external: Annotated[
        list[str] | None,
        typer.Option(
            "--external",
            metavar="NAME=FILE,lag=…",
            help="An external series, from CSV or Parquet with a time and a value; repeat for more. lag= from a stamp "
            "to its publication (0, 30m, 1d), tz= of times without one (UTC, +02:00, America/New_York), gap= longest "
            "silence (2d, or allow), stamp= what a day stands for (end, start), time= and column= of several columns.",
            show_default=False,
        ),
    ] = None,
    data: Data = DATA,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read candles, funding, mark prices and whatever else a venue reports from Parquet or CSV into a market.

    A market is written once and whole, and known by the hash of its content. What is broken is refused with file,
    row and value; what is skipped, missing or assumed is reported. Exits 0 also when the same market already stands.
    """
    from alphastrike.market.external_terms import parse_external
    from alphastrike.market.funding import parse_funding_missing
    from alphastrike.market.importing import Wanted, import_market
    from alphastrike.market.intervals import parse_from, parse_interval, parse_to

    wanted = Wanted(
        symbols=tuple(symbol for symbol in symbols.replace(",", " ").split() if symbol),
        interval=None if interval is None else parse_interval(interval),
        begin=None if begin is None else parse_from(begin),
        end=None if end is None else parse_to(end),
        funding_missing=parse_funding_missing(funding_missing),
        instruments=instruments,
        externals=tuple(parse_external(text) for text in external or ()),
    )
    with progress_bars(quiet or as_json) as progress:
        imported = import_market(data, name, paths, wanted, progress=progress)
    if as_json:
        skipped = [{"file": one.file, "why": one.why} for one in imported.skipped]
        print_json({**imported.manifest.model_dump(), "was_there": imported.was_there, "skipped": skipped})
        return
    _tell(imported)


def _tell(imported: "Imported") -> None:
    from collections import Counter

    from alphastrike.cli.markets import show, summary

    manifest = imported.manifest
    show(manifest)
    for why, count in sorted(Counter(skipped.why for skipped in imported.skipped).items()):
        note(f"skipped {count:,} files: {why}")
    state = "already stands, unchanged" if imported.was_there else "written"
    say(f"Market {manifest.name} {state}: {summary(manifest)}, hash {manifest.content_hash}")
