"""``alphastrike markets``: what there is to record on."""

from typing import TYPE_CHECKING

from alphastrike.cli.console import figure, out, print_json, say, table
from alphastrike.cli.options import DATA, Data, Json

if TYPE_CHECKING:
    from alphastrike.market.manifest import MarketManifest


def markets(data: Data = DATA, as_json: Json = False) -> None:
    """List the markets under the data root: symbols, span, bars, what is assumed, and the content hash."""
    from alphastrike.market.intervals import interval_text, moment_text
    from alphastrike.market.store import list_markets

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
