"""``make bench``: how fast the engine is, against what it should be, as a table and as JSON."""

import argparse
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from alphastrike.cli.console import note
from tests.bench import forks, journal, loop, recording, startup, steps, sweep
from tests.bench.figures import Figure
from tests.bench.machine import facts
from tests.bench.table import show, write
from tests.bench.timing import PROJECT
from tests.bench.worlds import World, world

OUT: Final = PROJECT / "reports" / "out" / "bench.json"

Section = Callable[[bool], list[Figure]]


@cache
def _year(quick: bool) -> World:
    return world(6_000) if quick else world()


def _memory(quick: bool) -> list[Figure]:
    return [] if quick else startup.measure_memory()


SECTIONS: Final[dict[str, Section]] = {
    "loop": lambda quick: loop.measure(_year(quick), quick),
    "steps": steps.measure,
    "forks": lambda quick: forks.measure(_year(quick), quick),
    "sweep": lambda quick: sweep.measure(_year(quick), quick),
    "recording": recording.measure,
    "journal": journal.measure,
    "start-up": startup.measure_start_up,
    "memory": _memory,
    "compile": startup.measure_compile,
}
"""Every part of the bench by name, in the order of the table; each is told whether to be quick."""


def bench(names: Sequence[str], quick: bool) -> list[Figure]:
    """Run these parts and return their figures."""
    figures: list[Figure] = []
    for name in names:
        note(f"measuring {name} …")
        figures += SECTIONS[name](quick)
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: that it works, not how fast it is")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="one part; repeat for more")
    parser.add_argument("--out", type=Path, default=OUT, help="the JSON file (default: reports/out/bench.json)")
    chosen = parser.parse_args(arguments)
    measured = facts()
    figures = bench(chosen.only or list(SECTIONS), chosen.quick)
    show(figures, measured)
    write(figures, measured | {"quick": chosen.quick}, chosen.out)
    note(f"figures: {chosen.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
