"""Record the golden run anew: ``python -m tests.golden.record``.

Only when what the engine computes was changed on purpose, and in a commit of its own that says why.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Final

from alphastrike.config.resolve import resolve
from alphastrike.market.simulate import simulate_market
from alphastrike.model.units import MICROS_PER_HOUR
from alphastrike.runs.recorder import record

GOLDEN: Final = Path(__file__).resolve().parent / "run"
EAGER: Final = (
    "account.triggers.losses=2",
    "account.triggers.drawdown_above=0.03",
    "account.triggers.drawdown_rearm=0.02",
    "account.triggers.cooldown_hours=4",
    "account.exit.stop_atr=3",
)
"""Triggers that fire and stops that are touched in two months."""


def main() -> None:
    """Simulate the golden market, record it under the guardian's rules, and put the run in its place."""
    with tempfile.TemporaryDirectory() as held:
        root = Path(held)
        simulate_market(root, "golden", ("BTCUSDT", "SOLUSDT"), 70, MICROS_PER_HOUR, seed=11)
        record(root, "golden", "rules", name="run", settings=resolve(None, EAGER), self_contained=True)
        shutil.rmtree(GOLDEN, ignore_errors=True)
        shutil.copytree(root / "runs" / "run", GOLDEN)


if __name__ == "__main__":
    main()
