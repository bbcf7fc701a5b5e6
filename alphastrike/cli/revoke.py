"""``alphastrike revoke``: end an intervention before its time."""

from typing import Annotated

import typer

from alphastrike.cli.options import DATA, Data, Json


def revoke(
    number: Annotated[
        str, typer.Argument(metavar="NUMBER|all", help="Number of the intervention; `alphastrike status` lists them.")
    ],
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """End a live intervention before its time, or all of them, and let its knob go back to what else holds.

    Journaled under your login name; returns once it is on the disk. Exits 2 when there is no such intervention or no
    live run at work.
    """
    from alphastrike.cli.console import print_json, say
    from alphastrike.live.client import ask, author
    from alphastrike.live.wire import Revoke
    from alphastrike.model.errors import ConfigurationError

    if number != "all" and not (number.isascii() and number.isdigit() and 0 < int(number) < 1 << 53):
        raise ConfigurationError(f"an intervention has a number from 1, got {number!r}: give one, or `all`.")
    done = ask(data, Revoke(author=author(), number=None if number == "all" else int(number)))
    if as_json:
        print_json(done)
        return
    count = done["revoked"]
    say(f"Revoked {count:,} intervention{'' if count == 1 else 's'}." if count else "No intervention was live.")
