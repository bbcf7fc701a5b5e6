"""How many symbol-bars a CPU second the account loop does, and how many times its own source uncompiled."""

import hashlib
import json
import statistics
import sys
from typing import Final

from alphastrike.engine.advice import AskedPolicy
from alphastrike.engine.history import run_account
from alphastrike.engine.outputs import FULL, REDUCED
from alphastrike.policy.policies import NoLlm
from tests.bench.account import Driver
from tests.bench.figures import Figure
from tests.bench.timing import cpu_seconds, in_turn, median_ratio, python_child
from tests.bench.worlds import World, world

SECTION: Final = "account loop"
MILLION_A_SECOND: Final = "M symbol-bars / CPU s"


def measure(made: World, quick: bool) -> list[Figure]:
    """Return the figures of the loop over a world, compiled and not."""
    driver = Driver(made)
    asked = driver.whole(REDUCED)
    _through_run_account(made)
    taken = in_turn(
        {
            "reduced": lambda: driver.whole(REDUCED),
            "full": lambda: driver.whole(FULL),
            "run_account": lambda: _through_run_account(made),
        },
        rounds=2 if quick else 11,
    )
    rates = {name: made.bars / statistics.median(seconds) / 1e6 for name, seconds in taken.items()}
    between = f"back in Python once per {made.bars // max(asked, 1):,} symbol-bars"
    return [
        Figure(SECTION, "reduced outputs", rates["reduced"], MILLION_A_SECOND, 25.0, note=between),
        Figure(SECTION, "reduced outputs, floor", rates["reduced"], MILLION_A_SECOND, 15.0),
        Figure(SECTION, "every kind written", rates["full"], MILLION_A_SECOND),
        Figure(
            SECTION,
            "run_account: every kind, reports, checkpoints",
            rates["run_account"],
            MILLION_A_SECOND,
            note="policy no-llm",
        ),
        *_against_uncompiled(ticks=150 if quick else 1_000, rounds=1 if quick else 5),
    ]


def _through_run_account(made: World) -> None:
    run_account(made.market, made.inputs, made.settings, AskedPolicy(NoLlm()))


def _against_uncompiled(ticks: int, rounds: int) -> list[Figure]:
    """Run a short world in children without the compiler and here, in turn; the bits must agree."""
    made = world(ticks)
    driver = Driver(made)
    driver.whole(REDUCED)
    repeats = 20
    slow, fast = [], []
    for _ in range(rounds):
        told = json.loads(python_child("tests.bench.loop", str(ticks), NUMBA_DISABLE_JIT="1").said)
        slow.append(told["cpu"])
        fast.append(cpu_seconds(lambda: [driver.whole(REDUCED) for _ in range(repeats)]) / repeats)
        assert told["state"] == _digest(driver), "the compiled loop and its source disagree"
    note = f"{made.bars:,} symbol-bars, same bits"
    return [
        Figure(SECTION, "uncompiled source", made.bars / statistics.median(slow) / 1e6, MILLION_A_SECOND, note=note),
        Figure(SECTION, "compiled against uncompiled", median_ratio(slow, fast), "times", 150.0, note=note),
    ]


def _digest(driver: Driver) -> str:
    return hashlib.blake2b(driver.digest_bytes(), digest_size=16).hexdigest()


def _uncompiled(ticks: int) -> None:
    driver = Driver(world(ticks))
    seconds = cpu_seconds(lambda: driver.whole(REDUCED))
    sys.stdout.write(json.dumps({"cpu": seconds, "state": _digest(driver)}))


if __name__ == "__main__":
    _uncompiled(int(sys.argv[1]))
