"""The page of one run: what happened, what the policy was asked and did, what is assumed, how to make it again.

It is a comparison with nobody: one arm, the factual one, through the same figures and cards as the page of a replay.
"""

import shlex
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from alphastrike.engine.history import derived_kinds
from alphastrike.journal.codes import GateVerdict, HaltCause, HaltChange, OrderChange, Rule
from alphastrike.journal.inputs import IncidentKind, OperatorAct
from alphastrike.journal.reader import Run
from alphastrike.model.errors import DataError
from alphastrike.model.forecast import Regime
from alphastrike.model.symbols import SymbolTable
from alphastrike.runs.model_facts import facts_if_model
from alphastrike.runs.recorder import recorded_settings
from replay.compare import Arm, Comparison, comparison
from replay.measures import MEASURES, PARTS
from replay.origin import origin_of
from reports import charts, figures, numerals, words
from reports.counterfactual import leverage_by_month, paths_by_month
from reports.page import page_path, render, write_page
from reports.palette import inks
from reports.perception import part

TOLD_MAX: Final = 200
"""Rows of a list of what the operator did or what went wrong; the journal holds all."""


class SymbolRow(NamedTuple):
    """What a symbol came to; money in quote."""

    symbol: str
    trades: int
    win_rate: float
    net_pnl: float
    fills: int
    turnover: float
    fees: float
    funding: float
    """Paid; negative when received."""


class Told(NamedTuple):
    """One thing that happened beside the market."""

    time: int
    what: str
    detail: str


@dataclass(frozen=True)
class _Seen:
    """What a run says of the market that it has seen, without opening that."""

    name: str
    content_hash: str
    symbols: SymbolTable
    start: int
    interval: int
    ticks: int


def page(root: Path, run: Run) -> str:
    """Return the page of a run as HTML; the same run gives the same bytes.

    Raises:
        DataError: it has no complete instant yet, so that there is nothing to show.
        AlphaStrikeError: its settings or its market are not of this version.
    """
    if not len(run.rows("equity")):
        raise DataError(f"run {run.name!r} has seen no complete instant yet: there is nothing to show.")
    it = one_armed(root, run)
    arm, own = it.factual, it.metrics[0]
    ink = inks([arm.name])
    return render(
        "run.html",
        it=it,
        run=run.manifest,
        own=own,
        arm=arm,
        ink=ink,
        title=title(it, run),
        headline=headline(it, run),
        library=charts.library(),
        document=charts.paths(it, ink, against_no_llm=False),
        static_paths=figures.static_paths(it),
        followed=_followed(run, arm),
        model=facts_if_model(run),
        months=list(paths_by_month(it)),
        leverage_months=list(leverage_by_month(it)),
        measures=[(measure, numerals.write(float(getattr(own, measure.field)), measure.shape, measure.sign))
                  for measure in MEASURES],
        symbol_rows=_symbol_rows(run, arm),
        counts=_counts(run, arm),
        fall=figures.waterfalls([(arm.name, own.parts)])[0],
        parts=PARTS,
        machinery=figures.machinery(it),
        perception=part(run, it.origin.begin, it.origin.end),
        operator=_operator(run),
        incidents=_incidents(run),
        told_max=TOLD_MAX,
        page_command=_command("page", root, run),
        verify_command=_command("verify", root, run),
        numerals=numerals,
        words=words,
        Rule=Rule,
        Regime=Regime,
    )  # fmt: skip


def write_run(root: Path, run: Run, out: Path, name: str | None = None) -> Path:
    """Write the page of a run into a folder under the run's name, or another, and return its path."""
    return write_page(page(root, run), page_path(out, name or run.name))


def one_armed(root: Path, run: Run) -> Comparison:
    """Return a run as a comparison with no other arm."""
    settings = recorded_settings(run)
    ticks = run.rows("ticks")["event_time"]
    live = run.manifest.live
    interval = live.interval if live is not None else int(ticks[1] - ticks[0]) if len(ticks) > 1 else 0
    reference = run.manifest.market
    seen = _Seen(reference.name, reference.content_hash, run.symbols, int(ticks[0]), interval, len(ticks))
    policy = run.manifest.policy
    tables = {kind: run.rows(kind) for kind in derived_kinds()}
    arm = Arm(policy, policy, tables, run.manifest.digest, is_factual=True)
    return comparison(origin_of(root, run, seen, settings, [], is_rerun=False), [arm])


def title(it: Comparison, run: Run) -> str:
    """Say what ran."""
    how = "live" if run.is_live else "history"
    return f"{run.name}: {it.origin.market} under {it.factual.name}, {how}{' in shadow' if _is_shadow(run) else ''}"


def headline(it: Comparison, run: Run) -> str:
    """Say in one sentence what came of it."""
    own, start = it.metrics[0], it.origin.start_equity
    gain = own.equity_end / start - 1.0
    change = f"{'+' if gain > 0.0 else ''}{numerals.percent(gain, 2)}"
    asked = f"was asked {_times(own.situations)}" if own.situations else "was never asked"
    did = f" and intervened {_times(own.interventions)}" if own.interventions else ""
    applied = " (in shadow: nothing it said was applied)" if _is_shadow(run) and own.situations else ""
    return (
        f"{numerals.number(start, 0)} USDT became {numerals.number(own.equity_end, 0)} ({change}), at worst "
        f"{numerals.percent(own.max_drawdown)} below the peak. Policy {it.factual.name} {asked}{did}{applied}."
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _command(verb: str, root: Path, run: Run) -> str:
    return shlex.join(["alphastrike", verb, run.name, *([] if root == Path("data") else ["--data", str(root)])])


def _is_shadow(run: Run) -> bool:
    return run.manifest.live is not None and run.manifest.live.shadow


def _followed(run: Run, arm: Arm) -> figures.Panel | None:
    """Draw what following the advice of a shadow run would have been worth."""
    rows = run.rows("shadow")
    if not len(rows):
        return None
    worth = {arm.name: (rows["event_time"], np.asarray(rows["worth"], dtype=np.float64))}
    return figures.panel("had all advice been followed: equity more or less, USDT", worth, numerals.quote, floor=0.0)


def _symbol_rows(run: Run, arm: Arm) -> list[SymbolRow]:
    trades, fills = arm.tables["trades"], arm.tables["fills"]
    funding = arm.tables["funding_payments"]
    rows = []
    for number, symbol in enumerate(run.symbols):
        own, filled = trades[trades["symbol"] == number], fills[fills["symbol"] == number]
        paid = funding[funding["symbol"] == number]
        rows.append(
            SymbolRow(
                symbol,
                len(own),
                float(np.mean(own["net_pnl"] > 0.0)) if len(own) else float("nan"),
                float(np.sum(own["net_pnl"])),
                len(filled),
                float(np.sum(np.abs(filled["quantity"] * filled["price"]))),
                float(np.sum(filled["fee"])),
                float(np.sum(paid["paid"])),
            )
        )
    return rows


def _counts(run: Run, arm: Arm) -> list[tuple[str, str]]:
    """Return how often what happened, for the lines beside the measures."""
    orders = arm.tables["orders"]
    begun = run.rows("halts")
    begun = begun[begun["change"] == HaltChange.BEGUN]
    halts = Counter(words.label(HaltCause(int(cause))) for cause in begun["cause"])
    said = ", ".join(f"{cause} {count:,}" for cause, count in sorted(halts.items()))
    events = run.rows("ticks")
    return [
        ("ticks", f"{len(events):,}"),
        ("market events", f"{int(events['market_seq'][-1]) - len(events):,}"),
        ("decisions", f"{len(np.unique(run.rows('forecasts')['event_time'])):,}"),
        ("orders sent", f"{int(np.sum(orders['change'] == OrderChange.SUBMITTED)):,}"),
        ("fills", f"{len(arm.tables['fills']):,}"),
        ("candles refused", f"{int(np.sum(run.rows('gates')['verdict'] == GateVerdict.REJECTED)):,}"),
        ("halts", said or "none"),
    ]


def _operator(run: Run) -> list[Told]:
    if not run.is_live:
        return []
    rows = run.rows("operator")[-TOLD_MAX:]
    return [
        Told(
            int(row["event_time"]),
            f"{words.label(OperatorAct(int(row['act'])))} by {row['author']}",
            str(row["detail"]),
        )
        for row in rows
    ]


def _incidents(run: Run) -> list[Told]:
    if not run.is_live:
        return []
    rows = run.rows("incidents")[-TOLD_MAX:]
    return [
        Told(int(row["event_time"]), words.label(IncidentKind(int(row["incident"]))), str(row["detail"]))
        for row in rows
    ]
