"""What every branch of a recorded run stands on: its market, its forecasts, its checkpoints, and what stood when."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alphastrike.config.account import packed
from alphastrike.config.settings import Settings
from alphastrike.engine.account import begin
from alphastrike.engine.acts import Act
from alphastrike.engine.history import AccountInputs, account_bars
from alphastrike.engine.plans import Plan
from alphastrike.engine.state import new_buffer, views
from alphastrike.journal.inputs import OperatorAct
from alphastrike.journal.reader import Run
from alphastrike.journal.segments import CHECKPOINTS
from alphastrike.market.market import Market
from alphastrike.model.compiled import Records
from alphastrike.model.errors import DataError
from alphastrike.runs.computed import recorded_inputs
from alphastrike.runs.forks import plan_of
from alphastrike.runs.live_market import acts_of
from alphastrike.runs.recorder import recorded_settings
from alphastrike.runs.registry import market_of
from replay.branch import Fork, run_branches

_IN_THE_PLAN = (OperatorAct.PIN, OperatorAct.REVOKE)
"""Acts that a plan holds already: a pin as an entry, a revocation as an earlier expiry."""


@dataclass(frozen=True)
class Ground:
    """A recorded run made ready to be forked."""

    run: str
    market: Market
    inputs: AccountInputs
    bars: Records
    """(T, S) the market's, with the gateway's refusals marked."""
    settings: Settings
    params: Records
    """Packed account parameters."""
    acts: tuple[tuple[int, Act], ...]
    """What the operator did beside pins and revocations, by time: it recurs in every branch."""
    plan: Plan
    """What stood in the run as recorded."""
    forks: Mapping[int, Fork]
    """The account when each situation was asked, by situation."""
    beginning: Fork

    @property
    def start_equity(self) -> float:
        """Quote."""
        return self.settings.account.start_equity

    def tick_of(self, time: int) -> int:
        """Return the tick whose instant a time (microseconds UTC) falls into."""
        return -((self.market.start - time) // self.market.interval)

    def time_of(self, tick: int) -> int:
        """Return when a tick closes, microseconds UTC."""
        return self.market.start + tick * self.market.interval


def ground_of(root: Path, run: Run) -> Ground:
    """Return what branches of a run stand on.

    Raises:
        AlphaStrikeError: the run or its market is damaged or not here, its settings are of another version, or this
            version does not reproduce it: branches would differ from it by the engine as much as by the policy.
    """
    settings = recorded_settings(run)
    market = market_of(root, run)
    inputs = recorded_inputs(run, market)
    params = packed(settings.account_params())
    buffer = new_buffer(len(market.symbols))
    begin(views(buffer, len(market.symbols)), params)
    ground = Ground(
        run=run.name,
        market=market,
        inputs=inputs,
        bars=account_bars(market, inputs.rejected),
        settings=settings,
        params=params,
        acts=tuple((time, act) for time, act in acts_of(run) if act.act not in _IN_THE_PLAN),
        plan=plan_of({kind: run.rows(kind) for kind in ("interventions", "advice")}, market, settings),
        forks={
            int(row["situation"]): Fork(int(row["tick"]), bytes(row["state"]))
            for row in run.table(CHECKPOINTS).to_pylist()
        },
        beginning=Fork(-1, buffer.tobytes()),
    )
    _check_reproduced(ground, run)
    return ground


def _check_reproduced(ground: Ground, run: Run) -> None:
    """Run what stood from the beginning and compare equity at every situation and at the end, bit for bit."""
    equity = run.rows("equity")
    if not len(equity):
        return
    at = sorted({fork.tick for fork in ground.forks.values()} | {len(equity) - 1})
    found = run_branches(ground, ground.beginning, [ground.plan], at).samples[0]
    differs = (found["equity"] != equity["equity"][at]) | (found["price"] != equity["price_pnl"][at])
    if differs.any():
        first = int(np.argmax(differs))
        raise DataError(
            f"this version does not reproduce run {run.name!r}: equity at market event "
            f"{int(equity['market_seq'][at[first]])} is {float(equity['equity'][at[first]])!r} as recorded, "
            f"{float(found['equity'][first])!r} now. `alphastrike verify {run.name}` says more; record it again."
        )
