"""``alphastrike record``: run a policy over a market and keep the whole run."""

from typing import Annotated

import typer

from alphastrike.cli.options import ALL_CORES, DATA, Config, Data, Json, LlmCache, Quiet, Set, Threads


def record(
    market: Annotated[
        str,
        typer.Argument(metavar="MARKET", help="Name or s3:// address of the market; `alphastrike markets` lists them."),
    ],
    policy: Annotated[str, typer.Option("--policy", metavar="POLICY", help="Who answers triggers.")] = "rules",
    name: Annotated[
        str | None, typer.Option("--name", metavar="RUN", help="Name of the run.", show_default="MARKET-POLICY")
    ] = None,
    config: Config = None,
    overrides: Set = None,
    threads: Threads = ALL_CORES,
    self_contained: Annotated[
        bool, typer.Option("--self-contained", help="Copy the market into the run, so that it opens without it.")
    ] = False,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Compute perception anew, though an earlier run holds the same one.")
    ] = False,
    llm_cache: LlmCache = "use",
    samples: Annotated[
        int | None, typer.Option("--samples", metavar="K", help="Answers of a model to each situation: llm.samples.")
    ] = None,
    mask: Annotated[
        bool, typer.Option("--mask", help="Let the prompt call symbols by neutral labels: llm.mask.")
    ] = False,
    data: Data = DATA,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run the engine over MARKET under POLICY and record everything it saw and decided.

    Policies: no-llm, rules, llm:model=MODEL,prompt=PROMPT, always:tool=TOOL, swap:from=TOOL,to=TOOL, random:seed=N, or
    module:Class of your own. Exits 0 when the run is recorded; otherwise no run is left behind.
    """
    from alphastrike.cli.addressed import market_at_hand
    from alphastrike.cli.configured import settings_of
    from alphastrike.cli.console import figure, note, print_json, say
    from alphastrike.cli.models import models
    from alphastrike.cli.progress import progress_bars
    from alphastrike.policy.settings import is_model
    from alphastrike.runs.recorder import record as record_run
    from alphastrike.runs.registry import open_run
    from alphastrike.runs.summary import summary

    own = [*(overrides or []), *([f"llm.samples={samples}"] if samples is not None else [])]
    settings = settings_of(config, [*own, *(["llm.mask=true"] if mask else [])], quiet=quiet or as_json)
    market = market_at_hand(data, market, quiet or as_json)
    taken_from: list[str] = []
    with progress_bars(quiet) as progress:
        manifest = record_run(
            data,
            market,
            policy,
            name=name,
            settings=settings,
            threads=threads,
            progress=progress,
            self_contained=self_contained,
            reuse=not recompute,
            on_reuse=taken_from.append,
            others=models(data, llm_cache, note),
        )
    opened = open_run(data, manifest.name)
    made = summary(opened)
    if as_json:
        print_json(made)
        return
    change = 100.0 * (made.final_equity / made.start_equity - 1.0)
    liquidations = f", {made.liquidations:,} liquidation fills" if made.liquidations else ""
    say(f"Recorded run {made.run}  digest {made.digest}")
    if taken_from:
        say(f"Perception is that of {taken_from[0]}, taken over; --recompute computes it anew")
    say(
        f"{made.market} under {made.policy}: {made.symbols} symbols, {made.ticks:,} ticks, {made.decisions:,} decisions"
    )
    say(
        f"{made.trades:,} trades{liquidations}, {made.triggers:,} triggers fired, {made.situations:,} situations, "
        f"{made.interventions:,} interventions"
    )
    if is_model(made.policy):
        from alphastrike.runs.model_facts import facts_of

        say(facts_of(opened).line())
    say(f"Final equity {figure(made.final_equity)} USDT ({figure(change, 2, signed=True)} %)")
    say(f"Run: {made.folder}  ({made.rows:,} rows, {figure(made.bytes / 1e6, 1)} MB)")
