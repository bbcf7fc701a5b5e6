"""What keeping a run costs against making it: the simulated sample market, perceived and run under the guardian."""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from alphastrike.config.settings import Settings
from alphastrike.engine.advice import AskedPolicy
from alphastrike.engine.history import run_account
from alphastrike.engine.perception import perceive
from alphastrike.market.simulate import SAMPLE_DAYS, SAMPLE_NAME, simulate_market
from alphastrike.market.store import open_market
from alphastrike.policy.guardian import Rules
from alphastrike.runs.computed import account_inputs
from alphastrike.runs.recorder import record
from tests.bench.figures import Figure
from tests.bench.timing import cpu_seconds, median_ratio

SECTION: Final = "recording"


def measure(quick: bool) -> list[Figure]:
    """Return the CPU seconds of both halves and of writing what they made, and their ratio."""
    settings = Settings()
    making, perceiving, accounting, writing = [], [], [], []
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        simulate_market(root, days=60 if quick else SAMPLE_DAYS)
        market = open_market(root, SAMPLE_NAME)
        # The compiler's time is measured elsewhere.
        run_account(market, account_inputs(perceive(market, settings.perception)), settings, AskedPolicy(Rules()))
        for round_ in range(1 if quick else 3):
            perceiving.append(cpu_seconds(lambda: perceive(market, settings.perception)))
            inputs = account_inputs(perceive(market, settings.perception))
            accounting.append(
                cpu_seconds(lambda inputs=inputs: run_account(market, inputs, settings, AskedPolicy(Rules())))  # type: ignore[misc]
            )
            making.append(perceiving[-1] + accounting[-1])
            writing.append(_written(root, settings, f"bench-{round_}"))
    bars = market.ticks * len(market.symbols)
    return [
        Figure(SECTION, "perception, cold", statistics.median(perceiving), "CPU s", note=f"{bars:,} symbol-bars"),
        Figure(SECTION, "account", statistics.median(accounting), "CPU s", note="every kind, policy rules"),
        Figure(SECTION, "writing the run", statistics.median(writing), "CPU s", note="rows, hashes, seal"),
        Figure(SECTION, "writing against making", median_ratio(writing, making), "times", 1.0, "less"),
    ]


def _written(root: Path, settings: Settings, name: str) -> float:
    """Record the market and return the CPU seconds from the first row written to the sealed run."""
    begun: list[float] = []

    def watch(stage: str, done: int, total: int) -> None:
        if stage == "write" and not begun:
            begun.append(time.process_time())

    # Perception taken over from the round before would not be written.
    record(root, SAMPLE_NAME, "rules", name=name, settings=settings, progress=watch, reuse=False)
    return time.process_time() - begun[0]
