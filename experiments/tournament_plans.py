"""From an answer to what it does in the suite, as the engine would: judged, or answered by ``on_failure`` instead."""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Final, NamedTuple

from alphastrike.config.settings import Settings
from alphastrike.engine.codes import HALT_ACCOUNT
from alphastrike.engine.plans import Plan, Planned
from alphastrike.journal.codes import CallVerdict, Tool
from alphastrike.model.progress import Progress, silent
from alphastrike.model.units import ALL_SYMBOLS, MICROS_PER_HOUR
from alphastrike.policy.guardian import Rules
from alphastrike.policy.interventions import judge_advice
from alphastrike.policy.policies import NoLlm
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import RejectedCall, ToolCall
from replay.cases import Case, cases_of
from replay.decisions import advantages, bare
from replay.ground import Ground
from replay.pool import Pool, There, ground_there

Calls = Sequence[ToolCall | RejectedCall]

HALT: Final = "halt"
"""What a failed answer did under ``on_failure = halt``."""


class Act(NamedTuple):
    """One intervention without its time: two answers with the same acts say the same."""

    tool: int
    """``HALT_ACCOUNT`` for the halt after a failed answer."""
    symbol: int
    """-1: the account."""
    value: float
    hours: int

    @property
    def label(self) -> str:
        """The tool's name."""
        return HALT if self.tool == int(HALT_ACCOUNT) else Tool(self.tool).name.lower()


Acts = tuple[Act, ...]
"""In a fixed order, whatever the order of the calls; empty for an answer that changes nothing."""


def said(calls: Calls, situation: Situation, settings: Settings) -> Acts | None:
    """Return what an answer's calls make; ``None`` when none of them can stand."""
    judged = judge_advice(calls, situation, situation.controls, settings.policy.ttl_hours)
    if not any(one.verdict is not CallVerdict.REJECTED for one in judged):
        return None
    return tuple(
        sorted(Act(int(one.tool), one.symbol_id, one.value, one.ttl_hours) for one in judged if one.makes_intervention)
    )


def on_failure(situation: Situation, settings: Settings) -> Acts:
    """Return what is done when an answer has failed."""
    mode = settings.policy.on_failure
    if mode == HALT:
        return (Act(int(HALT_ACCOUNT), ALL_SYMBOLS, 0.0, settings.policy.ttl_hours),)
    stands_in = Rules(settings.policy.guardian) if mode == "rules" else NoLlm()
    return said(stands_in.decide(situation), situation, settings) or ()


def guardian(situation: Situation, settings: Settings) -> Acts:
    """Return what the guardian's rules do."""
    return said(Rules(settings.policy.guardian).decide(situation), situation, settings) or ()


def planned(ground: Ground, case: Case, acts: Acts) -> Plan:
    """Return acts as a plan that stands when the recorded answer came."""
    now = ground.time_of(case.tick)
    return tuple(Planned(case.tick, act.tool, act.symbol, act.value, now + act.hours * MICROS_PER_HOUR) for act in acts)


class Worth(NamedTuple):
    """What plans were worth in one situation, log equity over doing nothing, by ``SUITE_HORIZONS``."""

    grid: tuple[tuple[float, ...], ...]
    """Of the suite's actions, in their order; one more where the recorded answer is none of the grid's."""
    others: tuple[tuple[float, ...], ...]
    """Of the plans asked for, in their order."""


def worths(
    ground: Ground, cases: Sequence[Case], plans: Sequence[tuple[Plan, ...]], pool: Pool, progress: Progress = silent
) -> list[Worth]:
    """Value each case's plans beside its own actions, all side by side; the same with any pool.

    Args:
        ground: the recorded run.
        cases: its situations.
        plans: for each of them the plans of all answers, as :func:`planned` makes them.
        pool: where it is done.
        progress: told of every situation.
    """
    extra = tuple(tuple(dict.fromkeys(own)) for own in plans)
    found = pool.map(
        lambda number: _worths(ground, cases[number], extra[number]), partial(_worths_there, extra), len(cases)
    )
    worths_of = []
    for number, (grid, others) in enumerate(found):
        place = dict(zip(extra[number], others, strict=True))
        worths_of.append(Worth(grid, tuple(place[plan] for plan in plans[number])))
        progress("situations", len(worths_of), len(cases))
    return worths_of


def _worths(ground: Ground, case: Case, extra: Sequence[Plan]) -> Worth:
    of_grid = [_ordered(action.plan) for action in case.actions]
    values = advantages(ground, case.fork, [*of_grid, *extra])
    return Worth(tuple(values[: len(of_grid)]), tuple(values[len(of_grid) :]))


def _ordered(plan: Plan) -> Plan:
    """Return a plan in the order of acts, so that the same interventions are the same plan."""
    return tuple(sorted(bare(plan)))


def _worths_there(extra: Sequence[Sequence[Plan]], there: There, number: int) -> Worth:
    return _worths(ground_there(there)[1], _cases_there(there)[number], extra[number])


@lru_cache(maxsize=1)
def _cases_there(there: There) -> Sequence[Case]:
    return cases_of(*ground_there(there))


def recorded_plan(case: Case) -> Plan:
    """Return what the run's own policy did."""
    return _ordered(next(action.plan for action in case.actions if action.is_chosen))
