"""Arms beside one another, and a run's interventions taken apart, as entries for MLflow."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from alphastrike.model.units import MICROS_PER_DAY
from experiments.tracked_study import NOTE
from experiments.tracking import Dataset, Entry
from replay.compare import Arm, Comparison, Effect
from replay.effect import Metrics, Parts, sampled
from replay.explained import Explained, Group, Whole
from replay.horizons import PRIMARY
from replay.verdict import Verdict, summary, verdicts

if TYPE_CHECKING:
    import pyarrow as pa

    from replay.fills import FillBand
    from replay.origin import Origin
    from replay.worth import Worth

REPLAY: Final = "replay"
EXPLAIN: Final = "explain"


def replay_key(it: Comparison, chain: str) -> str:
    """Return what makes it this replay: the run, the command, and the state that every arm ended in."""
    arms = [[arm.name, arm.digest] for arm in it.arms]
    return f"replay {it.origin.run} {_digest([chain, it.mode, it.origin.commands[-1:], arms])}"


def replay_entry(
    it: Comparison,
    *,
    chain: str,
    document: bytes,
    page: Path,
    band: "FillBand | None" = None,
    tags: Mapping[str, str] | None = None,
) -> Entry:
    """Return a comparison as an entry, its arms nested.

    Args:
        it: the comparison.
        chain: head of the run's chain.
        document: all its numbers as JSON.
        page: its HTML page.
        band: what the verdict has to hold under.
        tags: more about it.
    """
    judged = {one.arm: one for one in verdicts(it, band)}
    effects = {effect.arm: effect for effect in it.effects}
    verdict = summary(it, band)
    differences = {f"{arm}/{name}": value for arm, effect in effects.items() for name, value in _growth(effect).items()}
    return Entry(
        name=page.stem,
        params={
            **_about(it.origin),
            "factual": it.factual.policy,
            "arms": ", ".join(arm.name for arm in it.arms[1:]),
            "mode": it.mode,
        },
        metrics={**_measured(it.metrics[0]), **differences},
        tags={
            NOTE: _note(verdict, it.origin),
            "verdict": verdict,
            "kind": REPLAY,
            "digest": it.origin.digest,
            "command": "\n".join(it.origin.commands),
            **(tags or {}),
        },
        datasets=_datasets(it.origin, chain),
        artifacts=(page,),
        files={"replay.json": document},
        tables={"daily_equity": _daily(it)},
        children=tuple(
            _arm(arm, own, effects.get(arm.name), judged.get(arm.name))
            for arm, own in zip(it.arms, it.metrics, strict=True)
        ),
    )


def explain_key(it: Explained, chain: str) -> str:
    """Return what makes it this explanation: the run, how many orders were drawn, and what every arm ended in."""
    arms = [[one.mode, arm.name, arm.digest] for one in (it.adaptive, it.frozen) for arm in one.arms]
    return f"explain {it.origin.run} {_digest([chain, it.worths.attribution.permutations, arms])}"


def explain_entry(
    it: Explained, *, chain: str, document: bytes, artifacts: Sequence[Path], tags: Mapping[str, str] | None = None
) -> Entry:
    """Return a run's interventions taken apart as an entry; every one of them is a row of its table.

    Args:
        it: the explanation.
        chain: head of the run's chain.
        document: all its numbers as JSON.
        artifacts: its HTML page first, then the files of the situation suite.
        tags: more about it.
    """
    overall = it.triggers.overall
    regret = next((one for one in it.suite.regrets if one.horizon == PRIMARY.label), None)
    return Entry(
        name=artifacts[0].stem,
        params={
            **_about(it.origin),
            "policy": it.policy,
            "judged": it.judged,
            "primary_horizon": PRIMARY.label,
            "shapley_permutations": it.worths.attribution.permutations,
        },
        metrics={
            "interventions": len(it.interventions),
            "situations": len(it.suite.decisions),
            "mean_effect": None if it.mean is None else it.mean.mean,
            "mean_effect_low": None if it.mean is None else it.mean.low,
            "mean_effect_high": None if it.mean is None else it.mean.high,
            "shapley_total": it.worths.attribution.total,
            "regret_naive": None if regret is None else regret.naive,
            "regret_half_sample": None if regret is None else regret.half_sample,
            "triggers/fired": overall.fired,
            "triggers/precision": overall.precision,
            "triggers/recall": overall.recall,
            "triggers/lead_hours": overall.lead_hours,
            "triggers/false_alarms": overall.false_alarms,
            **({} if it.parts is None else _parts(it.parts)),
            **{name: value for whole in it.whole for name, value in _whole(whole).items()},
            **{name: value for group in it.groups.by_tool for name, value in _group("tool", group).items()},
            **{name: value for group in it.groups.by_trigger for name, value in _group("trigger", group).items()},
        },
        tags={
            NOTE: _note(it.headline, it.origin),
            "verdict": it.headline,
            "kind": EXPLAIN,
            "digest": it.origin.digest,
            "command": "\n".join(it.origin.commands),
            **{f"standing/{whole.arm}/{whole.mode}": whole.standing.value for whole in it.whole},
            **(tags or {}),
        },
        datasets=_datasets(it.origin, chain),
        artifacts=tuple(artifacts),
        files={"explain.json": document},
        tables={"interventions": _interventions(it.interventions)},
    )


def _about(origin: "Origin") -> dict[str, str | float]:
    return {
        "run": origin.run,
        "market": origin.market,
        "market_hash": origin.market_hash,
        "symbols": ", ".join(origin.symbols),
        "span": origin.span,
        "start_equity": origin.start_equity,
        **{f"set/{key}": value for key, value, _ in origin.settings_changed},
    }


def _datasets(origin: "Origin", chain: str) -> tuple[Dataset, ...]:
    return (Dataset(origin.market, origin.market_hash), Dataset(origin.run, chain))


def _note(verdict: str, origin: "Origin") -> str:
    commands = "\n".join(origin.commands)
    return f"{verdict}\n\n```\n{commands}\n```"


def _arm(arm: Arm, own: Metrics, effect: Effect | None, judged: Verdict | None) -> Entry:
    model = {} if arm.model is None else {f"model/{name}": value for name, value in asdict(arm.model).items()}
    moved = {} if effect is None else {f"difference/{name}": value for name, value in effect.differences.items()}
    return Entry(
        name=f"{arm.name} (factual)" if arm.is_factual else arm.name,
        params={"policy": arm.policy},
        metrics={**_measured(own), **moved, **({} if effect is None else _growth(effect)), **model},
        tags={
            "kind": "arm",
            "digest": arm.digest,
            **({} if judged is None else {"standing": judged.standing.value, "verdict": judged.headline}),
        },
    )


def _measured(own: Metrics) -> dict[str, float | None]:
    numbers = {item.name: float(getattr(own, item.name)) for item in fields(own) if item.name != "parts"}
    return {**numbers, **_parts(own.parts)}


def _parts(parts: Parts) -> dict[str, float]:
    return {f"parts/{name}": value for name, value in parts._asdict().items()}


def _growth(effect: Effect) -> dict[str, float | None]:
    """Return what changed in log growth, with its interval where there is one."""
    return {
        "log_growth_difference": effect.differences["log_growth"],
        "log_growth_difference_low": None if effect.growth is None else effect.growth.low,
        "log_growth_difference_high": None if effect.growth is None else effect.growth.high,
    }


def _whole(one: Whole) -> dict[str, float]:
    where = f"against/{one.arm}/{one.mode}"
    return {where: one.effect, f"{where}_low": one.low, f"{where}_high": one.high}


def _group(kind: str, one: Group) -> dict[str, float]:
    where = f"{kind}/{one.label}"
    return {f"{where}/interventions": one.interventions, f"{where}/mean": one.mean, f"{where}/shapley": one.shapley}


def _daily(it: Comparison) -> "pa.Table":
    """Return a row an arm and day: equity at the day's end, quote."""
    import pyarrow as pa

    names, days, values = [], [], []
    for arm in it.arms:
        of_arm, equity = sampled(arm.tables["equity"], it.origin.start_equity, MICROS_PER_DAY)
        names += [arm.name] * len(of_arm)
        days.append(of_arm)
        values.append(equity[1:])
    return pa.table(
        {
            "arm": pa.array(names, pa.string()).dictionary_encode(),
            "day": pa.array(np.concatenate(days).astype(np.int32), pa.int32()).cast(pa.date32()),
            "equity": np.concatenate(values),
        }
    )


def _interventions(worths: Sequence["Worth"]) -> "pa.Table":
    """Return a row an intervention with its effects at the primary horizon, log equity."""
    import pyarrow as pa

    from replay.explained import AT

    stamp = pa.timestamp("us", tz="UTC")
    return pa.table(
        {
            "intervention": pa.array([one.number for one in worths], pa.int64()),
            "situation": pa.array([one.situation for one in worths], pa.int64()),
            "episode": pa.array([one.episode for one in worths], pa.int64()),
            "applied": pa.array([one.applied for one in worths], stamp),
            "expires": pa.array([one.expires for one in worths], stamp),
            "rule": pa.array([one.rule.name.lower() for one in worths], pa.string()),
            "tool": pa.array([one.tool.name.lower() for one in worths], pa.string()),
            "symbol": pa.array([one.symbol for one in worths], pa.string()),
            "value": pa.array([one.value for one in worths], pa.float64()),
            "leave_one_out": pa.array([one.leave_one_out.effect[AT] for one in worths], pa.float64()),
            "low": pa.array([None if one.interval is None else one.interval.low for one in worths], pa.float64()),
            "high": pa.array([None if one.interval is None else one.interval.high for one in worths], pa.float64()),
            "add_one_in": pa.array([one.add_one_in.effect[AT] for one in worths], pa.float64()),
            "placebo": pa.array([one.placebo.effect[AT] for one in worths], pa.float64()),
            "shapley": pa.array([one.shapley for one in worths], pa.float64()),
        }
    )


def _digest(decides: object) -> str:
    return hashlib.blake2b(json.dumps(decides, sort_keys=True).encode(), digest_size=8).hexdigest()
