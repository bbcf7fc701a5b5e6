"""``alphastrike simulate``: a market out of a seed."""

from typing import Annotated

import typer

from alphastrike.cli.console import print_json, say
from alphastrike.cli.options import DATA, Data, Json, Quiet
from alphastrike.cli.progress import progress_bars


def simulate(
    name: Annotated[str, typer.Option("--name", metavar="N", help="Name of the market.")] = "sample",
    symbols: Annotated[
        str, typer.Option("--symbols", metavar="A,B", help="Symbols, in this order; any name is possible.")
    ] = "BTCUSDT,ETHUSDT,SOLUSDT,BNBUSDT,ADAUSDT",
    days: Annotated[int, typer.Option("--days", metavar="N", help="Length in days.")] = 365,
    interval: Annotated[str, typer.Option("--interval", metavar="15m", help="Bar interval, 1m to 8h.")] = "15m",
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Everything random follows from it.")] = 7,
    begin: Annotated[str, typer.Option("--from", metavar="DATE", help="First bar opens here (UTC).")] = "2024-01-01",
    without: Annotated[
        str,
        typer.Option("--without", metavar="KIND,KIND", help="Inputs to leave out, e.g. book_tops,externals,takers."),
    ] = "",
    weather: Annotated[
        str,
        typer.Option("--weather", metavar="changing|stationary", help="stationary: one regime, no crash, no decay."),
    ] = "changing",
    plant: Annotated[
        str,
        typer.Option(
            "--plant",
            metavar="TRUTH[:dose=X]",
            help="nothing, shorts-trap or leverage-crash: what an evaluation must find in it.",
        ),
    ] = "",
    data: Data = DATA,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a market with regimes, clustered volatility, fat tails, crashes, and inputs of every kind.

    Each input tells a little of what comes, and most tell less as the market grows older: docs/markets.md says what
    and how much. --without leaves inputs out, to see signals abstain; the rest of the market stays the same. --plant
    makes a market in which a tool is known to help, or none: prices move otherwise, inputs are as ever.

    Without options it is the sample market that `replay` makes for itself on a fresh machine. The same arguments
    give the same content hash; instruments are assumed.
    """
    from alphastrike.cli.markets import summary
    from alphastrike.market.intervals import parse_from, parse_interval
    from alphastrike.market.planted import plant_named
    from alphastrike.market.simulate import simulate_market
    from alphastrike.model.errors import ConfigurationError

    if weather not in ("changing", "stationary"):
        raise ConfigurationError(f"--weather {weather!r} must be changing or stationary.")
    wanted = tuple(symbol for symbol in symbols.replace(",", " ").split() if symbol)
    planted = plant_named(plant) if plant else None
    with progress_bars(quiet or as_json) as progress:
        manifest = simulate_market(
            data,
            name,
            wanted,
            days,
            parse_interval(interval),
            seed,
            parse_from(begin),
            without=tuple(without.replace(",", " ").split()),
            stationary=weather == "stationary",
            plant=planted,
            progress=progress,
        )
    if as_json:
        print_json(manifest)
    else:
        if planted is not None:
            say(f"Planted: {planted}: {planted.says}")
        say(f"Market {manifest.name}: simulated with seed {seed}, {summary(manifest)}, hash {manifest.content_hash}")
