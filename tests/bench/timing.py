"""CPU time: of this process, taken in turn so that ratios come from one sitting, and of child processes."""

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parent.parent.parent

_LAUNCHER: Final = """
import json, os, sys, time
begun = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(pid, 0)
told = {"code": os.waitstatus_to_exitcode(status), "wall": time.perf_counter() - begun,
        "cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss * 1024}
print(json.dumps(told), file=sys.stderr)
"""
"""Runs a command from a small process: a child's peak memory begins with that of the process it came from."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a child process took: seconds and bytes."""

    wall: float
    cpu: float
    peak: int
    said: str
    """Its standard output."""


def cpu_seconds(job: Callable[[], object]) -> float:
    """Return user + system seconds that this process spends on a job, in all its threads."""
    # A collection belongs to whoever filled memory before, not to the job.
    gc.collect()
    begun = time.process_time()
    job()
    return time.process_time() - begun


def in_turn(jobs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return the CPU seconds of each job in each round; the jobs of a round follow one another."""
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            taken[name].append(cpu_seconds(job))
    return taken


def median_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """Return the median over rounds of the ratio within a round."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


def child(command: Sequence[str], **environment: str) -> Used:
    """Run a command in the project's folder to its end.

    Raises:
        RuntimeError: it failed; with the last of what it said.
    """
    done = subprocess.run(
        [sys.executable, "-S", "-c", _LAUNCHER, *command],
        cwd=PROJECT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    *said, last = done.stderr.strip().splitlines() or [""]
    told: dict[str, Any] = json.loads(last) if last.startswith("{") else {"code": done.returncode}
    if told["code"] != 0:
        raise RuntimeError(f"{' '.join(command)} exited with {told['code']}: {' '.join(said[-3:])}")
    return Used(told["wall"], told["cpu"], told["peak"], done.stdout)


def python_child(module: str, *arguments: str, **environment: str) -> Used:
    """Run a module of the project with this Python."""
    return child([sys.executable, "-m", module, *arguments], **environment)
