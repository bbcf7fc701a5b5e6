"""The runs under a data root: listed newest first, opened by name or path."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphastrike.journal.manifest import FILE, Manifest
from alphastrike.journal.reader import Run
from alphastrike.journal.tail import read_standing
from alphastrike.model.errors import AlphaStrikeError, ConfigurationError, DataError

if TYPE_CHECKING:
    from alphastrike.market.market import Market


def runs_folder(root: Path) -> Path:
    """Return the folder of runs under a data root."""
    return root / "runs"


@dataclass(frozen=True)
class Entry:
    """A run in the list: its manifest, or why that cannot be read.

    The state of a live run is ``recording`` while a process holds it, ``stopped`` when it can be taken up again, and
    ``complete`` when its feed has ended; what is not sealed yet is counted.
    """

    name: str
    manifest: Manifest | None
    trouble: str = ""

    def summary(self) -> dict[str, Any]:
        """Return what ``alphastrike runs --json`` says of the run; a damaged one has a name, a state and why."""
        if self.manifest is None:
            return {"name": self.name, "state": "damaged", "trouble": self.trouble}
        m = self.manifest
        return {
            "name": self.name,
            "market": m.market.name,
            "policy": m.policy,
            "parent": m.parent.model_dump(exclude_none=True) if m.parent else None,
            "digest": m.digest,
            "created": m.created,
            "rows": m.rows,
            "state": m.state,
        }


def list_runs(root: Path) -> list[Entry]:
    """Return all runs, newest first; damaged ones last. What is being written, or was never finished, is no run."""
    folder = runs_folder(root)
    if not folder.is_dir():
        return []
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    entries = [_entry(folder / name) for name in names]
    # Names rise while times fall, so that runs of the same moment stand in a fixed order.
    return sorted(entries, key=lambda e: -e.manifest.created.timestamp() if e.manifest else float("inf"))


def latest_run(root: Path) -> Run | None:
    """Open the newest readable run; ``None`` when there is none."""
    newest = next((entry for entry in list_runs(root) if entry.manifest is not None), None)
    return open_run(root, newest.name) if newest else None


def open_run(root: Path, name: str | Path) -> Run:
    """Open a run by its name under the data root, or by the path of its folder.

    Raises:
        ConfigurationError: there is no such run; says which names are nearest.
        DataError: the run's manifest is damaged or of a newer schema.
    """
    folder = runs_folder(root) / name
    by_path = Path(name)
    if not (folder / FILE).exists() and (by_path / FILE).exists():
        folder = by_path.resolve()
    elif not folder.is_dir() or not str(name) or folder.name.startswith("."):
        raise ConfigurationError(_unknown(root, str(name)))
    run = Run.open(folder)
    run.market_tables = lambda: _tables_of(root, run.manifest)
    return run


def market_of(root: Path, run: Run) -> "Market":
    """Open the market that a run was made on: its own inputs or copy, or the one under the data root.

    Raises:
        ConfigurationError: no market of that name is there.
        DataError: it is damaged, or another market has taken its name.
    """
    from alphastrike.market.store import open_market
    from alphastrike.runs.live_market import live_market

    if run.is_live:
        return live_market(run)
    stated = run.manifest.market
    market = open_market(run.folder if run.is_self_contained else root, stated.name)
    if market.content_hash != stated.content_hash:
        raise DataError(
            f"market {stated.name!r} is another than the one run {run.name!r} was made on "
            f"(content {market.content_hash}, the run has {stated.content_hash}). Import the original again."
        )
    return market


def unused_name(root: Path, wanted: str) -> str:
    """Return the name, or with -2, -3, ... the first that no run has or is being written under."""
    folder = runs_folder(root)
    taken = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    # A folder being written is called .NAME.PID.partial.
    taken |= {name[1:].rsplit(".", 2)[0] for name in taken if name.startswith(".")}
    number = 1
    name = wanted
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


def _entry(folder: Path) -> Entry:
    try:
        return Entry(folder.name, read_standing(folder).shown(folder))
    except AlphaStrikeError as error:
        return Entry(folder.name, None, str(error))


def _tables_of(root: Path, manifest: Manifest) -> dict[str, Path]:
    from alphastrike.market.store import find_market, market_tables

    found = find_market(root, manifest.market.name)
    if found is None or found.content_hash != manifest.market.content_hash:
        return {}
    return market_tables(root, manifest.market.name)


def _unknown(root: Path, name: str) -> str:
    names = [entry.name for entry in list_runs(root)]
    if not names:
        return (
            f"there is no run {name!r} in {runs_folder(root)}, nor any other. "
            "Record one with `alphastrike record MARKET --policy rules`."
        )
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5) or names[:3]
    return f"there is no run {name!r} in {runs_folder(root)}. Nearest: {', '.join(near)}."
