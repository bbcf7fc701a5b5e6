"""What perception made of a stretch, as rows of the journal's kinds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from alphastrike.engine.perception import Perceived
from alphastrike.journal.kinds import KINDS, Kind
from alphastrike.journal.tables import Rows, kind_named
from alphastrike.model.forecast import FORECAST


def perceived_rows(
    perceived: Perceived, tick_seq: npt.NDArray[np.int64], tick_times: npt.NDArray[np.int64]
) -> dict[str, tuple[Kind, Rows]]:
    """Return perception's rows by kind; ``tick_seq`` and ``tick_times`` are those of the stretch's T ticks.

    Where no decision falls, as between two of them live, only the gateway has any.
    """
    if not len(perceived.decision_ticks):
        return {"gates": (KINDS["gates"], perceived.rows["gates"])}
    symbols = perceived.forecasts.shape[1]
    ticks = np.repeat(perceived.decision_ticks, symbols)
    place = {
        "market_seq": tick_seq[ticks],
        "event_time": tick_times[ticks],
        "symbol": np.tile(np.arange(symbols, dtype=np.int64), len(perceived.decision_ticks)),
    }
    flat = perceived.forecasts.reshape(-1)
    tables: dict[str, tuple[Kind, Rows]] = {
        "features": _wide("features", perceived.feature_names, perceived.features, place),
        "signals": _wide("signals", perceived.signal_names, perceived.scores, place),
        "forecasts": (KINDS["forecasts"], {**place, **{name: flat[name] for name in FORECAST.names or ()}}),
    }
    for name, rows in perceived.rows.items():
        kind = kind_named(name, perceived.signal_names) if KINDS[name].wide else KINDS[name]
        tables[name] = (kind, rows)
    return tables


def _wide(
    name: str, columns: tuple[str, ...], values: npt.NDArray[np.float64], place: Mapping[str, npt.NDArray[Any]]
) -> tuple[Kind, Rows]:
    flat = values.reshape(len(columns), -1)
    return kind_named(name, columns), {**place, **dict(zip(columns, flat, strict=True))}
