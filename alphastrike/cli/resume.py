"""``alphastrike resume``: let the live run take risk again."""

import sys
from typing import Annotated, Any, Final

import typer

from alphastrike.cli.options import DATA, Data, Json

LEFT_HALTED: Final = 2


def resume(
    confirm: Annotated[
        str | None,
        typer.Option(
            "--confirm", metavar="CODE", help="The code that `alphastrike resume` printed.", show_default=False
        ),
    ] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Lift the halts that only a person lifts, after a second look.

    Without --confirm nothing is lifted: it prints what is halted and a code, good for one try within ten minutes while
    nothing more is halted; on a terminal it then asks for the code. Exits 2 when the code is wrong, when nothing is
    halted, or when no live run is at work.
    """
    from alphastrike.cli.console import note, print_json, say
    from alphastrike.live.client import ask, author
    from alphastrike.live.screen import halt_words
    from alphastrike.live.wire import Resume

    if confirm is None:
        offer = ask(data, Resume(author=author()))
        if as_json:
            print_json(offer)
            return
        for standing in offer["halts"]:
            say(f"Halted: {halt_words(standing)}")
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            say(f"Nothing is lifted yet. Confirm with: alphastrike resume --confirm {offer['code']}")
            return
        confirm = _typed(offer["code"])
        if confirm.strip().upper() != offer["code"]:
            note("left halted")
            raise typer.Exit(LEFT_HALTED)
    done = ask(data, _confirmed(confirm, author()))
    if as_json:
        print_json(done)
        return
    for lifted in done["lifted"]:
        say(f"Lifted {lifted['cause'].replace('_', ' ')} ({lifted['scope']}), seq {done['seq']:,}.")
    for standing in done["standing"]:
        say(f"Still halted: {halt_words(standing)}")


def _typed(code: str) -> str:
    try:
        return input(f"Type {code} to resume, anything else to leave it halted: ")
    except EOFError:
        return ""


def _confirmed(code: str, author: str) -> Any:
    from pydantic import ValidationError

    from alphastrike.live.wire import Resume
    from alphastrike.model.errors import ConfigurationError

    try:
        return Resume(author=author, code=code.strip())
    except ValidationError:
        raise ConfigurationError(
            f"{code!r} is not a code: run `alphastrike resume` and copy its four characters."
        ) from None
