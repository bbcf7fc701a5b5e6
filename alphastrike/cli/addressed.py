"""A run or a market that a command names by its address in an object store: fetched before it is read."""

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


def market_at_hand(data: Path, market: str, quiet: bool = False) -> str:
    """Return the name under which the data root holds a market; one named by its address is pulled into it first.

    Raises:
        AlphaStrikeError: the address is none, another market of its name is here, or what lies there is damaged.
    """
    if "://" not in market:
        return market
    from alphastrike.cli.progress import progress_bars
    from alphastrike.runs.publishing import market_at_hand as pulled

    with progress_bars(quiet) as progress:
        return pulled(data, market, progress)
