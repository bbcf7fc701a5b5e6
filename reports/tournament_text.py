"""A tournament as tables for a terminal, sentences beside them, and JSON."""

import math
from collections.abc import Sequence
from typing import Any, Final

from experiments.tournament_result import CLUSTERS_MIN, NO_ACTION, PLACE, Row, Tournament
from replay.horizons import PRIMARY, SUITE_HORIZONS
from replay.inference import Clustered
from replay.inference.many import SIZE
from reports import numerals
from reports.text_table import TextTable

PER_MILLE: Final = 1_000.0
ONE: Final = "one"
"""Stands for the agreement of samples that cannot differ."""

OF_REGRET: Final = (
    "Regret takes the best action of each situation with hindsight and is positive under noise; honest regret takes "
    "the action that was best for each rule on one half of the clusters, values it on the other, and is negative where "
    "answers were better than that."
)


def tables(it: Tournament) -> list[TextTable]:
    """Return the tables to print, in order."""
    return [worth_table(it), answers_table(it), quiet_table(it), cost_table(it)]


def worth_table(it: Tournament) -> TextTable:
    """Return what answers were worth."""
    headers = [
        "",
        f"{PRIMARY.label} ‰",
        "95 %",
        *(f"{horizon.label} ‰" for horizon in SUITE_HORIZONS if horizon != PRIMARY),
        "over guardian ‰",
        "95 % of that",
        "regret ‰",
        "honest regret ‰",
        "among the best",
    ]
    rows = [
        [
            row.name,
            per_mille(row.mean[PLACE]),
            between(row.interval[PLACE], row.mean[PLACE]),
            *(per_mille(row.mean[place]) for place in range(len(SUITE_HORIZONS)) if place != PLACE),
            per_mille(row.over_guardian),
            between(row.over_guardian_interval, row.over_guardian),
            per_mille(row.regret[PLACE], signed=False),
            per_mille(row.honest_regret),
            among(row),
        ]
        for row in it.rows
    ]
    return TextTable(
        f"Advantage over doing nothing, thousandths of log equity a situation: mean of {counted(it)}", headers, rows
    )


def answers_table(it: Tournament) -> TextTable:
    """Return how contestants answered."""
    rows = []
    for row in it.models:
        answers = row.answers
        assert answers is not None, "a model has answered"
        rows.append(
            [
                row.name,
                numerals.percent(answers.valid_at_once, 0),
                numerals.percent(answers.valid, 0),
                samples_agree(it, row),
                numerals.percent(answers.orders_agree, 0),
            ]
        )
    return TextTable(
        f"Answers: {plural(it.samples, 'sample')} a situation, {plural(it.orders, 'other order')} of the report's rows",
        ["", "valid at once", "valid in the end", "samples agree", "orders agree"],
        rows,
    )


def quiet_table(it: Tournament) -> TextTable:
    """Return how often nothing was done where it was asked for, and where it was not."""
    rows = [
        [row.name, numerals.percent(row.quiet_at_triggers, 0), numerals.percent(row.quiet_at_controls, 0)]
        for row in it.rows
    ]
    return TextTable(
        f"Share of usable answers that change nothing: at {plural(len(it.asked), 'situation')}, at "
        f"{plural(it.controls, 'control')}",
        ["", "triggers", "controls"],
        rows,
    )


def did_table(it: Tournament) -> TextTable:
    """Return what answers did, a column a tool."""
    tools = sorted({tool for row in it.rows for tool in row.did}, key=lambda tool: (tool != NO_ACTION, tool))
    rows = [[row.name, *(numerals.percent(row.did.get(tool, 0.0), 0) for tool in tools)] for row in it.rows]
    return TextTable("Share of answers that did what, on_failure counted in; one may do several", ["", *tools], rows)


def cost_table(it: Tournament) -> TextTable:
    """Return what answers cost."""
    rows = []
    for row in it.models:
        answers = row.answers
        assert answers is not None, "a model has answered"
        rows.append(
            [
                row.name,
                numerals.number(answers.latency_p50_s, 2),
                numerals.number(answers.latency_p95_s, 2),
                numerals.number(answers.prompt_tokens, 0),
                numerals.number(answers.answer_tokens, 0),
                numerals.number(answers.calls, 0),
            ]
        )
    return TextTable(
        "Seconds an answer as recorded, tokens and calls in all",
        ["", "p50 s", "p95 s", "tokens in", "tokens out", "calls"],
        rows,
    )


def headline(it: Tournament) -> str:
    """Return the finding in one sentence."""
    many = len(it.models)
    if not it.valued[PLACE]:
        return f"not enough evidence: no situation has {PRIMARY.label} of the run after it."
    if not it.is_evidence:
        return f"not enough evidence: {counted(it)}, and under {CLUSTERS_MIN} clusters nobody can be told from anybody."
    several = it.several
    if several is None:
        return f"{'the contestant' if many == 1 else 'every contestant'} did what {NO_ACTION} does, everywhere."
    better = [row.name for row in it.models if row.name in several.better]
    best = several.confidence_set
    among_best = [row.name for row in it.models if row.name in best]
    first = (
        f"better than {NO_ACTION}, all rows counted: {listed(better)}"
        if better
        else f"no contestant is shown to be better than {NO_ACTION}"
    )
    if set(best) == {row.name for row in it.rows}:
        second = "nobody in the table can be told from the best"
    elif among_best:
        others = [name for name in best if name not in among_best]
        second = f"{listed(among_best)} may be the best" + (f", and so may {listed(others)}" if others else "")
    else:
        second = f"the best is {' or '.join(best)}, and no contestant"
    return f"{first}; {second} ({counted(it)})."


def notes(it: Tournament) -> list[str]:
    """Return what must stand beside the tables, a sentence or two each."""
    told = [_of_values(it), OF_REGRET]
    if it.several is not None:
        p = "p below 0.001" if it.several.p < 0.001 else f"p {it.several.p:.2g}"
        told.append(
            "Intervals: clusters as the observations, Student's t. All rows at once, clusters drawn again "
            f"{it.several.how.draws:,} times, seed {it.several.how.seed}: SPA against {NO_ACTION} {p}; among the best "
            f"is p of belonging to the model confidence set, which holds p above {SIZE:g}."
        )
    elif not it.is_evidence:
        told.append(f"Under {CLUSTERS_MIN} clusters no interval is given, and nobody is compared with anybody.")
    if it.samples > 1 and not it.can_differ:
        told.append(
            "At temperature 0, or with top_k 1, all samples are one and the same answer (one): their agreement says no "
            "more than how far the server keeps to that. Draw different ones with --set llm.temperature=0.8 --set "
            "llm.top_k=40."
        )
    if it.controls:
        still = it.controls - it.quiet_controls
        told.append(
            "Controls are moments at which nothing fired, nothing was live and acting was not needed"
            + (f"; at {still} of {it.controls} a rule that fired long before was still met. " if still else ". ")
            + "The guardian's rules take every asking for a trigger."
        )
    else:
        told.append("No control situation: the run has no moment, far from every asking, at which nothing was wrong.")
    return told


def _of_values(it: Tournament) -> str:
    others = [
        f"{horizon.label} {numerals.number(count, 0)} in {numerals.number(clusters, 0)}"
        for horizon, count, clusters in zip(SUITE_HORIZONS, it.valued, it.clusters, strict=True)
        if horizon != PRIMARY
    ]
    return (
        f"Situations and clusters at the other horizons: {', '.join(others)}. "
        f"Situations of run {it.run} (policy {it.policy}), each valued alone from its fork; answers come when the "
        "recorded answer came. The value of a situation is the mean over its samples; a failed answer does what "
        f"on_failure does ({it.on_failure}), and counts as not valid."
    )


def as_json(it: Tournament) -> dict[str, Any]:
    """Return everything for programs: log equity, fractions as fractions, seconds."""
    return {
        "run": it.run,
        "run_head": it.head,
        "policy": it.policy,
        "market": it.market,
        "market_hash": it.market_hash,
        "evidence": it.is_evidence,
        "situations": len(it.asked),
        "primary_horizon": PRIMARY.label,
        "valued": _by_horizon(it.valued),
        "clusters": _by_horizon(it.clusters),
        "controls": it.controls,
        "controls_with_no_rule_met": it.quiet_controls,
        "samples": it.samples,
        "samples_can_differ": it.can_differ,
        "orders": it.orders,
        "on_failure": it.on_failure,
        "calls_made": it.calls_made,
        "headline": headline(it),
        "spa_p": None if it.several is None else it.several.p,
        "better_than_no_action": None if it.several is None else list(it.several.better),
        "confidence_set": None if it.several is None else list(it.several.confidence_set),
        "rows": [_row(row) for row in it.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    answers = row.answers
    return {
        "name": row.name,
        "kind": row.kind,
        "prompt": row.prompt or None,
        "prompt_sha256": row.prompt_sha256 or None,
        "model": row.model or None,
        "digest": row.digest or None,
        "advantage": _by_horizon(row.mean),
        "interval": _by_horizon([None if each is None else [each.low, each.high] for each in row.interval]),
        "regret": _by_horizon(row.regret),
        "honest_regret": row.honest_regret,
        "honest_interval": _ends(row.honest_interval),
        "over_guardian": row.over_guardian,
        "over_guardian_interval": _ends(row.over_guardian_interval),
        "among_best_p": row.among_best,
        "no_action_at_triggers": row.quiet_at_triggers,
        "no_action_at_controls": row.quiet_at_controls,
        "did": dict(row.did),
        "answers": None
        if answers is None
        else {
            "valid_at_once": answers.valid_at_once,
            "valid": answers.valid,
            "samples_agree": answers.samples_agree,
            "orders_agree": answers.orders_agree,
            "reports_in_another_order": answers.orders,
            "latency_p50_s": answers.latency_p50_s,
            "latency_p95_s": answers.latency_p95_s,
            "prompt_tokens": answers.prompt_tokens,
            "answer_tokens": answers.answer_tokens,
            "calls": answers.calls,
        },
        "by_situation": row.advantage[:, PLACE].tolist(),
    }


def per_mille(value: float, *, signed: bool = True) -> str:
    """Write log equity in thousandths."""
    return numerals.number(PER_MILLE * value, 2, signed=signed)


def between(interval: Clustered | None, mean: float) -> str:
    """Write an interval; nothing where there is none, and none where nothing varies."""
    if interval is None:
        return "not enough evidence" if not math.isnan(mean) else numerals.ABSENT
    if interval.low == interval.high:
        return numerals.ABSENT
    return f"[{per_mille(interval.low)}, {per_mille(interval.high)}]"


def among(row: Row) -> str:
    """Write whether a row may be the best."""
    if math.isnan(row.among_best):
        return numerals.ABSENT
    return f"{'yes' if row.among_best > SIZE else 'no'}, p {row.among_best:.2f}"


def samples_agree(it: Tournament, row: Row) -> str:
    """Write the agreement of samples, marked where they are one by construction."""
    assert row.answers is not None, "a model has answered"
    written = numerals.percent(row.answers.samples_agree, 0)
    return written if it.can_differ or written == numerals.ABSENT else f"{written} ({ONE})"


def counted(it: Tournament) -> str:
    """Say how many situations and clusters a mean at the primary horizon is of."""
    return f"{plural(it.valued[PLACE], 'situation')} in {plural(it.clusters[PLACE], 'cluster')}"


def plural(count: int, noun: str) -> str:
    """Count a noun."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def listed(names: Sequence[str]) -> str:
    """Join names."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def nothing(run: str) -> str:
    """Say that nobody was ever asked."""
    return f"no evidence: no trigger of {run} ever fired, so there is no situation to answer."


def _ends(interval: Clustered | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]


def _by_horizon(values: Sequence[Any]) -> dict[str, Any]:
    return {horizon.label: value for horizon, value in zip(SUITE_HORIZONS, values, strict=True)}
