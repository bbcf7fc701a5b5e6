"""Branches: forks of a recorded run under other plans of interventions, run side by side.

Frozen branches only: nobody is asked, what is to stand is planned. They go through the engine's own step, compiled,
without a return to Python, so that thousands of them cost seconds. A branch that comes to equal what it is compared
with, in all that can move what follows, is run no further: the rest is taken over.
"""

import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.engine.acts import perform
from alphastrike.engine.control import settle_all
from alphastrike.engine.lockstep import PLANNED, SAMPLE, STAND, Words, run_side_by_side, what_matters
from alphastrike.engine.outputs import REDUCED, new_out
from alphastrike.engine.plans import Plan, Planned
from alphastrike.engine.state import State, restored, views
from alphastrike.model.compiled import Records

if TYPE_CHECKING:
    from replay.ground import Ground

Integers = npt.NDArray[np.int64]

NEVER: Final = -1


class Fork(NamedTuple):
    """The account right after a tick, before any advice of that tick."""

    tick: int
    """-1: the beginning of the run."""
    state: bytes


@dataclass(frozen=True)
class Branches:
    """What A branches of one fork came to."""

    samples: Records
    """(A, K) of ``engine.lockstep.SAMPLE`` at the ticks asked for."""
    met: Integers
    """(A,) first tick, once the plans differ no more, at which a branch had the sides and controls of branch 0 and
    its exposure ÷ equity within 0.01; -1 for never."""
    same: Integers
    """(A,) tick from which on nothing but labels differs from branch 0; -1 for never."""
    refused: Integers
    """(A,) planned interventions that found no free slot, and so never stood."""


@dataclass(frozen=True)
class Path:
    """One plan run to the market's end, with what it takes to run on from the middle of it."""

    plan: Plan
    at: tuple[int, ...]
    """Ticks of ``samples``."""
    samples: Records
    """(K,) of ``engine.lockstep.SAMPLE``."""
    keep: tuple[int, ...]
    """Ticks of ``kept``."""
    kept: Words
    """(M, W) the account as words at those ticks, before entries of the plan at that tick stand."""

    def fork(self, tick: int) -> Fork:
        """Return the account at one of the ticks kept."""
        return Fork(tick, self.kept[self.keep.index(tick)].tobytes())


def run_branches(
    ground: "Ground", fork: Fork, plans: Sequence[Plan], at: Sequence[int], *, until: int | None = None
) -> Branches:
    """Run frozen branches of one fork side by side; the first one is the reference.

    Args:
        ground: the recorded run.
        fork: where they leave it.
        plans: what stands in each. Entries before the fork's tick stand in its state already and are ignored.
        at: ascending ticks after the fork's at which equity and its parts are read.
        until: first tick not to run; by default the one after the last of ``at``.
    """
    stop = (max(at, default=fork.tick) + 1) if until is None else until
    accounts = _Accounts(ground, [fork] * len(plans))
    stands = np.zeros(len(plans), dtype=STAND)
    stands["met"] = stands["same"] = NEVER
    live = [tuple(entry for entry in plan if entry.tick >= fork.tick) for plan in plans]
    stands["settled"] = [max(_last_difference(plan, live[0]), fork.tick) for plan in live]
    samples = np.zeros((len(plans), len(at)), dtype=SAMPLE)
    at_ticks = np.array(at, dtype=np.int64)
    accounts.run(fork.tick + 1, stop, _entries(live), at_ticks, samples, _NONE, accounts.no_words, accounts.no_words,
                 stands)  # fmt: skip
    return Branches(samples, stands["met"].copy(), stands["same"].copy(), stands["refused"].copy())


def first_path(ground: "Ground", plan: Plan, at: Sequence[int], keep: Sequence[int]) -> Path:
    """Run a plan from the beginning to the market's end."""
    return _path(ground, ground.beginning, plan, at, keep, None)


def path_after(ground: "Ground", earlier: Path, plan: Plan) -> Path:
    """Run a plan from the first tick at which it differs from an earlier path's; nothing is run that was run there.

    That tick, and every tick at which they differ, must be among those kept.
    """
    difference = _difference(plan, earlier.plan)
    if not difference:
        return Path(plan, earlier.at, earlier.samples, earlier.keep, earlier.kept)
    return _path(ground, earlier.fork(min(entry.tick for entry in difference)), plan, earlier.at, earlier.keep, earlier)


def _path(
    ground: "Ground", fork: Fork, plan: Plan, at: Sequence[int], keep: Sequence[int], earlier: Path | None
) -> Path:
    accounts = _Accounts(ground, [fork])
    stands = np.zeros(1, dtype=STAND)
    stands["met"] = stands["same"] = NEVER
    samples = np.zeros((1, len(at)), dtype=SAMPLE) if earlier is None else earlier.samples[None].copy()
    kept = np.zeros((len(keep), accounts.words), dtype=np.int64) if earlier is None else earlier.kept.copy()
    if earlier is None and fork.tick in keep:
        kept[list(keep).index(fork.tick)] = np.frombuffer(fork.state, dtype=np.int64)
    if earlier is not None:
        stands["settled"] = _last_difference(plan, earlier.plan)
    accounts.run(
        fork.tick + 1,
        ground.market.ticks,
        _entries([plan]),
        np.array(at, dtype=np.int64),
        samples,
        np.array(keep, dtype=np.int64),
        kept,
        accounts.no_words if earlier is None else earlier.kept,
        stands,
    )
    return Path(plan, tuple(at), samples[0], tuple(keep), kept)


class _Accounts:
    """The accounts of some branches, laid out for the compiled loop."""

    def __init__(self, ground: "Ground", forks: Sequence[Fork]) -> None:
        self._ground = ground
        symbols = len(ground.market.symbols)
        parts = [views(restored(fork.state, symbols), symbols) for fork in forks]
        self._parts = State(*(np.ascontiguousarray(np.stack(same)) for same in zip(*parts, strict=True)))
        self._words = State(*(part.view(np.int64).reshape(len(forks), -1) for part in self._parts))
        self.words = sum(words.shape[1] for words in self._words)
        self.no_words = np.zeros((0, self.words), dtype=np.int64)
        self._matters = what_matters(symbols)
        self._scratch = np.zeros((2, self.words), dtype=np.int64)
        for branch in range(len(forks)):
            settle_all(self._state(branch))

    def run(
        self,
        first: int,
        stop: int,
        plan: Records,
        at: Integers,
        samples: Records,
        keep: Integers,
        kept: Words,
        earlier: Words,
        stands: Records,
    ) -> None:
        """Run ticks [first, stop), the operator's acts in between."""
        ground, market, inputs = self._ground, self._ground.market, self._ground.inputs
        out = _out()
        to_do = deque((ground.tick_of(time), act) for time, act in ground.acts)
        # What was done after the fork's own tick came after the advice of that tick, and is not in its state.
        while to_do and to_do[0][0] < first - 1:
            to_do.popleft()
        tick = first
        while True:
            pause = min(stop, to_do[0][0] + 1) if to_do else stop
            tick = run_side_by_side(
                *self._parts, *self._words, ground.params, market.instruments, market.tiers, ground.bars,
                market.other_events, inputs.decision_row, inputs.forecasts, market.start, market.interval, tick, pause,
                plan, at, samples, keep, kept, earlier, self._matters, self._scratch, stands, out,
            )  # fmt: skip
            if tick >= stop or stands["same"][0] != NEVER:
                return
            while to_do and to_do[0][0] < tick:
                _, act = to_do.popleft()
                for branch in range(len(self._parts.account)):
                    perform(act, self._state(branch), ground.params, out, REDUCED)
            # What stands after the pause's tick was let stand there already.
            plan = plan[plan["tick"] >= tick]

    def _state(self, branch: int) -> State:
        return State(*(part[branch] for part in self._parts))


_NONE: Final = np.zeros(0, dtype=np.int64)
_own = threading.local()


def _out() -> Records:
    """Return this thread's own rows to write over: five megabytes that need not be made anew for every fork."""
    if not hasattr(_own, "out"):
        _own.out = new_out()
    out: Records = _own.out
    out["counts"][:] = 0
    return out


def _entries(plans: Sequence[Plan]) -> Records:
    rows = [
        (entry.tick, arm, entry.tool, entry.symbol, entry.situation, entry.expires, entry.value)
        for arm, plan in enumerate(plans)
        for entry in plan
    ]
    made = np.array(rows, dtype=PLANNED) if rows else np.zeros(0, dtype=PLANNED)
    return made[np.lexsort((made["arm"], made["tick"]))]


def _what(entry: Planned) -> Planned:
    """Return an entry without the labels that move nothing."""
    return entry._replace(number=0, situation=0)


def _difference(plan: Plan, other: Plan) -> list[Planned]:
    """Return the entries that stand in one plan and not in the other."""
    mine, theirs = Counter(map(_what, plan)), Counter(map(_what, other))
    return [*(mine - theirs), *(theirs - mine)]


def _last_difference(plan: Plan, other: Plan) -> int:
    return max((entry.tick for entry in _difference(plan, other)), default=NEVER)
