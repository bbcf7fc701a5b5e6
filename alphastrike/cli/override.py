"""``alphastrike override``: a person's word over the model's."""

from typing import Annotated, Literal

import typer

from alphastrike.cli.options import DATA, Data, Json


def override(
    act: Annotated[
        Literal["disable", "enable", "clear"],
        typer.Argument(metavar="disable|enable|clear", help="Keep the model out, let it in again, or end all it did."),
    ],
    hours: Annotated[
        int, typer.Option("--hours", metavar="N", min=1, max=8760, help="How long `disable` holds, in market time.")
    ] = 24,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Overrule the model of the live run: disable it for some hours, enable it again, or clear its interventions.

    While it is disabled policy.on_failure answers. Journaled under your login name with its expiry, and outlives a
    restart; returns once it is on the disk. Exits 2 when no live run is at work, or it asks no model.
    """
    from alphastrike.cli.console import print_json, say
    from alphastrike.live.client import ask, author
    from alphastrike.live.screen import moment
    from alphastrike.live.wire import Override, Revoke

    if act == "clear":
        done = ask(data, Revoke(author=author(), number=None))
        if not as_json:
            say(f"Cleared {done['revoked']:,} intervention{'' if done['revoked'] == 1 else 's'}.")
    else:
        done = ask(data, Override(author=author(), hours=hours if act == "disable" else 0))
        if not as_json:
            until = f"disabled until {moment(done['until'])} UTC, market time" if act == "disable" else "enabled"
            say(f"The model is {until} (seq {done['seq']:,}).")
    if as_json:
        print_json(done)
