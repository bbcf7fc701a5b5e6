"""Everything that perception found, as one text: for comparisons between processes. Run as a module, it prints it."""

import hashlib
import sys

import numpy as np

from alphastrike.config.perception import PerceptionSettings
from alphastrike.engine.perception import PerceivedMarket, perceive
from tests.engine.markets import rough_market

UNCOMPILED_TICKS = 3_300
"""Enough for every window of every feature and score to be full at the end."""


def bits(perceived: PerceivedMarket) -> dict[str, str]:
    """Return a digest of each part, so that a difference says where it is."""
    parts: dict[str, bytes] = {
        "decisions": perceived.decision_ticks.tobytes() + perceived.decision_row.tobytes(),
        "rejected": perceived.rejected.tobytes(),
        "state": perceived.state,
        **{f"feature {name}": _plain(perceived.features[n]) for n, name in enumerate(perceived.feature_names)},
        **{f"signal {name}": _plain(perceived.scores[n]) for n, name in enumerate(perceived.signal_names)},
        **{f"forecast {name}": perceived.forecasts[name].tobytes() for name in perceived.forecasts.dtype.names},
        **{f"rows {name}": repr(rows.tolist()).encode() for name, rows in perceived.rows.items() if name != "weights"},
        "rows weights": repr({name: column.tolist() for name, column in perceived.rows["weights"].items()}).encode(),
    }
    return {name: hashlib.blake2b(part, digest_size=8).hexdigest() for name, part in parts.items()}


def _plain(values: np.ndarray) -> bytes:
    # Which NaN it is says nothing.
    return np.where(np.isnan(values), np.nan, values).tobytes()


if __name__ == "__main__":
    for name, digest in bits(perceive(rough_market(UNCOMPILED_TICKS, symbols=2), PerceptionSettings())).items():
        sys.stdout.write(f"{name}={digest}\n")
