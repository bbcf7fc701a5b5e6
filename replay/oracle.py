"""The oracle: an arm with hindsight, to say how much the answers to a run's situations could have been worth at all.

In every situation of its own arm it forks the market's future once per action of the grid, as the situation suite
does, and answers with the one that is worth most over the primary horizon. No policy can know that: what it gains is
an upper bound for one answer at a time, and is called so wherever it is shown. It is greedy: a sequence of answers
that gives up something now to gain more later than the horizon would beat it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from alphastrike.engine.acts import Act
from alphastrike.engine.history import Checkpoint, run_account
from alphastrike.engine.outputs import REDUCED
from alphastrike.engine.plans import Plan
from alphastrike.engine.state import restored, views
from alphastrike.journal.reader import Run
from alphastrike.model.errors import ConfigurationError
from alphastrike.policy.actions import action_grid
from alphastrike.policy.naming import Maker, Options
from alphastrike.policy.policies import Answered, Answering
from alphastrike.policy.situation import Situation
from alphastrike.policy.tools import Advice, ToolCall
from alphastrike.runs.live_market import acts_of
from replay.branch import Fork, run_branches
from replay.cases import intervention_at
from replay.decisions import log_advantage
from replay.ground import Ground, ground_of
from replay.horizons import PRIMARY, ticks_ahead

ORACLE: Final = "oracle"
HINDSIGHT: Final = "oracle (hindsight: an upper bound)"
"""How its arm is called wherever it is shown."""


def oracles(root: Path, run: Run) -> Mapping[str, Maker]:
    """Return the policy ``oracle`` over a run's market by its name, as ``policy_named`` takes it from ``others``.

    The market is opened when the policy is asked for.
    """
    ground = cache(lambda: ground_of(root, run))
    return {ORACLE: oracle_maker(ground, acts_of(run))}


def oracle_maker(ground: Callable[[], Ground], acts: Sequence[tuple[int, Act]] = ()) -> Maker:
    """Return what makes an oracle over a market.

    Args:
        ground: market, forecasts and settings of the arm.
        acts: what an operator does in it, by the time of the tick after which he does it.
    """

    def made(options: Options) -> Oracle:
        if options:
            raise ConfigurationError(f"policy {ORACLE}: option {next(iter(options))!r} is unknown. It takes none.")
        return Oracle(ground(), acts)

    return made


class Oracle(Answering):
    """Answers at once with the grid's action of the greatest advantage over the primary horizon, hindsight.

    Where that horizon lies beyond the market's end, up to there. Of equal actions the first, so nothing where nothing
    helps. It follows its own account from answer to answer: one oracle serves one arm, which it may begin again.
    """

    name: str = ORACLE

    def __init__(self, ground: Ground, acts: Sequence[tuple[int, Act]] = ()) -> None:
        """See :func:`oracle_maker`."""
        self._ground = ground
        self._acts = acts
        self._begin()

    def decide(self, situation: Situation) -> Advice:
        """Return the one call."""
        return (self._call(situation),)

    def answer(self, situation: Situation) -> Answered:
        """Return the one call, given at once whatever time other policies take."""
        return Answered(self.decide(situation), 0)

    def _begin(self) -> None:
        self._last = 0
        self._plan: Plan = ()
        self._before: Checkpoint | None = None
        self._fork = self._ground.beginning

    def _call(self, situation: Situation) -> ToolCall:
        ground = self._ground
        if situation.situation <= self._last:
            self._begin()
        self._last = situation.situation
        tick = ground.tick_of(situation.event_time)
        self._follow(tick)
        symbols = len(ground.market.symbols)
        account = views(restored(self._fork.state, symbols), symbols).account[0]
        assert (account.market_seq, account.equity) == (situation.market_seq, situation.equity), (
            f"the oracle lost its account at situation {situation.situation}"
        )
        standing = tuple(entry for entry in self._plan if entry.tick >= tick)
        grid = action_grid(situation, "hindsight: no other action of the grid gains more")
        plans = [intervention_at(ground, situation, call, tick)[0] for call in grid]
        best, gained = self._best([standing + plan for plan in plans])
        self._plan += plans[best]
        return grid[best].model_copy(update={"reason": f"hindsight: {gained:+.2f} per mille in {PRIMARY.label}"})

    def _best(self, plans: Sequence[Plan]) -> tuple[int, float]:
        """Return the plan of the greatest equity at the horizon, and its advantage in thousandths of log equity."""
        market, fork = self._ground.market, self._fork
        ahead = ticks_ahead((PRIMARY,), fork.tick, market.interval, market.ticks)[0]
        at = market.ticks - 1 if ahead is None else ahead
        if at <= fork.tick:
            return 0, 0.0
        equity = [float(one) for one in run_branches(self._ground, fork, plans, [at]).samples["equity"][:, 0]]
        best = max(range(len(plans)), key=equity.__getitem__)
        return best, 1_000.0 * log_advantage(equity[best], equity[0])

    def _follow(self, tick: int) -> None:
        """Bring the account to the end of a tick, before anything is answered or done there.

        First to the end of the tick before, with all that came there, from where the next situation goes on.
        """
        if tick == self._fork.tick:
            return
        begun = -1 if self._before is None else self._before.tick
        if tick - 1 > begun:
            standing = tuple(entry for entry in self._plan if begun < entry.tick < tick)
            self._before = Checkpoint(0, tick - 1, 0, self._run(self._before, tick, standing))
        self._fork = Fork(tick, self._run(self._before, tick + 1, (), is_alone=True))

    def _run(self, start: Checkpoint | None, stop: int, standing: Plan, *, is_alone: bool = False) -> bytes:
        """Return the account at the end of tick ``stop`` - 1; alone, without what anybody does there."""
        ground = self._ground
        begun, last = ground.time_of(-1 if start is None else start.tick), ground.time_of(stop - 1)
        acts = () if is_alone else tuple((time, act) for time, act in self._acts if begun < time <= last)
        return run_account(
            ground.market,
            ground.inputs,
            ground.settings,
            None,
            start=start,
            until_tick=stop,
            detail=REDUCED,
            acts=acts,
            standing=standing,
        ).state
