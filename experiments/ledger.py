"""How many were tried: every policy, prompt, model and threshold that was ever evaluated, never un-counted.

Whoever tries twenty policies and shows the best has looked at twenty. The ledger lies in the data root and only grows:
a line a trial, each with a hash over itself and the line before it, and beside it a note of how many there were. A line
that was taken out, changed or cut off at the end is found, and no count is given until the file is put back. The same
trial is counted once, however often it is run: a deterministic engine shows nothing new the second time.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from alphastrike.journal.folders import sync
from alphastrike.model.errors import DataError
from replay.compare import NO_LLM, Comparison
from replay.together import NOT_POLICIES

FOLDER: Final = "ledger"
LINES: Final = "trials.jsonl"
HEAD: Final = "head.json"
LOCK: Final = ".lock"
BEGINNING: Final = "0" * 32
"""What stands for the line before the first."""

Subject = Mapping[str, str]
"""What was tried, word for word: the policy's spelling, settings other than the defaults, the hash of a prompt, …"""


class Count(NamedTuple):
    """How many different trials there have been."""

    market: int
    """On this market."""
    total: int
    """On all markets."""

    def told(self) -> str:
        """Say it in the small print of a verdict."""
        here = "1 trial has" if self.market == 1 else f"{self.market:,} trials have"
        return f"{here} been looked at on this market, {self.total:,} in all."


class Trial(NamedTuple):
    """One line of the ledger."""

    number: int
    """From 1."""
    at: str
    """When it was first evaluated, ISO 8601, UTC."""
    by: str
    """The command."""
    market: str
    """Content hash."""
    subject: dict[str, str]


def count_comparison(root: Path, comparison: Comparison, by: str = "replay") -> Count:
    """Enter the arms of a comparison and return the count; no-llm, the recorded answers and hindsight are none."""
    origin = comparison.origin
    settings = json.dumps([[key, value] for key, value, _ in origin.settings_changed])
    subjects = [
        {"policy": arm.policy, "settings": settings}
        for arm in comparison.arms
        if arm.policy not in (NO_LLM, *NOT_POLICIES)
    ]
    return count_trials(root, by, origin.market_hash, subjects)


def count_trials(root: Path, by: str, market: str, subjects: Iterable[Subject] = ()) -> Count:
    """Enter what is being evaluated, unless it stands there already, and return how many trials there are with it.

    Several processes may do so at once. A process that dies in the middle leaves nothing half entered.

    Args:
        root: the data root.
        by: the command that evaluates.
        market: content hash of the market.
        subjects: what is evaluated; two with the same words on one market are one trial.

    Raises:
        DataError: the ledger was changed by other hands; says where.
    """
    folder = root / FOLDER
    with _alone(folder):
        lines = _read(folder)
        known = {_identity(line.market, line.subject) for line in lines}
        at = datetime.now(UTC).isoformat(timespec="seconds")
        added: list[Trial] = []
        for subject in subjects:
            said = {str(key): str(value) for key, value in subject.items()}
            if _identity(market, said) not in known:
                known.add(_identity(market, said))
                added.append(Trial(len(lines) + len(added) + 1, at, by, market, said))
        if added:
            _append(folder, added)
        here = sum(line.market == market for line in (*lines, *added))
        return Count(here, len(lines) + len(added))


def trials(root: Path) -> list[Trial]:
    """Return every trial there has been, the first one first.

    Raises:
        DataError: the ledger was changed by other hands; says where.
    """
    folder = root / FOLDER
    if not folder.is_dir():
        return []
    with _alone(folder):
        return list(_read(folder))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes out of the ledger meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _read(folder: Path) -> list[Trial]:
    """Return all whole lines, their chain followed; a line that a dying process left half written is none."""
    stated, head = _stated(folder)
    path = folder / LINES
    raw = path.read_bytes() if path.exists() else b""
    whole = raw[: raw.rfind(b"\n") + 1].splitlines()
    before, read = BEGINNING, []
    for number, line in enumerate(whole, start=1):
        trial, chain = _parsed(line, path, number)
        if chain != _chained(before, trial) or trial.number != number:
            raise DataError(_tampered(path, f"line {number} does not follow from the line before it"))
        if number == stated and chain != head:
            raise DataError(_tampered(path, f"line {number} is not the one that was written"))
        before = chain
        read.append(trial)
    if len(read) < stated:
        raise DataError(_tampered(path, f"it held {stated:,} trials and holds {len(read):,}"))
    return read


def _append(folder: Path, added: list[Trial]) -> None:
    path = folder / LINES
    with path.open("r+b" if path.exists() else "w+b") as file:
        raw = file.read()
        end = raw.rfind(b"\n") + 1
        before = json.loads(raw[:end].splitlines()[-1])["chain"] if end else BEGINNING
        file.truncate(end)
        file.seek(end)
        for trial in added:
            before = _chained(before, trial)
            file.write(json.dumps({**trial._asdict(), "chain": before}, sort_keys=True).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    fresh = folder / f"{HEAD}.new"
    fresh.write_text(json.dumps({"trials": added[-1].number, "chain": before}) + "\n", encoding="utf-8")
    sync(fresh)
    fresh.replace(folder / HEAD)
    sync(folder)


def _stated(folder: Path) -> tuple[int, str]:
    """Return how many trials there were when the ledger was last written, and the hash of the last one."""
    path = folder / HEAD
    if not path.exists():
        return 0, BEGINNING
    try:
        stated = json.loads(path.read_text("utf-8"))
        return int(stated["trials"]), str(stated["chain"])
    except (ValueError, KeyError, TypeError):
        raise DataError(_tampered(path, "it cannot be read")) from None


def _parsed(line: bytes, path: Path, number: int) -> tuple[Trial, str]:
    try:
        said = json.loads(line)
        chain = said.pop("chain")
        return Trial(**said), chain
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(_tampered(path, f"line {number} cannot be read")) from None


def _chained(before: str, trial: Trial) -> str:
    said = json.dumps([before, trial.number, trial.at, trial.by, trial.market, trial.subject], sort_keys=True)
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()


def _identity(market: str, subject: Subject) -> str:
    return json.dumps([market, dict(subject)], sort_keys=True)


def _tampered(path: Path, what: str) -> str:
    return (
        f"the ledger of trials {path} was changed by other hands: {what}. Put it back from a copy; a count of trials "
        f"that can be made smaller would be none. To begin a new one, move the folder {path.parent} away."
    )
