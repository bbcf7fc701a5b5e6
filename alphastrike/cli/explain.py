"""``alphastrike explain``: what every intervention of a run was worth, and what else could have been done."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphastrike.cli.options import ALL_CORES, DATA, Dask, Data, Json, LlmCache, Quiet, Threads, Track

if TYPE_CHECKING:
    from alphastrike.journal.reader import Run
    from replay.explained import Explained
    from reports.text_table import TextTable


def explain(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name, folder or s3:// address of the run.")],
    situation: Annotated[
        int | None,
        typer.Option("--situation", metavar="N", min=1, help="Only the card of this decision.", show_default=False),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="List every intervention, not the largest effects alone.")
    ] = False,
    permutations: Annotated[
        int,
        typer.Option(
            "--permutations", metavar="N", min=2, help="Orders drawn for Shapley values; half of them are reverses."
        ),
    ] = 24,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder for page and suite.")] = Path(
        "reports/out"
    ),
    name: Annotated[
        str | None, typer.Option("--name", metavar="PAGE", help="Name of the page.", show_default="RUN-explained")
    ] = None,
    threads: Threads = ALL_CORES,
    dask: Dask = None,
    llm_cache: LlmCache = "only",
    track: Track = False,
    data: Data = DATA,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Take the interventions of RUN apart: effects with intervals, Shapley values, regret, triggers, and a page.

    Every situation of the run is forked with every action of a stated grid, every intervention is left out, added
    alone and replaced by a harmless one. Beside the page lie the situations with the values of all actions, as Parquet
    and JSONL. With --situation only one decision is taken apart, and nothing is written. Exits 0.
    """
    from alphastrike.cli.addressed import at_hand
    from alphastrike.cli.console import say
    from alphastrike.runs.registry import open_run

    if track:
        from experiments.tracking import check

        check(data)
    root, there = at_hand(data, run, quiet or as_json)
    opened = open_run(root, there)
    if situation is not None:
        _card(root, opened, situation, threads, as_json=as_json, quiet=quiet)
        return
    if not opened.manifest.rows_of("situations"):
        _nothing(opened, as_json=as_json)
        return
    from alphastrike.cli.console import note, print_json
    from alphastrike.cli.models import models
    from alphastrike.cli.progress import progress_bars
    from alphastrike.runs.transcript import situations_shown
    from replay.explained import explain as taken_apart
    from replay.pool import pool_at
    from replay.suite_files import write_suite
    from reports.explain import write_explained
    from reports.explained_figures import figures

    with pool_at(dask, data, opened, run, threads) as pool, progress_bars(quiet or as_json) as progress:
        it = taken_apart(
            root,
            opened,
            pairs=max(1, permutations // 2),
            threads=threads,
            others=models(data, llm_cache, note),
            progress=progress,
            pool=pool,
        )
        it = _counted(data, it)
        page = write_explained(it, out, name, opened)
        suite = write_suite(it.suite, situations_shown(opened), out, page.stem)
    stated = [] if data == DATA else ["--data", str(data)]
    if as_json:
        print_json({**figures(it), "page": page, "suite": [suite.parquet, suite.jsonl]})
    else:
        _print(it, every)
        say(f"Page: {page}")
        say(f"Situations with the values of all actions: {suite.parquet}, {suite.jsonl}")
        say(f"One decision: {shlex.join(['alphastrike', 'explain', run, '--situation', 'N', *stated])}")
    if track:
        again = ["alphastrike", "explain", run, "--track", *stated]
        artifacts = [page, suite.parquet, suite.jsonl]
        _track(data, opened, it, artifacts, again, hushed=quiet or as_json, as_json=as_json)


def _track(
    data: Path, opened: "Run", it: "Explained", artifacts: list[Path], again: list[str], *, hushed: bool, as_json: bool
) -> None:
    from alphastrike.cli.console import json_text
    from alphastrike.cli.tracked import log_found
    from experiments.tracked_prompts import log_prompts, prompts_of
    from experiments.tracked_replay import EXPLAIN, explain_entry, explain_key
    from experiments.tracking import Entry, Tracker
    from reports.explained_figures import figures

    document = json_text(figures(it)).encode()
    chain = opened.manifest.chain_head

    def make(tracker: Tracker) -> Entry:
        tags = log_prompts(tracker, prompts_of(opened))
        return explain_entry(it, chain=chain, document=document, artifacts=artifacts, tags=tags)

    log_found(
        data,
        EXPLAIN,
        explain_key(it, chain),
        make,
        kept=f"the explanation of {opened.name} is done and its page written",
        again=again,
        hushed=hushed,
        as_json=as_json,
    )


def _counted(data: Path, it: "Explained") -> "Explained":
    """Enter the arms among all that were ever tried; who knows what comes is none."""
    from dataclasses import replace

    from experiments.ledger import count_comparison

    hindsight = {one.arm for one in it.whole if one.is_hindsight}
    arms = tuple(arm for arm in it.adaptive.arms if arm.name not in hindsight)
    count = count_comparison(data, replace(it.adaptive, arms=arms), "explain")
    return it.counted(count.market, count.total, count.told())


def _nothing(opened: "Run", *, as_json: bool) -> None:
    from alphastrike.cli.console import print_json, say

    if as_json:
        print_json(
            {"run": opened.name, "digest": opened.manifest.digest, "interventions": [], "suite": {"decisions": []}}
        )
        return
    say(f"No trigger of {opened.name} ever fired: nobody was asked, and there is nothing to take apart.")


def _print(it: "Explained", every: bool) -> None:
    from alphastrike.cli.console import say
    from reports.explained_text import modes_told, tables

    say(f"Verdict: {it.headline}")
    for sentence in it.evidence:
        say(f"- {sentence}")
    for each in tables(it, shows_all=every):
        _show(each)
    say(modes_told(it))


def _show(made: "TextTable") -> None:
    from alphastrike.cli.console import out, say, table

    if made.title:
        say(made.title)
    for each in made.fitting(out().width):
        out().print(table(each.headers, each.rows, right=each.headers[1:]))


def _card(data: Path, opened: "Run", number: int, threads: int, *, as_json: bool, quiet: bool) -> None:
    from alphastrike.cli.console import print_json, say, say_inside
    from alphastrike.cli.progress import progress_bars
    from replay.card import card_of
    from reports import card_text
    from reports.explained_figures import card_figures

    with progress_bars(quiet or as_json) as progress:
        card = card_of(data, opened, number, threads=threads, progress=progress)
    if as_json:
        made: dict[str, Any] = card_figures(card)
        print_json(made)
        return
    say(card_text.headline(card))
    for line in card_text.report_lines(card.situation):
        say_inside(line)
    _show(card_text.symbols(card.situation))
    for line in card_text.answer_lines(card):
        say(line)
    _show(card_text.actions(card))
    for worth in card.worths:
        _show(card_text.effects(worth))
        for line in card_text.worth_lines(worth):
            say(line)
    root = "" if data == DATA else f" --data {data}"
    say(f"Try another: alphastrike what-if {opened.name} --situation {number} --tool TOOL{root}")
