"""An explanation made by hand out of a seed, with as many interventions as a page has to bear."""

import math
from dataclasses import replace

import numpy as np

from alphastrike.engine.plans import Planned
from alphastrike.journal.codes import Rule, Tool
from alphastrike.model.units import MICROS_PER_DAY, MICROS_PER_HOUR
from replay.attribution import Attribution, Share, grouped
from replay.compare import ADAPTIVE, FROZEN, Comparison, Effect, Mode
from replay.decisions import ActionValue, Decision, suite_from
from replay.effect import Parts
from replay.explained import Explained, Group, Groups, Whole
from replay.horizons import HORIZONS, SUITE_HORIZONS
from replay.inference import Interval, cluster_interval, simultaneous_band
from replay.trigger_quality import TriggerQualities, TriggerQuality
from replay.verdict import verdict
from replay.worth import Curve, Worth, Worths
from reports.recorded import Recorded
from tests.reports.world import SYMBOLS, made_comparison

GRID = (
    ("no_action", Tool.NO_ACTION, 0.0),
    *((f"adjust_conviction:threshold={value}", Tool.ADJUST_CONVICTION, float(value)) for value in (85, 90, 95)),
    *((f"adjust_position_size:multiplier={value}", Tool.ADJUST_POSITION_SIZE, value) for value in (0.25, 0.5, 0.75)),
    *((f"adjust_leverage:new_leverage={value}", Tool.ADJUST_LEVERAGE, float(value)) for value in (1, 2, 3)),
    ("disable_shorts", Tool.DISABLE_SHORTS, 0.0),
    *((f"disable_asset:duration_hours={value}", Tool.DISABLE_ASSET, float(value)) for value in (24, 72)),
)
REACH = (0.15, 0.35, 0.6, 0.8, 1.1, 1.4, 2.2)
"""How far effects spread at every horizon, against that of a day."""


def curve(generator: np.random.Generator, scale: float, applied: int, end: int) -> Curve:
    walk = np.cumsum(generator.normal(0.0, 1.0, len(HORIZONS)) * np.diff([0.0, *REACH]) * scale)
    censored = [each.micros is not None and applied + each.micros > end for each in HORIZONS]
    return Curve(tuple(math.nan if out else float(value) for out, value in zip(censored, walk, strict=True)))


def made_worths(compared: Comparison, generator: np.random.Generator, scale: float) -> list[Worth]:
    """Give every intervention of the factual arm a worth: most are path noise, a few clear."""
    end = compared.origin.end
    found: list[Worth] = []
    for answer in compared.answers[compared.factual.name]:
        for call in answer.calls:
            if call.intervention is None:
                continue
            begin, until = call.intervention.active
            effect = curve(generator, scale * float(generator.choice([0.4, 1.0, 4.0], p=[0.5, 0.4, 0.1])), begin, end)
            week = effect.effect[5]
            half = abs(float(generator.normal(0.0, 1.2 * scale))) + 0.3 * scale
            days = int(generator.integers(1, 20))
            money = generator.normal(0.0, 100.0, 5)
            found.append(
                Worth(
                    number=call.intervention.number,
                    situation=answer.situation,
                    episode=len(found) // 3,
                    asked=answer.asked,
                    applied=begin,
                    expires=until,
                    rule=answer.rule,
                    scope=answer.symbol,
                    tool=call.tool,
                    symbol=call.symbol,
                    value=call.value,
                    ttl_hours=call.ttl_hours,
                    is_redundant=len(found) % 11 == 10,
                    leave_one_out=effect,
                    add_one_in=curve(generator, scale, begin, end),
                    placebo=curve(generator, 0.15 * scale, begin, end),
                    interval=None if math.isnan(week) else Interval(week - half, week + 0.8 * half, 2000, 1.0, 1, 7),
                    parts=Parts(*(float(part) for part in money)),
                    shapley=0.9 * effect.effect[-1],
                    shapley_error=0.02 * scale,
                    reconverged_at=None if days > 15 else begin + days * MICROS_PER_DAY + 5 * MICROS_PER_HOUR,
                    same_from=None if days > 10 else begin + (days + 4) * MICROS_PER_DAY,
                    participation=float(generator.uniform(0.0, 0.004)),
                )
            )
    return found


def made_decisions(compared: Comparison, generator: np.random.Generator, scale: float) -> tuple[Decision, ...]:
    """Value the whole grid in every situation of the factual arm."""
    end = compared.origin.end
    found = []
    for number, answer in enumerate(compared.answers[compared.factual.name]):
        focus = answer.symbol or compared.origin.symbols[0]
        stands = any(call.intervention is not None for call in answer.calls)
        chosen = "adjust_position_size:multiplier=0.5" if stands else "no_action"
        actions = []
        tilt = generator.normal(0.0, scale)
        for place, (label, tool, value) in enumerate(GRID):
            walk = np.cumsum(generator.normal(0.0, 0.6 * scale, len(SUITE_HORIZONS))) + tilt * place / 6.0
            advantage = tuple(
                math.nan
                if each.micros is not None and answer.asked + each.micros > end
                else (float(walk[at]) if place else 0.0)
                for at, each in enumerate(SUITE_HORIZONS)
            )
            hours = 0 if not place else int(value) if tool is Tool.DISABLE_ASSET else 24
            actions.append(
                ActionValue(
                    label=label,
                    tool=tool,
                    symbol=None if tool in {Tool.NO_ACTION, Tool.ADJUST_LEVERAGE} else focus,
                    value=value,
                    ttl_hours=hours,
                    is_chosen=label == chosen,
                    is_redundant=place % 5 == 4,
                    advantage=advantage,
                    plan=(),
                )
            )
        own = next(action for action in actions if action.is_chosen)
        best, regret = [], []
        for at in range(len(SUITE_HORIZONS)):
            is_known = not math.isnan(own.advantage[at])
            top = max(actions, key=lambda action: action.advantage[at])
            best.append(top.label if is_known else "")
            regret.append(top.advantage[at] - own.advantage[at] if is_known else math.nan)
        found.append(
            Decision(
                situation=answer.situation,
                asked=answer.asked,
                rule=Rule(answer.rule),
                scope=answer.symbol,
                focus=focus,
                episode=number // 3 if stands else None,
                cluster=number // 4,
                chosen=chosen,
                actions=tuple(actions),
                best=tuple(best),
                regret=tuple(regret),
            )
        )
    return tuple(found)


def made_attribution(worths: list[Worth], generator: np.random.Generator, scale: float) -> Worths:
    """Share a whole among the interventions, as drawn orders would."""
    parts = np.array([worth.shapley for worth in worths])
    draws = parts + generator.normal(0.0, 0.1 * scale, (8, len(worths)))
    draws += (parts.sum() - draws.sum(axis=1, keepdims=True)) / max(len(worths), 1)
    attribution = Attribution(
        parts=draws.mean(axis=0),
        errors=draws.std(axis=0, ddof=1) / math.sqrt(len(draws)),
        draws=draws,
        total=float(parts.sum()),
        is_exact=False,
        permutations=2 * len(draws),
        seed=1,
        players=tuple(
            Planned(worth.number, int(worth.tool), 0, worth.value, worth.expires, worth.number, worth.situation)
            for worth in worths
        ),
    )
    return Worths(
        interventions=tuple(
            replace(worth, shapley=float(part), shapley_error=float(error))
            for worth, part, error in zip(worths, attribution.parts, attribution.errors, strict=True)
        ),
        attribution=attribution,
        by_trigger=grouped(attribution, [worth.rule.name.lower() for worth in worths]),
        by_tool=grouped(attribution, [worth.tool.name.lower() for worth in worths]),
        by_symbol=grouped(attribution, [worth.symbol or "account" for worth in worths]),
        left_out=math.fsum(worth.leave_one_out.effect[-1] for worth in worths),
        added=math.fsum(worth.add_one_in.effect[-1] for worth in worths),
    )


def made_triggers() -> TriggerQualities:
    """Triggers of three kinds: one useful, one not, one that never fired."""
    rules = (
        TriggerQuality(Rule.WIN_RATE, 21, 18, 17, 8, 8 / 17, 0.26, 0.69, 0.22, 12.0, 9, 0.0021, 212.0),
        TriggerQuality(Rule.DRAWDOWN, 9, 9, 9, 2, 2 / 9, 0.06, 0.55, 0.08, 12.0, 9, 0.0021, 212.0),
        TriggerQuality(
            Rule.LOSS_STREAK, 0, 0, 0, 0, math.nan, math.nan, math.nan, 0.0, math.nan, 0, math.nan, math.nan
        ),
    )
    overall = TriggerQuality(None, 30, 27, 26, 10, 10 / 26, 0.22, 0.57, 0.28, 12.0, 9, 0.0021, 212.0)
    return TriggerQualities(rules, overall, moments=402, moments_needed=131, floor=0.0008)


def made_explained(
    situations: int = 41,
    days: int = 500,
    symbols: tuple[str, ...] = SYMBOLS,
    reason: str = "five losses in a row: half the size",
    scale: float = 0.004,
) -> tuple[Explained, Recorded]:
    """Explain a drawn run: what an engine would have found is drawn too, but adds up as the engine's figures do."""
    adaptive = made_comparison(("no-llm", "random:seed=1"), days, situations, symbols, reason)
    generator = np.random.default_rng(3)
    worths = made_attribution(made_worths(adaptive, generator, scale), generator, scale)
    effects = np.array([each.leave_one_out.effect for each in worths.interventions]).reshape(-1, len(HORIZONS))
    episodes = np.array([each.episode for each in worths.interventions])
    band = simultaneous_band(effects, episodes)
    paths = tuple(
        (arm.name, np.asarray(arm.tables["equity"]["event_time"]), np.asarray(arm.tables["equity"]["equity"]))
        for arm in adaptive.arms
    )
    found = Explained(
        origin=replace(adaptive.origin, commands=("alphastrike replay majors-rules --policy no-llm --data elsewhere",)),
        policy="rules",
        headline="Undecided: no-llm grew less than rules on this history, but it could have turned out either way.",
        evidence=("Against no-llm (adaptive): +0.068 log growth.", "A single intervention moved +0.54 ‰ on average."),
        adaptive=adaptive,
        frozen=replace(adaptive, mode=FROZEN),
        whole=tuple(made_whole(effect, mode) for mode in (ADAPTIVE, FROZEN) for effect in adaptive.effects),
        judged=ADAPTIVE,
        paths=paths,
        worths=worths,
        groups=Groups(*(tuple(made_group(share, scale) for share in shares) for shares in (
            worths.by_tool, worths.by_trigger, worths.by_symbol))),
        mean=cluster_interval(effects[:, 5], episodes),
        curve=(tuple(band.mean.tolist()), tuple(band.low.tolist()), tuple(band.high.tolist())),
        parts=Parts(900.0, -200.0, -50.0, 30.0, 0.0),
        suite=suite_from("majors-rules", "rules", made_decisions(adaptive, generator, scale)),
        triggers=made_triggers(),
        jackknife=None,
        insurance=None,
        trials=None,
    )  # fmt: skip
    times = paths[0][1]
    return found, Recorded(adaptive.answers["rules"], times, 7 * np.arange(1, len(times) + 1))


def made_whole(effect: Effect, mode: Mode) -> Whole:
    told = verdict(effect)
    low, high = (math.nan, math.nan) if effect.growth is None else (-effect.growth.high, -effect.growth.low)
    return Whole(
        arm=effect.arm,
        mode=mode,
        effect=-effect.differences["log_growth"],
        low=low,
        high=high,
        episodes=effect.episodes,
        standing=told.standing,
        headline=told.headline,
        evidence=told.evidence,
        parts=Parts(*(-part for part in effect.parts)),
    )


def made_group(share: Share, scale: float) -> Group:
    mean = share.part / share.interventions
    return Group(
        label=share.label,
        interventions=share.interventions,
        episodes=share.interventions,
        mean=mean,
        low=mean - scale,
        high=mean + scale,
        p=0.2,
        q=0.3,
        shapley=share.part,
        shapley_error=share.error,
    )
