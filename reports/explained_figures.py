"""A run's interventions, and the card of one decision, as plain data for programs: every figure that was computed."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from replay.card import Card
from replay.decisions import Decision
from replay.explained import Explained, Group, Whole
from replay.horizons import HORIZONS, PRIMARY, SUITE_HORIZONS
from replay.inference import Interval
from replay.trigger_quality import TriggerQuality
from replay.worth import Worth


def figures(it: Explained) -> dict[str, Any]:
    """Return everything. Effects are in log equity, times microseconds UTC; what is not defined is null."""
    attribution = it.worths.attribution
    return {
        "run": it.origin.run,
        "digest": it.origin.digest,
        "policy": it.policy,
        "market": it.origin.market,
        "market_hash": it.origin.market_hash,
        "begin": it.origin.begin,
        "end": it.origin.end,
        "start_equity": it.origin.start_equity,
        "headline": it.headline,
        "evidence": list(it.evidence),
        "judged": it.judged,
        "whole": [_whole(one) for one in it.whole],
        "parts": None if it.parts is None else it.parts._asdict(),
        "primary_horizon": PRIMARY.label,
        "interventions": [_worth(one) for one in it.interventions],
        "mean": None if it.mean is None else it.mean._asdict(),
        "curve": [
            {"horizon": horizon.label, "mean": mean, "low": low, "high": high}
            for horizon, mean, low, high in zip(HORIZONS, *it.curve, strict=True)
        ],
        "groups": {name: [_group(one) for one in table] for name, table in it.groups._asdict().items()},
        "attribution": {
            "total": attribution.total,
            "is_exact": attribution.is_exact,
            "permutations": attribution.permutations,
            "seed": attribution.seed,
            "parts": [
                {"intervention": player.number, "situation": player.situation, "part": part, "error": error}
                for player, part, error in zip(
                    attribution.players, attribution.parts.tolist(), attribution.errors.tolist(), strict=True
                )
            ],
            "left_out": it.worths.left_out,
            "left_out_remainder": it.worths.left_out_remainder,
            "added": it.worths.added,
            "added_remainder": it.worths.added_remainder,
        },
        "suite": {
            "grid": list(it.suite.grid),
            "decisions": [decision_figures(one) for one in it.suite.decisions],
            "regret": [asdict(one) for one in it.suite.regrets],
        },
        "triggers": {
            **{key: value for key, value in asdict(it.triggers).items() if key not in ("by_rule", "overall")},
            "base_rate": it.triggers.base_rate,
            "by_rule": [_trigger(one) for one in it.triggers.by_rule],
            "overall": _trigger(it.triggers.overall),
        },
        "jackknife": None if it.jackknife is None else it.jackknife._asdict(),
        "insurance": None if it.insurance is None else asdict(it.insurance),
        "trials": None if it.trials is None else dict(zip(("market", "total"), it.trials, strict=True)),
    }


def card_figures(card: Card) -> dict[str, Any]:
    """Return one decision with its report, answer, actions and effects."""
    return {
        "run": card.run,
        "digest": card.digest,
        "policy": card.policy,
        "situation": _situation(card),
        "answer": card.told,
        "decision": decision_figures(card.decision),
        "interventions": [_worth(one) for one in card.worths],
    }


def decision_figures(one: Decision) -> dict[str, Any]:
    """Return what every action was worth in one situation."""
    labels = [horizon.label for horizon in SUITE_HORIZONS]
    return {
        "situation": one.situation,
        "asked": one.asked,
        "rule": one.rule.name.lower(),
        "scope": one.scope,
        "focus": one.focus,
        "episode": one.episode,
        "cluster": one.cluster,
        "chosen": one.chosen,
        "best": dict(zip(labels, one.best, strict=True)),
        "regret": dict(zip(labels, one.regret, strict=True)),
        "actions": [
            {
                "label": action.label,
                "tool": action.tool.name.lower(),
                "symbol": action.symbol,
                "value": action.value,
                "ttl_hours": action.ttl_hours,
                "is_chosen": action.is_chosen,
                "is_redundant": action.is_redundant,
                "advantage": dict(zip(labels, action.advantage, strict=True)),
            }
            for action in one.actions
        ],
    }


def _worth(one: Worth) -> dict[str, Any]:
    return {
        "intervention": one.number,
        "situation": one.situation,
        "episode": one.episode,
        "asked": one.asked,
        "applied": one.applied,
        "expires": one.expires,
        "rule": one.rule.name.lower(),
        "scope": one.scope,
        "tool": one.tool.name.lower(),
        "symbol": one.symbol,
        "value": one.value,
        "ttl_hours": one.ttl_hours,
        "is_redundant": one.is_redundant,
        "leave_one_out": _by_horizon(one.leave_one_out.effect),
        "add_one_in": _by_horizon(one.add_one_in.effect),
        "placebo": _by_horizon(one.placebo.effect),
        "interval": _interval(one.interval),
        "parts": one.parts._asdict(),
        "shapley": one.shapley,
        "shapley_error": one.shapley_error,
        "reconverged_at": one.reconverged_at,
        "same_from": one.same_from,
        "is_censored": one.is_censored,
        "participation": one.participation,
    }


def _by_horizon(effect: Sequence[float]) -> dict[str, float]:
    return dict(zip((horizon.label for horizon in HORIZONS), effect, strict=True))


def _interval(one: Interval | None) -> dict[str, Any] | None:
    return None if one is None else asdict(one)


def _whole(one: Whole) -> dict[str, Any]:
    return {**one._asdict(), "standing": one.standing.value, "parts": one.parts._asdict()}


def _group(one: Group) -> dict[str, Any]:
    return one._asdict()


def _trigger(one: TriggerQuality) -> dict[str, Any]:
    return {**asdict(one), "rule": None if one.rule is None else one.rule.name.lower()}


def _situation(card: Card) -> dict[str, Any]:
    one = card.situation
    return {
        **{
            name: getattr(one, name) for name in one.__dataclass_fields__ if name not in ("reports", "live", "baseline")
        },
        "rule": one.rule.name.lower(),
        "reports": [{**asdict(line), "regime": line.regime.name.lower()} for line in one.reports],
        "live": [{**asdict(live), "tool": live.tool.name.lower()} for live in one.live],
        "baseline": one.baseline._asdict(),
    }
