"""Whether the policy is asked at the right times: how often acting helped when a trigger fired, and when none did.

"Acting" is one stated action, valued alone as in the situation suite: half the size for a day. It was needed where
it would have gained more, over the primary horizon, than a harmless intervention moves: nine tenths of the size for a
day. Both are aimed as the guardian aims: at the situation's symbol, in an account-wide situation, and at a moment at
which nothing fired, at the one that lost most. Where that symbol holds no position there is little to make smaller.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.engine.plans import Planned
from alphastrike.engine.situations import report
from alphastrike.engine.state import restored, views
from alphastrike.journal.codes import Rule, Tool
from alphastrike.journal.reader import Run
from alphastrike.model.progress import Progress, silent
from alphastrike.model.units import MICROS_PER_HOUR
from replay.branch import Fork, first_path, run_branches
from replay.cases import Case, cases_of
from replay.decisions import log_advantage
from replay.ground import Ground
from replay.horizons import PRIMARY, ticks_ahead
from replay.pool import Pool, There, Threads, ground_there

Booleans = npt.NDArray[np.bool_]

MULTIPLIER: Final = 0.5
PLACEBO_MULTIPLIER: Final = 0.9
ACTION_HOURS: Final = 24
GRID_HOURS: Final = 24
"""Between two moments at which nothing need have fired."""
NEAR_HOURS: Final = 24
"""A moment counts as caught when a trigger asked no longer before or after it."""
LOOK_BACK_HOURS: Final = 72
"""How far before a firing the first moment at which acting would have helped is sought."""
Z_95: Final = 1.959963984540054

ACTION: Final = f"size × {MULTIPLIER:g} for {ACTION_HOURS} h"
PLACEBO: Final = f"size × {PLACEBO_MULTIPLIER:g} for {ACTION_HOURS} h"


@dataclass(frozen=True, slots=True)
class TriggerQuality:
    """How well one rule chose its moments, or all of them together. NaN for what is not defined."""

    rule: Rule | None
    """``None``: all rules."""
    fired: int
    """Times the rule became true."""
    asked: int
    """Of those, times the policy was asked: not in a cooldown, and not while it still thought."""
    valued: int
    """Of those, the ones whose horizon lies within the market."""
    needed: int
    """Of those, the ones at which acting would have helped."""
    precision: float
    """needed ÷ valued."""
    precision_low: float
    precision_high: float
    """Wilson's 95 % interval with as many trials as there are clusters of situations, for those inside one depend on
    one another; NaN without a trial."""
    recall: float
    """Share of the moments of the grid that needed acting which lie within ``near_hours`` of an asking."""
    lead_hours: float
    """Median over the needed askings, hours from the asking to the first moment of the grid within the look-back at
    which acting would have helped: 0 when there is none before it, negative when the trigger came so much later."""
    false_alarms: int
    """Askings at which acting was not needed: valued - needed."""
    false_alarm_cost: float
    """Mean loss of acting at them, log equity; negative where it gained less than the floor on average."""
    false_alarm_cost_quote: float
    """The same in the quote currency."""
    flat: int = 0
    """Of the valued, those at which the symbol acted on held no position: a streak of losses is complete when the last
    of them is closed."""


@dataclass(frozen=True, slots=True)
class TriggerQualities:
    """By rule and in all, with what was measured against what."""

    by_rule: tuple[TriggerQuality, ...]
    """Every rule, in the order of the rules."""
    overall: TriggerQuality
    moments: int
    """Of the grid: decision ticks ``grid_hours`` apart at which a position was open and whose horizon lies within the
    market."""
    moments_needed: int
    """Of those, the ones at which acting would have helped."""
    floor: float
    """Median of what the placebo moved, up or down, over all moments and askings that it moved at all; log equity."""
    horizon: str = PRIMARY.label
    action: str = ACTION
    placebo: str = PLACEBO
    grid_hours: int = GRID_HOURS
    near_hours: int = NEAR_HOURS
    look_back_hours: int = LOOK_BACK_HOURS
    moments_flat: int = 0
    """Of the grid's moments, those at which the symbol acted on held no position."""

    @property
    def base_rate(self) -> float:
        """Share of the grid's moments that needed acting: the precision of asking at no particular time."""
        return self.moments_needed / self.moments if self.moments else math.nan


class Moment(NamedTuple):
    """A time at which acting is tried."""

    time: int
    """Microseconds UTC."""
    action: float
    """Advantage of the stated action, log equity."""
    quote: float
    """The same in the quote currency."""
    placebo: float
    """Advantage of the placebo, log equity."""
    is_flat: bool = False
    """Whether the symbol acted on held no position."""


class Asking(NamedTuple):
    """A moment at which a trigger fired and the policy was asked."""

    rule: Rule
    cluster: int
    time: int
    moment: Moment | None
    """``None`` when its horizon lies beyond the market's end."""


def trigger_quality(
    run: Run, ground: Ground, *, threads: int = 1, progress: Progress = silent, pool: Pool | None = None
) -> TriggerQualities:
    """Measure a run's triggers; the result depends neither on ``threads`` nor on ``pool``.

    Raises:
        DataError: the run is damaged, or a situation of it has no checkpoint.
    """
    cases, _, moments = tried_moments(run, ground, threads=threads, progress=progress, pool=pool)
    triggers = run.rows("triggers")
    fired = [Rule(int(rule)) for rule in triggers["rule"][triggers["fired"] != 0]]
    return qualities(fired, _askings(cases, moments), _of_grid(cases, moments))


class TriedMoments(NamedTuple):
    """Where acting was tried: at every situation, then at every moment of the grid."""

    cases: Sequence[Case]
    tried: Sequence[tuple[Fork, int]]
    """The account, and the symbol acted on."""
    moments: Sequence[Moment | None]
    """What came of it, as many; ``None`` where the horizon lies beyond the market's end."""

    @property
    def floor(self) -> float:
        """What acting must gain to count as needed, log equity."""
        return floor_of([moment for moment in self.moments if moment is not None])


def tried_moments(
    run: Run, ground: Ground, *, threads: int = 1, progress: Progress = silent, pool: Pool | None = None
) -> TriedMoments:
    """Try acting at every asking and at every moment of the grid.

    Raises:
        DataError: as for :func:`trigger_quality`.
    """
    cases = cases_of(run, ground)
    tried = _tried(ground, cases)
    found = (pool or Threads(threads)).map(lambda number: _moment(ground, *tried[number]), _moment_there, len(tried))
    moments = []
    for moment in found:
        moments.append(moment)
        progress("triggers", len(moments), len(tried))
    return TriedMoments(cases, tried, moments)


def floor_of(moments: Sequence[Moment]) -> float:
    """Return the median of what the placebo moved wherever it moved anything, log equity."""
    moved = [abs(moment.placebo) for moment in moments if moment.placebo != 0.0]
    return float(np.median(moved)) if moved else 0.0


def _askings(cases: Sequence[Case], moments: Sequence[Moment | None]) -> list[Asking]:
    return [
        Asking(case.situation.rule, case.cluster, case.situation.event_time, moment)
        for case, moment in zip(cases, moments, strict=False)
    ]


def _of_grid(cases: Sequence[Case], moments: Sequence[Moment | None]) -> list[Moment]:
    return [moment for moment in moments[len(cases) :] if moment is not None]


def _tried(ground: Ground, cases: Sequence[Case]) -> list[tuple[Fork, int]]:
    """Return where an action is tried: at every situation, then at every moment of the grid."""
    return [*((case.fork, _symbol(ground, case)) for case in cases), *_grid(ground)]


def _moment_there(there: There, number: int) -> Moment | None:
    return _moment(ground_there(there)[1], *_tried_there(there)[number])


@lru_cache(maxsize=1)
def _tried_there(there: There) -> list[tuple[Fork, int]]:
    run, ground = ground_there(there)
    return _tried(ground, cases_of(run, ground))


def qualities(fired: Sequence[Rule], askings: Sequence[Asking], moments: Sequence[Moment]) -> TriggerQualities:
    """Return the quality of triggers.

    Args:
        fired: the rule of every firing, asked or not.
        askings: in order of time.
        moments: of the grid, in order of time.
    """
    floor = floor_of([*moments, *(each.moment for each in askings if each.moment is not None)])
    needed = [moment for moment in moments if moment.action > floor]

    def of(rule: Rule | None) -> TriggerQuality:
        own = [each for each in askings if rule in (None, each.rule)]
        return _quality(rule, sum(rule in (None, one) for one in fired), own, needed, floor)

    flat = sum(moment.is_flat for moment in moments)
    return TriggerQualities(
        tuple(of(rule) for rule in Rule), of(None), len(moments), len(needed), floor, moments_flat=flat
    )


def wilson(successes: int, trials: int, effective: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share, as if it had been seen in ``effective`` trials; NaN without one.

    Wilson, E. B. (1927), "Probable inference, the law of succession, and statistical inference".
    """
    if trials == 0 or effective <= 0.0:
        return math.nan, math.nan
    share = successes / trials
    square = Z_95**2 / effective
    middle = (share + square / 2.0) / (1.0 + square)
    half = Z_95 / (1.0 + square) * math.sqrt(share * (1.0 - share) / effective + square / (4.0 * effective))
    return max(0.0, middle - half), min(1.0, middle + half)


def _quality(
    rule: Rule | None, fired: int, askings: Sequence[Asking], needed: Sequence[Moment], floor: float
) -> TriggerQuality:
    valued = [(each, each.moment) for each in askings if each.moment is not None]
    right = [each for each, moment in valued if moment.action > floor]
    wrong = [moment for _, moment in valued if not moment.action > floor]
    low, high = wilson(len(right), len(valued), len({each.cluster for each, _ in valued}))
    leads = [_lead_hours(each.time, needed) for each in right]
    return TriggerQuality(
        rule=rule,
        fired=fired,
        asked=len(askings),
        valued=len(valued),
        needed=len(right),
        precision=len(right) / len(valued) if valued else math.nan,
        precision_low=low,
        precision_high=high,
        recall=_recall([each.time for each in askings], needed),
        lead_hours=float(np.median(leads)) if leads else math.nan,
        false_alarms=len(wrong),
        false_alarm_cost=-float(np.mean([moment.action for moment in wrong])) if wrong else math.nan,
        false_alarm_cost_quote=-float(np.mean([moment.quote for moment in wrong])) if wrong else math.nan,
        flat=sum(moment.is_flat for _, moment in valued),
    )


def _recall(asked: Sequence[int], needed: Sequence[Moment]) -> float:
    """Return the share of moments with an asking near them."""
    if not needed:
        return math.nan
    times = np.array(asked, dtype=np.int64)
    near = NEAR_HOURS * MICROS_PER_HOUR
    return sum(bool(np.any(np.abs(times - moment.time) <= near)) for moment in needed) / len(needed)


def _lead_hours(asked: int, needed: Sequence[Moment]) -> float:
    first = asked - LOOK_BACK_HOURS * MICROS_PER_HOUR
    earlier = [moment.time for moment in needed if first <= moment.time < asked]
    return (min(earlier, default=asked) - asked) / MICROS_PER_HOUR


def _grid(ground: Ground) -> list[tuple[Fork, int]]:
    """Return the moments of the grid, on the run as recorded, each with the symbol to act on."""
    market = ground.market
    decisions = np.flatnonzero(ground.inputs.decision_row >= 0)
    if not len(decisions):
        return []
    # The first decision tick of every step, counted from the market's beginning.
    steps = decisions * market.interval // (GRID_HOURS * MICROS_PER_HOUR)
    ticks = [int(tick) for tick in decisions[np.diff(steps, prepend=-1) > 0]]
    path = first_path(ground, ground.plan, (), ticks)
    symbols = market.symbols
    found = []
    for place, tick in enumerate(ticks):
        state = path.kept[place].tobytes()
        account = views(restored(state, len(symbols)), len(symbols))
        if (account.symbols["quantity"] != 0.0).any():
            seen, _, _ = report(account, ground.settings, len(symbols), int(Rule.DRAWDOWN), symbols)
            found.append((Fork(tick, state), symbols.index(seen.focus)))
    return found


def _symbol(ground: Ground, case: Case) -> int:
    return ground.market.symbols.index(case.situation.focus)


def _moment(ground: Ground, fork: Fork, symbol: int) -> Moment | None:
    """Try both at the fork; ``None`` when the horizon lies beyond the market's end."""
    at = ticks_ahead((PRIMARY,), fork.tick, ground.market.interval, ground.market.ticks)[0]
    if at is None:
        return None
    now = ground.time_of(fork.tick)
    expires = now + ACTION_HOURS * MICROS_PER_HOUR

    def smaller(multiplier: float) -> tuple[Planned, ...]:
        return (Planned(fork.tick, int(Tool.ADJUST_POSITION_SIZE), symbol, multiplier, expires),)

    plans = [(), smaller(MULTIPLIER), smaller(PLACEBO_MULTIPLIER)]
    symbols = len(ground.market.symbols)
    is_flat = bool(views(restored(fork.state, symbols), symbols).symbols["quantity"][symbol] == 0.0)
    nothing, action, placebo = run_branches(ground, fork, plans, [at]).samples["equity"][:, 0].tolist()
    return Moment(now, log_advantage(action, nothing), action - nothing, log_advantage(placebo, nothing), is_flat)
