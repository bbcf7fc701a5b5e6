"""What identifies a run: the facts beside its tables, and the hash chain over both.

The chain begins at the run's opening facts (name, market, policy, settings, versions, ...), takes one link a
segment over its place and the digest of its bytes, and ends in the head, over the last link and the closing
facts (state, row counts, digests). So a flipped byte of a file and an edited line of the manifest are
both noticed; only someone who recomputes the whole chain escapes it, and re-deriving the run finds that.
"""

import hashlib
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from alphastrike.journal.folders import sync
from alphastrike.model.errors import DataError

SCHEMA_VERSION: Final = 1
"""Of the manifest and the tables; a reader refuses a run of a newer one."""

FILE: Final = "manifest.json"

_CLOSING: Final = ("state", "digest", "account_digest", "perception_digest", "tables")
"""Facts that are known only when a run ends: covered by the chain's head, all others by its beginning."""

_CHAIN: Final = ("segments", "chain_start", "chain_head")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class MarketReference(_Strict):
    """The market a run was made on."""

    name: str
    content_hash: str


class Parent(_Strict):
    """Where a branch left the run it comes from, and what it did there instead."""

    run: str
    digest: str
    situation: int
    """Number of the situation at which it left."""
    seq: int | None = None
    """Of the tick that asked: the last event that both runs share."""
    mode: Literal["adaptive", "frozen"] | None = None
    """``adaptive``: the policy answers the branch's own later situations. ``frozen``: nobody is asked any more, and the
    parent's other interventions stand as they were recorded."""
    calls: tuple[dict[str, Any], ...] | None = None
    """The tool calls that stand in the place of the parent's answer, by their fields."""
    latency: int | None = None
    """Market time that they take, microseconds: that of the answer in whose place they stand."""
    parent: "Parent | None" = None
    """Where the parent itself left another run."""


class LiveFacts(_Strict):
    """What is stated of a run that was fed one event at a time and holds its own inputs."""

    interval: int
    """Between two ticks, microseconds."""
    shadow: bool = False
    """Every advice was journaled and none applied."""
    waits: bool = True
    """The market stood still while the policy thought. Otherwise its answers are inputs of the run."""


class RunFacts(_Strict):
    """All that is stated about a run besides its rows."""

    schema_version: int = SCHEMA_VERSION
    name: str
    state: Literal["complete", "recording", "stopped"] = "complete"
    """A history run is complete. A live one is ``recording``, then ``stopped`` by its operator, who may go on with
    it, or ``complete`` when its feed has ended."""
    created: datetime
    """UTC; when recording began."""
    market: MarketReference
    policy: str
    """As named on the command line."""
    parent: Parent | None = None
    live: LiveFacts | None = None
    """``None`` for a run over history."""
    seed: int
    settings: dict[str, Any]
    """The full resolved configuration."""
    versions: dict[str, str]
    """Of the program, its deciding sources (a digest), Python and the libraries that can move a bit."""
    machine: dict[str, str]
    """What of the machine can move a bit: system, architecture, processor, C library."""
    symbols: tuple[str, ...]
    digest: str
    """Of the account's and perception's state at the last tick; 32 hexadecimal digits, none while recording."""
    account_digest: str
    perception_digest: str


class TableFacts(_Strict):
    """One kind's table, whatever number of segments it lies in."""

    rows: int
    columns: tuple[str, ...] = ()
    """Columns that this run added to a wide kind, in order."""


class Segment(_Strict):
    """One file of the run, in the order of the chain."""

    table: str
    """Name of the kind, or a file that belongs to the run without being a kind."""
    file: str
    """Path inside the run's folder."""
    rows: int
    first_seq: int
    last_seq: int
    digest: str
    """BLAKE2b of the file's bytes."""
    link: str
    """BLAKE2b over the link before and the fields above."""


class Manifest(RunFacts):
    """A sealed run: its facts, tables, segments and chain."""

    tables: dict[str, TableFacts]
    segments: tuple[Segment, ...]
    chain_start: str
    chain_head: str

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables.values())

    def rows_of(self, table: str) -> int:
        """Rows of one table; none when the run does not hold it."""
        return self.tables[table].rows if table in self.tables else 0

    @property
    def sealed_through(self) -> int:
        """``seq`` of the last input that lies in a segment; 0 for none. Every input is a row, so none is missing."""
        return max((segment.last_seq for segment in self.segments), default=0)


def chain_start(manifest: RunFacts) -> str:
    """Return the chain's first link: BLAKE2b over the opening facts."""
    stated = manifest.model_dump(mode="json")
    # Runs over history were sealed before there were live ones: the fact that they are none adds nothing.
    left_out = (*_CLOSING, *_CHAIN, *(["live"] if manifest.live is None else []))
    if manifest.live is not None and manifest.live.waits:
        # Likewise the live runs before there were some that did not wait.
        del stated["live"]["waits"]
    if manifest.parent is not None:
        # And the branches before there was more to say of one than its place.
        stated["parent"] = {key: value for key, value in stated["parent"].items() if value is not None}
    return _hash({key: value for key, value in stated.items() if key not in left_out})


def link_of(previous: str, segment: Segment) -> str:
    """Return the link that this segment adds to the chain."""
    return _hash([previous, segment.model_dump(mode="json", exclude={"link"})])


def chain_head(last_link: str, closing: Manifest) -> str:
    """Return the chain's end: BLAKE2b over the last link and the closing facts."""
    stated = closing.model_dump(mode="json", include=set(_CLOSING))
    return _hash([last_link, stated])


def sealed(facts: RunFacts, tables: dict[str, TableFacts], segments: list[Segment]) -> Manifest:
    """Return the manifest of these facts and segments, with every link and both ends computed."""
    start = chain_start(facts)
    links: list[Segment] = []
    last = start
    for segment in segments:
        last = link_of(last, segment)
        links.append(segment.model_copy(update={"link": last}))
    stated = facts.model_dump(include=set(RunFacts.model_fields))
    manifest = Manifest(**stated, tables=tables, segments=tuple(links), chain_start=start, chain_head="")
    return manifest.model_copy(update={"chain_head": chain_head(last, manifest)})


def chain_faults(manifest: Manifest) -> list[str]:
    """Return what in the manifest itself does not follow from the rest, as sentences; none when it is whole."""
    faults = []
    if chain_start(manifest) != manifest.chain_start:
        faults.append(
            f"{FILE}: an opening fact was changed after sealing "
            "(name, created, market, policy, parent, live, seed, settings, versions, machine or symbols)"
        )
    last = manifest.chain_start
    for segment in manifest.segments:
        if link_of(last, segment) != segment.link:
            faults.append(f"{FILE}: the entry of segment {segment.file} was changed, or one before it taken out")
        last = segment.link
    if chain_head(last, manifest) != manifest.chain_head:
        faults.append(
            f"{FILE}: a closing fact was changed after sealing "
            "(state, digest, account_digest, perception_digest, tables), or a segment's entry taken away"
        )
    return faults


def write_manifest(manifest: Manifest, folder: Path) -> Path:
    """Write the manifest into a run's folder and return its path; keys sorted, one fact a line."""
    path = folder / FILE
    path.write_text(_text(manifest), encoding="utf-8")
    return path


def replace_manifest(manifest: Manifest, folder: Path) -> None:
    """Put the manifest in the place of the one in the folder: a reader sees the old one or the new one, whole."""
    fresh = folder / f".{FILE}.partial"
    with fresh.open("w", encoding="utf-8") as file:
        file.write(_text(manifest))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / FILE)
    sync(folder)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the run in this folder.

    Raises:
        DataError: there is none, it is damaged, or of a newer schema.
    """
    path = folder / FILE
    try:
        stated = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{folder} is not a run: it has no {FILE}.") from None
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is damaged: {error}. Record the run again or restore the file.") from None
    version = stated.get("schema_version") if isinstance(stated, dict) else None
    if not isinstance(version, int):
        raise DataError(f"{path} is damaged: it states no schema_version. Restore the file.")
    if version > SCHEMA_VERSION:
        raise DataError(
            f"{path} has schema {version}, this version reads up to {SCHEMA_VERSION}. Install a newer AlphaStrike."
        )
    try:
        return Manifest.model_validate(stated)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{path} is damaged: {field}: {first['msg']}. Restore the file.") from None


def _text(manifest: Manifest) -> str:
    return json.dumps(manifest.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=32).hexdigest()
