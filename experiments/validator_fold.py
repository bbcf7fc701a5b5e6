"""The validator alone over a panel of features: what calibration, trials and tests feed directly."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from alphastrike.model.compiled import Records, entry
from alphastrike.validator.bins import BINS, bin_of
from alphastrike.validator.health import (
    DAY,
    HEALTH_ROW,
    HEALTH_STATE,
    VERDICT_ROW,
    WATCH,
    HealthParams,
    Windows,
    judge,
    ring_days,
    take_value,
)
from alphastrike.validator.stated import STATED, Watched

Reals = npt.NDArray[np.float64]


class Judged(NamedTuple):
    """Verdicts over n days and S symbols."""

    health: Records
    """(n, S) of ``validator.health.HEALTH_ROW``; ``event_time`` is the number of the day."""
    verdicts: Records
    """Rows of ``validator.health.VERDICT_ROW``, by day, symbol and feature; ``event_time`` as above."""

    def of(self, name: str, symbol: int = 0) -> Records:
        """Return one feature's verdicts, oldest first."""
        rows = self.verdicts
        return rows[(rows["feature"] == STATED.index(name)) & (rows["symbol"] == symbol)]


def new_windows(symbols: int, features: int, params: HealthParams) -> Windows:
    """Return windows in which nothing has been counted."""
    days = ring_days(params)
    return Windows(
        np.zeros((symbols, features), dtype=WATCH),
        np.zeros((symbols, features, days, BINS), dtype=np.int16),
        np.zeros((symbols, features, days), dtype=DAY),
        np.zeros((symbols, features, 2, BINS), dtype=np.int32),
    )


def judged(values: Reals, params: HealthParams | None = None, decisions_a_day: int = 24) -> Judged:
    """Judge whole days of features ``values`` (F of ``STATED``, n x ``decisions_a_day``, S)."""
    params = params or HealthParams()
    features, decisions, symbols = values.shape
    days = decisions // decisions_a_day
    health = np.zeros((days, symbols), dtype=HEALTH_ROW)
    verdicts = np.zeros(days * symbols * features, dtype=VERDICT_ROW)
    state = np.zeros(symbols, dtype=HEALTH_STATE)
    windows = new_windows(symbols, features, params)
    values = np.ascontiguousarray(values)
    count = _fold(
        values,
        decisions_a_day,
        Watched.at({name: place for place, name in enumerate(STATED)}),
        params,
        state,
        windows,
        health,
        verdicts,
    )
    return Judged(health, verdicts[:count])


@entry
def _fold(
    values: Reals,
    decisions_a_day: int,
    watched: Watched,
    params: HealthParams,
    state: Records,
    windows: Windows,
    health: Records,
    verdicts: Records,
) -> int:
    count = 0
    ring = windows.counts.shape[2]
    for d in range(health.shape[0] * decisions_a_day):
        for s in range(values.shape[2]):
            slot = state[s].days % ring
            state[s].decisions += 1
            for f in range(values.shape[0]):
                take_value(windows, s, f, slot, values[f, d, s], watched, params)
            if (d + 1) % decisions_a_day == 0:
                day = d // decisions_a_day
                before = count
                count += judge(
                    state[s], windows, s, True, decisions_a_day, watched, params, health[day, s], verdicts, count
                )
                health[day, s].event_time = day
                for row in range(before, count):
                    verdicts[row].event_time = day
    return count


@entry
def binned(values: Reals, centre: float, scale: float, decisions_a_day: int) -> npt.NDArray[Any]:
    """Return the counts by bin (days, ``BINS``) of one feature's values; missing ones are not counted."""
    days = values.shape[0] // decisions_a_day
    counts = np.zeros((days, BINS), dtype=np.int64)
    for d in range(days * decisions_a_day):
        if values[d] == values[d]:
            counts[d // decisions_a_day, bin_of(values[d], centre, scale)] += 1
    return counts
