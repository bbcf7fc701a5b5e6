"""Is a run still what was recorded, and is it what the engine makes of its inputs?

Three questions, each answered whatever the others say: do the bytes follow from the hash chain; does everything
re-derived from the inputs equal what was recorded, bit for bit; is the state's digest the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from alphastrike.journal.database import FILES as JOURNAL_FILES
from alphastrike.journal.kinds import Kind
from alphastrike.journal.live_folder import LOCK
from alphastrike.journal.manifest import FILE, Manifest, chain_faults
from alphastrike.journal.reader import Run
from alphastrike.journal.sealing import is_being_sealed
from alphastrike.journal.segments import CHECKPOINTS, file_digest
from alphastrike.journal.tables import row_count
from alphastrike.model.errors import AlphaStrikeError
from alphastrike.model.progress import Progress, silent
from alphastrike.runs.computed import Computed
from alphastrike.runs.differences import Difference, first_difference

EVERYTHING: Final = "same machine and versions: everything re-derived"
ACCOUNT: Final = "elsewhere: account re-derived from recorded forecasts"
BYTES: Final = "bytes and chain only: nothing re-derived"

_FILLING: Final = frozenset({"orders", "fills", "funding_payments"})
_MOVING_BITS: Final = ("source", "python", "numpy", "numba", "llvmlite")
"""Versions that can move a bit of what is computed; the others only store and show it."""


@dataclass(frozen=True)
class Finding:
    """One way in which the run is not what it states."""

    text: str
    """One line: where, which value, both values."""
    cause: str = ""
    """A guess: configuration, code, data or fill, and why."""
    file: str = ""
    difference: Difference | None = None


@dataclass(frozen=True)
class Verification:
    """What was found of one run."""

    run: str
    digest: str
    """As the manifest states it; of a live run that has not ended, as re-derived so far."""
    level: str
    """How much was re-derived."""
    elsewhere: tuple[str, ...]
    """What differs between the recording machine and this one, as ``numpy 2.4.5 → 2.4.6``."""
    findings: tuple[Finding, ...]
    tables: int = 0
    rows: int = 0
    """Tables and rows compared bit for bit."""

    @property
    def is_identical(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


Rederive = Callable[[], Computed]
"""Computes the run again from its inputs, or from its recorded forecasts."""


def verify(root: Path, run: Run, *, quick: bool = False, threads: int = 1, progress: Progress = silent) -> Verification:
    """Check the chain, then re-derive the run and compare; ``quick`` stops after the chain.

    Never raises for what is wrong with the run: that is a finding.
    """
    from alphastrike.runs.environment import machine, versions
    from alphastrike.runs.recorder import rederive, rederive_account

    elsewhere = unlike(run.manifest, versions(), machine())
    if quick:
        return verification(run, None, BYTES, elsewhere, progress)
    if elsewhere:
        return verification(run, lambda: rederive_account(root, run, progress), ACCOUNT, elsewhere, progress)
    return verification(run, lambda: rederive(root, run, threads, progress), EVERYTHING, elsewhere, progress)


def verification(
    run: Run, rederived: Rederive | None, level: str, elsewhere: tuple[str, ...] = (), progress: Progress = silent
) -> Verification:
    """Return what the chain, and a comparison with what ``rederived`` computes, say of the run."""
    damage = Damage.of(run, progress)
    findings = list(damage.findings)
    if rederived is None:
        return Verification(run.name, run.manifest.digest, level, elsewhere, tuple(findings))
    try:
        computed = rederived()
    except AlphaStrikeError as error:
        findings.append(Finding(f"the run cannot be re-derived: {error}"))
        return Verification(run.name, run.manifest.digest, BYTES, elsewhere, tuple(findings))
    compared = _compared(run, computed, damage, bool(elsewhere), progress)
    findings += compared
    findings += _of_calls(run, computed)
    findings += _of_digests(run.manifest, computed, bool(elsewhere), compared)
    rows = sum(run.manifest.rows_of(name) for name in computed.tables)
    digest = run.manifest.digest or computed.digest
    return Verification(run.name, digest, level, elsewhere, tuple(findings), len(computed.tables), rows)


def unlike(manifest: Manifest, versions: Mapping[str, str], machine: Mapping[str, str]) -> tuple[str, ...]:
    """Return what of this place could move a bit and is not as it was where the run was recorded."""
    pairs = [(key, manifest.versions.get(key, "unknown"), versions.get(key, "unknown")) for key in _MOVING_BITS]
    pairs += [(key, manifest.machine.get(key, "unknown"), value) for key, value in machine.items()]
    return tuple(f"{key} {there} → {here}" for key, there, here in pairs if there != here)


@dataclass(frozen=True)
class Damage:
    """What the hash chain says of the run's files."""

    findings: tuple[Finding, ...] = ()
    files: frozenset[str] = field(default_factory=frozenset)
    """Files whose bytes are not those that were sealed."""

    @classmethod
    def of(cls, run: Run, progress: Progress = silent) -> "Damage":
        """Hash every file of the run and follow the chain through the manifest."""
        findings = [Finding(fault, _edited(fault), FILE) for fault in chain_faults(run.sealed)]
        changed = set()
        total = len(run.sealed.segments)
        for done, segment in enumerate(run.sealed.segments):
            progress("check", done, total)
            path = run.folder / segment.file
            if not path.is_file():
                findings.append(Finding(f"{segment.file}: the segment is missing", "data", segment.file))
                changed.add(segment.file)
            elif file_digest(path) != segment.digest:
                findings.append(
                    Finding(
                        f"{segment.file}: the bytes of this segment of {segment.table} were changed after sealing",
                        "data: the file was changed or damaged on disk",
                        segment.file,
                    )
                )
                changed.add(segment.file)
        progress("check", total, total)
        known = {FILE, *(segment.file for segment in run.sealed.segments)}
        held = {path.relative_to(run.folder).as_posix() for path in run.folder.rglob("*") if path.is_file()}
        if run.is_live:
            known |= {LOCK, *JOURNAL_FILES}
        if run.is_live and run.sealed.state != "complete":
            held = {file for file in held if not is_being_sealed(file)} | (held & known)
        findings += [Finding(f"{file}: no segment of the manifest", "data", file) for file in sorted(held - known)]
        return cls(tuple(findings), frozenset(changed))


def _edited(fault: str) -> str:
    return "configuration: the manifest was edited" if "opening fact" in fault else "data: the manifest was edited"


def _compared(run: Run, computed: Computed, damage: Damage, is_elsewhere: bool, progress: Progress) -> list[Finding]:
    agrees = computed.account_digest == run.manifest.account_digest and (
        not computed.digest or computed.digest == run.manifest.digest
    )
    unreadable: list[Finding] = []
    differences: list[Difference] = []
    for done, (name, (kind, rows)) in enumerate(computed.tables.items()):
        progress("compare", done, len(computed.tables))
        try:
            recorded_kind = run.kind(name)
            if recorded_kind.columns != kind.columns:
                if run.is_live and not row_count(rows) and not run.table(name, even_if_changed=True).num_rows:
                    # A live run learns the columns of a wide kind with its first row.
                    continue
                unreadable.append(Finding(_other_columns(name, recorded_kind, kind), "code: other features or signals"))
                continue
            recorded = run.table(name, even_if_changed=True)
            difference = first_difference(kind, recorded, rows, run.symbols, own_seq=run.numbers_inputs)
        except AlphaStrikeError as error:
            if not damage.files & {segment.file for segment in run.segments(name)}:
                unreadable.append(Finding(str(error), "data"))
            continue
        if difference is not None:
            differences.append(difference)
    progress("compare", len(computed.tables), len(computed.tables))
    differences.sort(key=lambda d: (d.seq, d.part))
    first = differences[0].table if differences else ""
    causes = {d.table: _cause(d, run, damage, agrees, is_elsewhere, first) for d in differences}
    found = [Finding(d.text(), causes[d.table], difference=d) for d in differences]
    return unreadable + found + _of_checkpoints(run, computed, damage)


def _cause(d: Difference, run: Run, damage: Damage, agrees: bool, is_elsewhere: bool, first: str) -> str:
    if damage.files & {segment.file for segment in run.segments(d.table)}:
        return "data: the file was changed after it was sealed"
    if any("opening fact" in finding.text for finding in damage.findings):
        return "configuration: the manifest was edited after sealing"
    if agrees:
        return "data: the state computed anew has the recorded digest, so the table was rewritten after the run"
    if d.table != first:
        return f"follows from {first}"
    if is_elsewhere:
        return "code: the run was made by other sources, versions or on another machine"
    if d.table in _FILLING:
        return "fill: the venue filled differently; compare the venue's settings and the market"
    return "configuration: settings, policy or market are not those of the recording"


def _of_checkpoints(run: Run, computed: Computed, damage: Damage) -> list[Finding]:
    try:
        table = run.table(CHECKPOINTS, even_if_changed=True)
    except AlphaStrikeError as error:
        is_named = damage.files & {segment.file for segment in run.segments(CHECKPOINTS)}
        return [] if is_named else [Finding(str(error), "data")]
    recorded = [(row["situation"], row["tick"], row["market_seq"], row["state"]) for row in table.to_pylist()]
    rederived = [(c.situation, c.tick, c.market_seq, bytes(c.state)) for c in computed.checkpoints]
    if recorded == rederived:
        return []
    if len(recorded) != len(rederived):
        return [Finding(f"checkpoints: {len(recorded):,} recorded, {len(rederived):,} re-derived")]
    there, here = next((r, d) for r, d in zip(recorded, rederived, strict=True) if r != d)
    if there[:3] != here[:3]:
        return [Finding(f"checkpoints: (situation, tick, market_seq) is {there[:3]} recorded, {here[:3]} re-derived")]
    at = next((i for i, (r, d) in enumerate(zip(there[3], here[3], strict=False)) if r != d), -1)
    return [Finding(f"checkpoints: the state at situation {there[0]} differs, first at byte {at}")]


def _of_calls(run: Run, computed: Computed) -> list[Finding]:
    """Return what is wrong with what a model was asked and said, seen from the situations re-derived."""
    if not run.manifest.rows_of("llm_calls"):
        return []
    from alphastrike.runs.model_calls import call_faults
    from alphastrike.runs.recorder import recorded_settings

    tables = {name: rows for name, (_, rows) in computed.tables.items()}
    try:
        faults = call_faults(run, recorded_settings(run), tables, run.symbols)
    except AlphaStrikeError as error:
        return [Finding(str(error), "data")]
    cause = "code or data: the prompt is rendered otherwise now, or the recorded call was changed"
    return [Finding(fault, cause) for fault in faults]


def _of_digests(manifest: Manifest, computed: Computed, is_elsewhere: bool, compared: list[Finding]) -> list[Finding]:
    pairs = [
        ("account_digest", manifest.account_digest, computed.account_digest),
        ("perception_digest", manifest.perception_digest, computed.perception_digest),
        ("digest", manifest.digest, computed.digest),
    ]
    # A live run states its digests when it ends.
    stated = manifest.live is None or bool(manifest.digest)
    unequal = [(name, there, here) for name, there, here in pairs if here and there != here and stated]
    alone = "code: other sources or versions" if is_elsewhere else "data: the manifest was edited"
    cause = "" if compared else alone
    return [Finding(f"{name} is {there} as recorded, {here} re-derived", cause) for name, there, here in unequal]


def _other_columns(name: str, recorded: Kind, rederived: Kind) -> str:
    there = {column.name for column in recorded.columns}
    here = {column.name for column in rederived.columns}
    only = [f"only recorded: {', '.join(sorted(there - here))}"] if there - here else []
    only += [f"only re-derived: {', '.join(sorted(here - there))}"] if here - there else []
    return f"{name} has other columns than those re-derived ({'; '.join(only) or 'in another order'})"
