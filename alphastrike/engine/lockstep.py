"""Several accounts over one market, side by side: what forked branches run on.

Every account takes each tick through the very step that the loop over history takes, so that a branch run here is the
run itself under another plan of interventions, bit for bit. Nobody is asked: what is to stand is planned beforehand,
a situation that arises is settled at once. Account 0 is the reference that the others are
compared with while they run.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from alphastrike.engine.codes import FUNDING, HALT_ACCOUNT, MARK
from alphastrike.engine.control import apply_intervention, settle_all
from alphastrike.engine.halting import halt_for_failed_policy
from alphastrike.engine.instant import on_candle, on_funding, on_mark
from alphastrike.engine.outputs import REDUCED, Out
from alphastrike.engine.state import ACCOUNT, INTERVENTION, INTERVENTIONS, OUTCOMES, SYMBOL, State, buffer_size
from alphastrike.engine.tick import on_tick
from alphastrike.model.compiled import Records, code, fold_entry, fold_routine, fold_step

Words = npt.NDArray[np.int64]
"""A state looked at as words of eight bytes, in the order of its buffer."""

PLANNED: Final = np.dtype(
    (
        np.record,
        [(name, "i8") for name in ("tick", "arm", "tool", "symbol", "situation", "expires")] + [("value", "f8")],
    )
)
"""One entry of a plan: from the end of ``tick`` on the intervention stands for account ``arm``, until ``expires``."""

SAMPLE: Final = np.dtype(
    (np.record, [(name, "f8") for name in ("equity", "price", "fees", "slippage", "funding", "liquidation")])
)
"""Equity of one account at one tick and what moved it since its start, quote: each part as it moved equity."""

STAND: Final = np.dtype((np.record, [(name, "i8") for name in ("settled", "met", "same", "refused")]))
"""How one account stands to what it is compared with: ``settled`` is the last tick at which their plans differ
(given), ``met`` and ``same`` the ticks found, -1 while there is none, ``refused`` interventions that found no slot."""

EXPOSURE_NEAR: Final = 0.01
"""Largest difference of exposure ÷ equity at which two accounts are said to have met."""

_REDUCED: Final = code(REDUCED)
_SLOT_WORDS: Final = INTERVENTION.itemsize // 8
_SLOTS_WORDS: Final = INTERVENTIONS * _SLOT_WORDS
_VALUE, _NUMBER, _TOOL, _SYMBOL, _EXPIRES = (
    (INTERVENTION.names or ()).index(name) for name in ("value", "intervention", "tool", "symbol", "expires")
)

_LABELS: Final = {
    ACCOUNT: ("last_order", "last_trade", "last_situation", "last_intervention", "asked_now"),
    SYMBOL: ("order", "trade"),
}
"""Numbers given to things: they name, and move nothing."""


def what_matters(symbols: int) -> Words:
    """Return (W,) 1 for every word of a state that can move what follows or counts in a sum.

    Labels do not; nor do triggers where nobody is asked. Interventions are compared apart: which slot one lies in is
    no matter.
    """
    account = np.array([name not in _LABELS[ACCOUNT] for name in ACCOUNT.names or ()])
    symbol = np.array([name not in _LABELS[SYMBOL] for name in SYMBOL.names or ()])
    words = np.zeros(buffer_size(symbols) // 8, dtype=np.int64)
    begun = np.concatenate((account, np.tile(symbol, symbols)))
    words[: len(begun)] = begun
    outcomes = OUTCOMES * (symbols + 1)
    words[len(words) - _SLOTS_WORDS - outcomes : len(words) - _SLOTS_WORDS] = 1
    return words


@fold_entry
def run_side_by_side(
    accounts: Records, symbols: Records, triggers: Records, outcomes: Records, interventions: Records,
    account_words: Words, symbol_words: Words, trigger_words: Words, outcome_words: Words, slot_words: Words,
    packed: Records, instruments: Records, tiers: Records, bars: Records, other_events: Records,
    decision_row: Records, forecasts: Records, start: int, interval: int, first: int, stop: int,
    plan: Records, sample_at: Words, samples: Records, keep_at: Words, kept: Words, earlier: Words,
    matters: Words, scratch: Words, stands: Records, outs: Out,
) -> int:  # fmt: skip
    """Run ticks [first, stop) of A accounts and return the next tick to run.

    That is ``stop``, unless account 0 came to equal the earlier path: it is run no further then.

    Args:
        accounts: (A, 1) of ``ACCOUNT``; with the next four the accounts' states, part by part.
        symbols: (A, S) of ``SYMBOL``.
        triggers: (A, S + 1, 3) of ``TRIGGER``.
        outcomes: (A, S + 1, OUTCOMES) float64.
        interventions: (A, INTERVENTIONS) of ``INTERVENTION``.
        account_words: the same memory as words, (A, words of the part); so the next four.
        symbol_words: of ``symbols``.
        trigger_words: of ``triggers``.
        outcome_words: of ``outcomes``.
        slot_words: of ``interventions``.
        packed: parameters; with the next eight as for the loop over history.
        instruments: (S,).
        tiers: (S, TIERS_MAX).
        bars: (T, S).
        other_events: (T,).
        decision_row: (T,).
        forecasts: (D, S).
        start: time of tick 0, microseconds UTC.
        interval: between two ticks, microseconds.
        first: first tick to run.
        stop: first tick not to run.
        plan: (P,) of ``PLANNED``, by tick, then by account; entries of tick ``first`` - 1 stand before anything runs.
        sample_at: (K,) ascending ticks.
        samples: (A, K) of ``SAMPLE``, written at those ticks. An account that equals the reference in all that
            matters is run no further, and from there on its samples are the reference's.
        keep_at: (M,) ascending ticks.
        kept: (M, W) account 0 at the end of those ticks, before entries of the plan at that tick stand.
        earlier: (M, W) the same of an earlier path that account 0 is compared with; (0, W) for none.
        matters: (W,) as ``what_matters`` returns it.
        scratch: (2, W) overwritten.
        stands: (A,) of ``STAND``.
        outs: where compiled code writes rows that nobody reads.
    """
    out = outs[0]
    params = packed[0]
    arms = len(accounts)
    tables = len(out.counts)
    entries = len(plan)
    next_entry = 0
    while next_entry < entries and plan[next_entry].tick < first - 1:
        next_entry += 1
    next_sample = 0
    while next_sample < len(sample_at) and sample_at[next_sample] < first:
        next_sample += 1
    next_kept = 0
    while next_kept < len(keep_at) and keep_at[next_kept] < first:
        next_kept += 1
    for t in range(first - 1, stop):
        now = start + t * interval
        seen = 0
        if t >= first:
            for s in range(bars.shape[1]):
                seen |= bars[t, s]["flags"]
        for a in range(arms):
            runs_on = a == 0 or stands[a].same < 0
            if t >= first and runs_on:
                state = State(accounts[a], symbols[a], triggers[a], outcomes[a], interventions[a])
                for s in range(bars.shape[1]):
                    on_candle(state, params, instruments, tiers, bars[t, s], s, now, out, _REDUCED)
                if seen & (MARK | FUNDING) != 0:
                    for s in range(bars.shape[1]):
                        on_mark(state, params, bars[t, s], s, now)
                    for s in range(bars.shape[1]):
                        on_funding(state, params, tiers, bars[t, s], s, now, out, _REDUCED)
                on_tick(
                    state, params, instruments, tiers, forecasts, decision_row[t], other_events[t], now, out, _REDUCED
                )
                if accounts[a, 0].asked_now != 0:
                    settle_all(state)
                for k in range(tables):
                    out.counts[k] = 0
                if a == 0 and next_kept < len(keep_at) and keep_at[next_kept] == t:
                    _copy(account_words, symbol_words, trigger_words, outcome_words, slot_words, 0, kept[next_kept])
                    if (
                        len(earlier) > 0
                        and t > stands[0].settled
                        and _is_same(kept[next_kept], earlier[next_kept], matters)
                    ):
                        stands[0].same = t
                        return t + 1
                    next_kept += 1
            while next_entry < entries and plan[next_entry].tick == t and plan[next_entry].arm == a:
                entry = plan[next_entry]
                next_entry += 1
                if runs_on:
                    state = State(accounts[a], symbols[a], triggers[a], outcomes[a], interventions[a])
                    if entry.tool == HALT_ACCOUNT:
                        halt_for_failed_policy(state, entry.expires, outs, _REDUCED)
                    elif (
                        apply_intervention(
                            state, packed, entry.situation, entry.tool, entry.symbol, entry.value, entry.expires,
                            outs, _REDUCED,
                        )
                        == 0
                    ):  # fmt: skip
                        stands[a].refused += 1
            if a > 0 and runs_on and t >= stands[a].settled:
                if stands[a].met < 0 and _has_met(accounts, symbols, a):
                    stands[a].met = t
                if accounts[a, 0].equity == accounts[0, 0].equity and accounts[a, 0].cash == accounts[0, 0].cash:
                    mine, theirs = scratch[0], scratch[1]
                    _copy(account_words, symbol_words, trigger_words, outcome_words, slot_words, a, mine)
                    _copy(account_words, symbol_words, trigger_words, outcome_words, slot_words, 0, theirs)
                    if _is_same(mine, theirs, matters):
                        stands[a].same = t
        if next_sample < len(sample_at) and sample_at[next_sample] == t:
            for a in range(arms):
                whose = a if stands[a].same < 0 else 0
                _sample(accounts[whose, 0], params.start_equity, samples[a, next_sample])
            next_sample += 1
    return stop


@fold_step
def _sample(account: Records, start_equity: float, row: Records) -> None:
    row.equity = account.equity
    row.price = account.price_cash + (account.equity - account.cash) - start_equity
    row.fees = 0.0 - account.fees
    row.slippage = 0.0 - account.slippage
    row.funding = 0.0 - account.funding
    row.liquidation = 0.0 - account.liquidation


@fold_routine
def _has_met(accounts: Records, symbols: Records, a: int) -> bool:
    """Same controls and sides as the reference, and exposure over equity within ``EXPOSURE_NEAR``."""
    mine = accounts[a, 0]
    theirs = accounts[0, 0]
    if mine.leverage_cap != theirs.leverage_cap:
        return False
    for s in range(symbols.shape[1]):
        one = symbols[a, s]
        other = symbols[0, s]
        if (
            one.conviction_floor != other.conviction_floor
            or one.size_multiplier != other.size_multiplier
            or one.shorts_allowed != other.shorts_allowed
            or one.asset_enabled != other.asset_enabled
        ):
            return False
        if (one.quantity > 0.0) != (other.quantity > 0.0) or (one.quantity < 0.0) != (other.quantity < 0.0):
            return False
    if mine.equity <= 0.0 or theirs.equity <= 0.0:
        return bool(mine.equity == theirs.equity)
    return bool(abs(mine.exposure / mine.equity - theirs.exposure / theirs.equity) <= EXPOSURE_NEAR)


@fold_routine
def _copy(
    account_words: Words, symbol_words: Words, trigger_words: Words, outcome_words: Words, slot_words: Words,
    a: int, row: Words,
) -> None:  # fmt: skip
    """Copy account ``a`` into a row of words, in the order of a state's buffer."""
    at = 0
    for part in (account_words, symbol_words, trigger_words, outcome_words, slot_words):
        for k in range(part.shape[1]):
            row[at + k] = part[a, k]
        at += part.shape[1]


@fold_routine
def _is_same(mine: Words, theirs: Words, matters: Words) -> bool:
    """Whether two states, as words, go on alike and have come to the same sums."""
    for k in range(len(matters)):
        if matters[k] != 0 and mine[k] != theirs[k]:
            return False
    begun = len(matters) - _SLOTS_WORDS
    return _stand_too(mine[begun:], theirs[begun:]) and _stand_too(theirs[begun:], mine[begun:])


@fold_routine
def _stand_too(mine: Words, theirs: Words) -> bool:
    """Whether every intervention of mine has its like among theirs."""
    for a in range(0, len(mine), _SLOT_WORDS):
        if mine[a + _NUMBER] == 0:
            continue
        found = False
        for b in range(0, len(theirs), _SLOT_WORDS):
            found = found or (
                theirs[b + _NUMBER] != 0
                and theirs[b + _TOOL] == mine[a + _TOOL]
                and theirs[b + _SYMBOL] == mine[a + _SYMBOL]
                and theirs[b + _VALUE] == mine[a + _VALUE]
                and theirs[b + _EXPIRES] == mine[a + _EXPIRES]
            )
        if not found:
            return False
    return True
