"""Perception that an earlier run recorded, taken over by the next one on the same market.

No policy can change what perception sees, so runs that differ in policy or account alone hold the same perception
tables, byte for byte. They are copied, not computed and written again; ``verify`` derives them anew whatever their
origin.
"""

from pathlib import Path
from typing import Final

from alphastrike.config.settings import Settings
from alphastrike.journal.kinds import KINDS, Role
from alphastrike.journal.manifest import SCHEMA_VERSION, Manifest
from alphastrike.journal.reader import Run
from alphastrike.journal.segments import file_digest
from alphastrike.market.market import Market
from alphastrike.runs.environment import bits_decided_by, machine, versions
from alphastrike.runs.registry import list_runs, open_run

_DERIVED: Final = [name for name, kind in KINDS.items() if kind.role is Role.DERIVED]

PERCEPTION_TABLES: Final = tuple(_DERIVED[: _DERIVED.index("forecasts") + 1])
"""Kinds that perception writes: in the order of stages, all up to the forecasts."""


def perceived_before(root: Path, market: Market, settings: Settings) -> Run | None:
    """Return a run whose perception is that of this market under these settings; ``None`` when none can be used.

    It was recorded from history to its end, by the same sources on the same kind of machine, and the bytes of its
    perception tables are those that were sealed. No model's answers took numbers between those of the market.
    """
    for entry in list_runs(root):
        if entry.manifest is not None and _is_the_same(entry.manifest, market, settings):
            run = open_run(root, entry.name)
            if is_perception_whole(run):
                return run
    return None


def _is_the_same(manifest: Manifest, market: Market, settings: Settings) -> bool:
    return (
        manifest.live is None
        and manifest.parent is None
        and not manifest.rows_of("llm_answers")
        and manifest.schema_version == SCHEMA_VERSION
        and manifest.market.content_hash == market.content_hash
        and manifest.settings.get("perception") == settings.as_dict()["perception"]
        and bits_decided_by(manifest.versions, manifest.machine) == bits_decided_by(versions(), machine())
        and all(name in manifest.tables for name in PERCEPTION_TABLES)
    )


def is_perception_whole(run: Run) -> bool:
    """Tell whether the files of the perception tables are what was sealed; a damaged run is passed over."""
    try:
        return all(
            file_digest(run.folder / segment.file) == segment.digest
            for segment in run.manifest.segments
            if segment.table in PERCEPTION_TABLES
        )
    except OSError:
        return False
