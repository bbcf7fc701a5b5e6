"""A tournament as an entry for MLflow: a nested run a row, its prompts registered, what was asked now as traces."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from experiments.contestants import Contestant
from experiments.tournament_answers import Sheet
from experiments.tournament_result import PLACE, Row, Tournament
from experiments.tracked_study import NOTE
from experiments.tracking import Dataset, Entry, Tracker
from replay.horizons import PRIMARY, SUITE_HORIZONS

if TYPE_CHECKING:
    import pyarrow as pa

TOURNAMENT: Final = "tournament"
TRACES: Final = 100
"""Answers of one tournament that are shown as traces, the first ones: each takes a thirtieth of a second to log. All
answers are in the store of calls."""


def tournament_key(it: Tournament, sheet: Sheet) -> str:
    """Return what makes it this tournament: the run, who took part, and what was asked."""
    said = [it.head, [one.subject for one in sheet.contestants], it.samples, it.orders, it.controls]
    digest = hashlib.blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=16).hexdigest()
    return f"tournament {it.run} {digest}"


def tournament_entry(
    it: Tournament,
    *,
    headline: str,
    document: bytes,
    page: Path,
    command: str,
    tags: Mapping[str, str] | None = None,
) -> Entry:
    """Return a tournament as an entry, its rows nested.

    Args:
        it: the tournament.
        headline: its finding.
        document: all its numbers as JSON.
        page: its HTML page.
        command: what holds it again.
        tags: more about it.
    """
    return Entry(
        name=page.stem,
        params={
            "run": it.run,
            "policy": it.policy,
            "market": it.market,
            "contestants": ", ".join(row.name for row in it.models),
            "samples": it.samples,
            "orders": it.orders,
            "on_failure": it.on_failure,
            "primary_horizon": PRIMARY.label,
        },
        metrics={
            "situations": len(it.asked),
            "situations_valued": it.valued[PLACE],
            "clusters": it.clusters[PLACE],
            "controls": it.controls,
            "spa_p": None if it.several is None else it.several.p,
            **{f"{row.name}/{name}": value for row in it.rows for name, value in _headline_of(row).items()},
        },
        tags={NOTE: f"{headline}\n\n`{command}`", "verdict": headline, "kind": TOURNAMENT, **(tags or {})},
        datasets=(Dataset(it.run, it.head), Dataset(it.market, it.market_hash)),
        artifacts=(page,),
        files={"tournament.json": document},
        tables={"situations": _situations(it)},
        children=tuple(_row(row) for row in it.rows),
    )


def log_traces(tracker: Tracker, sheet: Sheet, run: str) -> int:
    """Log what was really asked as traces, the first answers of many; return how many."""
    logged = 0
    for own, moment, begun, attempt in _made(sheet):
        if logged == TRACES:
            break
        completion = attempt.completion
        tracker.trace(
            TOURNAMENT,
            f"{own.name}: {moment}",
            key=f"{attempt.request.key} {begun}",
            request=[{"role": one.role, "content": one.content} for one in attempt.request.messages],
            response=completion.content,
            begun=begun,
            seconds=completion.latency_us / 1e6,
            tokens=(completion.prompt_tokens, completion.answer_tokens),
            error=attempt.fault or completion.error or None,
            tags={"run": run, "prompt": own.prompt.label, "model": own.settings.model},
        )
        logged += 1
    return logged


def _made(sheet: Sheet) -> Iterator[tuple[Contestant, str, int, Any]]:
    for question, answer in sheet.answers.items():
        situation, is_control = sheet.moments[question.moment]
        moment = "a control" if is_control else f"situation {situation.situation}"
        begun = answer.begun
        for attempt in answer.made:
            yield sheet.contestants[question.contestant], moment, begun, attempt
            begun += attempt.completion.latency_us


def _headline_of(row: Row) -> dict[str, float | None]:
    return {"advantage": row.mean[PLACE], "regret": row.regret[PLACE], "among_best_p": row.among_best}


def _row(row: Row) -> Entry:
    metrics: dict[str, float | None] = {
        **{f"advantage/{horizon.label}": value for horizon, value in zip(SUITE_HORIZONS, row.mean, strict=True)},
        **{f"regret/{horizon.label}": value for horizon, value in zip(SUITE_HORIZONS, row.regret, strict=True)},
        "honest_regret": row.honest_regret,
        "over_guardian": row.over_guardian,
        "no_action_at_triggers": row.quiet_at_triggers,
        "no_action_at_controls": row.quiet_at_controls,
        "among_best_p": row.among_best,
        **{f"did/{tool}": share for tool, share in row.did.items()},
    }
    interval = row.interval[PLACE]
    if interval is not None:
        metrics |= {"advantage_low": interval.low, "advantage_high": interval.high}
    if row.answers is not None:
        answers = row.answers
        metrics |= {
            "valid_at_once": answers.valid_at_once,
            "valid": answers.valid,
            "samples_agree": answers.samples_agree,
            "orders_agree": answers.orders_agree,
            "latency_p50_s": answers.latency_p50_s,
            "latency_p95_s": answers.latency_p95_s,
            "prompt_tokens": answers.prompt_tokens,
            "answer_tokens": answers.answer_tokens,
            "calls": answers.calls,
        }
    params = {"kind": row.kind, "prompt": row.prompt, "model": row.model, "digest": row.digest}
    return Entry(
        name=row.name,
        params={name: value for name, value in params.items() if value},
        metrics=metrics,
        tags={"prompt_sha256": row.prompt_sha256} if row.prompt_sha256 else {},
    )


def _situations(it: Tournament) -> "pa.Table":
    """Return every row's advantage in every situation, one line a row, situation and horizon."""
    import pyarrow as pa

    lines: list[dict[str, Any]] = [
        {
            "contestant": row.name,
            "situation": each.situation,
            "rule": each.rule.name.lower(),
            "scope": each.scope,
            "cluster": each.cluster,
            "horizon": horizon.label,
            "advantage_log_equity": float(row.advantage[number, place]),
        }
        for row in it.rows
        for number, each in enumerate(it.asked)
        for place, horizon in enumerate(SUITE_HORIZONS)
    ]
    return pa.Table.from_pylist(lines)
