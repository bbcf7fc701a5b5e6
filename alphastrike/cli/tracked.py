"""Logging what a command found to MLflow, once it is printed and kept elsewhere."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alphastrike.cli.options import DATA

if TYPE_CHECKING:
    from experiments.tracking import Entry, Tracker


def log_found(
    data: Path,
    experiment: str,
    key: str,
    make: "Callable[[Tracker], Entry]",
    *,
    kept: str,
    again: Sequence[str],
    hushed: bool,
    as_json: bool,
) -> None:
    """Log an entry; what goes wrong here takes nothing from what was found, and says so.

    Args:
        data: the data root.
        experiment: where it is logged.
        key: what makes it this entry.
        make: makes the entry.
        kept: what is kept all the same, as the beginning of a sentence.
        again: the command that logs it again.
        hushed: whether progress is shown.
        as_json: whether a line about it is out of place.

    Raises:
        TryAgainError: it could not be logged.
    """
    from alphastrike.cli.console import note, say
    from alphastrike.cli.progress import progress_bars
    from alphastrike.model.errors import AlphaStrikeError, TryAgainError
    from experiments.tracking import Tracker

    try:
        with progress_bars(hushed) as progress:
            tracker = Tracker.at(data)
            entry = make(tracker)
            tracker.log(experiment, entry, key=key, progress=progress)
    except AlphaStrikeError as trouble:
        raise TryAgainError(f"{kept}, but not tracked: {trouble} To track it then: {shlex.join(again)}") from trouble
    except KeyboardInterrupt:
        note(f"{kept}; not all of it is tracked. To track it: {shlex.join(again)}")
        raise
    if not as_json:
        look = shlex.join(["alphastrike", "ui", *([] if data == DATA else ["--data", str(data)])])
        say(f"Tracked in MLflow: experiment {experiment}, run {entry.name}. Look: {look}")
