"""``alphastrike tune``: at which thresholds asking is worth something, on days not used to choose them."""

import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from alphastrike.cli.options import ALL_CORES, DATA, Config, Data, Json, Quiet, Set, Track

if TYPE_CHECKING:
    from experiments.study import Done, Study
    from experiments.tuned import Tuned
    from reports.text_table import TextTable

STUDIES = "studies.db"
"""Database of studies under the data root."""


def tune(
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN|MARKET]",
            help="Name or s3:// address of the run or market to tune on.",
            show_default="the latest run",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="STUDY", help="Name of the study.", show_default="RUN-POLICY"),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option("--trials", metavar="N", min=1, help="Points to try.", show_default="50; of a grid all"),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="SECONDS", min=0, help="Stop after so long.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of the sampler.")] = 1,
    sampler: Annotated[
        Literal["tpe", "nsga2", "random", "grid"],
        typer.Option("--sampler", metavar="SAMPLER", help="tpe, nsga2 (growth against drawdown), random or grid."),
    ] = "tpe",
    only: Annotated[
        str | None,
        typer.Option("--only", metavar="KNOB,…", help="Search these; the rest stays.", show_default="all"),
    ] = None,
    points: Annotated[int, typer.Option("--points", metavar="N", min=2, help="Values a knob in a grid.")] = 3,
    at_once: Annotated[
        int,
        typer.Option(
            "--at-once",
            metavar="N",
            min=1,
            help="Points asked at once: so many workers can share them. Decides the study.",
        ),
    ] = 8,
    policy: Annotated[
        str, typer.Option("--policy", metavar="POLICY", help="For whose answers thresholds are tuned.")
    ] = "rules",
    folds: Annotated[int, typer.Option("--folds", metavar="N", min=2, help="Folds of the walk forward.")] = 5,
    calls_a_day: Annotated[
        float,
        typer.Option("--calls-a-day", metavar="X", min=0, help="Points with more interventions are not admitted."),
    ] = 1.0,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            show_default="all cores",
            help="Processes that share the trials; the result is the same with any.",
        ),
    ] = ALL_CORES,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the study of that name.")] = False,
    storage: Annotated[
        str | None,
        typer.Option(
            "--storage",
            metavar="URL",
            help="Database of studies: sqlite:///FILE or postgresql://…",
            show_default="studies.db in the data root",
        ),
    ] = None,
    worker: Annotated[
        str | None,
        typer.Option(
            "--worker", metavar="STUDY", help="Help with a study that was begun elsewhere.", show_default=False
        ),
    ] = None,
    config: Config = None,
    overrides: Set = None,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder for the page.")] = Path("reports/out"),
    track: Track = True,
    data: Data = DATA,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search the thresholds at which POLICY is asked, and what the guardian does, by growth against no-llm.

    Points are judged on folds that follow one another; the headline is of choices made from each fold's past alone. The
    last fifth of the market is held out until `alphastrike promote`. A RUN's recorded forecasts are read under its own
    settings, a MARKET is perceived once. Ctrl-C keeps what is done; --resume goes on. Where too few triggers fire it
    says "no evidence" and exits 0. What was found is logged to MLflow at the end; see `alphastrike ui`.
    """
    from alphastrike.cli.configured import promoted
    from alphastrike.cli.console import note, say
    from alphastrike.cli.progress import progress_bars
    from experiments.study import Study
    from experiments.tuned import enter, tuned
    from experiments.tuning import basis_again, basis_of, facts_of
    from experiments.working import work_together

    check_extra()
    if track and worker is None:
        from experiments.tracking import check

        check(data)
    hushed = quiet or as_json
    url = storage or default_storage(data)
    with progress_bars(hushed) as progress:
        if worker is not None:
            study = Study.open(url, worker)
            basis = basis_again(data, study.facts, progress=progress)
        else:
            basis = basis_of(
                data,
                subject,
                promoted(config, overrides, quiet=hushed),
                is_stated=config is not None or bool(overrides),
                threads=workers,
                progress=progress,
                on_reuse=lambda run: None if hushed else note(f"Perception is that of {run}, taken over."),
            )
            facts = facts_of(
                basis,
                name=name,
                policy=policy,
                sampler=sampler,
                seed=seed,
                trials=trials,
                only=[each.strip() for each in only.split(",")] if only else (),
                points=points,
                at_once=at_once,
                folds=folds,
                calls_a_day_max=calls_a_day,
            )
            data.mkdir(parents=True, exist_ok=True)
            study = Study.create(url, facts, resume=resume)
    places = _places(data, storage)
    again = ["alphastrike", "tune", *places, "--worker", study.facts.name]
    if worker is None:
        options = _options(study, subject or study.facts.run, calls_a_day, folds, points)
        options += [] if config is None else ["--config", str(config)]
        options += [part for each in overrides or [] for part in ("--set", each)]
        options += [] if track else ["--no-track"]
        again = ["alphastrike", "tune", *options, *places, "--resume"]
    objective = basis.objective(study.facts)
    try:
        with _bar(study, hushed) as bar:
            work_together(
                study,
                objective,
                1 if worker is not None else workers,
                stop=_deadline(timeout),
                on_done=bar.done,
                on_seen=bar.seen,
            )
    except KeyboardInterrupt:
        enter(data, study)
        note(f"{len(study.done())} of {study.facts.trials} points are kept. Go on: {shlex.join(again)}")
        raise
    trials_told = enter(data, study)
    if worker is not None:
        say(f"Study {study.facts.name}: {bar.own} points were evaluated meanwhile, {len(study.done())} are.")
        return
    it = tuned(study, objective)
    page = _print(it, trials_told.told(), again, data, storage, out, as_json=as_json)
    if track:
        _track(it, page, again, data, hushed=hushed, as_json=as_json)


def check_extra() -> None:
    """Refuse to begin without what studies need.

    Raises:
        ConfigurationError: the extra is not installed.
    """
    from importlib.util import find_spec

    from alphastrike.model.errors import ConfigurationError

    if any(find_spec(package) is None for package in ("optuna", "tomlkit")):
        raise ConfigurationError("tuning needs the extra 'tune': pip install 'alphastrike[tune]'.")


def default_storage(data: Path) -> str:
    """Return the address of the database of studies under a data root."""
    return f"sqlite:///{data / STUDIES}"


def show(made: "TextTable", left: tuple[str, ...] = ()) -> None:
    """Print a table in as many parts as the terminal's width asks for."""
    from alphastrike.cli.console import out, table

    for each in made.fitting(out().width):
        right = [header for header in each.headers[1:] if header not in left]
        out().print(table(each.headers, each.rows, title=each.title, right=right))


def _print(
    it: "Tuned", trials: str, again: list[str], data: Path, storage: str | None, out: Path, *, as_json: bool
) -> Path:
    from alphastrike.cli.console import print_json, say
    from reports.tuning import write_tuning
    from reports.tuning_text import as_json as numbers_of
    from reports.tuning_text import gate_table, headline, notes, tables

    page = write_tuning(it, out, shlex.join(again[:-1]))
    if as_json:
        print_json({**numbers_of(it), "page": page})
        return page
    for each in tables(it):
        show(each)
    if it.best is not None:
        show(gate_table(it.gates), ("", "found", "asked"))
    for line in notes(it):
        say(line)
    say(trials)
    say(f"Study {it.facts.name}: {headline(it)}")
    say(f"Page: {page}")
    if it.seen < it.facts.trials:
        say(f"Go on: {shlex.join(again)}")
    elif it.best is not None:
        say(f"Next: {shlex.join(['alphastrike', 'promote', it.facts.name, *_places(data, storage)])}")
    return page


def _track(it: "Tuned", page: Path, again: list[str], data: Path, *, hushed: bool, as_json: bool) -> None:
    from alphastrike.cli.console import json_text
    from alphastrike.cli.tracked import log_found
    from experiments.tracked_study import EXPERIMENT, study_entry, study_key
    from reports.tuning_text import as_json as numbers_of
    from reports.tuning_text import headline

    document = json_text({**numbers_of(it), "facts": it.facts.as_json()}).encode()
    command = shlex.join(again[:-1])
    log_found(
        data,
        EXPERIMENT,
        study_key(it.facts),
        lambda _: study_entry(it, headline=headline(it), document=document, page=page, command=command),
        kept=f"study {it.facts.name} is done and kept",
        again=again,
        hushed=hushed,
        as_json=as_json,
    )


def _deadline(seconds: float | None) -> Callable[[], bool]:
    begun = time.monotonic()
    return lambda: seconds is not None and time.monotonic() - begun >= seconds


def _places(data: Path, storage: str | None) -> list[str]:
    """Return where data and studies are, as it is typed; a password is left out, for commands are printed and kept."""
    from experiments.study import shown

    typed = [] if data == DATA else ["--data", str(data)]
    return typed + ([] if storage is None else ["--storage", shown(storage)])


def _options(study: "Study", subject: str, calls_a_day: float, folds: int, points: int) -> list[str]:
    """Return what decides a study, as it is typed."""
    from experiments.space import knobs_for

    facts = study.facts
    typed = [subject, "--name", facts.name, "--trials", str(facts.trials), "--seed", str(facts.seed)]
    typed += [] if facts.sampler == "tpe" else ["--sampler", facts.sampler]
    typed += [] if facts.sampler != "grid" else ["--points", str(points)]
    typed += [] if facts.at_once == 8 else ["--at-once", str(facts.at_once)]
    typed += [] if facts.policy == "rules" else ["--policy", facts.policy]
    typed += [] if folds == 5 else ["--folds", str(folds)]
    typed += [] if calls_a_day == 1.0 else ["--calls-a-day", f"{calls_a_day:g}"]
    everything = tuple(knob.name for knob in knobs_for(facts.policy))
    return typed + ([] if facts.knobs == everything else ["--only", ",".join(facts.knobs)])


@dataclass
class _Bar:
    """Counts what is done, by whomever, and keeps the best; shown by whoever it reports to."""

    shown: Callable[[int, float | None], None]
    own: int = 0
    """Points that this process evaluated."""
    count: int = 0
    best: float | None = None

    def done(self, _one: "Done") -> None:
        self.own += 1

    def seen(self, values: Mapping[int, float | None]) -> None:
        self.count = len(values)
        self.best = max((value for value in values.values() if value is not None), default=None)
        self.shown(self.count, self.best)


@contextmanager
def _bar(study: "Study", hushed: bool) -> Iterator[_Bar]:
    """Show points done, how many a second, the time left and the best value so far; on a terminal as a bar."""
    from alphastrike.cli.console import err, figure, note

    total, at_first = study.facts.trials, len(study.done())
    begun = time.monotonic()
    if hushed or not err().is_terminal:
        bar = _Bar(lambda _count, _best: None)
        yield bar
        if not hushed:
            note(
                f"points: {bar.count} of {total} in {figure(time.monotonic() - begun, 1)} s, best "
                f"{figure(bar.best, 4, signed=True)} a year"
            )
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("  points", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("best so far {task.fields[best]} a year", markup=False),
    )
    with Progress(*columns, console=err()) as bars:
        task = bars.add_task("points", total=total, completed=at_first, rate="", best=figure(None))

        def shown(count: int, value: float | None) -> None:
            rate = (count - at_first) / max(time.monotonic() - begun, 1e-9)
            bars.update(task, completed=count, rate=f"{figure(rate, 1)} a second", best=figure(value, 4, signed=True))

        yield _Bar(shown)
