"""The account half over a market: run the compiled loop until a situation, let the policy answer, go on."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from alphastrike.config.account import packed
from alphastrike.config.settings import Settings
from alphastrike.engine.account import SITUATION, begin, run
from alphastrike.engine.acts import Act, perform
from alphastrike.engine.advice import Advisor, Answer, AskedPolicy
from alphastrike.engine.control import settle_all
from alphastrike.engine.outputs import ACCOUNT_KINDS, REDUCED, SYMBOLS_MAX, Collected, new_out
from alphastrike.engine.outputs import FULL as EVERYTHING
from alphastrike.engine.plans import Plan, stand
from alphastrike.engine.state import canonical_bytes, new_buffer, restored, views
from alphastrike.journal.kinds import KINDS
from alphastrike.market.market import Market
from alphastrike.model.bars import BarFlag
from alphastrike.model.compiled import Records
from alphastrike.model.errors import ConfigurationError
from alphastrike.model.progress import Progress, silent
from alphastrike.policy.policies import NoLlm
from alphastrike.policy.situation import Situation

_NOBODY: Final = AskedPolicy(NoLlm())
"""Is never asked."""

STRETCH: Final = 8192
"""Ticks between two reports of progress."""


@dataclass(frozen=True)
class AccountInputs:
    """What the account half learns of perception, of T ticks, D decisions and S symbols."""

    decision_row: npt.NDArray[np.int64]
    """(T,) row of ``forecasts`` to decide on at a tick, -1 for none."""
    forecasts: Records
    """(D, S) of ``model.forecast.FORECAST``."""
    rejected: npt.NDArray[np.bool_]
    """(T, S) candles that the gateway refused."""


@dataclass(frozen=True)
class Checkpoint:
    """The account right after the tick at which a situation was asked, before any advice on it."""

    situation: int
    tick: int
    """Index of that tick; a branch goes on with the next one."""
    market_seq: int
    state: bytes
    waiting: tuple[Situation, ...] = ()
    """Situations asked at earlier ticks whose answers are still on their way: a branch shows them as they were."""


@dataclass(frozen=True)
class AccountRun:
    """What the account half did over a stretch of a market."""

    tables: dict[str, npt.NDArray[Any]]
    """Record arrays by kind, in the order of their events."""
    checkpoints: list[Checkpoint]
    state: bytes
    """Canonical bytes of the account's state at the last tick."""


def account_bars(market: Market, rejected: npt.NDArray[np.bool_]) -> Records:
    """Return the market's bars, (T, S), with the gateway's refusals marked in their flags."""
    bars = np.ascontiguousarray(market.bars)
    if not rejected.any():
        return bars
    marked = bars.copy()
    marked["flags"][rejected] |= int(BarFlag.REJECTED)
    return marked


def run_account(
    market: Market,
    inputs: AccountInputs,
    settings: Settings,
    answer: Answer | None,
    *,
    start: Checkpoint | None = None,
    until_tick: int | None = None,
    detail: int = EVERYTHING,
    acts: Sequence[tuple[int, Act]] = (),
    standing: Plan = (),
    shadow: bool = False,
    following: Answer | None = None,
    progress: Progress = silent,
) -> AccountRun:
    """Run the account half from the market's beginning, or from a checkpoint, under one policy.

    Args:
        market: what happened.
        inputs: what perception made of it.
        settings: all parameters; the same ones under which a checkpoint was made.
        answer: asked about every situation; ``None``: triggers are journaled and nobody is asked.
        start: fork here: the situations that its state holds unanswered are asked of this policy.
        until_tick: first tick not to run; the market's end when not given.
        detail: ``outputs.FULL`` writes every kind, ``outputs.REDUCED`` only equity, trades and triggers.
        acts: what an operator did, each with the time of the tick after which he did it, in order.
        standing: interventions that stand whatever is answered. Of those at the tick of ``start`` none stands yet.
        shadow: journal every advice, apply none, and estimate beside it what following would have been worth.
        following: asked by the account of a shadow run that follows; ``answer`` when not given.
        progress: told how many ticks are done.
    """
    stop = market.ticks if until_tick is None else until_tick
    if not 0 <= stop <= market.ticks:
        raise ConfigurationError(f"cannot run to tick {stop}: {market.name} has {market.ticks}.")
    symbols = market.symbols
    if len(symbols) > SYMBOLS_MAX:
        raise ConfigurationError(f"{market.name} has {len(symbols)} symbols, an account trades at most {SYMBOLS_MAX}.")
    params = packed(settings.account_params())
    buffer = new_buffer(len(symbols)) if start is None else restored(start.state, len(symbols))
    state = views(buffer, len(symbols))
    out = new_out()
    advisor = Advisor(settings, symbols, answer or _NOBODY, state, params, out, detail, shadow=shadow)
    collected = Collected(out)
    checkpoints: list[Checkpoint] = []
    if start is None:
        begin(state, params)
        tick = 0
    else:
        tick = start.tick + 1
        if answer is None:
            settle_all(state)
        else:
            advisor.remember(start.waiting)
            advisor.ask_all()
            advisor.apply_due(market.start + start.tick * market.interval)
    planned = deque(entry for entry in standing if entry.tick >= tick - 1)
    while planned and planned[0].tick < tick:
        stand(planned.popleft(), state, params, out, detail)
    bars = account_bars(market, inputs.rejected)
    first = tick
    begun = market.start + (tick - 1) * market.interval
    # What was done after the fork's own tick came after the advice of that tick, and is not in its state.
    to_do = deque((time, act) for time, act in acts if time > begun or (start is not None and time == begun))
    while to_do and to_do[0][0] <= begun:
        perform(to_do.popleft()[1], state, params, out, detail)
    while tick < stop:
        next_act = to_do[0][0] if to_do else None
        next_planned = planned[0].tick if planned else stop
        pause = min(
            stop,
            tick + STRETCH,
            _tick_at(market, advisor.next_due()) + 1,
            _tick_at(market, next_act) + 1,
            next_planned + 1,
        )
        why, tick = run(
            state, params, market.instruments, market.tiers, bars, market.other_events, inputs.decision_row,
            inputs.forecasts, market.start, market.interval, tick, pause, out, detail,
        )  # fmt: skip
        now = market.start + (tick - 1) * market.interval
        if why == SITUATION and answer is None:
            settle_all(state)
        elif why == SITUATION:
            asked = advisor.unasked()
            waiting = advisor.in_flight
            frozen = buffer.tobytes()
            checkpoints.extend(
                Checkpoint(number, tick - 1, int(state.account[0].market_seq), frozen, waiting) for number in asked
            )
            advisor.ask_all()
        collected.drain()
        advisor.apply_due(now)
        while planned and planned[0].tick < tick:
            stand(planned.popleft(), state, params, out, detail)
        while to_do and to_do[0][0] <= now:
            perform(to_do.popleft()[1], state, params, out, detail)
        progress("account", tick - first, stop - first)
    collected.drain()
    tables = {**collected.tables(), **advisor.tables()}
    if shadow:
        followed = run_account(
            market, inputs, settings, following or answer, start=start, until_tick=until_tick, detail=REDUCED, acts=acts
        )
        tables["shadow"] = shadow_rows(tables["equity"], followed.tables["equity"], inputs.decision_row[first:stop])
    return AccountRun(tables, checkpoints, canonical_bytes(buffer, len(symbols)))


def shadow_rows(
    equity: npt.NDArray[Any], followed: npt.NDArray[Any], decision_row: npt.NDArray[np.int64]
) -> npt.NDArray[Any]:
    """Return what following the advice would have been worth at each decision, from two ``equity`` tables."""
    is_decision = decision_row >= 0
    rows = np.zeros(int(is_decision.sum()), dtype=KINDS["shadow"].record)
    for name in ("market_seq", "event_time", "equity"):
        rows[name] = equity[name][is_decision]
    rows["equity_followed"] = followed["equity"][is_decision]
    rows["worth"] = rows["equity_followed"] - rows["equity"]
    return rows


def _tick_at(market: Market, time: int | None) -> int:
    """Return the first tick at or after a time; beyond the market's end when there is none."""
    if time is None:
        return market.ticks
    return max(-((market.start - time) // market.interval), 0)


def derived_kinds() -> tuple[str, ...]:
    """Return the kinds that ``run_account`` makes, in stage order."""
    made = (*ACCOUNT_KINDS, "situations", "situation_symbols", "advice", "tool_calls", "alerts")
    return tuple(name for name in KINDS if name in made)
