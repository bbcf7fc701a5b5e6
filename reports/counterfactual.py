"""The page of a replay: what happened, what would have, how sure one may be, and how to make it again."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np

from alphastrike.journal.codes import Rule
from alphastrike.journal.reader import Run
from alphastrike.model.forecast import Regime
from experiments.ledger import Count
from replay.compare import ADAPTIVE, FROZEN, NO_LLM, Arm, Comparison, Effect
from replay.effect import drawdowns
from replay.fidelity import Fidelity
from replay.fills import FillBand
from replay.inference import LABEL, Interval, Several
from replay.measures import MEASURES, PARTS, Measure
from replay.participation import Participation
from replay.together import told as together_told
from replay.verdict import summary, verdicts
from replay.worlds import Worlds
from reports import charts, fidelity, figures, fills, models, numerals, words, worlds
from reports.page import page_path, render, write_page
from reports.palette import inks
from reports.perception import part


class MetricRow(NamedTuple):
    """One line of the table of arms."""

    measure: Measure
    values: list[str]
    differences: list[str]
    intervals: list[str]


class MonthRow(NamedTuple):
    """One line of the table behind the paths: month, then two numbers an arm."""

    month: str
    cells: list[tuple[str, str]]


class Beside(NamedTuple):
    """What was computed beside the comparison; ``None`` and empty where nobody asked for it."""

    worlds: Worlds | None = None
    band: FillBand | None = None
    fidelity: Fidelity | None = None
    participations: Mapping[str, Participation] = MappingProxyType({})
    """By arm."""
    several: Several | None = None
    trials: Count | None = None

    @property
    def small_print(self) -> list[str]:
        """What having looked at several policies, now and ever, does to the verdict: sentences."""
        told = [] if self.several is None else [together_told(self.several)]
        return told if self.trials is None else [*told, self.trials.told()]


NOTHING_BESIDE: Final = Beside()
MODES: Final = {
    ADAPTIVE: "Adaptive: every arm answered its own situations.",
    FROZEN: (
        "Frozen: every arm answered the situations of the recorded run, its answers stand until they expire, and "
        "nobody was asked in the branch."
    ),
}


def page(comparison: Comparison, run: Run | None = None, beside: Beside = NOTHING_BESIDE) -> str:
    """Return the page as HTML; the same comparison gives the same bytes.

    ``run`` is the factual arm's: given, the page also tells what perception did, in every arm the same.
    """
    ink = inks([arm.name for arm in comparison.arms])
    return render(
        "counterfactual.html",
        it=comparison,
        title=title(comparison),
        summary=summary(comparison, beside.band),
        verdicts=verdicts(comparison, beside.band),
        ink=ink,
        growth_bars=figures.interval_bars(
            [(effect.arm, effect.differences["log_growth"], effect.growth) for effect in comparison.effects], 3
        ),
        sharpe_bars=figures.interval_bars(
            [(effect.arm, effect.differences["sharpe"], effect.sharpe) for effect in comparison.effects], 2
        ),
        marked=charts.marked(comparison),
        more_marks=any(
            comparison.answers[arm.name] for arm in comparison.arms if arm.name not in charts.marked(comparison)
        ),
        library=charts.library(),
        document=charts.paths(comparison, ink),
        static_paths=figures.static_paths(comparison),
        months=list(paths_by_month(comparison)),
        leverage_months=list(leverage_by_month(comparison)),
        bootstrap_label=LABEL,
        metric_rows=list(_metric_rows(comparison)),
        models=models,
        model_rows=models.model_rows(comparison),
        arm_falls=figures.waterfalls(
            [(arm.name, own.parts) for arm, own in zip(comparison.arms, comparison.metrics, strict=True)]
        ),
        effect_falls=figures.waterfalls([(effect.arm, effect.parts) for effect in comparison.effects]),
        parts=PARTS,
        machinery=figures.machinery(comparison),
        perception=part(run, comparison.origin.begin, comparison.origin.end) if run is not None else None,
        mode=MODES[comparison.mode],
        small_print=beside.small_print,
        band=None if beside.band is None else list(fills.arm_bands(beside.band)),
        band_told="" if beside.band is None else fills.sentence(beside.band),
        band_notes=[] if beside.band is None else list(fills.notes(beside.band)),
        band_table=None if beside.band is None else fills.band_table(beside.band),
        worlds=None if beside.worlds is None else worlds.rendered(beside.worlds, ink),
        fidelity="" if beside.fidelity is None else fidelity.sentence(beside.fidelity),
        takers=fidelity.taker_sentence(beside.participations) if beside.participations else "",
        has_no_llm=any(NO_LLM in (arm.name, arm.policy) for arm in comparison.arms),
        numerals=numerals,
        words=words,
        Rule=Rule,
        Regime=Regime,
    )


def write_comparison(
    comparison: Comparison,
    out: Path,
    name: str | None = None,
    run: Run | None = None,
    beside: Beside = NOTHING_BESIDE,
) -> Path:
    """Write the page into a folder under its own name and return its path; ``run`` and ``beside`` as for ``page``."""
    return write_page(page(comparison, run, beside), page_path(out, name or default_name(comparison)))


def title(comparison: Comparison) -> str:
    """Say which arms the page compares."""
    factual, *others = [arm.name for arm in comparison.arms]
    return f"{factual} against {', '.join(others)}"


def default_name(comparison: Comparison) -> str:
    """Name the page after its run and its arms."""
    return "-vs-".join([comparison.origin.run, *(arm.name for arm in comparison.arms[1:])])


def _metric_rows(comparison: Comparison) -> Iterator[MetricRow]:
    for measure in MEASURES:
        field, shape, sign = measure.field, measure.shape, measure.sign
        yield MetricRow(
            measure,
            [numerals.write(float(getattr(own, field)), shape, sign) for own in comparison.metrics],
            [numerals.write_difference(effect.differences[field], shape, sign) for effect in comparison.effects],
            [_interval_cell(effect, field) for effect in comparison.effects],
        )


def _interval_cell(effect: Effect, field: str) -> str:
    match field:
        case "log_growth":
            return figures.interval_told(effect.growth, 3)
        case "sharpe":
            return figures.interval_told(effect.sharpe, 2)
        case _:
            return ""


def paths_by_month(comparison: Comparison) -> Iterator[MonthRow]:
    """Give each arm's equity at every month's end and its deepest drawdown in it."""

    def cells(arm: Arm, rows: slice) -> tuple[str, str]:
        return numerals.number(float(arm.tables["equity"]["equity"][rows][-1]), 0), numerals.percent(
            float(np.min(fallen[arm.name][rows]))
        )

    start = comparison.origin.start_equity
    fallen = {
        arm.name: -drawdowns(np.concatenate(([start], arm.tables["equity"]["equity"])))[1:] for arm in comparison.arms
    }
    return _by_month(comparison, cells)


def leverage_by_month(comparison: Comparison) -> Iterator[MonthRow]:
    """Give each arm's mean and highest leverage of every month."""

    def cells(arm: Arm, rows: slice) -> tuple[str, str]:
        applied = arm.tables["equity"]["leverage"][rows]
        return f"{numerals.number(float(np.mean(applied)), 2)}×", f"{numerals.number(float(np.max(applied)), 2)}×"

    return _by_month(comparison, cells)


def _by_month(comparison: Comparison, cells: Callable[[Arm, slice], tuple[str, str]]) -> Iterator[MonthRow]:
    """Summarise each arm's rows of ``equity`` by calendar month, UTC."""
    columns = []
    for arm in comparison.arms:
        # A row at midnight on the first closes the month before it.
        times = arm.tables["equity"]["event_time"] - 1
        months = times.astype("datetime64[us]").astype("datetime64[M]")
        found, begins = np.unique(months, return_index=True)
        ends = np.append(begins[1:], len(months))
        columns.append(
            {str(month): cells(arm, slice(begin, end)) for month, begin, end in zip(found, begins, ends, strict=True)}
        )
    for month in sorted({month for column in columns for month in column}):
        yield MonthRow(month, [column.get(month, (numerals.ABSENT, numerals.ABSENT)) for column in columns])


def as_json(comparison: Comparison, beside: Beside = NOTHING_BESIDE) -> dict[str, Any]:
    """Return every number of a comparison for machines; what is undefined or infinite is null."""
    told: dict[str, Any] = {}
    if beside.fidelity is not None:
        told["fidelity"] = fidelity.as_json(beside.fidelity)
    if beside.participations:
        told["price_taker"] = fidelity.takers_json(beside.participations)
    if beside.band is not None:
        told["fill_band"] = {"mode": comparison.mode, **fills.as_json(beside.band)}
    if beside.worlds is not None:
        told["other_histories"] = worlds.as_json(beside.worlds)
    if beside.several is not None:
        told["several"] = {
            "benchmark": beside.several.benchmark,
            "arms": beside.several.arms,
            "spa_p": beside.several.p,
            "better": beside.several.better,
            "best_p": dict(beside.several.best),
            "confidence_set": beside.several.confidence_set,
        }
    if beside.trials is not None:
        told["trials"] = beside.trials._asdict()
    return {
        "run": comparison.origin.run,
        "mode": comparison.mode,
        "digest": comparison.origin.digest,
        "market": {"name": comparison.origin.market, "content_hash": comparison.origin.market_hash},
        "begin": comparison.origin.begin,
        "end": comparison.origin.end,
        "arms": [
            {
                "name": arm.name,
                "policy": arm.policy,
                "digest": arm.digest,
                "is_factual": arm.is_factual,
                "metrics": {
                    "equity_end": _finite(own.equity_end),
                    **{measure.field: _finite(float(getattr(own, measure.field))) for measure in MEASURES},
                },
                "parts": {**own.parts._asdict(), "total": own.parts.total},
                "model": None if arm.model is None else asdict(arm.model),
            }
            for arm, own in zip(comparison.arms, comparison.metrics, strict=True)
        ],
        "summary": summary(comparison, beside.band),
        "effects": [
            {
                "arm": effect.arm,
                "against": effect.factual,
                "mode": comparison.mode,
                "differences": {name: _finite(value) for name, value in effect.differences.items()},
                "parts": {**effect.parts._asdict(), "total": effect.parts.total},
                "episodes": effect.episodes,
                "log_growth_interval": _interval(effect.growth),
                "sharpe_interval": _interval(effect.sharpe),
                "identical": effect.identical,
                "standing": judged.standing.value,
                "verdict": f"{judged.headline} {judged.evidence}",
            }
            for effect, judged in zip(comparison.effects, verdicts(comparison, beside.band), strict=True)
        ],
        "bootstrap": {
            "draws": comparison.bootstrap.draws,
            "block_days": comparison.bootstrap.block_days,
            "seed": comparison.bootstrap.seed,
        },
        **told,
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _interval(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    return {"low": interval.low, "high": interval.high, "level": 0.95, "days": interval.days, "label": interval.label}
