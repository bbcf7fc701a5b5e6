"""Forking an account by copying its bytes, and short branches from stored situations."""

import statistics
from itertools import cycle, islice
from typing import Final

import numpy as np

from alphastrike.engine.outputs import REDUCED
from alphastrike.engine.state import new_buffer
from tests.bench.account import Driver, Snapshot
from tests.bench.figures import Figure
from tests.bench.timing import cpu_seconds
from tests.bench.worlds import World

SECTION: Final = "forks"
BRANCH_BARS: Final = 500


def measure(made: World, quick: bool) -> list[Figure]:
    """Return the cost of a fork and of a branch of 500 bars of every symbol."""
    driver = Driver(made)
    driver.begin()
    snapshots: list[Snapshot] = []
    driver.forward(0, made.market.ticks, REDUCED, snapshots)
    started = [snapshot for snapshot in snapshots if snapshot.tick + BRANCH_BARS <= made.market.ticks]
    branches = list(islice(cycle(started), 50 if quick else 1_000))
    rounds = 1 if quick else 7
    seconds = [
        cpu_seconds(lambda: [driver.branch(start, BRANCH_BARS, REDUCED) for start in branches]) for _ in range(rounds)
    ]
    size = len(driver.buffer)
    note = f"{BRANCH_BARS} bars × {driver.symbols} symbols from {len(started)} stored situations"
    return [
        Figure(SECTION, f"copy {size:,} bytes of state", _copy(driver, rounds), "CPU µs", 1.0, "less"),
        Figure(SECTION, "branches", len(branches) / statistics.median(seconds), "/ CPU s", 5_000.0, note=note),
    ]


def _copy(driver: Driver, rounds: int) -> float:
    """Return microseconds to copy a state into a worker's buffer, from Python."""
    source, target = driver.buffer, new_buffer(driver.symbols)
    times = 20_000

    def copies() -> None:
        copy = np.copyto
        for _ in range(times):
            copy(target, source)

    return statistics.median(cpu_seconds(copies) for _ in range(rounds)) / times * 1e6
