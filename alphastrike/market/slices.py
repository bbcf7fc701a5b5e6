"""Cutting every symbol to the market's span, and stating what is there, what is not, and what was assumed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from alphastrike.journal.kinds import KINDS
from alphastrike.market.columns import EVENT_TABLES, Columns
from alphastrike.market.externals import ExternalSeries, refuse_gaps
from alphastrike.market.formats import FileKind
from alphastrike.market.funding import (
    FundingMissing,
    Stretch,
    missing_stretches,
    refuse_missing,
    settles_too_often,
)
from alphastrike.market.intervals import moment_text
from alphastrike.market.manifest import ExternalFacts, Gap, SymbolFacts
from alphastrike.market.merging import Merged
from alphastrike.model.errors import DataError
from alphastrike.model.units import MICROS_PER_DAY

TABLES_OF_SYMBOL: Final = tuple(name for name in EVENT_TABLES if "symbol" in (KINDS[name].record.names or ()))
"""Kinds of events that belong to one symbol, in their order inside an instant."""


class SeriesLike(Protocol):
    """What the files hold of one symbol: rows in time order, bars by their close."""

    symbol: str
    candles: Merged
    files: list[str]
    marks: Merged | None
    funding: Merged | None
    open_interest: Merged | None
    long_short_ratio: Merged | None
    book_tops: Merged | None
    liquidations: Merged | None
    left_out: Mapping[FileKind, int]
    notes: list[str]


@dataclass(frozen=True)
class Span:
    """The market's bars: the first opens at ``begin``, the last closes at ``end`` (microseconds UTC)."""

    begin: int
    end: int
    interval: int

    @property
    def start(self) -> int:
        """Close of the first bar."""
        return self.begin + self.interval

    @property
    def ticks(self) -> int:
        """Number of bars."""
        return (self.end - self.begin) // self.interval

    def rows(self, event_time: npt.NDArray[np.int64]) -> slice:
        """Return the rows whose events belong to the market: after the first opening, up to the last close."""
        first, last = np.searchsorted(event_time, [self.begin, self.end], side="right")
        return slice(int(first), int(last))


@dataclass(frozen=True)
class SymbolSlice:
    """One symbol inside the span: its event tables without the symbol column, and the facts about them."""

    symbol: str
    tables: Mapping[str, Columns]
    """By name, in their order inside an instant."""
    facts: SymbolFacts


@dataclass(frozen=True)
class ExternalSlice:
    """One external series inside the span: its rows of the table, and the facts about them."""

    columns: Columns
    facts: ExternalFacts


def common_span(series: Sequence[SeriesLike], interval: int, begin: int | None, end: int | None) -> Span:
    """Return the market's span: as asked for, else what the candles of all symbols have in common.

    Raises:
        DataError: a symbol's candles begin later or stop earlier than asked for, or nothing is in common.
    """
    opens = {one.symbol: int(one.candles.columns["time"][0]) - interval for one in series}
    closes = {one.symbol: int(one.candles.columns["time"][-1]) for one in series}
    first = max(opens.values()) if begin is None else -(-begin // interval) * interval
    last = min(closes.values()) if end is None else end // interval * interval
    for one in series:
        if opens[one.symbol] > first:
            raise DataError(
                f"candles of {one.symbol} begin at {moment_text(opens[one.symbol])}, the market asks for "
                f"{moment_text(first)} ({one.files[0]}). Pass a later --from, or import the rest."
            )
        if closes[one.symbol] < last:
            raise DataError(
                f"candles of {one.symbol} stop at {moment_text(closes[one.symbol])}, the market asks for "
                f"{moment_text(last)} ({one.files[-1]}). Pass an earlier --to, or import the rest."
            )
    if first >= last:
        latest, earliest = max(opens, key=lambda name: opens[name]), min(closes, key=lambda name: closes[name])
        raise DataError(
            f"nothing is in common: candles of {latest} begin at {moment_text(opens[latest])}, those of {earliest} "
            f"stop at {moment_text(closes[earliest])}, and the market would run from {moment_text(first)} to "
            f"{moment_text(last)}. Change --symbols, --from or --to."
        )
    return Span(first, last, interval)


def slice_symbol(series: SeriesLike, span: Span, funding_missing: FundingMissing) -> SymbolSlice:
    """Return a symbol cut to the span, its missing settlements refused or assumed.

    Raises:
        DataError: no candle lies in the span, settlements are missing, or two fall into one bar.
    """
    notes = list(series.notes)
    candles = _candles(series, span, notes)
    marks = _marks(series, span, notes)
    funding, stretches = _funding(series, span, funding_missing)
    interest = _open_interest(series, span, notes)
    ratios = _reports("long/short ratios", series.long_short_ratio, {"ratio": "long_short_ratio"}, span, notes)
    tops = _book_tops(series, span, notes)
    liquidations = _liquidations(series, span, notes)
    time = candles["event_time"]
    facts = SymbolFacts(
        symbol=series.symbol,
        bars=len(time),
        first=int(time[0]),
        last=int(time[-1]),
        gaps=tuple(_gaps(time, span)),
        zero_volume_bars=int(np.count_nonzero(candles["volume"] == 0.0)),
        duplicates_dropped=series.candles.duplicates,
        funding=len(funding["event_time"]),
        funding_assumed=int(np.count_nonzero(funding["assumed"])),
        funding_assumed_spans=tuple((stretch.after, stretch.before) for stretch in stretches),
        marks=len(marks["event_time"]),
        open_interest=len(interest["event_time"]),
        notes=tuple(notes),
    )
    tables = (candles, marks, funding, interest, ratios, tops, liquidations)
    return SymbolSlice(series.symbol, dict(zip(TABLES_OF_SYMBOL, tables, strict=True)), facts)


def slice_external(series: ExternalSeries, span: Span) -> ExternalSlice:
    """Return a series cut to the span, by when its values became known.

    Raises:
        DataError: it was silent for longer than stated while the market ran.
    """
    refuse_gaps(series, span.begin, span.end)
    known = series.event_time
    rows = span.rows(known)
    first, last = moment_text(int(known[0])), moment_text(int(known[-1]))
    notes = []
    if rows.start == rows.stop:
        notes.append(f"known from {first} to {last}: no value became known inside the span")
    else:
        if int(known[0]) - span.begin > MICROS_PER_DAY:
            notes.append(f"nothing known before {first}")
        if span.end - int(known[-1]) > MICROS_PER_DAY:
            notes.append(f"nothing known after {last}")
    if series.repeated:
        notes.append(f"{series.repeated:,} rows that say the same again left out")
    wanted = series.wanted
    columns: dict[str, npt.NDArray[Any]] = {
        "event_time": known[rows],
        "name": np.full(rows.stop - rows.start, wanted.name, dtype=object),
        "stamp": series.stamp[rows],
        "value": series.value[rows],
    }
    return ExternalSlice(
        columns, ExternalFacts(name=wanted.name, rows=0, lag=wanted.lag, stated=wanted.text, notes=tuple(notes))
    )


def _candles(series: SeriesLike, span: Span, notes: list[str]) -> Columns:
    all_rows = series.candles.columns
    rows = span.rows(all_rows["time"])
    before, after = rows.start, len(all_rows["time"]) - rows.stop
    if rows.start == rows.stop:
        raise DataError(
            f"candles of {series.symbol} have a gap over the whole market, {moment_text(span.begin)} to "
            f"{moment_text(span.end)} ({series.files[0]}). Change --symbols, --from or --to."
        )
    if before or after:
        notes.append(f"bars outside the market's span left out: {before:,} before, {after:,} after")
    trades = all_rows["trades"][rows]
    columns: dict[str, npt.NDArray[Any]] = {
        "event_time": all_rows["time"][rows],
        **{name: all_rows[name][rows] for name in ("open", "high", "low", "close", "volume", "taker_buy_volume")},
        "trades": np.where(np.isnan(trades), -1.0, trades).astype(np.int64),
    }
    return columns


def _marks(series: SeriesLike, span: Span, notes: list[str]) -> Columns:
    time, price = _cut(series.marks, "close", span)
    if len(time) == 0:
        covers = "" if series.marks is None else ", those in the files lie outside the span"
        notes.append(f"no mark prices{covers}: the book is marked on candle closes")
        return {"event_time": time, "price": price}
    # One mark an instant: of several, the last is the one that holds at its tick.
    instants = -((span.begin - time) // span.interval)
    last = np.append(np.diff(instants) != 0, True)
    if not last.all():
        notes.append(f"{np.count_nonzero(~last):,} mark prices inside a bar left out, the last one of each bar kept")
        time, price = time[last], price[last]
    if span.end - int(time[-1]) > MICROS_PER_DAY:
        notes.append(f"mark prices stop at {moment_text(int(time[-1]))}")
    if int(time[0]) - span.begin > MICROS_PER_DAY:
        notes.append(f"mark prices begin at {moment_text(int(time[0]))}")
    return {"event_time": time, "price": price}


def _funding(series: SeriesLike, span: Span, missing: FundingMissing) -> tuple[Columns, list[Stretch]]:
    known = np.zeros(0, np.int64) if series.funding is None else series.funding.columns["time"]
    stretches = missing_stretches(known, span.begin, span.end)
    if missing.rate is None:
        refuse_missing(series.symbol, stretches)
    time, rate = _cut(series.funding, "funding_rate", span)
    due = np.concatenate([stretch.due for stretch in stretches]) if stretches else np.zeros(0, np.int64)
    times = np.concatenate([time, due])
    order = np.argsort(times, kind="stable")
    times = times[order]
    instants = -((span.begin - times) // span.interval)
    twice = np.flatnonzero(np.diff(instants) == 0)
    if len(twice):
        raise settles_too_often(series.symbol, times[int(twice[0]) :][:2], span.interval)
    return {
        "event_time": times,
        "rate": np.concatenate([rate, np.full(len(due), missing.rate or 0.0)])[order],
        "assumed": np.concatenate([np.zeros(len(time), np.int64), np.ones(len(due), np.int64)])[order],
    }, stretches


def _open_interest(series: SeriesLike, span: Span, notes: list[str]) -> Columns:
    names = {"open_interest": "open_interest", "open_interest_quote": "open_interest_quote"}
    return _reports("open interest", series.open_interest, names, span, notes)


def _book_tops(series: SeriesLike, span: Span, notes: list[str]) -> Columns:
    names = {name: name for name in ("bid", "bid_size", "ask", "ask_size")}
    tops = _reports("book tops", series.book_tops, names, span, notes)
    # A gateway looks at the book as it is at the tick: of several tops in a bar the last one stands.
    last = np.append(np.diff(-((span.begin - tops["event_time"]) // span.interval)) != 0, True)[
        : len(tops["event_time"])
    ]
    left = series.left_out.get(FileKind.BOOK_TOPS, 0) + int(np.count_nonzero(~last))
    if left:
        notes.append(f"{left:,} book tops inside a bar left out, the last one of each bar kept")
    return {name: values[last] for name, values in tops.items()}


def _liquidations(series: SeriesLike, span: Span, notes: list[str]) -> Columns:
    if series.liquidations is not None and series.liquidations.duplicates:
        notes.append(f"{series.liquidations.duplicates:,} liquidations that files repeat exactly left out")
    if left := series.left_out.get(FileKind.LIQUIDATIONS, 0):
        notes.append(f"{left:,} liquidations of which nothing was filled left out")
    names = {name: name for name in ("side", "price", "quantity")}
    return _reports("liquidations", series.liquidations, names, span, notes)


def _reports(
    what: str, merged: Merged | None, names: Mapping[str, str], span: Span, notes: list[str]
) -> dict[str, npt.NDArray[Any]]:
    """Return what lies in the span, by the market's names of the columns; note it when none of it does."""
    time, _ = _cut(merged, "time", span)
    if merged is not None and len(time) == 0:
        times = merged.columns["time"]
        notes.append(
            f"{what} in the files: {moment_text(int(times[0]))} to {moment_text(int(times[-1]))}, outside the span"
        )
    return {"event_time": time, **{name: _cut(merged, own, span)[1] for name, own in names.items()}}


def _cut(merged: Merged | None, name: str, span: Span) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    if merged is None:
        return np.zeros(0, np.int64), np.zeros(0)
    rows = span.rows(merged.columns["time"])
    return merged.columns["time"][rows], merged.columns[name][rows]


def _gaps(time: npt.NDArray[np.int64], span: Span) -> list[Gap]:
    """Return the stretches without bars inside the span, its ends included."""
    edges = np.concatenate([[span.begin], time, [span.end + span.interval]])
    missing = np.diff(edges) // span.interval - 1
    return [Gap(after=int(edges[at]), bars=int(missing[at])) for at in np.flatnonzero(missing > 0)]
