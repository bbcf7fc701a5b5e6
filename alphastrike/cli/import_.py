"""``alphastrike import``: files of an exchange into a market."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from alphastrike.cli.console import note, out, print_json, say, table
from alphastrike.cli.options import DATA, Data, Json, Quiet
from alphastrike.cli.progress import progress_bars

if TYPE_CHECKING:
    from alphastrike.market.importing import Imported
    from alphastrike.market.manifest import SymbolFacts


BARS: Final = ("bars", "first close", "last close", "gaps", "missing", "zero volume", "duplicates")
EVENTS: Final = ("funding", "assumed", "marks", "open interest", "instrument", "margin tiers")


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
    data: Data = DATA,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read candles, funding, mark prices and open interest from Parquet or CSV into a market.

    A market is written once and whole, and known by the hash of its content. What is broken is refused with file,
    row and value; what is skipped, missing or assumed is reported. Exits 0 also when the same market already stands.
    """
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

    from alphastrike.cli.markets import summary
    from alphastrike.market.intervals import moment_text

    manifest = imported.manifest
    out().print(table(("symbol", *BARS), [_bars_of(one) for one in manifest.facts]))
    out().print(table(("symbol", *EVENTS), [_events_of(one) for one in manifest.facts]))
    for one in manifest.facts:
        for after, before in one.funding_assumed_spans:
            stretch = f"{moment_text(after)} to {moment_text(before)}"
            say(f"{one.symbol}: funding assumed from {stretch} ({manifest.origin.funding_missing})")
        for gap in one.gaps[:5]:
            say(f"{one.symbol}: {gap.bars:,} bars missing after {moment_text(gap.after)}")
        if len(one.gaps) > 5:
            say(f"{one.symbol}: {len(one.gaps) - 5:,} more gaps; all of them with --json")
        for remark in one.notes:
            say(f"{one.symbol}: {remark}")
    for why, count in sorted(Counter(skipped.why for skipped in imported.skipped).items()):
        note(f"skipped {count:,} files: {why}")
    state = "already stands, unchanged" if imported.was_there else "written"
    say(f"Market {manifest.name} {state}: {summary(manifest)}, hash {manifest.content_hash}")


def _bars_of(facts: "SymbolFacts") -> tuple[object, ...]:
    from alphastrike.market.intervals import moment_text

    return (
        facts.symbol,
        facts.bars,
        moment_text(facts.first),
        moment_text(facts.last),
        len(facts.gaps),
        facts.missing_bars,
        facts.zero_volume_bars,
        facts.duplicates_dropped,
    )


def _events_of(facts: "SymbolFacts") -> tuple[object, ...]:
    return (
        facts.symbol,
        facts.funding,
        facts.funding_assumed,
        facts.marks,
        facts.open_interest,
        facts.instrument,
        facts.margin_tiers,
    )
