"""``alphastrike status``: how the live run stands."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from alphastrike.cli.options import DATA, Data, Json

if TYPE_CHECKING:
    from alphastrike.live.client import Line
    from alphastrike.live.status import Status

REFRESH_S: Final = 0.5
PLAIN_REFRESH_S: Final = 2.0
"""Between two lines where the output is no terminal."""


def status(
    data: Data = DATA,
    as_json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="Keep the screen up to date until Ctrl-C.")] = False,
) -> None:
    """Show equity, positions, forecasts, leverage, triggers, interventions and halts of the live run.

    With --watch and without a terminal, one line every few seconds; with --json one JSON object a line. Everything
    shown is on the disk. Exits 2 when no live run is at work.
    """
    from alphastrike.live.client import Line

    with Line(data) as line:
        if watch:
            _watch(line, data, as_json=as_json)
        else:
            _show(_asked(line), as_json=as_json)


def _asked(line: "Line") -> "Status":
    from alphastrike.live.client import author
    from alphastrike.live.wire import AskStatus

    return line.ask(AskStatus(author=author()))  # type: ignore[return-value] # the wire keeps the status's shape


def _show(found: "Status", *, as_json: bool) -> None:
    from alphastrike.cli.console import out, print_json
    from alphastrike.live.screen import picture

    if as_json:
        print_json(found)
    else:
        out().print(picture(found))


def _watch(line: "Line", data: Path, *, as_json: bool) -> None:
    from alphastrike.cli.console import note, out, say
    from alphastrike.live.screen import line as one_line
    from alphastrike.live.screen import picture
    from alphastrike.model.errors import TryAgainError

    console = out()
    found = _asked(line)
    try:
        if console.is_terminal and not as_json:
            from rich.live import Live

            with Live(picture(found), console=console, auto_refresh=False, screen=False) as screen:
                while True:
                    time.sleep(REFRESH_S)
                    screen.update(picture(_asked(line)), refresh=True)
        while True:
            if as_json:
                _print_compact(found)
            else:
                say(one_line(found))
            time.sleep(PLAIN_REFRESH_S)
            found = _asked(line)
    except TryAgainError:
        note(f"the live run of {data} has ended")
    except KeyboardInterrupt:
        # Looking on is ended by its watcher: nothing was interrupted.
        return


def _print_compact(found: "Status") -> None:
    import json

    typer.echo(json.dumps(found, allow_nan=False))
