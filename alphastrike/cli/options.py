"""Options that several commands share, so that each is spelled and explained once.

A command takes them as ``data: Data = DATA, as_json: Json = False, quiet: Quiet = False``,
``threads: Threads = ALL_CORES``, ``config: Config = None``, ``overrides: Set = None``, ``llm_cache: LlmCache = "use"``.
"""

import os
from pathlib import Path
from typing import Annotated, Final, Literal

import typer


def _cores() -> int:
    """Return how many cores this process may use, which a container or ``taskset`` may have narrowed."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


DATA: Final = Path("data")
"""The data root used unless ``--data`` names another."""

ALL_CORES: Final = _cores()

Data = Annotated[
    Path, typer.Option("--data", metavar="FOLDER", help="Data root: markets/, runs/ and state/ lie in it.")
]
"""Folder that holds ``markets/``, ``runs/`` and ``state/``; made when first written to."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of a table for people.")]

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; results and errors only.")]

Threads = Annotated[
    int,
    typer.Option(
        "--threads",
        min=1,
        metavar="N",
        show_default="all cores",
        help="Threads to use; the result is the same with any.",
    ),
]

Dask = Annotated[
    str | None,
    typer.Option(
        "--dask",
        metavar="ADDRESS",
        help="Dask scheduler whose workers share the work, as tcp://HOST:PORT; local starts a cluster of --threads "
        "processes. The result is the same.",
        show_default=False,
    ),
]

Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="TOML file with the settings that differ from the defaults."),
]

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One setting, as account.start_equity=5000. Repeat for more."),
]
"""``None`` or empty when nothing is overridden; later ones win over earlier ones and over ``--config``."""

Track = Annotated[bool, typer.Option("--track/--no-track", help="Log what is found to MLflow, for `alphastrike ui`.")]

LlmCache = Annotated[
    Literal["off", "use", "only"],
    typer.Option(
        "--llm-cache",
        metavar="MODE",
        help="What a model said before: use it, only it (never ask), or off (ask anew, keep it in the run alone).",
    ),
]
