"""What is valued in a run's situations: where each is forked, and the actions that it admits beside what was answered.

Every action comes when the answer came, so that actions are compared and not how fast they were taken.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from alphastrike.engine.codes import HALT_ACCOUNT
from alphastrike.engine.plans import Plan, Planned
from alphastrike.engine.state import restored, views
from alphastrike.journal.codes import CallVerdict, Tool
from alphastrike.journal.reader import Run
from alphastrike.model.compiled import Records
from alphastrike.model.errors import DataError
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.policy.actions import action_grid
from alphastrike.policy.interventions import judge
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import PALETTE, ToolCall
from alphastrike.runs.model_calls import situations_of
from replay.branch import Fork
from replay.effect import active_times, episodes
from replay.ground import Ground

CHOSEN: Final = "chosen"
"""Label of an answer that is none of the grid's actions."""

_TABLES: Final = ("situations", "situation_symbols", "interventions", "advice", "tool_calls")


@dataclass(frozen=True, slots=True)
class Action:
    """One action that a situation admits."""

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
    is_redundant: bool
    plan: Plan


@dataclass(frozen=True, slots=True)
class Case:
    """One situation with its fork and its actions."""

    situation: Situation
    fork: Fork
    """The account when it was asked; what is live in it ends when it ended in the run."""
    tick: int
    """After which every action stands: that of the recorded answer."""
    episode: int | None
    """Of the run's interventions, from 0."""
    cluster: int
    """From 0: situations in which an action could still stand when the next one was asked are one."""
    actions: tuple[Action, ...]
    """``no_action`` first."""


def cases_of(run: Run, ground: Ground, only: int | None = None) -> list[Case]:
    """Return what is to be valued in each situation of a run, in order.

    Args:
        run: the recorded run.
        ground: what its branches stand on.
        only: number of the one situation wanted, which by itself is its own cluster.

    Raises:
        DataError: the run is damaged, or a situation of it has no checkpoint.
    """
    tables = {kind: run.rows(kind) for kind in _TABLES}
    acted = {int(row["situation"]): int(row["event_time"]) for row in tables["advice"] if not row["late"]}
    redundant = _redundant_answers(tables["tool_calls"])
    episode = _episode_by_situation(tables)
    found = []
    for situation in situations_of(tables, ground.market.symbols, ground.settings, only):
        number = situation.situation
        if number not in ground.forks:
            raise DataError(f"run {run.name!r} holds no checkpoint of its situation {number}. Record it again.")
        came = acted.get(number, situation.event_time + ground.settings.policy.latency_us)
        answer = tuple(entry for entry in ground.plan if entry.situation == number)
        tick = max(ground.tick_of(came), ground.forks[number].tick)
        actions = _actions(ground, situation, tick, answer, number in redundant)
        found.append((situation, as_recorded(ground, ground.forks[number]), tick, episode.get(number), actions))
    clusters = _clusters(
        [
            (situation.event_time, [entry.expires for one in actions for entry in one.plan])
            for situation, _, _, _, actions in found
        ]
    )
    return [
        Case(situation, fork, tick, own, cluster, actions)
        for (situation, fork, tick, own, actions), cluster in zip(found, clusters, strict=True)
    ]


def _actions(
    ground: Ground, situation: Situation, tick: int, answer: Plan, is_answer_redundant: bool
) -> tuple[Action, ...]:
    made = []
    sought = _what(answer)
    for call in action_grid(situation, "of the grid"):
        plan, is_redundant = intervention_at(ground, situation, call, tick)
        hours = (plan[0].expires - ground.time_of(tick)) // MICROS_PER_HOUR if plan else 0
        made.append(
            Action(
                label_of(call.code, call.value), call.code, call.about, call.value, hours,
                _what(plan) == sought, is_redundant, plan,
            )
        )  # fmt: skip
    if not any(action.is_chosen for action in made):
        made.append(_answered(ground, answer, is_answer_redundant))
    return tuple(made)


def _answered(ground: Ground, answer: Plan, is_redundant: bool) -> Action:
    first = answer[0]
    is_halt = first.tool == int(HALT_ACCOUNT)
    return Action(
        CHOSEN,
        Tool.UNKNOWN if is_halt else Tool(first.tool),
        ground.market.symbols.name_of(first.symbol),
        first.value,
        math.ceil((first.expires - ground.time_of(first.tick)) / MICROS_PER_HOUR),
        True,
        is_redundant,
        answer,
    )


def _what(plan: Plan) -> list[tuple[Any, ...]]:
    """Return what a plan does, without numbers that name."""
    return [(entry.tick, entry.tool, entry.symbol, entry.value, entry.expires) for entry in plan]


def label_of(tool: Tool, value: float) -> str:
    """Return how an action of the grid is called, whatever its symbol: as written on a command line."""
    argument = PALETTE[tool].argument
    return f"{tool.name.lower()}:{argument}={value:g}" if argument else tool.name.lower()


def intervention_at(ground: Ground, situation: Situation, call: ToolCall, tick: int) -> tuple[Plan, bool]:
    """Return what a call makes when it acts at a tick, and whether it is redundant in the situation.

    The plan is empty for a call that does not intervene.
    """
    judged = judge(call, situation, situation.controls, ground.settings.policy.ttl_hours)
    is_redundant = judged.verdict is CallVerdict.REDUNDANT
    if not judged.makes_intervention:
        return (), is_redundant
    expires = ground.time_of(tick) + judged.ttl_hours * MICROS_PER_HOUR
    entry = Planned(tick, int(judged.tool), judged.symbol_id, judged.value, expires, 0, situation.situation)
    return (entry,), is_redundant


def as_recorded(ground: Ground, fork: Fork) -> Fork:
    """Return the fork with what is live in it ending when it ended: at its expiry, or when a person revoked it."""
    ends = {entry.number: entry.expires for entry in ground.plan if entry.number}
    symbols = len(ground.market.symbols)
    buffer = restored(fork.state, symbols)
    live = views(buffer, symbols).interventions
    for place in np.flatnonzero(live["intervention"]):
        live["expires"][place] = ends[int(live["intervention"][place])]
    return Fork(fork.tick, buffer.tobytes())


def _clusters(windows: Sequence[tuple[int, Sequence[int]]]) -> list[int]:
    """Number windows, each given by its begin and the ends that it may have, so that overlapping ones share a number.

    Windows come in order of their begin.
    """
    numbers = []
    cluster, until = -1, -math.inf
    for begin, ends in windows:
        if begin >= until:
            cluster += 1
        until = max(until, *ends) if ends else until
        numbers.append(cluster)
    return numbers


def _episode_by_situation(tables: Mapping[str, Records]) -> dict[int, int]:
    """Return into which episode of the run's interventions each situation's answer falls."""
    spells = active_times(tables)
    merged = episodes([tables])
    begun = {int(row["intervention"]): int(row["situation"]) for row in tables["interventions"]}
    return {
        begun[number]: next(place for place, each in enumerate(merged) if each.begin <= spell.begin < each.end)
        for number, spell in spells.items()
        if spell.end > spell.begin
    }


def _redundant_answers(calls: Records) -> set[int]:
    """Return the situations all of whose interventions came from redundant calls."""
    made = calls[calls["intervention"] != 0]
    binding = set(made[made["verdict"] != int(CallVerdict.REDUNDANT)]["situation"].tolist())
    return set(made["situation"].tolist()) - binding
