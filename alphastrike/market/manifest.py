"""What identifies a market on disk and what was found when it was made."""

from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

SCHEMA_VERSION: Final = 2
"""Of a market's folder: raised whenever older readers would misread it. 2 added tables of four kinds."""

Source = Literal["given", "assumed"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Gap(_Frozen):
    """A stretch in which a symbol has no bars although it has some before and after."""

    after: int
    """Close of the last bar before the gap, microseconds UTC."""
    bars: int


class SymbolFacts(_Frozen):
    """What a market holds of one symbol, and what was done to it."""

    symbol: str
    bars: int
    first: int
    """Close of the first bar, microseconds UTC."""
    last: int
    gaps: tuple[Gap, ...] = ()
    zero_volume_bars: int = 0
    duplicates_dropped: int = 0
    """Candles that overlapping files repeated exactly."""
    funding: int = 0
    """Settlements, the assumed ones included."""
    funding_assumed: int = 0
    funding_assumed_spans: tuple[tuple[int, int], ...] = ()
    """(after, before) in microseconds UTC: the known settlements, or ends of the market, around each stretch."""
    marks: int = 0
    open_interest: int = 0
    long_short_ratio: int = 0
    book_tops: int = 0
    liquidations: int = 0
    instrument: Source = "assumed"
    margin_tiers: Source = "assumed"
    notes: tuple[str, ...] = ()
    """What else a careful reader should know, one sentence each."""

    @property
    def missing_bars(self) -> int:
        """Bars missing inside the symbol's span."""
        return sum(gap.bars for gap in self.gaps)


class ExternalFacts(_Frozen):
    """What a market holds of one external series."""

    name: str
    rows: int
    first: int | None = None
    """When the first value became known, microseconds UTC; ``None`` without one."""
    last: int | None = None
    lag: int = 0
    """From what a value is about to when it became known, microseconds; the longest."""
    stated: str = ""
    """As it was asked for."""
    notes: tuple[str, ...] = ()


class Origin(_Frozen):
    """Where a market came from."""

    how: Literal["imported", "simulated"]
    files: tuple[str, ...] = ()
    """As they were named on the command line or found beneath it."""
    funding_missing: str = "refuse"
    seed: int | None = None
    """Of a simulated market, as the next three."""
    without: tuple[str, ...] = ()
    """Inputs left out."""
    stationary: bool = False
    """Whether its weather never changes."""
    plant: str = ""
    """A truth planted into it, as on the command line (``market/planted.py``); empty without one."""


class TableFacts(_Frozen):
    """One Parquet file of a market."""

    rows: int
    bytes: int
    blake2b: str
    """Over the file's bytes, 32 hex digits: a flipped bit anywhere shows."""


class MarketManifest(_Frozen):
    """The market's identity and facts: ``manifest.json``."""

    schema_version: int = SCHEMA_VERSION
    name: str
    content_hash: str
    """BLAKE2b over the column values, 32 hex digits: the same for the same facts, whatever files they came in."""
    created: AwareDatetime
    origin: Origin
    symbols: tuple[str, ...]
    interval: int
    """Microseconds between ticks."""
    start: int
    """Close of the first bar, microseconds UTC."""
    ticks: int
    facts: tuple[SymbolFacts, ...]
    externals: tuple[ExternalFacts, ...] = ()
    tables: dict[str, TableFacts]
    versions: dict[str, str]

    @property
    def end(self) -> int:
        """Close of the last bar, microseconds UTC."""
        return self.start + (self.ticks - 1) * self.interval

    @property
    def bars(self) -> int:
        """Candles of all symbols."""
        return sum(facts.bars for facts in self.facts)

    @property
    def funding_assumed_share(self) -> float:
        """Assumed settlements as a fraction of all; 0 in a market without funding."""
        settlements = sum(facts.funding for facts in self.facts)
        return sum(facts.funding_assumed for facts in self.facts) / settlements if settlements else 0.0

    @property
    def instruments(self) -> str:
        """``given``, ``assumed``, or ``mixed`` over symbols, terms and margin tiers."""
        sources = {source for facts in self.facts for source in (facts.instrument, facts.margin_tiers)}
        return sources.pop() if len(sources) == 1 else "mixed"
