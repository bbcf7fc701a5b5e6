"""From scores to forecasts: the compiled fold over decisions, and what it wrote as journal rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from alphastrike.engine.perception_state import PerceptionState
from alphastrike.engine.perception_steps import (
    ACCURACY,
    RETIREMENT,
    FeaturePlaces,
    Integers,
    PerceptionParams,
    Reals,
    conclude,
)
from alphastrike.journal.kinds import KINDS
from alphastrike.ml.decay import SCOPES
from alphastrike.ml.declare import Signal
from alphastrike.model.compiled import Records
from alphastrike.model.forecast import FORECAST
from alphastrike.validator.health import HEALTH_ROW, VERDICT_ROW
from alphastrike.validator.stated import STATED, Watched


@dataclass(frozen=True)
class Conclusions:
    """What D decisions came to."""

    forecasts: Records
    """(D, S) of ``model.forecast.FORECAST``."""
    rows: dict[str, Any]
    """By kind: records of ``health``, ``verdicts``, ``accuracies``, ``retirements``; columns by name of ``weights``."""


def conclusions(
    times: Integers,
    seqs: Integers,
    gate_halts: Integers,
    closes: Reals,
    values: Reals,
    scores: Reals,
    signals: tuple[Signal, ...],
    places: Mapping[str, int],
    params: PerceptionParams,
    state: PerceptionState,
) -> Conclusions:
    """Fold D decisions into the state and return what they came to.

    Args:
        times: (D,) of the decisions, microseconds UTC.
        seqs: (D,) ``market_seq`` of their ticks.
        gate_halts: (D, S) halts of the gateway.
        closes: (S, D) of the decision bars.
        values: (F, D, S) features.
        scores: (N, D, S) of the signals.
        signals: the N of them.
        places: of the features by name.
        params: of the fold.
        state: changed in place.
    """
    decisions, symbols = gate_halts.shape
    names = tuple(signal.name for signal in signals)
    forecasts = np.zeros((decisions, symbols), dtype=FORECAST)
    if decisions == 0:
        return Conclusions(forecasts, _no_rows(names))
    days = decisions // params.decisions_a_day + 2
    health = np.zeros(days * symbols, dtype=HEALTH_ROW)
    verdicts = np.zeros(days * symbols * len(STATED), dtype=VERDICT_ROW)
    scopes = SCOPES if params.tracker.by_regime else 1
    accuracies = np.zeros(days * len(names) * scopes, dtype=ACCURACY)
    retirements = np.zeros(days * len(names) * scopes, dtype=RETIREMENT)
    weight_times = np.zeros((days * SCOPES, 3), dtype=np.int64)
    weights = np.zeros((days * SCOPES, len(names)))
    healths, judged, tracked, retired, changes = conclude(
        times,
        seqs,
        gate_halts,
        closes,
        values,
        scores,
        np.array([signal.horizon_bars for signal in signals], dtype=np.int64),
        Watched.at(places),
        FeaturePlaces(
            volatility=places["volatility_168"],
            atr=places["atr_168"],
            daily_volume=places["volume_mean_168"],
            momentum=places["momentum_240"],
            volatility_day=places["volatility_24"],
            volatility_month=places["volatility_720"],
        ),
        params,
        state,
        forecasts,
        health,
        verdicts,
        accuracies,
        retirements,
        weight_times,
        weights,
    )
    weight_columns = {
        name: weight_times[:changes, place].copy() for place, name in enumerate(("market_seq", "event_time", "regime"))
    }
    weight_columns |= {name: weights[:changes, n].copy() for n, name in enumerate(names)}
    rows = {
        "health": _named("health", health[:healths], "worst", "worst", (*STATED, "")),
        "verdicts": _named("verdicts", verdicts[:judged], "feature", "feature", STATED),
        "accuracies": _named("accuracies", accuracies[:tracked], "signal", "name", names),
        "retirements": _named("retirements", retirements[:retired], "signal", "name", names),
        "weights": weight_columns,
    }
    return Conclusions(forecasts, rows)


@cache
def _no_rows(names: tuple[str, ...]) -> dict[str, Any]:
    none = np.zeros(0)
    whole = np.zeros(0, dtype=np.int64)
    return {
        "health": np.zeros(0, dtype=KINDS["health"].record),
        "verdicts": np.zeros(0, dtype=KINDS["verdicts"].record),
        "accuracies": np.zeros(0, dtype=KINDS["accuracies"].record),
        "retirements": np.zeros(0, dtype=KINDS["retirements"].record),
        "weights": {"market_seq": whole, "event_time": whole, "regime": whole, **dict.fromkeys(names, none)},
    }


def _named(kind: str, written: Records, number: str, name: str, names: tuple[str, ...]) -> Records:
    """Return what the fold wrote as rows of their kind: with a name in place of its number."""
    rows = np.zeros(written.shape[0], dtype=KINDS[kind].record)
    for field in written.dtype.names:
        if field != number:
            rows[field] = written[field]
    rows[name] = np.array(names, dtype=object)[written[number]]
    return rows
