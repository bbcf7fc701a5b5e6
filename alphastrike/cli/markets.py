"""``alphastrike markets``: what there is to record on."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from alphastrike.cli.console import figure, out, print_json, say, table
from alphastrike.cli.options import DATA, Data, Json

if TYPE_CHECKING:
    from alphastrike.market.manifest import ExternalFacts, MarketManifest, SymbolFacts

BARS: Final = ("bars", "first close", "last close", "gaps", "missing", "zero volume", "duplicates")
EVENTS: Final = ("funding", "assumed", "marks", "open interest", "instrument", "margin tiers")
REPORTS: Final = ("long/short ratios", "book tops", "liquidations")
EXTERNALS: Final = ("external series", "values", "first known", "last known", "lag")


def markets(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A market to look at more closely.", show_default=False)
    ] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """List the markets under the data root: symbols, span, bars, what is assumed, and the content hash.

    With NAME: what that one holds of every symbol and external series, and what is to be known about it.
    """
    from alphastrike.market.intervals import interval_text, moment_text
    from alphastrike.market.store import known_market, list_markets

    if name is not None:
        manifest = known_market(data, name)
        if as_json:
            print_json(manifest.model_dump())
            return
        show(manifest)
        say(f"Market {manifest.name}: {summary(manifest)}, hash {manifest.content_hash}")
        return
    found = list_markets(data)
    if as_json:
        print_json([_plain(manifest) for manifest in found])
        return
    if not found:
        say(f"No market in {data / 'markets'} yet. Make one: alphastrike simulate, or alphastrike import PATH --name N")
        return
    headers = (
        "market", "symbols", "interval", "from", "to", "bars", "funding assumed", "instruments", "hash", "created",
    )  # fmt: skip
    rows = [
        (
            manifest.name,
            ",".join(manifest.symbols),
            interval_text(manifest.interval),
            moment_text(manifest.start - manifest.interval),
            moment_text(manifest.end),
            manifest.bars,
            f"{figure(100 * manifest.funding_assumed_share, 1)} %",
            manifest.instruments,
            manifest.content_hash[:12],
            manifest.created,
        )
        for manifest in found
    ]
    out().print(table(headers, rows, right=("interval", "funding assumed")))


def show(manifest: "MarketManifest") -> None:
    """Print what a market holds of every symbol and external series, and what was assumed or left out."""
    from alphastrike.market.intervals import moment_text

    out().print(table(("symbol", *BARS), [_bars_of(one) for one in manifest.facts]))
    out().print(table(("symbol", *EVENTS), [_events_of(one) for one in manifest.facts]))
    if any(any(_reports_of(one)[1:]) for one in manifest.facts):
        out().print(table(("symbol", *REPORTS), [_reports_of(one) for one in manifest.facts]))
    if manifest.externals:
        out().print(table(EXTERNALS, [_external_of(one) for one in manifest.externals], right=("lag",)))
    if manifest.origin.plant:
        say(f"Planted: {manifest.origin.plant}; docs/markets.md says what is true in such a market")
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
    for series in manifest.externals:
        for remark in series.notes:
            say(f"{series.name}: {remark}")


def summary(manifest: "MarketManifest") -> str:
    """Return a market in half a line: how much of what, from when to when, and what is assumed in it."""
    from alphastrike.market.intervals import interval_text, moment_text

    span = f"{moment_text(manifest.start - manifest.interval)} to {moment_text(manifest.end)}"
    share = figure(100 * manifest.funding_assumed_share, 1)
    return (
        f"{manifest.bars:,} bars of {interval_text(manifest.interval)}, {len(manifest.symbols)} symbols, {span}, "
        f"funding assumed {share} %, instruments {manifest.instruments}"
    )


def _plain(manifest: "MarketManifest") -> dict[str, object]:
    from alphastrike.market.intervals import interval_text, moment_text

    return {
        "name": manifest.name,
        "symbols": manifest.symbols,
        "interval": interval_text(manifest.interval),
        "from": moment_text(manifest.start - manifest.interval),
        "to": moment_text(manifest.end),
        "ticks": manifest.ticks,
        "bars": manifest.bars,
        "funding_assumed_share": manifest.funding_assumed_share,
        "instruments": manifest.instruments,
        "content_hash": manifest.content_hash,
        "created": manifest.created,
        "origin": manifest.origin,
        "schema_version": manifest.schema_version,
    }


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


def _reports_of(facts: "SymbolFacts") -> tuple[object, ...]:
    return facts.symbol, facts.long_short_ratio, facts.book_tops, facts.liquidations


def _external_of(facts: "ExternalFacts") -> tuple[object, ...]:
    from alphastrike.market.intervals import moment_text, span_text

    first, last = (None if time is None else moment_text(time) for time in (facts.first, facts.last))
    return facts.name, facts.rows, first, last, span_text(facts.lag)
