"""Moments at which nobody need have been asked: whoever is asked there should leave everything as it is.

A control is a moment of the grid of trigger quality (once a day, a position is open) at which nothing fired, nothing is
halted and no intervention is live, which lies beyond the horizon of every asking and not shortly before one, and at
which acting would have gained less than is needed to count. A rule that fired long ago may still be met, as a drawdown
is until it has been earned back; moments with the fewest of those are taken first. The report is the account's own at
that moment. In the place of the rule that fired stands the rule that was nearest to being met, with its number as it
was: short of its threshold.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from alphastrike.engine.situations import report
from alphastrike.engine.state import restored, views
from alphastrike.journal.codes import Rule
from alphastrike.journal.reader import Run
from alphastrike.model.progress import Progress, silent
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.policy.situation import Situation, SymbolReport
from alphastrike.policy.triggers import TriggerParams
from replay.branch import Fork
from replay.effect import Integers
from replay.ground import Ground
from replay.horizons import PRIMARY
from replay.pool import Pool
from replay.trigger_quality import NEAR_HOURS, Moment, tried_moments

CONTROLS: Final = 20
"""Taken at most, unless told."""


class Control(NamedTuple):
    """A moment at which nobody need have been asked."""

    situation: Situation
    """Its number is 0: nobody was asked."""
    still_met: int
    """Rules that fired before and are met still, of all symbols and the account."""
    gained: float
    """What acting would have gained over the primary horizon, log equity."""


def controls_of(
    run: Run,
    ground: Ground,
    count: int = CONTROLS,
    *,
    threads: int = 1,
    progress: Progress = silent,
    pool: Pool | None = None,
) -> tuple[Control, ...]:
    """Return at most ``count`` control situations of a run in order of time; the same ones every time.

    Of more the quietest are taken, of equally quiet ones those whose time has the least hash: they lie anywhere.

    Raises:
        DataError: the run is damaged, or a situation of it has no checkpoint.
    """
    if count == 0:
        return ()
    tried = tried_moments(run, ground, threads=threads, progress=progress, pool=pool)
    floor = tried.floor
    asked = np.array([case.situation.event_time for case in tried.cases], dtype=np.int64)
    found = []
    begin = len(tried.cases)
    for (fork, _), moment in zip(tried.tried[begin:], tried.moments[begin:], strict=True):
        if moment is None or moment.action > floor or not _is_apart(moment, asked):
            continue
        control = control_at(ground, fork, moment.action)
        if control is not None:
            found.append(control)
    found.sort(key=_rank)
    return tuple(sorted(found[:count], key=lambda one: one.situation.event_time))


def control_at(ground: Ground, fork: Fork, gained: float) -> Control | None:
    """Return the control that an account is; ``None`` where it is halted, intervened in, or every rule is met."""
    symbols = ground.market.symbols
    state = views(restored(fork.state, len(symbols)), len(symbols))
    seen, _, _ = report(state, ground.settings, len(symbols), int(Rule.DRAWDOWN), symbols)
    numbers = list(_numbers(seen, ground.settings.account.triggers))
    unmet = [one for one in numbers if not one.is_met]
    if seen.halted or seen.live or not unmet:
        return None
    nearest = max(unmet, key=lambda one: one.nearness)
    situation = replace(
        seen,
        situation=0,
        symbol=nearest.symbol,
        rule=nearest.rule,
        value=nearest.value,
        threshold=nearest.threshold,
        deadline=seen.event_time + ground.settings.policy.deadline_us,
    )
    return Control(situation, len(numbers) - len(unmet), gained)


def _rank(one: Control) -> tuple[int, bytes]:
    return one.still_met, hashlib.blake2b(f"control/{one.situation.event_time}".encode(), digest_size=8).digest()


class _Number(NamedTuple):
    """How far one rule is from being met on one symbol, or on the account."""

    rule: Rule
    symbol: str | None
    value: float
    threshold: float
    is_met: bool
    nearness: float
    """1 where it would be met."""


def _numbers(seen: Situation, rules: TriggerParams) -> Iterator[_Number]:
    scopes: list[tuple[str | None, Situation | SymbolReport]] = [(None, seen)]
    for symbol, line in (*scopes, *((each.symbol, each) for each in seen.reports)):
        above, losses = rules.drawdown_above, float(rules.losses)
        drawdown, streak = float(line.drawdown), float(line.loss_streak)
        yield _Number(Rule.DRAWDOWN, symbol, drawdown, above, drawdown > above, drawdown / above)
        yield _Number(Rule.LOSS_STREAK, symbol, streak, losses, streak >= losses, streak / losses)
        if line.trades >= rules.win_rate_window:
            rate, below = float(line.win_rate), rules.win_rate_below
            yield _Number(Rule.WIN_RATE, symbol, rate, below, rate < below, below / rate if rate > 0.0 else 1.0)


def _is_apart(moment: Moment, asked: Integers) -> bool:
    """Tell whether no asking's horizon holds the moment, and none follows shortly."""
    assert PRIMARY.micros is not None
    ago = moment.time - asked
    return not bool(np.any((ago >= -NEAR_HOURS * MICROS_PER_HOUR) & (ago < PRIMARY.micros)))
