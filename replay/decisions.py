"""The situation suite: what every action of the stated grid would have been worth in every situation of a run.

One decision is valued alone. From the checkpoint at which a situation was asked the run is forked once per action,
nobody is asked any more, later interventions do not come, and those already live end as recorded. All branches of a
situation run side by side; what an action is worth is its branch against the branch in which nothing was done.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from alphastrike.engine.plans import Plan
from alphastrike.journal.codes import Rule, Tool
from alphastrike.journal.reader import Run
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.progress import Progress, silent
from replay.branch import Fork, run_branches
from replay.cases import CHOSEN, Case, cases_of, label_of
from replay.effect import CENT, Reals
from replay.ground import Ground
from replay.horizons import SUITE_HORIZONS, ticks_ahead
from replay.pool import Pool, There, Threads, ground_there
from replay.regret import Regret, regrets

_ORDER: Final = (
    Tool.NO_ACTION,
    Tool.ADJUST_CONVICTION,
    Tool.ADJUST_POSITION_SIZE,
    Tool.ADJUST_LEVERAGE,
    Tool.DISABLE_SHORTS,
    Tool.DISABLE_ASSET,
)
"""Of the grid's tools."""


@dataclass(frozen=True, slots=True)
class ActionValue:
    """One action in one situation, and what it was worth."""

    label: str
    """``tool:argument=value`` of a grid's action, whatever its symbol; ``CHOSEN`` for an answer that is none."""
    tool: Tool
    """Of an answer with several interventions the first one's; ``UNKNOWN`` for the halt after a failed answer."""
    symbol: str | None
    """``None`` for the whole account."""
    value: float
    ttl_hours: int
    """0 where nothing stands."""
    is_chosen: bool
    """Whether it is what the run's policy answered."""
    is_redundant: bool
    """Whether it changed no control when the situation was asked; it may still bind once a live one has expired."""
    advantage: tuple[float, ...]
    """Over doing nothing, log equity, by ``SUITE_HORIZONS``; NaN where the horizon lies beyond the market's end."""
    plan: Plan
    """The interventions it consists of; empty in a suite read from a file."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One situation with every action that it admits."""

    situation: int
    asked: int
    """Microseconds UTC."""
    rule: Rule
    scope: str | None
    """The symbol whose trigger fired; ``None`` for the account's."""
    focus: str
    """The symbol that the grid's actions are aimed at."""
    episode: int | None
    """Of the run's interventions, from 0 in order of time; ``None`` when the answer made none."""
    cluster: int
    """From 0 in order of time: situations in which an action could still stand when the next one was asked are one. 0
    for a decision taken by itself."""
    chosen: str
    """Label of what was answered."""
    actions: tuple[ActionValue, ...]
    """``no_action`` first, then the grid in its order, an answer that is none of them last."""
    best: tuple[str, ...]
    """By horizon, the label of the greatest advantage, of equal ones the first; empty where censored."""
    regret: tuple[float, ...]
    """By horizon, greatest advantage less the chosen one's, never negative; NaN where censored. Chosen with hindsight,
    it is positive under noise alone: see :mod:`replay.regret`."""

    def action(self, label: str) -> ActionValue | None:
        """Return the action of that label, ``None`` when the situation does not admit it."""
        return next((action for action in self.actions if action.label == label), None)


@dataclass(frozen=True, slots=True)
class Suite:
    """All situations of a run."""

    run: str
    policy: str
    """Whose answers are the chosen ones."""
    decisions: tuple[Decision, ...]
    grid: tuple[str, ...]
    """Labels of the grid's actions in their fixed order; an answer that is none of them is ``CHOSEN``."""
    regrets: tuple[Regret, ...]
    """By ``SUITE_HORIZONS``."""


def suite_of(
    run: Run, ground: Ground, *, threads: int = 1, progress: Progress = silent, pool: Pool | None = None
) -> Suite:
    """Value every action in every situation of a run; the result depends neither on ``threads`` nor on ``pool``.

    Raises:
        DataError: the run is damaged, or a situation of it has no checkpoint.
    """
    cases = cases_of(run, ground)
    found = (pool or Threads(threads)).map(lambda number: _values(ground, cases[number]), _values_there, len(cases))
    values = []
    for own in found:
        values.append(own)
        progress("situations", len(values), len(cases))
    decisions = tuple(_decision(case, own) for case, own in zip(cases, values, strict=True))
    return suite_from(run.name, run.manifest.policy, decisions)


def suite_from(run: str, policy: str, decisions: tuple[Decision, ...]) -> Suite:
    """Return the suite that the decisions make: its grid and its regret."""
    tools = {(action.tool, action.value) for each in decisions for action in each.actions if action.label != CHOSEN}
    ordered = sorted(tools, key=lambda one: (_ORDER.index(one[0]), one[1]))
    grid = tuple(label_of(*one) for one in ordered)
    return Suite(run, policy, decisions, grid, regrets(decisions, grid))


def decision_of(run: Run, ground: Ground, situation: int) -> Decision:
    """Value every action in one situation.

    Raises:
        ConfigurationError: the run has no such situation.
        DataError: as for :func:`suite_of`.
    """
    for case in cases_of(run, ground, situation):
        return _decision(case, _values(ground, case))
    count = run.manifest.rows_of("situations")
    known = f"1 to {count}" if count else "none"
    raise ConfigurationError(f"run {run.name!r} has no situation {situation}: there are {known}.")


def log_advantage(equity: float, reference: float) -> float:
    """Return ln(equity ÷ reference); below a cent an account counts as holding a cent, so that a lost one counts."""
    return math.log(max(equity, CENT) / max(reference, CENT))


def advantages(ground: Ground, fork: Fork, plans: Sequence[Plan]) -> list[tuple[float, ...]]:
    """Return what each plan is worth over doing nothing from a fork on, log equity by ``SUITE_HORIZONS``.

    Every different plan is run once, beside the empty one; what others are asked for changes no value. NaN where the
    horizon lies beyond the market's end.
    """
    places: dict[Plan, int] = {(): 0}
    for plan in plans:
        places.setdefault(bare(plan), len(places))
    ahead = ticks_ahead(SUITE_HORIZONS, fork.tick, ground.market.interval, ground.market.ticks)
    at = sorted({tick for tick in ahead if tick is not None and tick > fork.tick})
    equity = _equity(ground, fork, list(places), at)

    def advantage(plan: int, tick: int | None) -> float:
        if tick is None:
            return math.nan
        if tick <= fork.tick:
            return 0.0  # asked at the market's last tick: nothing comes after it
        place = at.index(tick)
        return log_advantage(equity[plan, place], equity[0, place])

    return [tuple(advantage(places[bare(plan)], tick) for tick in ahead) for plan in plans]


def bare(plan: Plan) -> Plan:
    """Return a plan without the numbers that name: two that are equal then do the same."""
    return tuple(entry._replace(number=0, situation=0) for entry in plan)


def _values(ground: Ground, case: Case) -> list[ActionValue]:
    """Return what each action of a case was worth."""
    found = advantages(ground, case.fork, [action.plan for action in case.actions])
    return [
        ActionValue(
            action.label, action.tool, action.symbol, action.value, action.ttl_hours, action.is_chosen,
            action.is_redundant, advantage, action.plan,
        )
        for action, advantage in zip(case.actions, found, strict=True)
    ]  # fmt: skip


def _values_there(there: There, number: int) -> list[ActionValue]:
    return _values(ground_there(there)[1], _cases_there(there)[number])


@lru_cache(maxsize=1)
def _cases_there(there: There) -> Sequence[Case]:
    return cases_of(*ground_there(there))


def _equity(ground: Ground, fork: Fork, plans: Sequence[Plan], at: Sequence[int]) -> Reals:
    """Return equity of every plan (P,) at every tick (K,).

    Many actions come to the same, as all that forbid entries do when none is due. So all plans are run until the last
    but one of the ticks, and those that were alike so far once more together, to the end: one that comes to equal the
    first of its group in all that matters is run no further. Grouping changes no value.
    """
    equity = np.zeros((len(plans), len(at)))
    if len(at) < 2:
        equity[:] = run_branches(ground, fork, plans, at).samples["equity"]
        return equity
    begun = run_branches(ground, fork, plans, at[:-1]).samples
    alike: dict[bytes, list[int]] = {}
    for plan, row in enumerate(begun):
        alike.setdefault(row.tobytes(), []).append(plan)
    for group in alike.values():
        equity[group] = run_branches(ground, fork, [plans[plan] for plan in group], at).samples["equity"]
    return equity


def _decision(case: Case, actions: list[ActionValue]) -> Decision:
    chosen = next(action for action in actions if action.is_chosen)
    best = []
    regret = []
    for horizon in range(len(SUITE_HORIZONS)):
        if math.isnan(chosen.advantage[horizon]):
            best.append("")
            regret.append(math.nan)
            continue
        greatest = max(actions, key=lambda action: action.advantage[horizon])
        best.append(greatest.label)
        regret.append(greatest.advantage[horizon] - chosen.advantage[horizon])
    situation = case.situation
    return Decision(
        situation=situation.situation,
        asked=situation.event_time,
        rule=situation.rule,
        scope=situation.symbol,
        focus=situation.focus,
        episode=case.episode,
        cluster=case.cluster,
        chosen=chosen.label,
        actions=tuple(actions),
        best=tuple(best),
        regret=tuple(regret),
    )
