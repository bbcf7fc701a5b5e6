"""``alphastrike tournament``: which prompt and which model answer the situations of a run best, if any."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from alphastrike.cli.options import ALL_CORES, DATA, Dask, Data, Json, LlmCache, Quiet, Threads, Track

if TYPE_CHECKING:
    from alphastrike.journal.reader import Run
    from experiments.ledger import Count
    from experiments.tournament_answers import Sheet
    from experiments.tournament_result import Tournament


def tournament(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name, folder or s3:// address of the run.")],
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt", metavar="PROMPT", help="Prompt, by name or file. Repeat for more.", show_default="the run's"
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", metavar="MODEL", help="Model on the server. Repeat for more.", show_default="the run's"
        ),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples", metavar="K", min=1, max=99, help="Answers to each situation.", show_default="the run's"
        ),
    ] = None,
    orders: Annotated[
        int,
        typer.Option("--orders", metavar="N", min=0, max=9, help="Times each report is shown with its rows shuffled."),
    ] = 1,
    controls: Annotated[
        int,
        typer.Option("--controls", metavar="N", min=0, help="Quiet moments to ask about too, at most."),
    ] = 20,
    provider: Annotated[
        Literal["ollama", "openai"] | None,
        typer.Option("--provider", metavar="WIRE", help="ollama or openai: llm.provider.", show_default="the run's"),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="Where the server listens: llm.url.", show_default="the run's"),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="llm.KEY=VALUE", help="One setting of the models, as llm.temperature=0.8."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder for the page.")] = Path("reports/out"),
    name: Annotated[
        str | None, typer.Option("--name", metavar="PAGE", help="Name of the page.", show_default="RUN-tournament")
    ] = None,
    track: Track = True,
    threads: Threads = ALL_CORES,
    dask: Dask = None,
    llm_cache: LlmCache = "use",
    data: Data = DATA,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Let every PROMPT with every MODEL answer every situation of RUN, and compare what the answers were worth.

    The guardian and no action stand in the same table. Answers are recorded as they come: Ctrl-C keeps them, the same
    command goes on, and once all are there it makes no call. Of the settings only llm.KEY may be set; the rest is the
    run's. What was found is logged to MLflow; see `alphastrike ui`. Exits 0, also where there is no evidence.
    """
    from alphastrike.cli.addressed import at_hand
    from alphastrike.cli.console import note, print_json, say
    from alphastrike.cli.progress import progress_bars
    from alphastrike.policy.settings import CacheMode, is_model
    from alphastrike.runs.model_calls import model_settings
    from alphastrike.runs.recorder import recorded_settings
    from alphastrike.runs.registry import open_run
    from experiments.contestants import contestants_of
    from experiments.tournament import judged, moments_of
    from experiments.tournament_answers import Sheet
    from replay.cases import cases_of
    from replay.controls import controls_of
    from replay.ground import ground_of
    from replay.pool import pool_at
    from reports.tournament import write_tournament
    from reports.tournament_text import as_json as numbers_of
    from reports.tournament_text import nothing

    if track:
        from experiments.tracking import check

        check(data)
    hushed = quiet or as_json
    options = _options(overrides or [], provider, url)
    root, there = at_hand(data, run, hushed)
    opened = open_run(root, there)
    if not opened.manifest.rows_of("situations"):
        _nothing(opened, nothing(opened.name), as_json=as_json)
        return
    settings = recorded_settings(opened)
    own = model_settings(opened, settings) if is_model(opened.manifest.policy) else settings.llm
    contestants = contestants_of(
        prompt or [],
        model or [],
        own,
        data,
        options=options,
        mode=CacheMode(llm_cache),
        ttl_hours=settings.policy.ttl_hours,
    )
    samples = samples or own.samples
    again = _again(run, prompt, model, samples, orders, controls, options, data)
    again += [] if track else ["--no-track"]
    with pool_at(dask, data, opened, run, threads) as pool:
        with progress_bars(hushed) as progress:
            ground = ground_of(root, opened)
            cases = cases_of(opened, ground)
            quiet_ones = controls_of(opened, ground, controls, progress=progress, pool=pool)
            sheet = Sheet(contestants, moments_of(cases, quiet_ones), samples, orders)
            sheet.read(progress)
        if not hushed:
            note(_to_ask(sheet))
        try:
            with progress_bars(hushed) as progress:
                sheet.ask(progress)
        except KeyboardInterrupt:
            note(_kept(sheet, again))
            raise
        with progress_bars(hushed) as progress:
            it = judged(opened, ground, cases, quiet_ones, sheet, pool, progress)
    trials = _counted(data, it, sheet)
    page = write_tournament(it, out, name, shlex.join(again))
    numbers = {**numbers_of(it), "trials": trials._asdict(), "page": page}
    if as_json:
        print_json(numbers)
    else:
        _print(it)
        say(trials.told())
        say(f"Page: {page}")
        say(f"Again: {shlex.join(again)}")
    if track:
        _track(data, it, sheet, numbers, page, again, hushed=hushed, as_json=as_json)


def _track(
    data: Path,
    it: "Tournament",
    sheet: "Sheet",
    numbers: dict[str, Any],
    page: Path,
    again: list[str],
    *,
    hushed: bool,
    as_json: bool,
) -> None:
    from alphastrike.cli.console import json_text
    from alphastrike.cli.tracked import log_found
    from experiments.tracked_prompts import log_prompts
    from experiments.tracked_tournament import TOURNAMENT, log_traces, tournament_entry, tournament_key
    from experiments.tracking import Entry, Tracker
    from reports.tournament_text import headline

    def make(tracker: Tracker) -> Entry:
        tags = log_prompts(tracker, [contestant.prompt for contestant in sheet.contestants])
        log_traces(tracker, sheet, it.run)
        return tournament_entry(
            it,
            headline=headline(it),
            document=json_text(numbers).encode(),
            page=page,
            command=shlex.join(again),
            tags=tags,
        )

    log_found(
        data,
        TOURNAMENT,
        tournament_key(it, sheet),
        make,
        kept=f"the tournament on {it.run} is held and its page written",
        again=again,
        hushed=hushed,
        as_json=as_json,
    )


def _options(overrides: Sequence[str], provider: str | None, url: str | None) -> dict[str, str]:
    """Return the settings of models that were typed."""
    from alphastrike.model.errors import ConfigurationError

    found = {}
    for typed in overrides:
        key, equals, value = typed.partition("=")
        section, _, name = key.strip().partition(".")
        if section != "llm" or not name or not equals:
            raise ConfigurationError(
                f"--set {typed}: a tournament is held under the run's settings, and only llm.KEY=VALUE may be set."
            )
        if name in ("samples", "prompt", "model"):
            raise ConfigurationError(f"--set {typed}: name it with --{name}.")
        found[name] = value.strip()
    found |= {key: value for key, value in (("provider", provider), ("url", url)) if value is not None}
    return found


def _again(
    run: str,
    prompts: Sequence[str] | None,
    models: Sequence[str] | None,
    samples: int,
    orders: int,
    controls: int,
    options: dict[str, str],
    data: Path,
) -> list[str]:
    """Return the command that goes on with it, or does it again."""
    typed = ["alphastrike", "tournament", run]
    typed += [part for each in prompts or [] for part in ("--prompt", each)]
    typed += [part for each in models or [] for part in ("--model", each)]
    typed += ["--samples", str(samples)]
    typed += [] if orders == 1 else ["--orders", str(orders)]
    typed += [] if controls == 20 else ["--controls", str(controls)]
    for key, value in options.items():
        typed += [f"--{key}", value] if key in ("provider", "url") else ["--set", f"llm.{key}={value}"]
    return typed + ([] if data == DATA else ["--data", str(data)])


def _to_ask(sheet: "Sheet") -> str:
    """Say how many calls are about to be made."""
    missing, total = len(sheet.missing), len(sheet.questions)
    if not missing:
        return f"All {total:,} answers are recorded: no call is made."
    retries = max(contestant.settings.retries for contestant in sheet.contestants)
    recorded = f"{total - missing:,} of {total:,} answers are recorded. " if total > missing else ""
    most = f", at most {missing * (1 + retries):,} with second attempts" if retries else ""
    one = ""
    if sheet.samples > 1 and not any(contestant.settings.can_differ for contestant in sheet.contestants):
        one = (
            f" At temperature 0, or with top_k 1, the {sheet.samples} samples are one and the same answer: set "
            "llm.temperature and llm.top_k to draw different ones."
        )
    return f"{recorded}Calls to make: {missing:,}{most}.{one}"


def _kept(sheet: "Sheet", again: Sequence[str]) -> str:
    from alphastrike.policy.settings import CacheMode

    if sheet.contestants[0].mode is CacheMode.OFF:
        return "With --llm-cache off nothing is kept."
    return f"{len(sheet.answers):,} of {len(sheet.questions):,} answers are kept. Go on: {shlex.join(again)}"


def _counted(data: Path, it: "Tournament", sheet: "Sheet") -> "Count":
    """Enter the contestants among all that were ever tried."""
    from experiments.ledger import count_trials

    return count_trials(data, "tournament", it.market_hash, [one.subject for one in sheet.contestants])


def _nothing(opened: "Run", told: str, *, as_json: bool) -> None:
    from alphastrike.cli.console import print_json, say

    if as_json:
        print_json({"run": opened.name, "evidence": False, "situations": 0, "calls_made": 0, "rows": []})
        return
    say(told)


def _print(it: "Tournament") -> None:
    from alphastrike.cli.console import out, say, table
    from reports.tournament_text import headline, notes, tables

    for made in tables(it):
        for each in made.fitting(out().width):
            out().print(table(each.headers, each.rows, title=each.title, right=each.headers[1:]))
    for line in notes(it):
        say(line)
    say(f"Calls made: {it.calls_made:,}." if it.calls_made else "Calls made: zero; every answer was recorded before.")
    say(f"Verdict: {headline(it)}")
