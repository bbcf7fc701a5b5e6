"""From files to a market: found, read, checked, joined, cut to one span, completed as the user allowed, stored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from alphastrike.market.checks import (
    check_bars,
    check_book_tops,
    check_funding,
    check_liquidations,
    check_long_short_ratio,
    check_open_interest,
)
from alphastrike.market.columns import Columns, MarketTables, canonical
from alphastrike.market.external_terms import ExternalWanted, refuse_repeated
from alphastrike.market.externals import read_external
from alphastrike.market.formats import FileKind
from alphastrike.market.funding import FundingMissing
from alphastrike.market.instruments import (
    Instrument,
    instrument_columns,
    instruments_for,
    read_instruments,
    tier_columns,
)
from alphastrike.market.intervals import interval_text
from alphastrike.market.manifest import MarketManifest, Origin
from alphastrike.market.merging import Merged, merge, merge_distinct
from alphastrike.market.reading import FileColumns
from alphastrike.market.slices import ExternalSlice, Span, SymbolSlice, common_span, slice_external, slice_symbol
from alphastrike.market.sources import Found, Skipped, Source, choose_interval, find_sources, interval_of_rows
from alphastrike.market.store import check_name, find_market, write_market
from alphastrike.model.errors import ConfigurationError, DataError
from alphastrike.model.progress import Progress, silent
from alphastrike.model.symbols import SymbolTable, normalise_symbol

Join = Callable[[Sequence[FileColumns], Sequence[str]], Merged]


@dataclass(frozen=True)
class Wanted:
    """What the user asked an import for."""

    symbols: tuple[str, ...] = ()
    """In the order in which the market numbers them; none: all that have candles, by name."""
    interval: int | None = None
    """Microseconds; ``None``: the only one there is."""
    begin: int | None = None
    """``--from``, microseconds UTC."""
    end: int | None = None
    """``--to``, microseconds UTC."""
    funding_missing: FundingMissing = field(default_factory=FundingMissing)
    instruments: Path | None = None
    externals: tuple[ExternalWanted, ...] = ()


@dataclass(frozen=True)
class Imported:
    """A market that now stands, and what its files turned out to be."""

    manifest: MarketManifest
    was_there: bool
    """True when a market of this name with the same content stood already."""
    skipped: tuple[Skipped, ...]


@dataclass
class Series:
    """Everything the files hold of one symbol, in time order."""

    symbol: str
    candles: Merged
    files: list[str]
    """Of the candles; their last one is named when they stop too early."""
    marks: Merged | None = None
    funding: Merged | None = None
    open_interest: Merged | None = None
    long_short_ratio: Merged | None = None
    book_tops: Merged | None = None
    liquidations: Merged | None = None
    left_out: Mapping[FileKind, int] = field(default_factory=dict)
    """Rows of files that were not taken, by kind."""
    notes: list[str] = field(default_factory=list)


def import_market(
    root: Path, name: str, paths: Sequence[Path], wanted: Wanted, *, progress: Progress = silent
) -> Imported:
    """Import files into a market under the data root.

    Args:
        root: the data root; the market lands in ``markets/NAME`` beneath it.
        name: of the market.
        paths: files, and folders searched to any depth.
        wanted: symbols, interval, span and what to do about missing funding.
        progress: called with the stages ``read`` (files) and ``write`` (tables).

    Raises:
        ConfigurationError: something asked for does not exist, or the name belongs to other content.
        DataError: a file is damaged or holds what cannot be.
    """
    check_name(name)
    given = read_instruments(wanted.instruments) if wanted.instruments is not None else {}
    asked = _asked_symbols(wanted)
    refuse_repeated(wanted.externals)
    externals = [read_external(one) for one in wanted.externals]
    found = find_sources(paths, asked, [one.file for one in wanted.externals])
    _check_asked(asked, {source.symbol for source in found.sources if source.kind is FileKind.CANDLES}, None, paths)
    interval = choose_interval(found, wanted.interval, paths)
    found, parts, interval = _read(found, interval, progress)
    there = {source.symbol for source, _ in parts if source.kind is FileKind.CANDLES}
    _check_asked(asked, there, interval, paths)
    symbols = asked or tuple(sorted(there))
    series = [_series(symbol, [part for part in parts if part[0].symbol == symbol]) for symbol in symbols]
    span = common_span(series, interval, wanted.begin, wanted.end)
    slices = [slice_symbol(one, span, wanted.funding_missing) for one in series]
    closes = {one.symbol: one.tables["candles"]["close"] for one in slices}
    instruments = instruments_for(SymbolTable(symbols), closes, given)
    outside = [slice_external(one, span) for one in externals]
    tables = _tables(SymbolTable(symbols), span, slices, outside, instruments)
    facts = tuple(
        one.facts.model_copy(update={"instrument": terms.source, "margin_tiers": terms.tiers_source})
        for one, terms in zip(slices, instruments, strict=True)
    )
    origin = Origin(
        how="imported",
        files=tuple(sorted([*_files_of(parts, symbols), *(str(one.file) for one in wanted.externals)])),
        funding_missing=wanted.funding_missing.text,
    )
    was_there = find_market(root, name) is not None
    told = {one.facts.name: one.facts for one in outside}
    manifest = write_market(root, name, tables, facts, origin, told, progress=progress)
    return Imported(manifest, was_there, tuple(found.skipped))


def _asked_symbols(wanted: Wanted) -> tuple[str, ...]:
    asked = tuple(normalise_symbol(symbol) for symbol in wanted.symbols)
    repeated = [symbol for place, symbol in enumerate(asked) if symbol in asked[:place]]
    if repeated:
        raise ConfigurationError(f"--symbols names {repeated[0]} twice. Name it once.")
    return asked


def _read(
    found: Found, interval: int | None, progress: Progress
) -> tuple[Found, list[tuple[Source, FileColumns]], int]:
    """Return the checked rows of every file that the market needs, and the market's interval.

    Candles of another interval are skipped, those without one in their name after their rows have told it.
    """
    skipped = list(found.skipped)
    parts: list[tuple[Source, FileColumns]] = []
    due = []
    for source in found.sources:
        if source.kind is FileKind.CANDLES and None not in (source.interval, interval) and source.interval != interval:
            skipped.append(Skipped(str(source.file), f"candles at {interval_text(source.interval or 0)}"))
        else:
            due.append(source)
    for done, source in enumerate(due):
        progress("read", done, len(due))
        read = source.opened.read()
        match source.kind:
            case FileKind.FUNDING:
                read = check_funding(read)
            case FileKind.OPEN_INTEREST:
                check_open_interest(read)
            case FileKind.LONG_SHORT_RATIO:
                check_long_short_ratio(read)
            case FileKind.BOOK_TOPS:
                read = check_book_tops(read)
            case FileKind.LIQUIDATIONS:
                read = check_liquidations(read)
            case FileKind.CANDLES | FileKind.MARKS:
                own = source.interval or interval_of_rows(read)
                if source.kind is FileKind.CANDLES and interval is not None and own != interval:
                    skipped.append(Skipped(str(source.file), f"candles at {interval_text(own)}"))
                    continue
                interval = own if source.kind is FileKind.CANDLES else interval
                check_bars(read, own)
                # A bar is known when it has closed.
                read = read.with_columns({**read.columns, "time": read.columns["time"] + own})
        parts.append((source, read))
    progress("read", len(due), len(due))
    if interval is None:
        raise DataError("there are no candles among the files. A market needs candles; add their folder to PATH.")
    return Found(found.sources, skipped), parts, interval


def _check_asked(asked: tuple[str, ...], there: set[str], interval: int | None, paths: Sequence[Path]) -> None:
    missing = [symbol for symbol in asked if symbol not in there]
    if missing:
        kind = "candles" if interval is None else f"{interval_text(interval)} candles"
        raise ConfigurationError(
            f"there are no {kind} of {missing[0]} in {' and '.join(map(str, paths))} "
            f"(found: {_found_at(interval, paths)}). Change --symbols or --interval."
        )


def _found_at(interval: int | None, paths: Sequence[Path]) -> str:
    """Return the symbols whose files' names promise candles (at the interval), those not asked for included."""
    sources = (source for source in find_sources(paths, ()).sources if source.kind is FileKind.CANDLES)
    fitting = {source.symbol for source in sources if interval is None or source.interval in {interval, None}}
    return ", ".join(sorted(fitting)) or "none"


def _series(symbol: str, parts: list[tuple[Source, FileColumns]]) -> Series:
    def joined(kind: FileKind, names: Sequence[str], join: Join = merge) -> Merged | None:
        own = [read for source, read in parts if source.kind is kind]
        return join(own, names) if any(read.rows for read in own) else None

    candles = joined(FileKind.CANDLES, ("open", "high", "low", "close", "volume", "taker_buy_volume", "trades"))
    assert candles is not None, "a symbol is chosen because it has candles"
    own = sorted(
        (read for source, read in parts if source.kind is FileKind.CANDLES),
        key=lambda read: (int(read.columns["time"][-1]), str(read.file)),
    )
    return Series(
        symbol,
        candles,
        [str(read.file) for read in own],
        joined(FileKind.MARKS, ("close",)),
        joined(FileKind.FUNDING, ("funding_rate",)),
        joined(FileKind.OPEN_INTEREST, ("open_interest", "open_interest_quote")),
        _ratios(parts),
        joined(FileKind.BOOK_TOPS, ("bid", "bid_size", "ask", "ask_size")),
        joined(FileKind.LIQUIDATIONS, ("side", "price", "quantity"), merge_distinct),
        {kind: sum(read.left_out for source, read in parts if source.kind is kind) for kind in FileKind},
        sorted({note for _, read in parts for note in read.notes}),
    )


def _ratios(parts: list[tuple[Source, FileColumns]]) -> Merged | None:
    """Return the long/short ratios of files of their own and of those that hold them beside open interest."""
    held = [read for _, read in parts if "long_short_ratio" in read.columns]
    own = [read.only(~np.isnan(read.columns["long_short_ratio"])) for read in held]
    return merge(own, ("long_short_ratio",)) if any(read.rows for read in own) else None


def _files_of(parts: list[tuple[Source, FileColumns]], symbols: Sequence[str]) -> list[str]:
    return [str(source.file) for source, _ in parts if source.symbol in symbols]


def _tables(
    symbols: SymbolTable,
    span: Span,
    slices: Sequence[SymbolSlice],
    outside: Sequence[ExternalSlice],
    instruments: Sequence[Instrument],
) -> MarketTables:
    columns: dict[str, Columns] = {}
    for table in slices[0].tables:
        each = [one.tables[table] for one in slices]
        stacked: dict[str, npt.NDArray[Any]] = {name: np.concatenate([own[name] for own in each]) for name in each[0]}
        stacked["symbol"] = np.repeat(np.arange(len(each)), [len(own["event_time"]) for own in each])
        columns[table] = canonical(table, stacked)
    if outside:
        told = [one.columns for one in outside]
        columns["externals"] = canonical("externals", {k: np.concatenate([own[k] for own in told]) for k in told[0]})
    columns["instruments"] = canonical("instruments", instrument_columns(instruments))
    columns["margin_tiers"] = canonical("margin_tiers", tier_columns(instruments))
    return MarketTables(symbols, span.interval, span.start, span.ticks, columns)
