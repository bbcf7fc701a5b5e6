"""Finding the files of an import and choosing among them: by kind, symbol and interval, everything else named."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from alphastrike.market.formats import FileKind, ForeignFileError, interval_named, symbol_in_name
from alphastrike.market.intervals import interval_text
from alphastrike.market.reading import SUFFIXES, FileColumns, Opened, open_file
from alphastrike.model.errors import AlphaStrikeError, ConfigurationError, DataError


@dataclass(frozen=True)
class Skipped:
    """A file beneath a folder that does not enter the market, and why."""

    file: str
    why: str


@dataclass(frozen=True)
class Source:
    """A recognised file: events of one kind and symbol."""

    file: Path
    symbol: str
    opened: Opened
    interval: int | None
    """Between bars, microseconds; from the name, or ``None`` when the rows have to tell."""

    @property
    def kind(self) -> FileKind:
        """What the file holds."""
        return self.opened.layout.kind


@dataclass
class Found:
    """The files of an import, recognised but not yet read."""

    sources: list[Source] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def candle_intervals(self) -> dict[int, int]:
        """Return how many candle files there are of each interval that a name states."""
        intervals = (source.interval for source in self.sources if source.kind is FileKind.CANDLES)
        return dict(sorted(Counter(interval for interval in intervals if interval is not None).items()))


def find_sources(paths: Sequence[Path], symbols: Sequence[str], apart: Collection[Path] = ()) -> Found:
    """Return the recognised files at and beneath the paths, without those ``apart``.

    A file of another symbol than those asked for (none: all) is not opened. A file beneath a folder that is of
    another nature is skipped with its reason; the same file named explicitly is an error.

    Raises:
        ConfigurationError: a path does not exist or holds no file.
        DataError: a file of ours is damaged, or one named explicitly is not understood.
    """
    found = Found()
    seen = {file.resolve() for file in apart}
    for file, named in _files(paths):
        if file.resolve() in seen:
            continue
        seen.add(file.resolve())
        try:
            source = _recognise(file, symbols)
        except ForeignFileError as reason:
            if named:
                raise DataError(
                    f"{file} is not understood: {reason}. Known: candles, marks, funding, open interest, long/short "
                    "ratios, book tops and liquidations in Parquet or CSV; see docs/markets.md."
                ) from None
            found.skipped.append(Skipped(str(file), str(reason)))
            continue
        if source is None:
            found.skipped.append(Skipped(str(file), "another symbol"))
        else:
            found.sources.append(source)
    return found


def interval_of_rows(read: FileColumns) -> int:
    """Return the smallest step between a file's bars, for a file whose name does not say.

    Raises:
        DataError: the file has a single row.
    """
    steps = np.diff(read.columns["time"])
    rising = steps[steps > 0]
    if len(rising) == 0:
        raise DataError(f"{read.file}: neither name nor rows say its interval. Name it like BTCUSDT_15m.csv.")
    return int(rising.min())


def choose_interval(found: Found, asked: int | None, paths: Sequence[Path]) -> int | None:
    """Return the market's interval: the one asked for, or the only one that the names state.

    ``None`` when no name states one: the rows have to tell.

    Raises:
        ConfigurationError: several intervals are there, or not the one asked for.
    """
    there = found.candle_intervals()
    names = ", ".join(interval_text(interval) for interval in there)
    place = " and ".join(str(path) for path in paths)
    if asked is None:
        if len(there) > 1:
            raise ConfigurationError(f"{place} has candles at {names}. Choose one with --interval.")
        return next(iter(there), None)
    unnamed = any(source.kind is FileKind.CANDLES and source.interval is None for source in found.sources)
    if there and asked not in there and not unnamed:
        raise ConfigurationError(
            f"{place} has no candles at {interval_text(asked)}, only at {names}. Change --interval."
        )
    return asked


def _recognise(file: Path, symbols: Sequence[str]) -> Source | None:
    if file.suffix.lower() not in SUFFIXES:
        raise ForeignFileError("neither Parquet nor CSV")
    try:
        symbol = symbol_in_name(file)
    except AlphaStrikeError:
        # A name without a symbol may still be tick data or notes: let the columns speak first.
        open_file(file)
        raise
    if symbols and symbol not in symbols:
        return None
    opened = open_file(file)
    bars = opened.layout.kind in {FileKind.CANDLES, FileKind.MARKS}
    return Source(file, symbol, opened, interval_named(file) if bars else None)


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """Give every file with whether it was named itself, in an order that does not depend on the file system."""
    for path in paths:
        if path.is_dir():
            beneath = sorted(
                file
                for file in path.rglob("*")
                if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
            )
            if not beneath:
                raise ConfigurationError(f"folder {path} holds no files. Check the path.")
            yield from ((file, False) for file in beneath)
        elif path.is_file():
            yield path, True
        else:
            raise ConfigurationError(f"there is no file or folder {path}. Check the path.")
