"""``alphastrike verify``: is a run what it states, byte for byte and bit for bit?"""

from typing import Annotated, Final

import typer

from alphastrike.cli.options import ALL_CORES, DATA, Data, Json, Quiet, Threads

DIFFERENT: Final = 2


def verify(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name, folder or s3:// address of the run.")],
    quick: Annotated[bool, typer.Option("--quick", help="Only bytes and hash chain; nothing is re-derived.")] = False,
    threads: Threads = ALL_CORES,
    data: Data = DATA,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check the hash chain of RUN, re-derive everything from its inputs, and compare bit for bit.

    On the machine and versions that recorded it, everything is re-derived; elsewhere, the account half from the
    recorded forecasts. Exits 0 when nothing differs, 2 otherwise, with a line for each finding.
    """
    from alphastrike.cli.addressed import at_hand
    from alphastrike.cli.console import note, print_json, say
    from alphastrike.cli.progress import progress_bars
    from alphastrike.runs.registry import open_run
    from alphastrike.runs.verify import verify as verify_run

    root, there = at_hand(data, run, quiet or as_json)
    opened = open_run(root, there)
    with progress_bars(quiet or as_json) as progress:
        found = verify_run(root, opened, quick=quick, threads=threads, progress=progress)
    if as_json:
        print_json({"identical": found.is_identical, **vars(found)})
        raise typer.Exit(0 if found.is_identical else DIFFERENT)
    for finding in found.findings:
        say(f"{finding.text}. {finding.cause[:1].upper()}{finding.cause[1:]}." if finding.cause else f"{finding.text}.")
    if not found.is_identical:
        say(f"different: {len(found.findings):,} {'finding' if len(found.findings) == 1 else 'findings'}")
    else:
        say("intact" if quick else "identical")
    say(found.level)
    if found.elsewhere and not quick:
        note(f"here, not as recorded: {'; '.join(found.elsewhere)}")
    if found.tables:
        say(f"{found.tables:,} tables, {found.rows:,} rows compared")
    say(f"digest {found.digest}")
    raise typer.Exit(0 if found.is_identical else DIFFERENT)
