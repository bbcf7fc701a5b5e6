"""How far intervals and promotions can be trusted: ``make scorecard`` runs small worlds by the thousand and counts.

Coverage of the truth, bias, false positives under the null and power against planted effects, each with its Monte
Carlo error; and whole studies on noise and on planted optima. All goes into docs/scorecard.md and
reports/out/scorecard.json. The same seeds give the same tables on any number of processes.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.progress import MofNCompleteColumn, ProgressColumn, Task, TaskID
from rich.progress import Progress as Bars
from rich.text import Text

from alphastrike.model.progress import Progress, silent
from experiments.scorecard_scores import NULL, Score, score, truth_of
from experiments.scorecard_worlds import MOVED, WATCHFUL, Contest, Generator, Outcome, outcomes

PROJECT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = PROJECT / "docs" / "scorecard.md"
FIGURES: Final = PROJECT / "reports" / "out" / "scorecard.json"

SEEDS: Final = 500
"""Worlds whose intervals are held against the truth."""
FIRST_SEED: Final = 10_000
"""Of the judged worlds: nothing was chosen by looking at these or later ones."""
TRUTH_WORLDS: Final = 1_000
"""Other worlds, over which the truth is the mean."""
PROCESSES: Final = 2
AT_ONCE: Final = 5
"""Worlds that a process is handed at a time."""

RANDOM: Final = Contest("random:seed=1", "random:seed=2")
ELSEWHEN: Final = Contest(f"{MOVED}:seed=1", f"{MOVED}:seed=2")
NULLS: Final = (RANDOM, ELSEWHEN)
"""Contests of exchangeable arms."""

USUAL: Final = Generator("usual", (Contest("rules"), Contest("random:seed=1"), RANDOM, ELSEWHEN))
NOTHING: Final = Generator("nothing", (Contest("rules"), RANDOM), plant="nothing")
TRAP: Final = Generator("shorts-trap", (Contest("always:tool=disable_shorts"),), plant="shorts-trap")
CRASH: Final = Generator("leverage-crash", (Contest("rules"), RANDOM), plant="leverage-crash", overrides=WATCHFUL)
MILDER: Final = tuple(
    Generator(
        f"leverage-crash × {dose:g}", (Contest("rules"),), f"leverage-crash:dose={dose:g}", WATCHFUL, has_others=False
    )
    for dose in (0.5, 0.75)
)
GENERATORS: Final = (USUAL, NOTHING, TRAP, *MILDER, CRASH)


class Scored(NamedTuple):
    """One contest of one generator with its score."""

    generator: Generator
    contest: Contest
    score: Score

    @property
    def is_null(self) -> bool:
        """Whether its arms are exchangeable."""
        return self.contest in NULLS


@dataclass(frozen=True, slots=True)
class Scorecard:
    """All scores, and over how many worlds they were counted."""

    seeds: int
    truth_worlds: int
    scored: tuple[Scored, ...]


class _Task(NamedTuple):
    generator: Generator
    seed: int
    has_intervals: bool


def scorecard(
    generators: Sequence[Generator],
    *,
    seeds: int = SEEDS,
    truth_worlds: int = TRUTH_WORLDS,
    processes: int = 1,
    progress: Progress = silent,
) -> Scorecard:
    """Run all worlds and count.

    Args:
        generators: of worlds.
        seeds: the first so many worlds of each are judged.
        truth_worlds: so many after them make the truth.
        processes: that share the work; the result does not depend on it.
        progress: told of each generator under its name.
    """
    scored: list[Scored] = []
    for generator in generators:
        tasks = _tasks(generator, seeds, truth_worlds)
        found: list[tuple[Outcome, ...]] = []
        for result in _results(tasks, processes):
            found.append(result)
            progress(generator.name, len(found), len(tasks))
        scored += _scored(generator, found[:seeds], found[seeds:])
    return Scorecard(seeds, truth_worlds, tuple(scored))


def _tasks(generator: Generator, seeds: int, truth_worlds: int) -> list[_Task]:
    judged = [_Task(generator, FIRST_SEED + nth, has_intervals=True) for nth in range(seeds)]
    if not generator.has_others:
        return judged
    known = replace(generator, contests=_not_null(generator))
    others = range(FIRST_SEED + seeds, FIRST_SEED + seeds + truth_worlds)
    return judged + [_Task(known, seed, has_intervals=False) for seed in others]


def _not_null(generator: Generator) -> tuple[Contest, ...]:
    """Return the contests whose truth is not known beforehand: nobody need learn that of exchangeable arms."""
    return tuple(contest for contest in generator.contests if contest not in NULLS)


def _scored(
    generator: Generator, judged: Sequence[tuple[Outcome, ...]], others: Sequence[tuple[Outcome, ...]]
) -> Iterator[Scored]:
    for place, contest in enumerate(generator.contests):
        own = [each[place] for each in judged]
        if contest in NULLS:
            truth = NULL
        elif generator.has_others:
            truth = truth_of([each[_not_null(generator).index(contest)] for each in others])
        else:
            truth = truth_of(own)
        yield Scored(generator, contest, score(own, truth))


def _results(tasks: Sequence[_Task], processes: int) -> Iterator[tuple[Outcome, ...]]:
    if processes <= 1:
        yield from map(_outcomes, tasks)
        return
    with ProcessPoolExecutor(processes) as pool:
        try:
            yield from pool.map(_outcomes, tasks, chunksize=AT_ONCE)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _outcomes(task: _Task) -> tuple[Outcome, ...]:
    return outcomes(task.generator, task.seed, has_intervals=task.has_intervals)


def figures(card: Scorecard) -> dict[str, Any]:
    """Return everything as plain numbers, for the JSON file."""

    def plain(value: Any) -> Any:
        return {name: plain(part) for name, part in value._asdict().items()} if hasattr(value, "_asdict") else value

    return {
        "seeds": card.seeds,
        "truth_worlds": card.truth_worlds,
        "scores": [
            {
                "generator": each.generator.name,
                "plant": each.generator.plant,
                "settings": each.generator.overrides,
                "days": each.generator.days,
                "arm": each.contest.arm,
                "against": each.contest.against,
                "is_null": each.is_null,
                **plain(each.score),
            }
            for each in card.scored
        ],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the worlds, write the page and the figures."""
    from experiments import scorecard_moments as moments
    from experiments import scorecard_tuning as tuning
    from experiments.scorecard_moments_text import moments_part
    from experiments.scorecard_text import PARTS, intervals_part, laid_together
    from experiments.scorecard_tuning_text import tuning_part

    parser = argparse.ArgumentParser(prog="python -m experiments.scorecard", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="the part to make; the page keeps the others")
    parser.add_argument(
        "--seeds",
        type=int,
        help=f"worlds of each kind: {SEEDS} intervals, {moments.SEEDS} moments, {tuning.SEEDS} tuning",
    )
    parser.add_argument("--truth-worlds", type=int, default=TRUTH_WORLDS, help="other worlds that make the truth")
    parser.add_argument("--points", type=int, default=tuning.POINTS, help="of each study")
    parser.add_argument("--grid-worlds", type=int, default=tuning.GRID_WORLDS, help="worlds that show the optimum")
    parser.add_argument("--processes", type=int, default=PROCESSES)
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--json", type=Path, default=FIGURES)
    chosen = parser.parse_args(arguments)
    seeds, processes = chosen.seeds, chosen.processes

    def write(name: str, part: str, told: dict[str, Any]) -> None:
        """Write a part as soon as it is made: what comes after may take long, or be broken off."""
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(json.dumps(_figures_in(chosen.json) | told, indent=1) + "\n", encoding="utf-8")
        page = chosen.page.read_text("utf-8") if chosen.page.exists() else ""
        chosen.page.write_text(laid_together(page, {name: part}), encoding="utf-8")

    with _shown() as progress:
        if chosen.only in (None, "intervals"):
            others = chosen.truth_worlds
            card = scorecard(
                GENERATORS, seeds=seeds or SEEDS, truth_worlds=others, processes=processes, progress=progress
            )
            write("intervals", intervals_part(card), figures(card))
        if chosen.only in (None, "moments"):
            worlds = seeds or moments.SEEDS
            watched = moments.watched(seeds=worlds, processes=processes, progress=progress)
            write("moments", moments_part(watched, worlds), {"moments": moments.figures_of(watched)})
        if chosen.only in (None, "tuning"):
            studies = tuning.tunings(
                seeds=seeds or tuning.SEEDS,
                points=chosen.points,
                grid_worlds=chosen.grid_worlds,
                processes=processes,
                progress=progress,
            )
            write("tuning", tuning_part(studies), {"tuning": tuning.figures_of(studies)})
    sys.stdout.write(f"Scorecard: {chosen.page}, figures: {chosen.json}\n")
    return 0


def _figures_in(file: Path) -> dict[str, Any]:
    """Return the figures of the parts that were made before; none where there is no such file."""
    if not file.exists():
        return {}
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


class _Rate(ProgressColumn):
    """How many are done a second, or how many seconds one takes."""

    def render(self, task: Task) -> Text:
        """Return the rate; nothing while there is none."""
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:.1f}/s" if speed >= 1.0 else f"{1.0 / speed:.1f} s each")


@contextmanager
def _shown() -> Iterator[Progress]:
    """Give what is made reports to: a bar each, with its rate and time left."""
    columns = (*Bars.get_default_columns(), MofNCompleteColumn(), _Rate())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done)

        yield report


if __name__ == "__main__":
    raise SystemExit(main())
