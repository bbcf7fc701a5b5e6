"""``alphastrike replay``: what would have happened under another policy."""

import shlex
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from alphastrike.cli.options import ALL_CORES, DATA, Dask, Data, Json, LlmCache, Quiet, Threads, Track

if TYPE_CHECKING:
    from alphastrike.journal.reader import Run
    from alphastrike.model.progress import Progress
    from replay.compare import Comparison
    from reports.counterfactual import Beside


def replay(
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="Name, folder or s3:// address of a run.", show_default="the latest"),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", metavar="POLICY", help="Policy to try. Repeat for more.", show_default="no-llm"),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder for the page.")] = Path("reports/out"),
    name: Annotated[
        str | None, typer.Option("--name", metavar="PAGE", help="Name of the page.", show_default="RUN-vs-POLICY")
    ] = None,
    mode: Annotated[
        Literal["adaptive", "frozen"],
        typer.Option(
            "--mode",
            metavar="MODE",
            help="adaptive: every arm answers its own situations; frozen: the recorded ones, nobody is asked after.",
        ),
    ] = "adaptive",
    fills: Annotated[
        Literal["base", "band"],
        typer.Option("--fills", metavar="FILLS", help="base, or band: the effects under kinder and harsher fills too."),
    ] = "base",
    worlds: Annotated[
        int,
        typer.Option(
            "--worlds", metavar="K", min=0, help="Other histories, drawn from the market, to run every arm in."
        ),
    ] = 0,
    block_days: Annotated[
        float, typer.Option("--block-days", metavar="DAYS", help="Mean block of other histories; 30 or more.")
    ] = 30.0,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of other histories.")] = 1,
    threads: Threads = ALL_CORES,
    dask: Dask = None,
    llm_cache: LlmCache = "use",
    track: Track = False,
    data: Data = DATA,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Re-run RUN's account half under each POLICY, compare it with what happened, and write a page about it.

    Policies: no-llm, recorded, rules, llm:prompt=PROMPT, always:tool=TOOL, swap:from=TOOL,to=TOOL, random:seed=N, or
    module:Class of your own; oracle answers with hindsight, for an upper bound. Perception is not computed again: every
    arm reads the forecasts that the run recorded; only in other histories (--worlds) it is, and there a model is not
    asked but represented by the guardian. Where there is no run yet, a sample market is made and recorded with the
    guardian's rules first. Exits 0 when every arm ran to the end.
    """
    from alphastrike.cli.addressed import at_hand
    from alphastrike.cli.configured import promoted
    from alphastrike.cli.console import note, print_json, say
    from alphastrike.cli.models import models
    from alphastrike.cli.progress import progress_bars
    from alphastrike.model.errors import ConfigurationError
    from experiments.ledger import count_comparison
    from replay.fidelity import fidelity
    from replay.participation import participation
    from replay.pool import pool_at
    from replay.rerun import fill_band, replayed
    from replay.together import together
    from replay.worlds import check_worlds, run_worlds
    from reports.counterfactual import Beside, write_comparison
    from reports.counterfactual import as_json as numbers_of

    if dask is not None and not worlds:
        raise ConfigurationError("a cluster shares other histories: add --worlds K to --dask.")
    if track:
        from experiments.tracking import check

        check(data)
    root, there = (data, None) if run is None else at_hand(data, run, quiet)
    asked = _asked(mode, fills, worlds, block_days, seed)
    with progress_bars(quiet) as progress, ExitStack() as ended:
        opened = _opened(root, there, threads, progress, quiet)
        policies = policy or [_other_than(opened.manifest.policy)]
        if worlds:
            check_worlds(root, opened, policies, worlds, block_days)
        pool = ended.enter_context(pool_at(dask, data, opened, run, threads)) if dask is not None else None
        done = replayed(
            root,
            opened,
            policies,
            mode=mode,
            threads=threads,
            progress=progress,
            others=models(data, llm_cache, note),
            promoted=promoted(quiet=quiet or as_json) if mode == "adaptive" else None,
        )
        comparison = _made_by(done.comparison, asked)
        beside = Beside(
            band=fill_band(done, threads=threads, progress=progress) if fills == "band" else None,
            worlds=run_worlds(
                root,
                opened,
                policies,
                worlds,
                seed=seed,
                block_days=block_days,
                processes=threads,
                progress=progress,
                pool=pool,
            )
            if worlds
            else None,
            fidelity=fidelity(comparison.factual.tables, done.control.tables, is_simulated=True),
            participations={arm.name: participation(arm.tables, done.bench.market) for arm in comparison.arms},
            several=together(comparison),
            trials=count_comparison(data, comparison),
        )
    page = write_comparison(comparison, out, name, opened, beside)
    again = ["alphastrike", "replay", run or opened.name]
    again += [part for each in policies for part in ("--policy", each)]
    again += [*asked, *(["--track"] if track else [])]
    again += [] if data == DATA else ["--data", str(data)]
    if as_json:
        print_json({**numbers_of(comparison, beside), "page": page})
    else:
        _print(comparison, beside)
        say(f"Page: {page}")
        say(f"Again: {shlex.join(again)}")
    if track:
        _track(data, opened, policies, comparison, beside, page, again, hushed=quiet or as_json, as_json=as_json)


def _track(
    data: Path,
    opened: "Run",
    policies: list[str],
    it: "Comparison",
    beside: "Beside",
    page: Path,
    again: list[str],
    *,
    hushed: bool,
    as_json: bool,
) -> None:
    from alphastrike.cli.console import json_text
    from alphastrike.cli.tracked import log_found
    from experiments.tracked_prompts import log_prompts, prompts_of
    from experiments.tracked_replay import REPLAY, replay_entry, replay_key
    from experiments.tracking import Entry, Tracker
    from reports.counterfactual import as_json as numbers_of

    document = json_text(numbers_of(it, beside)).encode()
    chain = opened.manifest.chain_head

    def make(tracker: Tracker) -> Entry:
        tags = log_prompts(tracker, prompts_of(opened, policies))
        return replay_entry(it, chain=chain, document=document, page=page, band=beside.band, tags=tags)

    log_found(
        data,
        REPLAY,
        replay_key(it, chain),
        make,
        kept=f"the replay of {opened.name} is done and its page written",
        again=again,
        hushed=hushed,
        as_json=as_json,
    )


def _asked(mode: str, fills: str, worlds: int, block_days: float, seed: int) -> list[str]:
    """Return the options that are not the defaults, as they are typed."""
    asked = [] if mode == "adaptive" else ["--mode", mode]
    asked += [] if fills == "base" else ["--fills", fills]
    if worlds:
        asked += ["--worlds", str(worlds)]
        asked += [] if block_days == 30.0 else ["--block-days", f"{block_days:g}"]
        asked += [] if seed == 1 else ["--seed", str(seed)]
    return asked


def _made_by(comparison: "Comparison", asked: list[str]) -> "Comparison":
    """Return the comparison with the options in the command that makes it again."""
    *others, last = comparison.origin.commands
    commands = (*others, " ".join([last, *asked]))
    return replace(comparison, origin=replace(comparison.origin, commands=commands))


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


def _print(comparison: "Comparison", beside: "Beside") -> None:
    from alphastrike.cli.console import out, say, table
    from replay.arms import RECORDED
    from replay.inference import LABEL
    from replay.verdict import summary, verdicts
    from reports import fidelity, fills, worlds
    from reports.counterfactual import MODES
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
            f"95 % intervals {LABEL}: stationary bootstrap, {how.draws:,} draws, blocks of {how.block_days:.3g} days, "
            f"seed {how.seed}."
        )
    if any(arm.name == RECORDED for arm in others):
        say(
            f"recorded: bit-identical to the run: {len(factual.tables)} tables and the digest "
            f"{comparison.origin.digest}."
        )
    say(MODES[comparison.mode])
    if beside.fidelity is not None and not beside.fidelity.is_exact:
        say(fidelity.sentence(beside.fidelity))
    if any(one.is_flagged for one in beside.participations.values()):
        say(fidelity.taker_sentence(beside.participations))
    if beside.band is not None:
        found = fills.band_table(beside.band)
        out().print(table(found.headers, found.rows, title=found.title, right=found.headers[1:]))
        say(fills.sentence(beside.band))
        for line in fills.notes(beside.band):
            say(line)
    if beside.worlds is not None:
        for found in worlds.terminal_tables(beside.worlds):
            out().print(table(found.headers, found.rows, title=found.title, right=found.headers[1:]))
        for line in worlds.notes(beside.worlds):
            say(line)
        for arm in beside.worlds.arms:
            say(worlds.sentence(beside.worlds, arm))
    judged = verdicts(comparison, beside.band)
    if len(judged) == 1:
        say(f"Verdict: {judged[0].headline} {judged[0].evidence}")
    else:
        say(f"Verdict: {summary(comparison, beside.band)}")
        for one in judged:
            say(f"{one.arm}: {one.standing.value}. {one.evidence}")
    for sentence in beside.small_print:
        say(sentence)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
