"""A run's interventions taken apart: what each was worth, what else could have been done, when, and how sure one is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from alphastrike.journal.reader import Run
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.progress import Progress, silent
from alphastrike.model.units import MICROS_PER_DAY
from alphastrike.policy.settings import is_model
from alphastrike.runs.forks import is_frozen_branch
from alphastrike.runs.recorder import Others
from replay.attribution import Share
from replay.compare import ADAPTIVE, FROZEN, NO_LLM, Arm, Comparison, Mode
from replay.decisions import Suite, suite_of
from replay.effect import Integers, Parts, Reals, returns, sampled
from replay.ground import ground_of
from replay.horizons import HORIZONS, PRIMARY
from replay.inference import (
    Clustered,
    Interval,
    Jackknife,
    benjamini_hochberg,
    cluster_interval,
    jackknife,
    simultaneous_band,
)
from replay.inference.clusters import episode_sums
from replay.insurance import Insurance, insurance
from replay.oracle import HINDSIGHT, ORACLE
from replay.origin import Origin
from replay.pool import Pool
from replay.rerun import compare
from replay.shapley import PAIRS
from replay.trigger_quality import TriggerQualities, trigger_quality
from replay.verdict import Standing, verdict
from replay.worth import Worth, Worths, worths

ALWAYS: Final = (NO_LLM, "rules", "random:seed=1")
"""Arms that every explanation has; the run's own policy is not compared with itself."""

AT: Final = HORIZONS.index(PRIMARY)


class Whole(NamedTuple):
    """The whole run against one other arm. Everything is policy − the other: positive where the policy grew more."""

    arm: str
    mode: Mode
    effect: float
    """Of log growth."""
    low: float
    """95 % over histories, decisions fixed; NaN where none is printed."""
    high: float
    episodes: int
    standing: Standing
    """Of the other arm, as in a replay."""
    headline: str
    evidence: str
    parts: Parts
    """Of the difference of net P&L, quote."""

    @property
    def is_hindsight(self) -> bool:
        """Whether the other arm knows what comes: an upper bound, and no policy."""
        return self.arm in (ORACLE, HINDSIGHT)


class Group(NamedTuple):
    """Interventions that share a tool, a trigger or a symbol; effects are leave-one-out over the primary horizon."""

    label: str
    interventions: int
    """That have a defined effect."""
    episodes: int
    mean: float
    """Log equity; NaN without one."""
    low: float
    """95 %, episodes as the independent observations; NaN under ten of them, as p and q are."""
    high: float
    p: float
    q: float
    """Least share of false findings among the groups of this table at which this one would be a finding."""
    shapley: float
    """What the group contributed to log growth, halts included."""
    shapley_error: float


class Groups(NamedTuple):
    """Three ways of sorting the same interventions, each with its own q."""

    by_tool: tuple[Group, ...]
    by_trigger: tuple[Group, ...]
    by_symbol: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """All that is known of a run's interventions. Effects in log equity unless money is said."""

    origin: Origin
    policy: str
    """Name of the recorded run's arm."""
    headline: str
    """The verdict in one sentence."""
    evidence: tuple[str, ...]
    """What it rests on, a sentence each."""
    adaptive: Comparison
    """Every arm answers its own situations; the oracle, an upper bound, is among them."""
    frozen: Comparison
    """Every arm answers the recorded ones, and nobody is asked after."""
    whole: tuple[Whole, ...]
    """Adaptive first, then frozen, arms in their order."""
    judged: Mode
    """The mode of the verdict: frozen for a run of a model."""
    paths: tuple[tuple[str, Integers, Reals], ...]
    """(arm, times, equity) at every tick in the judged mode, the recorded run's first."""
    worths: Worths
    groups: Groups
    mean: Clustered | None
    """Mean leave-one-out effect over the primary horizon; ``None`` under ten episodes."""
    curve: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]
    """Mean leave-one-out effect by horizon, and the low and high edge of the 95 % band that holds at all at once."""
    parts: Parts | None
    """Frozen: recorded − no intervention at all, at the end of the run, quote; ``None`` without interventions."""
    suite: Suite
    triggers: TriggerQualities
    jackknife: Jackknife | None
    """Of the judged effect against no-llm, by week."""
    insurance: Insurance | None
    """Likewise."""
    trials: tuple[int, int] | None = None
    """Policies, prompts, models and thresholds ever looked at: on this market, in all. ``None`` until counted."""

    def counted(self, market: int, total: int, told: str) -> "Explained":
        """Return the same with the number of trials, and the sentence about them among the evidence."""
        return replace(self, trials=(market, total), evidence=(*self.evidence, told))

    @property
    def interventions(self) -> tuple[Worth, ...]:
        """Every intervention of the run, in order."""
        return self.worths.interventions

    def whole_of(self, arm: str, mode: Mode) -> Whole | None:
        """Return the effect against one arm."""
        return next((one for one in self.whole if (one.arm, one.mode) == (arm, mode)), None)


def explain(
    root: Path,
    run: Run,
    *,
    pairs: int = PAIRS,
    threads: int = 1,
    others: Others = lambda _: {},
    progress: Progress = silent,
    pool: Pool | None = None,
) -> Explained:
    """Take a recorded run apart; the result does not depend on ``threads``.

    Args:
        root: the data root, for the run's market.
        run: the recorded run; of one that goes on, what it holds so far.
        pairs: orders drawn for Shapley values, each with its reverse.
        threads: branches run at the same time.
        others: makes the policies that need more than their names.
        progress: told of every stage.
        pool: where branches are run, instead of threads; the result does not depend on it either.

    Raises:
        ConfigurationError: settings or a market that are not here, or the run is a frozen branch.
        DataError: the run is damaged, or this version does not reproduce it.
    """
    if is_frozen_branch(run):
        raise ConfigurationError(
            f"{run.name!r} is a frozen branch: most of what stands in it answered situations of its parent. Explain "
            "that one, or a single decision of this one with --situation."
        )
    policy = run.manifest.policy
    arms = [arm for arm in ALWAYS if arm != policy]
    adaptive = compare(root, run, [*arms, ORACLE], threads=threads, progress=progress, others=others)
    frozen = compare(root, run, arms, mode=FROZEN, threads=threads, progress=progress, others=others)
    ground = ground_of(root, run)
    suite = suite_of(run, ground, threads=threads, progress=progress, pool=pool)
    own = worths(ground, run, pairs=pairs, threads=threads, progress=progress, pool=pool)
    triggers = trigger_quality(run, ground, threads=threads, progress=progress, pool=pool)
    judged: Mode = FROZEN if is_model(policy) else ADAPTIVE
    main = frozen if judged == FROZEN else adaptive
    effects = np.array([each.leave_one_out.effect for each in own.interventions]).reshape(-1, len(HORIZONS))
    episodes = np.array([each.episode for each in own.interventions], dtype=np.int64)
    band = simultaneous_band(effects, episodes) if len(effects) else None
    of_none = next((one for one in frozen.effects if one.arm == NO_LLM), None)
    found = Explained(
        origin=adaptive.origin,
        policy=main.factual.name,
        headline="",
        evidence=(),
        adaptive=adaptive,
        frozen=frozen,
        whole=tuple(_wholes(adaptive, ADAPTIVE) + _wholes(frozen, FROZEN)),
        judged=judged,
        paths=tuple(_path(arm) for arm in main.arms if arm.name not in (ORACLE, HINDSIGHT)),
        worths=own,
        groups=_groups(own),
        mean=cluster_interval(effects[:, AT], episodes),
        curve=_band(band.mean, band.low, band.high)
        if band is not None
        else _band(*[np.full(len(HORIZONS), np.nan)] * 3),
        parts=Parts(*(-part for part in of_none.parts)) if of_none is not None and own.interventions else None,
        suite=suite,
        triggers=triggers,
        jackknife=_jackknife(main, effects, episodes),
        insurance=_insurance(main),
    )
    return replace(found, headline=_headline(found), evidence=tuple(_evidence(found)))


def _wholes(comparison: Comparison, mode: Mode) -> list[Whole]:
    found = []
    for effect in comparison.effects:
        told = verdict(effect)
        low, high = _turned(effect.growth)
        found.append(
            Whole(
                arm=effect.arm,
                mode=mode,
                effect=0.0 - effect.differences["log_growth"],
                low=low,
                high=high,
                episodes=effect.episodes,
                standing=told.standing,
                headline=told.headline,
                evidence=told.evidence,
                parts=Parts(*(0.0 - part for part in effect.parts)),
            )
        )
    return found


def _turned(interval: Interval | None) -> tuple[float, float]:
    return (math.nan, math.nan) if interval is None else (0.0 - interval.high, 0.0 - interval.low)


def _path(arm: Arm) -> tuple[str, Integers, Reals]:
    equity = arm.tables["equity"]
    return arm.name, np.asarray(equity["event_time"]), np.asarray(equity["equity"])


def _band(mean: Reals, low: Reals, high: Reals) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    return tuple(mean.tolist()), tuple(low.tolist()), tuple(high.tolist())


def _groups(own: Worths) -> Groups:
    each = own.interventions
    return Groups(
        by_tool=_table(own.by_tool, each, [one.tool.name.lower() for one in each]),
        by_trigger=_table(own.by_trigger, each, [one.rule.name.lower() for one in each]),
        by_symbol=_table(own.by_symbol, each, [one.symbol or "account" for one in each]),
    )


def _table(shares: Sequence[Share], worths: Sequence[Worth], labels: Sequence[str]) -> tuple[Group, ...]:
    groups = []
    for share in shares:
        members = [worth for worth, label in zip(worths, labels, strict=True) if label == share.label]
        effects = np.array([worth.leave_one_out.effect[AT] for worth in members], dtype=np.float64)
        episodes = np.array([worth.episode for worth in members], dtype=np.int64)
        known = ~np.isnan(effects)
        found = cluster_interval(effects, episodes)
        groups.append(
            Group(
                label=share.label,
                interventions=int(np.sum(known)),
                episodes=len(np.unique(episodes[known])),
                mean=float(np.mean(effects[known])) if known.any() else math.nan,
                low=math.nan if found is None else found.low,
                high=math.nan if found is None else found.high,
                p=math.nan if found is None else found.p,
                q=math.nan,
                shapley=share.part,
                shapley_error=share.error,
            )
        )
    q = benjamini_hochberg(np.array([group.p for group in groups], dtype=np.float64))
    return tuple(group._replace(q=float(value)) for group, value in zip(groups, q, strict=True))


def _daily(main: Comparison) -> tuple[Integers, Reals, Reals] | None:
    """Return days, and daily returns of the recorded run and of no-llm; ``None`` where that is the run itself."""
    alone = next((arm for arm in main.arms[1:] if arm.name == NO_LLM), None)
    if alone is None:
        return None
    start = main.origin.start_equity
    days, own = sampled(main.factual.tables["equity"], start, MICROS_PER_DAY)
    return days, returns(own), returns(sampled(alone.tables["equity"], start, MICROS_PER_DAY)[1])


def _insurance(main: Comparison) -> Insurance | None:
    daily = _daily(main)
    return None if daily is None else insurance(*daily)


def _jackknife(main: Comparison, effects: Reals, episodes: Integers) -> Jackknife | None:
    daily = _daily(main)
    if daily is None or not len(effects) or not len(daily[0]):
        return None
    days, own, alone = daily
    if np.min(own) <= -1.0 or np.min(alone) <= -1.0:
        return None
    sums, _ = episode_sums(effects[:, AT], episodes)
    return jackknife(days, np.log1p(own) - np.log1p(alone), sums)


def _headline(it: Explained) -> str:
    first = it.whole_of(NO_LLM, it.judged) or next(one for one in it.whole if one.mode == it.judged)
    return first.headline


def _evidence(it: Explained) -> list[str]:
    told = []
    for mode in (it.judged, FROZEN if it.judged == ADAPTIVE else ADAPTIVE):
        for one in it.whole:
            if one.mode == mode and not one.is_hindsight:
                interval = f", 95 % {_interval(one.low, one.high)}" if not math.isnan(one.low) else ""
                told.append(f"Against {one.arm} ({mode}): {_log(one.effect)} log growth{interval}. {one.evidence}")
    told += _of_the_mean(it)
    if it.insurance is not None:
        told.append(it.insurance.told())
    if it.jackknife is not None and it.jackknife.weeks > 1:
        told.append(_of_the_weeks(it.jackknife))
    return told


def _of_the_mean(it: Explained) -> list[str]:
    count = len(it.interventions)
    if not count:
        return ["It never intervened."]
    known = [one.leave_one_out.effect[AT] for one in it.interventions if not one.is_censored]
    if it.mean is None:
        episodes = len({one.episode for one in it.interventions if not one.is_censored})
        return [f"Single interventions: {len(known):,} in {episodes} episodes, too few to say what one is worth."]
    one = it.mean
    said = (
        f"A single intervention moved {_thousandths(one.mean)} ‰ of equity over {PRIMARY.label} on average, 95 % "
        f"[{_thousandths(one.low)}, {_thousandths(one.high)}] over {one.episodes} episodes (p {one.p:.2f})."
    )
    return [said]


def _of_the_weeks(one: Jackknife) -> str:
    said = f"With any one week left out the effect lies between {_log(one.low)} and {_log(one.high)}"
    share = (
        ""
        if math.isnan(one.largest_episode_share)
        else (f"; the largest episode makes {100.0 * one.largest_episode_share:.0f} % of what all moved")
    )
    return f"{said}{', so that one week decides its sign' if one.changes_sign else ''}{share}."


def _interval(low: float, high: float) -> str:
    return f"[{_log(low)}, {_log(high)}]"


def _log(value: float) -> str:
    return _signed(value, f"{abs(value):.3f}")


def _thousandths(value: float) -> str:
    return _signed(value, f"{1_000.0 * abs(value):,.2f}")


def _signed(value: float, written: str) -> str:
    sign = "" if not written.strip("0.,") else "−" if value < 0.0 else "+"
    return f"{sign}{written}"
