"""64 parameter sets over one market, on one thread and on all cores: the compiled loop releases the lock."""

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from alphastrike.engine.outputs import REDUCED
from tests.bench.account import Driver
from tests.bench.figures import Figure
from tests.bench.worlds import World, other_settings, with_params

SECTION: Final = "64 parameter sets"
MILLION: Final = "M symbol-bars"


def measure(made: World, quick: bool) -> list[Figure]:
    """Return throughput by wall and CPU time, and the speed-up of all cores over one."""
    cores = len(os.sched_getaffinity(0))
    worlds = [
        other_settings(made, with_params(made.settings, conviction_floor=20.0 + 3.0 * floor, stop_atr=5.0 + stop))
        for floor in range(8)
        for stop in range(8)
    ]
    bars = made.bars * len(worlds)
    one, many = [], []
    for _ in range(1 if quick else 5):
        one.append(_pass(worlds, 1))
        many.append(_pass(worlds, cores))
    wall = max(bars / wall for wall, _ in many)
    cpu = statistics.median(bars / cpu for _, cpu in many)
    single = statistics.median(bars / cpu for _, cpu in one)
    # Wall time is what neighbours leave of the machine: the best round says most about the program.
    gain = min(wall for wall, _ in one) / min(wall for wall, _ in many)
    return [
        Figure(SECTION, f"{cores} threads, wall", wall / 1e6, f"{MILLION} / s"),
        Figure(SECTION, f"{cores} threads", cpu / 1e6, f"{MILLION} / CPU s"),
        Figure(SECTION, "one thread", single / 1e6, f"{MILLION} / CPU s"),
        Figure(SECTION, f"{cores} threads over one, wall", gain, "times", note="best round against best round"),
    ]


def _pass(worlds: list[World], threads: int) -> tuple[float, float]:
    """Return wall and CPU seconds of all worlds on so many threads."""
    begun_wall, begun_cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda each: Driver(each).whole(REDUCED), worlds))
    return time.perf_counter() - begun_wall, time.process_time() - begun_cpu
