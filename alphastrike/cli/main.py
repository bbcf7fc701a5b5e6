"""The command line: registers the commands and turns every expected trouble into one line and an exit code.

Exit codes: 0 done, 2 something for the user to mend (one ``error:`` line on stderr), 130 interrupted. A command may
add its own and says so in its help. Only a defect of ours shows a traceback.
"""

import errno
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import typer
from typer.exceptions import TyperException

import alphastrike
from alphastrike.cli.ablate import ablate
from alphastrike.cli.console import error, note
from alphastrike.cli.explain import explain
from alphastrike.cli.flatten import flatten
from alphastrike.cli.halt import halt
from alphastrike.cli.import_ import import_
from alphastrike.cli.live import live
from alphastrike.cli.llm import llm
from alphastrike.cli.lookahead import lookahead
from alphastrike.cli.markets import markets
from alphastrike.cli.override import override
from alphastrike.cli.page import page
from alphastrike.cli.promote import promote
from alphastrike.cli.prompt import prompt
from alphastrike.cli.pull import pull
from alphastrike.cli.push import push
from alphastrike.cli.record import record
from alphastrike.cli.replay import replay
from alphastrike.cli.resume import resume
from alphastrike.cli.revoke import revoke
from alphastrike.cli.runs import runs
from alphastrike.cli.signals import signals
from alphastrike.cli.simulate import simulate
from alphastrike.cli.sql import sql
from alphastrike.cli.status import status
from alphastrike.cli.tournament import tournament
from alphastrike.cli.tune import tune
from alphastrike.cli.ui import ui
from alphastrike.cli.verify import verify
from alphastrike.cli.what_if import what_if
from alphastrike.model.errors import AlphaStrikeError, ConfigurationError, TryAgainError

MENDABLE: Final = 2
INTERRUPTED: Final = 130
UNREAD: Final = 1
"""The reader of our output left, as ``| head`` does: quiet, but not claimed as done."""

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Flight recorder and time machine of a perpetual-futures bot whose LLM may only act as a circuit breaker.",
    epilog="Start with: alphastrike replay --policy no-llm",
)


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"alphastrike {alphastrike.__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit


app.command("import")(import_)
app.command("simulate")(simulate)
app.command("markets")(markets)
app.command("record")(record)
app.command("replay")(replay)
app.command("explain")(explain)
app.command("what-if")(what_if)
app.command("live")(live)
app.command("page")(page)
app.command("runs")(runs)
app.command("push")(push)
app.command("pull")(pull)
app.command("sql")(sql)
app.command("verify")(verify)
app.command("signals")(signals)
app.command("lookahead")(lookahead)
app.command("ablate")(ablate)
app.command("tune")(tune)
app.command("promote")(promote)
app.command("tournament")(tournament)
app.command("ui")(ui)
app.add_typer(llm, name="llm")
app.add_typer(prompt, name="prompt")
app.command("status")(status)
app.command("halt")(halt)
app.command("resume")(resume)
app.command("flatten")(flatten)
app.command("revoke")(revoke)
app.command("override")(override)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; ``arguments`` default to the process's own."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        _close_pipe()
        return UNREAD
    except AlphaStrikeError as trouble:
        error(str(trouble))
        return MENDABLE
    except TyperException as trouble:
        error(_with_hint(trouble))
        return trouble.exit_code
    except MemoryError:
        error("out of memory: choose fewer symbols, a shorter span or a longer interval, or free memory and try again")
        return MENDABLE
    except OSError as trouble:
        if not _is_of_the_machine(trouble):
            raise
        error(str(_named(trouble)))
        return MENDABLE
    if code == INTERRUPTED:
        note("interrupted; nothing was half written")
    return code


def _run(arguments: Sequence[str] | None) -> int:
    _assert_own_packages()
    # MLflow reports its use to its makers unless told otherwise before its import.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    command = typer.main.get_command(app)
    result = command.main(
        list(arguments) if arguments is not None else None, prog_name="alphastrike", standalone_mode=False
    )
    return result if isinstance(result, int) else 0


def _assert_own_packages() -> None:
    """Refuse to run with another project's ``replay``: the names of the outer packages are generic."""
    home = Path(alphastrike.__file__).resolve().parent.parent
    for name in ("replay", "experiments", "reports"):
        spec = find_spec(name)
        found = Path(spec.origin).resolve().parent if spec is not None and spec.origin is not None else None
        if found != home / name:
            raise ConfigurationError(
                f"package {name} must lie beside alphastrike in {home}, found {found or 'none'}: "
                "install AlphaStrike into an environment of its own"
            )


def _with_hint(trouble: TyperException) -> str:
    """Return what is wrong with the arguments and where the right ones are listed."""
    context = getattr(trouble, "ctx", None)
    message = trouble.format_message().rstrip(".")
    return f"{message}. See: {context.command_path} --help" if context is not None else message


def _is_of_the_machine(trouble: OSError) -> bool:
    """Return whether the file system refused, which is for the user to mend, rather than our code erred."""
    full = trouble.errno in (errno.ENOSPC, errno.EDQUOT)
    refused = trouble.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENAMETOOLONG)
    return full or refused or isinstance(trouble, NotADirectoryError | IsADirectoryError)


def _named(trouble: OSError) -> AlphaStrikeError:
    place = f" ({trouble.filename})" if trouble.filename else ""
    if trouble.errno in (errno.ENOSPC, errno.EDQUOT):
        return TryAgainError(f"the disk is full{place}: free some space or name another --data, and try again")
    return ConfigurationError(f"{trouble.strerror or trouble}{place}: check the path and its permissions")


def _close_pipe() -> None:
    """Point stdout at nothing, or Python complains about the closed pipe once more on its way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
