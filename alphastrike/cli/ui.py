"""``alphastrike ui``: everything that was tracked, in MLflow's own pages on this machine."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final, NoReturn

import typer

from alphastrike.cli.options import DATA, Data

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""A closed terminal must not leave the server behind, which has a session of its own."""


def ui(
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 5000,
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Show it in the browser.")] = False,
    data: Data = DATA,
) -> None:
    """Serve what was tracked with MLflow, to this machine alone, until Ctrl-C.

    `alphastrike tune` tracks its study; `replay` and `explain` track with --track. Ctrl-C and SIGTERM end the server
    and exit 0.
    """
    from alphastrike.cli.console import note, say
    from experiments.tracking import check
    from experiments.tracking_server import serving

    check(data)
    try:
        with (
            _interruptible(),
            serving(data, port, lambda: note("Starting MLflow's server, which takes some seconds …")) as server,
        ):
            experiments = server.experiments()
            first = next(iter(experiments.values()), server.page)
            say(f"MLflow: {first} (stop: Ctrl-C)")
            for name, page in experiments.items() if len(experiments) > 1 else ():
                say(f"Runs of {name}: {page}")
            if opens:
                typer.launch(first)
            server.wait()
    except KeyboardInterrupt:
        note("The server has ended.")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let every way of being asked to end interrupt the block, once: the server's ending is not stopped half way."""

    def stop(_number: int, _frame: object) -> NoReturn:
        for each in ENDING:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = [signal.signal(each, stop) for each in ENDING]
    try:
        yield
    finally:
        for each, handler in zip(ENDING, before, strict=True):
            signal.signal(each, handler)
