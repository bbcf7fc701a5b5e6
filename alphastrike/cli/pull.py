"""``alphastrike pull``: a run or a market out of an object store."""

from typing import Annotated

import typer

from alphastrike.cli.options import DATA, Data, Json, Quiet


def pull(
    url: Annotated[str, typer.Argument(metavar="URL", help="Address that ends in runs/NAME or markets/NAME.")],
    data: Data = DATA,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fetch a run, with the market it was made on, or a market from an S3-compatible object store.

    Every file is compared with its manifest, and a run's manifest with its hash chain, before anything gets its name in
    the data root. Keys come from the environment, never from URL.
    """
    from alphastrike.cli.console import print_json, say
    from alphastrike.cli.progress import progress_bars
    from alphastrike.runs.object_store import ObjectStore
    from alphastrike.runs.publishing import pull as fetch

    with progress_bars(quiet or as_json) as progress:
        done = fetch(ObjectStore.at(url), data, progress)
    if as_json:
        print_json([one._asdict() for one in done])
        return
    for one in done:
        say(f"{one.kind} {one.name}  {one.identity[:32]}  {one.place}{'' if one.files else '  (was there)'}")
