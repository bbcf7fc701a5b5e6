"""What a run came to in a few figures, as printed when it has been recorded."""

from dataclasses import dataclass

from alphastrike.journal.codes import Change, Reason
from alphastrike.journal.reader import Run


@dataclass(frozen=True)
class Summary:
    """A run's outcome."""

    run: str
    digest: str
    market: str
    policy: str
    symbols: int
    ticks: int
    decisions: int
    trades: int
    triggers: int
    """Fired, not re-armed."""
    situations: int
    interventions: int
    """Applied."""
    liquidations: int
    """Fills that the venue forced."""
    start_equity: float
    final_equity: float
    """Quote currency."""
    rows: int
    bytes: int
    """On the disk."""
    folder: str


def summary(run: Run) -> Summary:
    """Return the figures of a run."""
    manifest = run.manifest
    equity = run.rows("equity")["equity"]
    start = float(manifest.settings["account"]["start_equity"])
    return Summary(
        run=run.name,
        digest=manifest.digest,
        market=manifest.market.name,
        policy=manifest.policy,
        symbols=len(manifest.symbols),
        ticks=manifest.rows_of("ticks"),
        decisions=manifest.rows_of("forecasts") // len(manifest.symbols),
        trades=manifest.rows_of("trades"),
        triggers=int((run.rows("triggers")["fired"] == 1).sum()),
        situations=manifest.rows_of("situations"),
        interventions=int((run.rows("interventions")["change"] == Change.APPLIED).sum()),
        liquidations=int((run.rows("fills")["reason"] == Reason.LIQUIDATION).sum()),
        start_equity=start,
        final_equity=float(equity[-1]) if len(equity) else start,
        rows=manifest.rows,
        bytes=sum(path.stat().st_size for path in run.folder.rglob("*") if path.is_file()),
        folder=str(run.folder),
    )
