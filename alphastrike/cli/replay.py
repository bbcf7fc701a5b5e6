"""``alphastrike replay``: what would have happened under another policy."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alphastrike.cli.options import ALL_CORES, DATA, Data, Json, LlmCache, Quiet, Threads

if TYPE_CHECKING:
    from alphastrike.journal.reader import Run
    from alphastrike.model.progress import Progress
    from replay.compare import Comparison


def replay(
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="Name or folder of a recorded run.", show_default="the latest"),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", metavar="POLICY", help="Policy to try. Repeat for more.", show_default="no-llm"),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder for the page.")] = Path("reports/out"),
    name: Annotated[
        str | None, typer.Option("--name", metavar="PAGE", help="Name of the page.", show_default="RUN-vs-POLICY")
    ] = None,
    threads: Threads = ALL_CORES,
    llm_cache: LlmCache = "use",
    data: Data = DATA,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Re-run RUN's account half under each POLICY, compare it with what happened, and write a page about it.

    Policies: no-llm, recorded, rules, llm:prompt=PROMPT, always:tool=TOOL, swap:from=TOOL,to=TOOL, random:seed=N, or
    module:Class of your own. Perception is not computed again: every arm reads the forecasts that the run recorded.
    Where there is no run yet, a sample market is made and recorded with the guardian's rules first. Exits 0 when every
    arm ran to the end.
    """
    from alphastrike.cli.console import note, print_json, say
    from alphastrike.cli.models import models
    from alphastrike.cli.progress import progress_bars
    from replay.rerun import compare
    from reports.counterfactual import as_json as numbers_of
    from reports.counterfactual import write_comparison

    with progress_bars(quiet) as progress:
        opened = _opened(data, run, threads, progress, quiet)
        policies = policy or [_other_than(opened.manifest.policy)]
        comparison = compare(
            data, opened, policies, threads=threads, progress=progress, others=models(data, llm_cache, note)
        )
    page = write_comparison(comparison, out, name, opened)
    if as_json:
        print_json({**numbers_of(comparison), "page": page})
        return
    _print(comparison)
    again = ["alphastrike", "replay", run or opened.name]
    again += [part for each in policies for part in ("--policy", each)]
    again += [] if data == DATA else ["--data", str(data)]
    say(f"Page: {page}")
    say(f"Again: {shlex.join(again)}")


def _opened(data: Path, name: str | None, threads: int, progress: "Progress", quiet: bool) -> "Run":
    from alphastrike.runs.registry import latest_run, open_run

    if name is not None:
        return open_run(data, name)
    return latest_run(data) or _sample_run(data, threads, progress, quiet)


def _sample_run(data: Path, threads: int, progress: "Progress", quiet: bool) -> "Run":
    """Make the sample market where there is none, and record it with the guardian's rules."""
    from alphastrike.cli.console import note
    from alphastrike.config.settings import Settings
    from alphastrike.market.simulate import SAMPLE_DAYS, SAMPLE_NAME, SAMPLE_SEED, SAMPLE_SYMBOLS, simulate_market
    from alphastrike.market.store import find_market
    from alphastrike.runs.recorder import record
    from alphastrike.runs.registry import open_run

    is_made = find_market(data, SAMPLE_NAME) is not None
    making = (
        "recording the sample market"
        if is_made
        else f"making the sample market (simulated, {len(SAMPLE_SYMBOLS)} symbols, {SAMPLE_DAYS} days, "
        f"seed {SAMPLE_SEED}) and recording it"
    )
    if not quiet:
        note(f"No run here yet: {making} with the guardian's rules.")
    if not is_made:
        simulate_market(data, progress=progress)
    made = record(data, SAMPLE_NAME, "rules", settings=Settings(), threads=threads, progress=progress)
    if not quiet:
        note(f"Recorded run {made.name}  digest {made.digest}")
    return open_run(data, made.name)


def _other_than(policy: str) -> str:
    return "no-llm" if policy != "no-llm" else "rules"


def _print(comparison: "Comparison") -> None:
    from alphastrike.cli.console import out, say, table
    from replay.arms import RECORDED
    from replay.inference import LABEL
    from replay.verdict import summary, verdicts
    from reports.terminal import tables

    factual, *others = comparison.arms
    own = comparison.metrics[0]
    say(
        f"Factual: {factual.name} ({_counted(own.interventions, 'intervention')} in "
        f"{_counted(own.episodes, 'episode')}); counterfactual: {', '.join(arm.name for arm in others)}"
    )
    for each in tables(comparison):
        out().print(table(each.headers, each.rows, title=each.title, right=each.headers[1:]))
    if any(effect.growth is not None for effect in comparison.effects):
        how = comparison.bootstrap
        say(
            f"95 % intervals {LABEL}: stationary bootstrap, {how.draws:,} draws, blocks of {how.block_days:g} days, "
            f"seed {how.seed}."
        )
    if any(arm.name == RECORDED for arm in others):
        say(
            f"recorded: bit-identical to the run: {len(factual.tables)} tables and the digest "
            f"{comparison.origin.digest}."
        )
    judged = verdicts(comparison)
    if len(judged) == 1:
        say(f"Verdict: {judged[0].headline} {judged[0].evidence}")
        return
    say(f"Verdict: {summary(comparison)}")
    for one in judged:
        say(f"{one.arm}: {one.standing.value}. {one.evidence}")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
