"""``alphastrike push``: a run or a market into an object store."""

from typing import Annotated

import typer

from alphastrike.cli.options import DATA, Data, Json, Quiet


def push(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A run, else a market; runs/NAME or markets/NAME.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="s3://BUCKET/PREFIX?endpoint_override=http://HOST:PORT")],
    data: Data = DATA,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Publish a run, with the market it was made on, or a market in an S3-compatible object store.

    It lies at URL/runs/NAME or URL/markets/NAME, which other commands take in the place of a run's name. It appears
    there whole or not at all. Keys come from the environment, never from URL.
    """
    from alphastrike.cli.console import print_json, say
    from alphastrike.cli.progress import progress_bars
    from alphastrike.runs.object_store import ObjectStore
    from alphastrike.runs.publishing import push as publish

    with progress_bars(quiet or as_json) as progress:
        done = publish(data, name, ObjectStore.at(url), progress)
    if as_json:
        print_json([one._asdict() for one in done])
        return
    for one in done:
        say(f"{one.kind} {one.name}  {one.identity[:32]}  {one.place}{'' if one.files else '  (was there)'}")
