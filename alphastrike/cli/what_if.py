"""``alphastrike what-if``: one situation answered otherwise."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from alphastrike.cli.options import DATA, Data, Json, LlmCache, Quiet

if TYPE_CHECKING:
    from replay.what_if import WhatIf


def what_if(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name, folder or s3:// address of the recorded run.")],
    situation: Annotated[int, typer.Option("--situation", metavar="N", min=1, help="Number of the situation.")],
    tool: Annotated[
        list[str],
        typer.Option(
            "--tool", metavar="TOOL[:KEY=VALUE,…]", help="Call that answers it, as no_action. Repeat for up to three."
        ),
    ],
    mode: Annotated[
        Literal["adaptive", "frozen"] | None,
        typer.Option(
            "--mode",
            help="Later situations: asked again, or nobody is asked and the run's other interventions stand.",
            show_default="adaptive; frozen for a run of a model",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="RUN", help="Name of the branch.", show_default="RUN-at-N-TOOL")
    ] = None,
    no_save: Annotated[bool, typer.Option("--no-save", help="Print only; keep no run.")] = False,
    llm_cache: LlmCache = "only",
    data: Data = DATA,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fork RUN at a situation, answer it with each TOOL instead, run on, and keep the branch as a run with its parent.

    A tool takes the situation's symbol and the usual arguments unless told otherwise. Differences are branch −
    recorded. A model is not asked anew: what it has not answered before goes to the guardian. Of a run named by its
    address no branch is kept. Exits 0, or 2 when a call would be rejected: then nothing is computed.
    """
    from alphastrike.cli.addressed import at_hand
    from alphastrike.cli.console import note, print_json, say
    from alphastrike.cli.models import models
    from alphastrike.cli.progress import progress_bars
    from alphastrike.model.errors import ConfigurationError
    from alphastrike.runs.registry import open_run
    from experiments.ledger import count_trials
    from replay.what_if import fork
    from reports.what_if import as_json as figures

    if "://" in run and not no_save:
        raise ConfigurationError("a branch is kept beside its parent: pull the run first, or pass --no-save.")
    root, there = at_hand(data, run, quiet or as_json)
    opened = open_run(root, there)
    keep_as = None if no_save else name or ""
    with progress_bars(quiet or as_json) as progress:
        forked, kept_as = fork(
            root,
            opened,
            situation,
            tool,
            mode=mode,
            keep_as=keep_as,
            others=models(data, llm_cache, note),
            progress=progress,
        )
        kept = None if no_save else forked.keep(root, opened, kept_as, progress)
    tried = {"run": opened.manifest.digest, "situation": str(situation), "calls": " ".join(tool)}
    trials = count_trials(data, "what-if", forked.ground.market.content_hash, [tried])
    if as_json:
        child = None if kept is None else {"name": kept.name, "digest": kept.digest}
        print_json({**figures(forked.what_if), "saved": child, "trials": trials._asdict()})
        return
    _print(forked.what_if)
    say(trials.told())
    if kept is not None:
        stated = "" if data == DATA else f" --data {data}"
        say(f"Saved as run {kept.name}  digest {kept.digest}")
        say(f"Check: alphastrike verify {kept.name}{stated}")


def _print(asked: "WhatIf") -> None:
    from alphastrike.cli.console import out, say, table
    from reports.what_if import (
        headline,
        meeting_line,
        mode_line,
        short_table,
        situation_line,
        tables,
        trail_line,
    )

    say(headline(asked))
    say(situation_line(asked))
    for call, judged in zip(asked.calls, asked.verdicts, strict=True):
        if judged.verdict.name == "REDUNDANT":
            say(f"{call.code.name.lower()} changes nothing at that moment; it may bind later.")
    first, *others = asked.outcomes
    say(mode_line(first, asked.policy))
    for each in tables(first):
        out().print(table(each.headers, each.rows, title=each.title, right=each.headers[1:]))
    if drawn := trail_line(first):
        say(drawn)
    say(meeting_line(first))
    for other in others:
        say(mode_line(other, asked.policy))
        short = short_table(other)
        out().print(table(short.headers, short.rows, right=short.headers[1:]))
        say(meeting_line(other))
