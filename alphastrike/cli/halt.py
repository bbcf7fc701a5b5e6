"""``alphastrike halt``: no new risk from now on."""

from typing import Annotated

import typer

from alphastrike.cli.options import DATA, Data, Json


def halt(
    data: Data = DATA,
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Close every position too, by reduce-only orders.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Let the live run take no new risk until a person resumes it; exits and reductions go on.

    The halt holds from the next event on, is journaled under your login name, and outlives a restart. Returns once it
    is on the disk; twice is harmless. Exits 2 when no live run is at work.
    """
    from alphastrike.cli.console import print_json, say
    from alphastrike.live.client import ask, author
    from alphastrike.live.screen import moment, orders_words
    from alphastrike.live.wire import Halt

    done = ask(data, Halt(author=author(), flatten=flatten))
    if as_json:
        print_json(done)
        return
    said = "Halted already" if done["already"] else "Halted"
    closing = f"; {orders_words(done['orders'])}" if flatten else ""
    say(f"{said}: no new risk after {moment(done['event_time'])} UTC (seq {done['seq']:,}){closing}.")
    say("Lift it with: alphastrike resume")
