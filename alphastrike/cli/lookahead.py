"""``alphastrike lookahead``: does any feature or signal know what it could not have known?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from alphastrike.cli.options import ALL_CORES, DATA, Config, Data, Json, Quiet, Set, Threads

if TYPE_CHECKING:
    from alphastrike.market.market import Market
    from alphastrike.model.progress import Progress
    from replay.lookahead import Proven
    from replay.moved import Finding

MOVED: Final = 1
DAYS: Final = 150
"""Enough for the longest window four times over."""
SHOWN: Final = 3
"""Causes named of one finding."""

_ASKED: Final = {
    "future": "everything after a moment replaced, at {cuts} moments",
    "past": "the market begun later, at {starts} moments",
    "live": "the last {live} decisions one market bar at a time",
    "again": "the same market once more",
    "symbols": "each symbol alone, and all in another order",
}


def lookahead(
    market: Annotated[
        str | None,
        typer.Argument(metavar="[MARKET]", help="Name of the market.", show_default="the sample market"),
    ] = None,
    signal: Annotated[
        list[str] | None,
        typer.Option(
            "--signal", metavar="NAME", help="This signal and its features. Repeat for more.", show_default="all"
        ),
    ] = None,
    feature: Annotated[
        list[str] | None,
        typer.Option("--feature", metavar="NAME", help="This feature. Repeat for more.", show_default="all"),
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, metavar="N", help="Last days of the market to look at.")] = DAYS,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of the moments and the other futures.")] = 1,
    config: Config = None,
    overrides: Set = None,
    threads: Threads = ALL_CORES,
    data: Data = DATA,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Prove of every feature and signal, yours included, that no value looks ahead or depends on when it was started.

    MARKET is computed again with its future replaced, begun later, bar by bar, once more, and with its symbols alone
    and in another order; every value must keep its bits. What moved is named, with the first value that did, and the
    signals that inherit it. Exits 0 when nothing moved, 1 otherwise.
    """
    from alphastrike.cli.console import print_json
    from alphastrike.cli.progress import progress_bars
    from alphastrike.config.resolve import resolve
    from replay.lookahead import prove

    settings = resolve(config, overrides or [])
    with progress_bars(quiet) as progress:
        found = prove(
            _opened(data, market, progress, quiet),
            settings.perception,
            days=days,
            signals=signal or (),
            features=feature or (),
            seed=seed,
            threads=threads,
            progress=progress,
        )
    if as_json:
        print_json({"clean": not found.findings, **vars(found), "unproven": found.unproven})
    else:
        _print(found, seed)
    raise typer.Exit(MOVED if found.findings else 0)


def _opened(data: Path, name: str | None, progress: "Progress", quiet: bool) -> "Market":
    from alphastrike.cli.console import note
    from alphastrike.market.simulate import SAMPLE_NAME, simulate_market
    from alphastrike.market.store import find_market, open_market

    if name is None and find_market(data, SAMPLE_NAME) is None:
        if not quiet:
            note("Making the sample market (simulated) to look at: no MARKET is named.")
        simulate_market(data, progress=progress)
    return open_market(data, name if name is not None else SAMPLE_NAME)


def _print(found: "Proven", seed: int) -> None:
    from alphastrike.cli.console import note, out, say, table
    from replay.lookahead import CUTS, LIVE_DECISIONS, STARTS

    kinds = [subject.kind for subject in found.subjects]
    features, signals = kinds.count("feature"), kinds.count("signal")
    say(
        f"{found.market}: {len(found.symbols)} symbols, {found.decisions:,} decisions from {_moment(found.begin)} to "
        f"{_moment(found.end)} UTC, {_counted(features, 'feature')}, {_counted(signals, 'signal')}, seed {seed}"
    )
    asked = {
        name: how.format(cuts=CUTS, starts=STARTS, live=min(LIVE_DECISIONS, found.decisions - 1))
        for name, how in _ASKED.items()
    }
    rows = [
        (proof, asked[proof], sum(counts.values()), sum(finding.proof == proof for finding in found.findings))
        for proof, counts in found.compared.items()
    ]
    out().print(table(("proof", "what was changed", "values compared", "names that moved"), rows))
    if found.findings:
        headers = ("what", "name", "proof", "first at UTC", "symbol", "value", "changed", "moved", "inherited from")
        body = [_row(finding, found.compared[finding.proof][finding.name]) for finding in found.findings]
        made = table(headers, body, right=("value", "changed", "moved"))
        made.columns[-1].no_wrap = False
        out().print(made)
    for proofs in sorted(set(found.unproven.values())):
        names = ", ".join(name for name, empty in found.unproven.items() if empty == proofs)
        is_all = len(proofs) >= len(found.compared) - (len(found.symbols) == 1)
        which = "never known in this market, or not in so few days" if is_all else f"not proved by {', '.join(proofs)}"
        note(f"Without a value to compare ({which}): {names}.")
    say(_verdict(found))


def _verdict(found: "Proven") -> str:
    if not found.findings:
        proven = [each.kind for each in found.subjects if each.name not in found.unproven]
        features, signals = (_counted(proven.count(kind), kind) for kind in ("feature", "signal"))
        return f"Clean: of {features} and {signals} no value moved."
    causes = sorted({finding.name for finding in found.findings if not finding.inherited})
    heirs = sorted(
        {f.name for f in found.findings if f.kind == "signal" and f.inherited} - set(causes),
    )
    said = f"Not clean: mend {', '.join(causes)}."
    return (
        f"{said} Of the signals, {', '.join(heirs)} {'inherits' if len(heirs) == 1 else 'inherit'} it."
        if heirs
        else said
    )


def _row(finding: "Finding", compared: int) -> tuple[str | None, ...]:
    from alphastrike.cli.console import cell_text

    value, other = cell_text(finding.value), cell_text(finding.other)
    if value == other:
        # They differ in the last digits only, which are then the point.
        value, other = repr(finding.value), repr(finding.other)
    more = f" and {len(finding.inherited) - SHOWN} more" if len(finding.inherited) > SHOWN else ""
    return (
        finding.kind,
        finding.name,
        finding.proof,
        _moment(finding.event_time),
        finding.symbol,
        value,
        other,
        f"{finding.moved:,} of {compared:,}",
        (", ".join(finding.inherited[:SHOWN]) + more) or None,
    )


def _moment(event_time: int) -> str:
    from datetime import UTC, datetime

    from alphastrike.model.units import MICROS_PER_SECOND

    return f"{datetime.fromtimestamp(event_time / MICROS_PER_SECOND, tz=UTC):%Y-%m-%d %H:%M}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
