"""What is to stand in a branch in which nobody is asked: interventions with their times, written down beforehand."""

from typing import NamedTuple

from alphastrike.engine.codes import HALT_ACCOUNT
from alphastrike.engine.control import apply_intervention
from alphastrike.engine.halting import halt_for_failed_policy
from alphastrike.engine.outputs import Out
from alphastrike.engine.state import State
from alphastrike.model.compiled import Records


class Planned(NamedTuple):
    """One intervention of a plan. It stands from the end of ``tick`` on, so that the next decision is the first."""

    tick: int
    tool: int
    """``journal.codes.Tool``; ``engine.codes.HALT_ACCOUNT`` for the halt that stood in for a failed answer."""
    symbol: int
    """-1 for the whole account."""
    value: float
    expires: int
    """Microseconds UTC."""
    number: int = 0
    """Of the recorded intervention; 0 for one that was not recorded."""
    situation: int = 0
    """That it answers; 0 for a pin of the operator."""


Plan = tuple[Planned, ...]
"""In order of tick, and within a tick in the order in which they come to stand."""


def stand(entry: Planned, state: State, params: Records, out: Out, detail: int) -> None:
    """Let one entry of a plan stand from now on."""
    if entry.tool == HALT_ACCOUNT:
        halt_for_failed_policy(state, entry.expires, out, detail)
        return
    apply_intervention(
        state, params, entry.situation, entry.tool, entry.symbol, entry.value, entry.expires, out, detail
    )
