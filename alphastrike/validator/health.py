"""How far one symbol's features can be believed, on a scale of 0 to 100: the daily verdict.

At every decision ``take_value`` counts each watched feature's value; once a day ``judge`` moves the windows on by
that day, tests every feature and combines what it found. A feature is **lost** by the share of the day's decisions on
which it was stuck and half the share on which it was missing (what is missing abstains by itself, what is wrong does
not), and altogether when it drifts: when its stability index, its Kolmogorov-Smirnov distance, its cumulative sum or
its share of outliers exceeds the limit. Health is 100 * (1 - (lost share of the features / ``lost_max``)^2), not below
zero: one lost feature of twelve costs five points, five of them everything.
"""

import math
from typing import Annotated, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Gt, Le

from alphastrike.model.compiled import Records, step
from alphastrike.validator import cusum
from alphastrike.validator.bins import BINS, bin_of
from alphastrike.validator.ks import distance
from alphastrike.validator.limits import CURRENT_DAYS, REFERENCE_DAYS
from alphastrike.validator.outliers import is_outlier, location
from alphastrike.validator.psi import stability_index
from alphastrike.validator.stated import Watched


class HealthParams(NamedTuple):
    """When a symbol's features are no longer believed."""

    floor: Annotated[float, Ge(0.0), Le(100.0)] = 30.0
    """A symbol whose health falls below this is halted."""
    recovery: Annotated[float, Ge(0.0), Le(100.0)] = 60.0
    """It stays halted until its health is at least this."""
    lost_max: Annotated[float, Gt(0.0), Le(1.0)] = 0.375
    """Share of the watched features whose loss leaves no health at all."""
    reference_days: Annotated[int, Ge(14), Le(365)] = REFERENCE_DAYS
    """Days, before the current ones, that say what is usual."""
    current_days: Annotated[int, Ge(2), Le(60)] = CURRENT_DAYS
    """Last days that are compared with them."""
    minimum_days: Annotated[int, Ge(7), Le(365)] = 42
    """Until so many reference days are known of a feature, its tests for drift abstain."""
    psi_min: Annotated[float, Ge(0.0)] = 0.25
    """The stability index must exceed this and the feature's calibrated limit."""
    cusum_min: Annotated[float, Ge(0.0)] = 5.0
    """The cumulative sum, in standard deviations of daily means, must exceed this and the calibrated limit."""
    cusum_slack: Annotated[float, Ge(0.0), Le(3.0)] = 0.5
    """What a daily mean may differ by, in its standard deviations, before it counts."""
    outlier_sigmas: Annotated[float, Gt(0.0), Le(100.0)] = 3.5
    """Standard deviations of the reference beyond which a value is an outlier."""
    outliers_min: Annotated[float, Gt(0.0), Le(1.0)] = 0.25
    """The share of outliers among a day's values must exceed this and the calibrated limit."""
    stuck_after: Annotated[int, Ge(1), Le(1_000)] = 3
    """A value is stuck when it and so many before it are the same to the last bit."""


HEALTH_STATE: Final = np.dtype(
    (
        np.record,
        [
            ("health", "f8"),
            ("completeness", "f8"),
            ("halted", "i8"),
            ("judged", "i8"),
            ("decisions", "i8"),
            ("days", "i8"),
        ],
    )
)
"""One a symbol: the last verdict, decisions of the day so far, and days closed. All zero before the first."""

WATCH: Final = np.dtype(
    (
        np.record,
        [
            ("last", "f8"),
            ("middle", "f8"),
            ("deviation", "f8"),
            ("is_known", "i8"),
            ("repeats", "i8"),
            ("seen", "i8"),
            ("stuck", "i8"),
            ("outliers", "i8"),
        ],
    )
)
"""One a symbol and watched feature: its last value and how often it was repeated, where the middle of the reference
lies (in scales from the centre; deviation 0 while unknown), and what of the day was present, stuck and an outlier."""

DAY: Final = np.dtype((np.record, [("seen", "i4"), ("moment", "i4")]))
"""A closed day of a feature: its values, and the sum of their bins' places as odd numbers from -15 to 15."""

HEALTH_ROW: Final = np.dtype(
    (
        np.record,
        [
            ("market_seq", "i8"),
            ("event_time", "i8"),
            ("symbol", "i8"),
            ("health", "f8"),
            ("completeness", "f8"),
            ("stuck", "f8"),
            ("watched", "i8"),
            ("drifting", "i8"),
            ("psi", "f8"),
            ("ks", "f8"),
            ("cusum", "f8"),
            ("outliers", "f8"),
            ("worst", "i8"),
            ("halted", "i8"),
        ],
    )
)
"""Kind ``health`` with the place of the worst feature (-1 for none) instead of its name."""

VERDICT_ROW: Final = np.dtype(
    (
        np.record,
        [
            ("market_seq", "i8"),
            ("event_time", "i8"),
            ("symbol", "i8"),
            ("feature", "i8"),
            ("present", "f8"),
            ("stuck", "f8"),
            ("outliers", "f8"),
            ("outliers_limit", "f8"),
            ("psi", "f8"),
            ("psi_limit", "f8"),
            ("ks", "f8"),
            ("ks_limit", "f8"),
            ("cusum", "f8"),
            ("cusum_limit", "f8"),
            ("drifts", "i8"),
            ("lost", "f8"),
        ],
    )
)
"""Kind ``verdicts`` with the place of the feature instead of its name."""


class Windows(NamedTuple):
    """What is counted of S symbols and F features over D = reference + current + 1 days, a ring of them."""

    watches: Records
    """(S, F) of ``WATCH``."""
    counts: npt.NDArray[np.int16]
    """(S, F, D, ``BINS``): values by bin of every day, the one under way included."""
    days: Records
    """(S, F, D) of ``DAY``."""
    tallies: npt.NDArray[np.int32]
    """(S, F, 2, ``BINS``): sums of the counts over the reference days and over the current ones."""


def ring_days(params: HealthParams) -> int:
    """Return the days that the ring holds."""
    return params.reference_days + params.current_days + 1


@step
def take_value(
    windows: Windows, symbol: int, place: int, slot: int, value: float, watched: Watched, params: HealthParams
) -> None:
    """Count one feature's value at one decision; NaN when it is missing. ``slot`` is the day's in the ring."""
    watch = windows.watches[symbol, place]
    if math.isnan(value):
        watch.is_known = 0
        watch.repeats = 0
        return
    watch.repeats = watch.repeats + 1 if watch.is_known == 1 and value == watch.last else 0
    watch.is_known = 1
    # A negative zero is a zero.
    watch.last = value + 0.0
    watch.seen += 1
    watch.stuck += 1 if watch.repeats >= params.stuck_after else 0
    centre = watched.centres[place]
    scale = watched.scales[place]
    windows.counts[symbol, place, slot, bin_of(value, centre, scale)] += 1
    if is_outlier((value - centre) / scale, watch.middle, watch.deviation, params.outlier_sigmas):
        watch.outliers += 1


@step
def close_day(windows: Windows, symbol: int, place: int, day: int, params: HealthParams) -> None:
    """Take the day that has ended (``day``-th, from 0) into the current window, and move both windows on by it."""
    ring = windows.counts.shape[2]
    slot = day % ring
    current = day - params.current_days
    oldest = current - params.reference_days
    counts = windows.counts[symbol, place]
    reference_tally = windows.tallies[symbol, place, 0]
    current_tally = windows.tallies[symbol, place, 1]
    seen = 0
    moment = 0
    for b in range(BINS):
        seen += counts[slot, b]
        moment += counts[slot, b] * (2 * b + 1 - BINS)
        current_tally[b] += counts[slot, b]
        if current >= 0:
            current_tally[b] -= counts[current % ring, b]
            reference_tally[b] += counts[current % ring, b]
        if oldest >= 0:
            reference_tally[b] -= counts[oldest % ring, b]
    closed = windows.days[symbol, place, slot]
    closed.seen = seen
    closed.moment = moment


@step
def excursion(
    windows: Windows, symbol: int, place: int, day: int, decisions_a_day: int, params: HealthParams
) -> tuple[float, int, int]:
    """Return the cumulative sum of a feature over the current days, and how many days of each window are known.

    The larger of the two sums, negative when it is the lower one; zero while fewer than two reference days are
    known. A day is known when it has values on half of its decisions. Returns (sum, reference days, current days).
    """
    ring = windows.counts.shape[2]
    days = windows.days[symbol, place]
    first_current = day - params.current_days + 1
    known = 0
    total = 0.0
    squares = 0.0
    # The ring is walked by hand: a division a day would be most of the work.
    slot = (first_current - 1) % ring if first_current > 0 else 0
    for _ in range(min(first_current, params.reference_days)):
        closed = days[slot]
        if 2 * closed.seen >= decisions_a_day:
            mean = closed.moment / (BINS * float(closed.seen))
            known += 1
            total += mean
            squares += mean * mean
        slot = slot - 1 if slot > 0 else ring - 1
    centre = total / known if known > 0 else 0.0
    spread = cusum.spread_of(total, squares, known, float(decisions_a_day)) if known > 1 else 0.0
    upper = 0.0
    lower = 0.0
    recent = 0
    slot = first_current % ring if first_current > 0 else 0
    for _ in range(min(day + 1, params.current_days)):
        closed = days[slot]
        if 2 * closed.seen >= decisions_a_day:
            recent += 1
            if spread > 0.0:
                surprise = (closed.moment / (BINS * float(closed.seen)) - centre) / spread
                upper, lower = cusum.taken_in(upper, lower, surprise, params.cusum_slack)
        slot = slot + 1 if slot + 1 < ring else 0
    return (upper if upper >= lower else -lower), known, recent


@step
def judge(
    health: Records,
    windows: Windows,
    symbol: int,
    is_day: bool,
    decisions_a_day: int,
    watched: Watched,
    params: HealthParams,
    report: Records,
    verdicts: Records,
    first: int,
) -> int:
    """Judge a symbol at the end of a day, or at its very first decision; return the verdict rows written.

    ``health`` is its ``HEALTH_STATE``; ``report`` (one row) and ``verdicts`` from row ``first`` on are filled but for
    ``market_seq`` and ``event_time``. Unless ``is_day`` nothing but completeness is judged, and the day goes on.
    """
    ring = windows.counts.shape[2]
    day = health.days
    decisions = health.decisions
    stated = 0
    drifting = 0
    worst = -1
    usable = 0
    stuck = 0
    lost = 0.0
    lost_most = 0.0
    psi_most = np.nan
    ks_most = np.nan
    cusum_most = np.nan
    outliers_most = 0.0
    count = 0
    for f in range(watched.places.shape[0]):
        watch = windows.watches[symbol, f]
        reference = windows.tallies[symbol, f, 0]
        current = windows.tallies[symbol, f, 1]
        psi = np.nan
        ks = np.nan
        drift = np.nan
        scaling = 1.0
        if is_day:
            close_day(windows, symbol, f, day, params)
            drift, known, recent = excursion(windows, symbol, f, day, decisions_a_day, params)
            watch.middle = 0.0
            watch.deviation = 0.0
            if known >= params.minimum_days:
                watch.middle, watch.deviation = location(reference)
            if known >= params.minimum_days and 2 * recent >= params.current_days:
                psi = stability_index(reference, current)
                ks = distance(reference, current)
                # Limits are calibrated for whole windows of the default lengths; less is known of shorter ones.
                scaling = (1.0 / known + 1.0 / recent) / (1.0 / REFERENCE_DAYS + 1.0 / CURRENT_DAYS)
            else:
                drift = np.nan
        is_seen = watch.seen > 0
        for b in range(BINS):
            is_seen = is_seen or reference[b] + current[b] > 0
        if not is_seen:
            continue
        root = math.sqrt(scaling)
        psi_limit = max(params.psi_min, watched.psi[f] * scaling)
        ks_limit = watched.ks[f] * root
        cusum_limit = max(params.cusum_min, watched.cusum[f] * (root if root > 1.0 else 1.0))
        outliers_limit = max(params.outliers_min, watched.outliers[f])
        outliers = watch.outliers / float(watch.seen) if watch.seen > 0 else 0.0
        # Comparisons with an abstaining test are false.
        drifts = psi > psi_limit or ks > ks_limit or abs(drift) > cusum_limit or outliers > outliers_limit
        loss = 1.0 if drifts else (0.5 * (decisions - watch.seen) + watch.stuck) / float(decisions)
        stated += 1
        drifting += 1 if drifts else 0
        usable += watch.seen - watch.stuck
        stuck += watch.stuck
        lost += loss
        if loss > lost_most:
            lost_most = loss
            worst = f
        psi_most = larger(psi_most, psi)
        ks_most = larger(ks_most, ks)
        cusum_most = larger(cusum_most, abs(drift))
        outliers_most = larger(outliers_most, outliers)
        row = verdicts[first + count]
        row.symbol = symbol
        row.feature = f
        row.present = watch.seen / float(decisions)
        row.stuck = watch.stuck / float(decisions)
        row.outliers = outliers
        row.outliers_limit = outliers_limit
        row.psi = psi
        row.psi_limit = psi_limit
        row.ks = ks
        row.ks_limit = ks_limit
        row.cusum = drift
        row.cusum_limit = cusum_limit
        row.drifts = 1 if drifts else 0
        row.lost = loss
        count += 1
    health.judged = 1
    health.completeness = usable / float(stated * decisions) if stated > 0 else 0.0
    share = lost / stated if stated > 0 else 1.0
    left = 1.0 - (share / params.lost_max) * (share / params.lost_max)
    health.health = 100.0 * left if left > 0.0 else 0.0
    if health.health < params.floor:
        health.halted = 1
    elif health.health >= params.recovery:
        health.halted = 0
    report.symbol = symbol
    report.health = health.health
    report.completeness = health.completeness
    report.stuck = stuck / float(stated * decisions) if stated > 0 else 0.0
    report.watched = stated
    report.drifting = drifting
    report.psi = psi_most
    report.ks = ks_most
    report.cusum = cusum_most
    report.outliers = outliers_most
    report.worst = worst
    report.halted = health.halted
    if is_day:
        health.days = day + 1
        health.decisions = 0
        slot = (day + 1) % ring
        for f in range(watched.places.shape[0]):
            watch = windows.watches[symbol, f]
            watch.seen = 0
            watch.stuck = 0
            watch.outliers = 0
            for b in range(BINS):
                windows.counts[symbol, f, slot, b] = 0
    return count


@step
def larger(most: float, value: float) -> float:
    """Return the larger of two numbers of which either may be NaN."""
    return value if value > most or math.isnan(most) else most
