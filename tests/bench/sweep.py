"""64 parameter sets over one market, on one thread and on all cores: the compiled loop releases the lock."""

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from alphastrike.engine.outputs import REDUCED
from tests.bench.account import Driver
from tests.bench.figures import Figure
from tests.bench.worlds import World, other_settings, unasked, with_params

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
    silent = [other_settings(each, unasked(each.settings)) for each in worlds]
    bars = made.bars * len(worlds)
    one, many, one_silent, many_silent = [], [], [], []
    for _ in range(1 if quick else 3):
        one.append(_pass(worlds, 1))
        many.append(_pass(worlds, cores))
        one_silent.append(_pass(silent, 1))
        many_silent.append(_pass(silent, cores))
    # Wall time is what neighbours leave of the machine: the best round says most about the program.
    wall = bars / min(wall for wall, _ in many)
    cpu = statistics.median(bars / cpu for _, cpu in many)
    single = statistics.median(bars / cpu for _, cpu in one)
    best = "best round against best round"
    return [
        Figure(SECTION, f"{cores} threads, wall", wall / 1e6, f"{MILLION} / s", note="best round"),
        Figure(SECTION, f"{cores} threads", cpu / 1e6, f"{MILLION} / CPU s"),
        Figure(SECTION, "one thread", single / 1e6, f"{MILLION} / CPU s"),
        Figure(SECTION, f"{cores} threads over one, wall", _gain(one, many), "times", note=best),
        Figure(
            SECTION,
            f"{cores} threads over one, nobody asked",
            _gain(one_silent, many_silent),
            "times",
            note="almost no return to Python, so no wait for its lock",
        ),
    ]


def _gain(one: list[tuple[float, float]], many: list[tuple[float, float]]) -> float:
    return min(wall for wall, _ in one) / min(wall for wall, _ in many)


def _pass(worlds: list[World], threads: int) -> tuple[float, float]:
    """Return wall and CPU seconds of all worlds on so many threads."""
    begun_wall, begun_cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda each: Driver(each).whole(REDUCED), worlds))
    return time.perf_counter() - begun_wall, time.process_time() - begun_cpu
