"""Fresh processes: how soon the command answers, how much memory recording takes, and what compiling costs."""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.bench.figures import Figure
from tests.bench.timing import PROJECT, Used, child, python_child

START_UP: Final = "start-up"
MEMORY: Final = "peak memory"
COMPILE: Final = "compile"
SHARED_MARKET: Final = PROJECT.parent / "shared" / "market" / "binance_um"
MAJORS: Final = "BTCUSDT,ETHUSDT,SOLUSDT,BNBUSDT,ADAUSDT"


def measure_start_up(quick: bool) -> list[Figure]:
    """Return wall and CPU seconds of ``alphastrike --help`` as a process of its own."""
    script = Path(sys.executable).with_name("alphastrike")
    command = [str(script)] if script.exists() else [sys.executable, "-m", "alphastrike"]
    runs = [child([*command, "--help"]) for _ in range(1 if quick else 9)]
    return [
        _seconds(START_UP, "alphastrike --help, wall", [run.wall for run in runs], "s", 0.4),
        _seconds(START_UP, "alphastrike --help", [run.cpu for run in runs], "CPU s"),
    ]


def measure_memory() -> list[Figure]:
    """Return the peak memory of recording five symbols × 3.5 years of 15-minute bars."""
    what = "record, 5 symbols × 3.5 years of 15 m"
    if not SHARED_MARKET.is_dir():
        where = "../shared/market does not exist beside the project"
        return [Figure(MEMORY, what, None, "GB", 1.5, "less", f"skipped: {where}")]
    with tempfile.TemporaryDirectory() as data:
        root = ["--data", data, "--quiet"]
        imported = python_child(
            "alphastrike", "import", str(SHARED_MARKET), "--symbols", MAJORS, "--interval", "15m", "--name", "majors",
            "--funding-missing", "bound:0.0001", *root,
        )  # fmt: skip
        recorded = python_child("alphastrike", "record", "majors", "--policy", "rules", *root)
    return [
        _peak("import of the same", imported, None),
        _peak(what, recorded, 1.5),
        Figure(MEMORY, "record, all of it", recorded.cpu, "CPU s", note="start-up, reading, both halves, writing"),
    ]


def measure_compile(quick: bool) -> list[Figure]:
    """Return CPU seconds of the first account run: with an empty cache, and with a warm one."""
    if quick:
        # Not the place for the compiler: it takes the cache that is there.
        return _compile_figures([_first_run()])
    with tempfile.TemporaryDirectory() as cache:
        cold = _first_run(XDG_CACHE_HOME=cache)
        warm = [_first_run(XDG_CACHE_HOME=cache) for _ in range(3)]
    empty = _seconds(COMPILE, "first account run, empty cache", [cold["first"]], "CPU s", 15.0)
    return [*_compile_figures(warm), empty]


def _compile_figures(runs: list[dict[str, float]]) -> list[Figure]:
    return [
        _seconds(COMPILE, "imports", [run["imports"] for run in runs], "CPU s"),
        _seconds(COMPILE, "first account run, warm cache", [run["first"] for run in runs], "CPU s"),
    ]


def _seconds(section: str, what: str, taken: list[float], unit: str, goal: float | None = None) -> Figure:
    note = f"median of {len(taken)}" if len(taken) > 1 else ""
    return Figure(section, what, statistics.median(taken), unit, goal, "less", note)


def _peak(what: str, used: Used, goal: float | None) -> Figure:
    return Figure(MEMORY, what, used.peak / 1e9, "GB", goal, "less", f"{used.cpu:.1f} CPU s")


def _first_run(**environment: str) -> dict[str, float]:
    told: dict[str, float] = json.loads(python_child("tests.bench.startup", **environment).said)
    return told


def _account_once() -> None:
    """Run an account for the first time in this process and say what imports and the run took."""
    from alphastrike.engine.advice import AskedPolicy
    from alphastrike.engine.history import run_account
    from alphastrike.policy.guardian import Rules
    from tests.bench.worlds import world

    imports = time.process_time()
    made = world(3_000)
    begun = time.process_time()
    run_account(made.market, made.inputs, made.settings, AskedPolicy(Rules()))
    sys.stdout.write(json.dumps({"imports": imports, "first": time.process_time() - begun}))


if __name__ == "__main__":
    _account_once()
