"""``alphastrike override``: a person's word over the model's."""

from typing import Annotated, Literal

import typer

from alphastrike.cli.options import DATA, Data, Json


def override(
    act: Annotated[
        Literal["disable", "enable", "clear", "pin"],
        typer.Argument(
            metavar="disable|enable|clear|pin",
            help="Keep the model out, let it in again, end every intervention, or hold a control.",
        ),
    ],
    hours: Annotated[
        int,
        typer.Option("--hours", metavar="N", min=1, max=8760, help="How long `disable` and `pin` hold, market time."),
    ] = 24,
    tool: Annotated[
        str | None, typer.Option("--tool", metavar="TOOL", help="What `pin` sets: adjust_position_size, ...")
    ] = None,
    symbol: Annotated[str | None, typer.Option("--symbol", metavar="SYMBOL", help="Where, if TOOL needs one.")] = None,
    value: Annotated[float | None, typer.Option("--value", metavar="N", help="TOOL's number, if it has one.")] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Overrule the model of the live run: disable it for some hours, enable it again, or clear its interventions.

    A pinned control is an intervention of your own: the model can neither loosen nor end it, `alphastrike revoke`
    and `override clear` can. While the model is disabled policy.on_failure answers. Journaled under your login name
    with its expiry, and outlives a restart; returns once it is on the disk. Exits 2 when no live run is at work.
    """
    from alphastrike.cli.console import print_json, say
    from alphastrike.live.client import ask, author
    from alphastrike.live.screen import moment
    from alphastrike.live.wire import Override, PinControl, Revoke
    from alphastrike.model.errors import ConfigurationError

    if (tool is None) == (act == "pin") or (act != "pin" and (symbol is not None or value is not None)):
        raise ConfigurationError(
            "pin needs --tool and the others take none, as in: override pin --tool disable_shorts --symbol BTCUSDT."
        )
    if act == "pin":
        assert tool is not None
        done = ask(data, PinControl(author=author(), tool=tool, symbol=symbol, value=value, hours=hours))
        if not as_json:
            say(f"Pinned {tool} until {moment(done['until'])} UTC, market time (seq {done['seq']:,}).")
    elif act == "clear":
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
