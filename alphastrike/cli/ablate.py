"""``alphastrike ablate``: what weighing signals is worth, out of sample."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alphastrike.cli.options import ALL_CORES, DATA, Config, Data, Json, Quiet, Set, Threads

if TYPE_CHECKING:
    from alphastrike.market.market import Market
    from alphastrike.model.progress import Progress
    from experiments.ablate import Ablation


def ablate(
    market: Annotated[
        str | None,
        typer.Argument(metavar="[MARKET]", help="Name of the market.", show_default="the sample market"),
    ] = None,
    folds: Annotated[int, typer.Option("--folds", min=1, metavar="N", help="Folds to be judged on.")] = 8,
    past: Annotated[
        int | None,
        typer.Option(
            "--past",
            min=1,
            metavar="DAYS",
            help="Days before the first fold.",
            show_default="three tenths of the market",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder for the page.")] = Path("reports/out"),
    config: Config = None,
    overrides: Set = None,
    threads: Threads = ALL_CORES,
    data: Data = DATA,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare ways of making one view of MARKET's signals, out of sample, through the whole account.

    Rows: the best single signal (chosen on the days before each fold), equal weights, the article's rule, the same
    with a prior, by payoff and by regime, and the tracker as configured. Nobody answers triggers (no-llm). Differences
    to equal weights come with 95 % intervals; the verdict says no more than they carry. Without MARKET the sample
    market is used, and made first where it does not exist. Exits 0 whatever the verdict.
    """
    from alphastrike.cli.console import print_json, say
    from alphastrike.cli.progress import progress_bars
    from alphastrike.config.resolve import resolve
    from experiments.ablate import ablate as ablation_of
    from experiments.ledger import count_trials
    from reports.ablation import as_json as numbers_of
    from reports.ablation import write_ablation

    settings = resolve(config, overrides or [])
    with progress_bars(quiet) as progress:
        opened = _opened(data, market, progress, quiet)
        ablation = ablation_of(opened, settings, folds=folds, past=past, threads=threads, progress=progress)
    page = write_ablation(ablation, out)
    tried = [row.name for row in (*ablation.rows, *ablation.singles, *ablation.without)]
    settled = {"settings": ablation.settings_digest, "folds": f"{len(ablation.folds)} from {ablation.folds[0].begin}"}
    trials = count_trials(data, "ablate", ablation.market_hash, [{"weighing": name, **settled} for name in tried])
    if as_json:
        print_json({**numbers_of(ablation), "page": page, "trials": trials._asdict()})
        return
    _print(ablation)
    say(trials.told())
    again = ["alphastrike", "ablate", opened.name, "--folds", str(folds)]
    again += [] if past is None else ["--past", str(past)]
    again += [] if config is None else ["--config", str(config)]
    again += [part for each in overrides or [] for part in ("--set", each)]
    again += [] if data == DATA else ["--data", str(data)]
    say(f"Page: {page}")
    say(f"Again: {shlex.join(again)}")


def _opened(data: Path, name: str | None, progress: "Progress", quiet: bool) -> "Market":
    from alphastrike.cli.console import note
    from alphastrike.market.simulate import SAMPLE_NAME, simulate_market
    from alphastrike.market.store import find_market, open_market

    if name is None and find_market(data, SAMPLE_NAME) is None:
        if not quiet:
            note("No sample market here yet: making it.")
        simulate_market(data, progress=progress)
    return open_market(data, name or SAMPLE_NAME)


def _print(ablation: "Ablation") -> None:
    from alphastrike.cli.console import out, say, table
    from experiments.judgement import verdict
    from reports.ablation import fitted, notes, tables

    width = out().width
    for each in (part for made in tables(ablation) if made.rows for part in fitted(made, width)):
        left = {each.headers[0], "chosen"}
        right = [header for header in each.headers if header not in left]
        out().print(table(each.headers, each.rows, title=each.title, right=right))
    for line in notes(ablation):
        say(line)
    say(f"Verdict: {verdict(ablation)}")
