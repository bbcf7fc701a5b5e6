"""``alphastrike flatten``: close what is open."""

from alphastrike.cli.options import DATA, Data, Json


def flatten(data: Data = DATA, as_json: Json = False) -> None:
    """Close every position of the live run by reduce-only orders at the next open, and take waiting entries back.

    The strategy may enter again at its next decision: `alphastrike halt --flatten` keeps it out. Returns once the
    orders are on the disk; a position that is being closed is left alone, so twice is harmless. Exits 2 when no live
    run is at work.
    """
    from alphastrike.cli.console import print_json, say
    from alphastrike.live.client import ask, author
    from alphastrike.live.screen import moment, orders_words
    from alphastrike.live.wire import Flatten

    done = ask(data, Flatten(author=author()))
    if as_json:
        print_json(done)
        return
    words = orders_words(done["orders"])
    say(f"{words[0].upper()}{words[1:]} after {moment(done['event_time'])} UTC (seq {done['seq']:,}).")
