"""A run that a command names by its address in an object store: fetched before it is read."""

from pathlib import Path


def at_hand(data: Path, run: str, quiet: bool = False) -> tuple[Path, str]:
    """Return the data root to read from and the run's name there; ``data`` itself for a run that is named otherwise.

    Raises:
        AlphaStrikeError: the address is none, or what lies there is damaged or cannot be reached.
    """
    if "://" not in run:
        return data, run
    from alphastrike.cli.progress import progress_bars
    from alphastrike.runs.publishing import at_hand as fetched

    with progress_bars(quiet) as progress:
        return fetched(data, run, progress)
