"""Compiles all that a live run calls, before its feed begins: the first event must not wait for a compiler."""

import numpy as np

from alphastrike.config.account import packed
from alphastrike.config.settings import Settings
from alphastrike.engine.account import begin
from alphastrike.engine.acts import Act, perform
from alphastrike.engine.advice import AskedPolicy
from alphastrike.engine.control import apply_intervention, settle_situation
from alphastrike.engine.halting import halt_for_failed_policy
from alphastrike.engine.outputs import FULL, new_out
from alphastrike.engine.state import new_buffer, views
from alphastrike.engine.stepping import Instant, Stepper
from alphastrike.engine.tick import is_account_halted
from alphastrike.features.declare import external_series
from alphastrike.journal.codes import Tool
from alphastrike.journal.inputs import OperatorAct
from alphastrike.ml.declare import signals
from alphastrike.model.bars import BAR, BarFlag
from alphastrike.model.instrument import INSTRUMENT, TIER, TIERS_MAX
from alphastrike.model.series import SERIES
from alphastrike.model.symbols import SymbolTable
from alphastrike.policy.policies import NoLlm


def compile_engine(symbols: SymbolTable, interval: int, settings: Settings) -> None:
    """Step a scratch engine over one decision, and call on a scratch account what only acts and advice call."""
    S = len(symbols)
    instruments = np.ones(S, dtype=INSTRUMENT)
    tiers = np.zeros((S, TIERS_MAX), dtype=TIER)
    tiers["notional_floor"][:, 1:] = np.inf
    stepper = Stepper(symbols, interval, instruments, tiers, settings, AskedPolicy(NoLlm()))
    bars = np.ones((1, S), dtype=BAR)
    bars["flags"] = int(BarFlag.CANDLE | BarFlag.MARK | BarFlag.FUNDING)
    nothing = np.full((len(SERIES), 1, S), np.nan)
    decision = settings.perception.decision_interval
    for now in (decision, decision + interval):
        stepper.step(Instant(now, bars, nothing, dict.fromkeys(external_series(), 1.0), 0))
    stepper.restore(stepper.checkpoint())

    for signal in signals().values():
        signal.scores(tuple(np.full(1, 0.5) for _ in signal.inputs), str)

    params, out = packed(settings.account_params()), new_out()
    state = views(new_buffer(S), S)
    begin(state, params)
    number = apply_intervention(state, params, 0, int(Tool.ADJUST_LEVERAGE), -1, 1.0, decision, out, FULL)
    for act in (OperatorAct.HALT, OperatorAct.FLATTEN, OperatorAct.RESUME):
        perform(Act(act), state, params, out, FULL)
    perform(Act(OperatorAct.REVOKE, int(number)), state, params, out, FULL)
    halt_for_failed_policy(state, decision, out, FULL)
    settle_situation(state, 0, 0)
    is_account_halted(state, decision)
